"""Who is let in: the token, the names of the server, and no other page of the same browser."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from tests.view.conftest import TOKEN, Served, Serving
from tests.view.many_videos import many_videos
from yt360.view.access import POLICY, host_of, new_token, own_names


@pytest.fixture(scope="module")
def served(serve: Serving, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve(many_videos(tmp_path_factory.mktemp("few") / "root", 10))


def ask(
    served: Served, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
) -> http.client.HTTPResponse:
    """One request, as it is: `http.client` neither follows nor mends anything."""
    where = urlsplit(served.base)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in ({"Content-Length": str(len(body))} if body is not None else {} | {}).items():
        connection.putheader(name, value)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(body)
    return connection.getresponse()


WITH = f"?token={TOKEN}"
ADDRESSES = ("/", "/static/app.js", "/api/dataset", "/api/videos", "/api/videos/video00003", "/api/labels", "/nothing")


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize(
    "query", ["", "?token=", "?token=wrong", f"?token={TOKEN}x", "?token=%ff%00", f"?Token={TOKEN}"]
)
def test_nothing_is_answered_without_the_token(served: Served, path: str, query: str) -> None:
    answer = ask(served, path + query)
    assert answer.status == 403
    assert "yt360 view" in answer.read().decode()
    assert answer.headers["set-cookie"] is None


def test_the_token_gives_a_cookie_that_no_script_reads_and_no_other_site_sends(served: Served) -> None:
    answer = ask(served, "/" + WITH)
    cookie = answer.headers["set-cookie"]
    assert answer.status == 200
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    name_and_value = cookie.partition(";")[0]
    assert ask(served, "/api/videos", Cookie=name_and_value).status == 200
    assert ask(served, "/api/videos", Cookie=f"other=1; {name_and_value}").status == 200
    assert ask(served, "/api/videos", Cookie=name_and_value.partition("=")[0] + "=wrong").status == 403
    assert ask(served, "/api/videos", Cookie=f"other={TOKEN}").status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "[::1].evil.example",
        "127.1",
    ],
)
def test_a_name_that_leads_here_from_elsewhere_is_refused(served: Served, host: str) -> None:
    """DNS rebinding: a page of evil.example whose name points to this machine meanwhile."""
    assert ask(served, "/api/videos" + WITH, Host=host).status in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:9", "LOCALHOST"])
def test_own_names_are_answered_behind_a_tunnel_too(served: Served, host: str) -> None:
    assert ask(served, "/api/videos" + WITH, Host=host).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"])
def test_another_origin_is_refused_even_with_the_token(served: Served, origin: str) -> None:
    assert ask(served, "/api/videos" + WITH, Origin=origin).status == 403
    body = b'{"video": "video00001", "label": "keep"}'
    posted = ask(served, "/api/labels" + WITH, method="POST", body=body, Origin=origin, Content_Type="application/json")
    assert posted.status == 403
    assert not served.labels.exists()


def test_our_own_origin_is_answered(served: Served) -> None:
    assert ask(served, "/api/videos" + WITH, Origin=served.base).status == 200


def test_what_another_site_asks_for_is_refused_but_a_link_may_lead_here(served: Served) -> None:
    assert ask(served, "/api/videos" + WITH, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    assert ask(served, "/" + WITH, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200
    assert ask(served, "/" + WITH, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors").status == 403


@pytest.mark.parametrize(
    "path",
    ["/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2fserver.py", "/static//etc/passwd",
     "/api/videos/..%2f..%2frecipe.json", "/api/clips/..%2f..%2frecipe.json/video.mp4",
     "/static/hrirs/../../server.py"],
)  # fmt: skip
def test_no_file_outside_is_served(served: Served, path: str) -> None:
    answer = ask(served, path + WITH)
    assert answer.status in (400, 404)
    assert b"import" not in answer.read()


def test_every_answer_has_the_policy(served: Served) -> None:
    for path in ("/" + WITH, "/api/videos" + WITH, "/nothing" + WITH, "/"):
        headers = ask(served, path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'self'")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b'{"video": "video00001", "label": "keep"}', "text/plain"), (b"{" * 70_000, "application/json"),
     (b"[1]", "application/json"), (b'{"video": "nobody", "label": "keep"}', "application/json"),
     (b'{"video": "video00001", "label": "excellent"}', "application/json"),
     (b'{"video": "video00001", "label": "keep", "seconds": "now"}', "application/json"),
     (b'{"video": "video00001", "label": "keep", "seconds": NaN}', "application/json"),
     (b'{"video": "video00001", "label": "keep", "seconds": 1e999}', "application/json"),
     (b'{"video": "video00001", "label": "keep", "seconds": -1e300}', "application/json"),
     (b'{"video": ["video00001"], "label": "keep"}', "application/json")],
)  # fmt: skip
def test_a_label_that_is_none_is_refused_in_words(served: Served, body: bytes, kind: str) -> None:
    answer = ask(served, "/api/labels" + WITH, method="POST", body=body, Content_Type=kind)
    assert answer.status == 400
    assert b"error" in answer.read()
    assert not served.labels.exists()


def test_hosts_and_tokens() -> None:
    assert [host_of(text) for text in ("a:1", "A", "[::1]:5", "[::1]")] == ["a", "a", "::1", "::1"]
    assert own_names("127.0.0.1") == {"localhost", "127.0.0.1"}
    assert len(own_names("0.0.0.0")) > 2
    assert len(new_token()) >= 32
    assert new_token() != new_token()
