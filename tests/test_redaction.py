"""Secrets are struck from what is said, whole or in part, however a library puts it."""

from __future__ import annotations

import base64
import logging
import sys
import time
from urllib.parse import quote

import pytest

from yt360 import redaction
from yt360.redaction import hide, is_secret_name, keep_out, secret_in, shown, strike


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test keeps out is nothing to the next."""
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setattr(redaction, "_pattern", None)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))


PROXY = "http://user:CANARY/SECOND@127.0.0.1:9"
_CODED = base64.b64encode(b"user:CANARY/SECOND").decode()


@pytest.mark.parametrize(
    "said",
    [
        f"cannot reach {PROXY}",
        "Failed to parse: 'user:CANARY' is not a valid host or port",
        f"Proxy-Authorization: Basic {_CODED}",
        f"http://user:{quote('CANARY/SECOND', safe='')}@127.0.0.1",
        "SECOND@127.0.0.1:9 refused",
    ],
)
def test_a_resolved_value_is_struck_in_every_form(said: str) -> None:
    """F10: a password with a slash was told by half."""
    keep_out([PROXY])
    struck = strike(said)
    assert "(hidden)" in struck
    for secret in ("CANARY", "SECOND", _CODED.rstrip("=")):
        assert secret not in struck


def test_a_long_value_is_struck_in_any_case_and_a_short_one_as_it_is() -> None:
    """A secret where a host belongs was told in lower case."""
    keep_out(["CANARY-TOKEN", "Test"])
    assert strike("cannot resolve 'canary-token', a test of Test") == "cannot resolve '(hidden)', a test of (hidden)"


def test_what_libraries_print_themselves_is_struck_too(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    log = logging.getLogger("of-a-library")
    log.addHandler(handler)
    try:
        keep_out(["web.gvs+CANARY-TOKEN"])
        print("token=CANARY-TOKEN")
        print("warning: web.gvs+CANARY-TOKEN", file=sys.stderr)
        sys.stderr.buffer.write(b"bytes: CANARY-TOKEN\n")
        log.warning("logged: %s", "CANARY-TOKEN")
        sys.stdout.flush()
    finally:
        log.removeHandler(handler)
    said = "".join(capsys.readouterr())
    assert "CANARY" not in said
    assert said.count("(hidden)") == 4


@pytest.mark.parametrize(
    "name", ["po_token", "api_key", "session", "cookies", "auth", "X-Amz-Signature", "sig", "Password"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["author", "player_client", "lang", "formats", "design", "list", "v", "keywords"])
def test_names_that_are_none(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://u:CANARY@h/x", True),
        ("a=https://CANARY@h/x", True),
        ("s3://KEY:CAN/ARY@bucket", True),
        ("https://h/x?a=1&token=CANARY", True),
        ("https://h/x#access_token=CANARY", True),
        *(
            (f"https://h/x?a=1&{name}=CANARY", True)
            for name in ("key", "rlkey", "API_KEY", "pass", "PW", "Sign", "hdnts")
        ),
        ("https://h/x?a=1;key=CANARY;b=2", True),
        ("https://h/x?k%65y=CANARY", True),
        ("https://h/x?token='CANARY'", True),
        ("https://h/x?key=CAN;CANARY", True),
        ("https://h/x?md5=0123456789CANARY&expires=1700000000", True),
        ("https://h/x?st=CANARY0123456789&e=1700000000", True),
        ("https://h/x?url=https%3A%2F%2Fu%3ACANARY%40h%2Fx", True),
        ("https://h/x?url=https%3A%2F%2Fh%2Fx%3Fkey%3DCANARY", True),
        ("https://h/x?url=https%253A%252F%252Fh%252Fx%253Fkey%253DCANARY", True),
        ("https://h/x?url=https://u:CANARY@h/x", True),
        ("https://h/x?a=1;token=$MY_TOKEN;b=2", False),
        ("https://h/x?s=01&e=05&hash=0123456789abcdef&keyword=x&design=y&monkeys=z", False),
        ("https://h/x?hash=0123456789abcdef0123456789abcdef", False),
        ("https://www.youtube.com/results?search_query=secret+key", False),
        ("https://www.youtube.com/%40handle", False),
        ("https://h/x?mail=a%40b", False),
        ("https://$MY_USER@h/x?token=$MY_TOKEN", False),
        ("sftp://me@h/x", False),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PL1&pp=x", False),
        ("no address: a@b, token=1", False),
    ],
)
def test_secrets_in_addresses(url: str, found: bool) -> None:
    assert bool(secret_in(url)) == found
    assert "CANARY" not in hide(url)


@pytest.mark.parametrize(
    "said",
    [
        "no file user:CANARY@host.org/a.mp4",
        "video=user:CANARY@127.0.0.1/a.mp4",
        "'//user:CANARY@host.org/a.mp4'",
        "GET /a.mp4?key=CANARY failed",
        "https%3A%2F%2Fuser:CANARY%40host%2Fa",
    ],
)
def test_what_is_no_whole_address_is_hidden_too(said: str) -> None:
    assert "CANARY" not in hide(said)


def test_the_name_of_a_variable_is_shown() -> None:
    for said in ("https://h/x?key=$MY_KEY&a=1", "https://$MY_USER@host/a.mp4"):
        assert hide(said) == said


@pytest.mark.parametrize("text", ["https://", "a:", "?a=", "?key=", "https://h?a%", "%3A%2F%2F", "u:p@", "%25"])
def test_hostile_texts_are_looked_through_quickly(text: str) -> None:
    started = time.process_time()
    long = "https://h/" + text * 20_000
    secret_in(long)
    hide(long)
    assert time.process_time() - started < 2.0


def test_values_in_messages_are_bounded_and_hidden() -> None:
    """F11, F25: refused secrets were repeated; aliases that stand for 10^7 values took seconds."""
    value: object = "x"
    for _ in range(60):
        value = [value, value, value]
    assert len(shown(value)) <= 80
    assert "CANARY" not in shown({"proxies": ["http://u:CANARY@h"], "api_key": "CANARY"})
    assert shown("CANARY", name="access.po_token") == "(hidden)"
    assert (shown("plain"), shown(3), shown([1, 2])) == ("'plain'", "3", "[1, 2]")
