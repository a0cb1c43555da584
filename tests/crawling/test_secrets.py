"""Cookies, tokens and proxies of the user are used, and stand nowhere afterwards: no record, no state, no log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crawling.tube import PICTURES, SOUNDS, Tube, offer
from yt360.cli import main
from yt360.crawling.access import Access

ID = "AAAAAAAAAAA"
QUICK = "request_pause_s: 0, retry_pause_s: 0, retries: 0, youtube_pause_s: [0, 0], youtube_videos_per_hour: 3600"
COOKIES = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tSID\tCOOKIE-SECRET\n"


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_no_secret_stands_below_the_root_or_in_the_log(
    way: str, tube: Tube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_PROXY", "http://user:PROXY-SECRET@127.0.0.1:9")
    monkeypatch.setenv("MY_TOKEN", "web.gvs+TOKEN-SECRET")
    cookies = tmp_path / "cookies.txt"
    cookies.write_text(COOKIES)
    offer(tube, ID, SOUNDS + PICTURES)
    root = tmp_path / "root"
    access = (
        f"access={{{QUICK}, fallback_clients: [], min_free_gb: 0, cookies_file: {cookies}, "
        f"proxies: [{'$MY_PROXY' if way == 'proxy' else ''}], "
        "extractor_arguments: {youtube: {po_token: [$MY_TOKEN]}}}"
    )
    words = ["crawl", *(["probe"] if way == "proxy" else []), "--root", str(root), "--source", ID, "-p", access]
    if way == "direct":
        words += ["-p", "check_arrived=false", "--min-free-gb", "0", "--workers", "1"]
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    said = "".join(capfd.readouterr())
    assert ended.value.code == 0
    # The proxy is not there: what was used to reach it is in yt-dlp's own message.
    assert bool(tube.requests) == (way == "direct")
    assert ("1 network" in said) == (way == "proxy")
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files
    for secret in ("COOKIE-SECRET", "PROXY-SECRET", "TOKEN-SECRET"):
        assert secret not in said
        assert not [path for path in files if secret.encode() in path.read_bytes()]


def _crawl(root: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main.main(["crawl", "--root", str(root), "--min-free-gb", "0", "--workers", "1", *words])
    return int(ended.value.code or 0)


BAD_COOKIES = {
    "spaces": "# Netscape HTTP Cookie File\n127.0.0.1 FALSE / FALSE 0 SID CANARY\n",
    "date": "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\tsoon\tSID\tCANARY\n",
    "six columns": "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tCANARY\n",
    "a date of 5000 digits": f"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t{'9' * 5000}\tSID\tCANARY\n",
    "a domain that is none": "# Netscape HTTP Cookie File\n127.0.0.1\tTRUE\t/\tFALSE\t0\tSID\tCANARY\n",
    "a host that is none": "# Netscape HTTP Cookie File\n.h.test\tFALSE\t/\tFALSE\t0\tSID\tCANARY\n",
    "a flag of another kind": "# Netscape HTTP Cookie File\n.h.test\tyes\t/\tFALSE\t0\tSID\tCANARY\n",
    "json": '[{"domain": "127.0.0.1", "name": "SID", "value": "CANARY"}]',
    "headless": "127.0.0.1\tFALSE\t/\tFALSE\t0\tSID\tCANARY\n",
    "empty": "",
    "binary": "\0\0CANARY",
}
SOURCE = "https://127.0.0.1:9/a.mp4"
REFUSED = {
    "user of a source": ["--source", "https://user:CANARY@127.0.0.1:9/a.mp4"],
    "user with a slash": ["--source", "https://user:CAN/CANARY@127.0.0.1:9/a.mp4"],
    "store": ["--source", "s3://KEY:CANARY@bucket/prefix"],
    "signed": ["--source", "https://127.0.0.1:9/a.mp4?X-Amz-Signature=CANARY"],
    "token": ["--source", "https://127.0.0.1:9/watch?token=CANARY"],
    **{
        part: ["--source", f"https://127.0.0.1:9/a.mp4?{part}CANARY0123456789"]
        for part in ("key=", "api_key=", "sig=", "a=1;pass=", "k%65y=", "expires=1700000000&md5=", "rlkey=")
    },
    "quoted": ["--source", "https://127.0.0.1:9/get?url=https%3A%2F%2Fh%2Fa.mp4%3Fkey%3DCANARY"],
    "quoted user": ["--source", "https://127.0.0.1:9/get?url=https%3A%2F%2Fu%3ACANARY%40h%2Fa.mp4"],
    "user without a scheme": ["--source", "user:CANARY@127.0.0.1:9/a.mp4"],
    "name": ["--source", "video=https://127.0.0.1:9/a.mp4?key=CANARY"],
    "picture and sound": ["--source", "COOKIES/pair.txt"],
    "table": ["--source", "COOKIES/table.csv"],
    "youtube": ["--source", "https://www.youtube.com/watch?v=AAAAAAAAAAA&key=CANARY"],
    "proxy": ["--source", SOURCE, "-p", "access.proxies=['http://user:CANARY@127.0.0.1:9']"],
    "proxy of a wrong type": ["--source", SOURCE, "-p", "access.proxies=http://user:CANARY@127.0.0.1:9"],
    "malformed yaml": ["--source", SOURCE, "-p", "access.proxies=['http://user:CANARY@127.0.0.1:9'"],
    **{
        name: ["--source", SOURCE, "-p", f"access.extractor_arguments={{youtube: {{{name}: [CANARY]}}}}"]
        for name in ("po_token", "api_key", "session", "cookies", "auth")
    },
    **{f"cookies: {kind}": ["--source", SOURCE, "-p", f"access.cookies_file=COOKIES/{kind}"] for kind in BAD_COOKIES},
    "list": ["--source", "COOKIES/list.txt"],
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_canary_that_is_refused_stands_nowhere(way: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """F9, F11, F12: in logs, in "found …", in ids, recipes and plans; and a wrong setting failed every video."""
    for kind, text in BAD_COOKIES.items():
        (tmp_path / kind).write_text(text)
    (tmp_path / "list.txt").write_text("https://127.0.0.1:9/a.mp4?sig=CANARY\n")
    (tmp_path / "pair.txt").write_text("https://127.0.0.1:9/a.mp4 https://127.0.0.1:9/a.m4a?key=CANARY\n")
    (tmp_path / "table.csv").write_text("url,start,end\nhttps://127.0.0.1:9/a.mp4?key=CANARY,0,4\n")
    root = tmp_path / "root"
    assert _crawl(root, *(word.replace("COOKIES", str(tmp_path)) for word in REFUSED[way])) == 2
    assert "CANARY" not in "".join(capfd.readouterr())
    files = [path for path in root.rglob("*") if path.is_file()]
    assert not [path for path in files if b"CANARY" in path.read_bytes() or "CANARY" in str(path)]


def test_a_variable_in_an_address_is_used_and_its_value_stands_nowhere(
    tube: Tube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_TOKEN", "CANARY-TOKEN")
    root = tmp_path / "root"
    access = f"access={{{QUICK}, min_free_gb: 0}}"
    assert _crawl(root, "--source", f"{tube.base}/none.mp4?token=$MY_TOKEN", "-p", access) == 1
    assert [path for path in tube.requests if "CANARY-TOKEN" in str(path)]
    assert "CANARY" not in "".join(capfd.readouterr())
    files = [path for path in root.rglob("*") if path.is_file()]
    assert not [path for path in files if b"CANARY" in path.read_bytes() or "CANARY" in str(path)]


def test_a_variable_that_is_not_set_stops_the_run_before_the_first_video(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """F18: every video failed for good."""
    root = tmp_path / "root"
    assert _crawl(root, "--source", SOURCE, "-p", "access.proxies=['$NO_SUCH_VARIABLE']") == 2
    assert "NO_SUCH_VARIABLE" in capfd.readouterr().err
    assert not list((root / "ledger").rglob("*.jsonl*"))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("htp://user:CANARY@h.test:1", "another scheme"),
        ("http://user:CANARY@h.test:port", "a host or port that cannot be read"),
        ("http://user:CANARY@:1", "no host"),
        ("http://user:CAN/CANARY@h.test:1", "a user or password with one of"),
        ("socks5://user:CANARY two@h.test:1", "a user or password with one of"),
        ("CANARY", "a word without a port"),
        ("http://h.test:1/CANARY", "something behind the port"),
    ],
)
def test_a_proxy_that_cannot_be_one_stops_the_run_before_the_first_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], value: str, found: str
) -> None:
    """A kind of F18: every video failed with a kind that said to report it."""
    monkeypatch.setenv("MY_PROXY", value)
    root = tmp_path / "root"
    assert _crawl(root, "--source", SOURCE, "-p", "access.proxies=['$MY_PROXY']") == 2
    said = capfd.readouterr().err
    assert f"found {found}" in said
    assert "$MY_PROXY" in said
    assert "CANARY" not in said
    assert not list((root / "ledger").rglob("*.jsonl*"))


@pytest.mark.parametrize(
    "value", ["", "h.test:3128", "http://h.test", "socks5h://u:p%2Fw@[::1]:1080", "HTTPS://h.test:1/", "10.0.0.1:1"]
)
def test_proxies_in_all_forms_are_taken(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    Access(proxies=(value,) if "@" not in value else ()).require_secrets()
    if value:
        monkeypatch.setenv("MY_PROXY", value)
        Access(proxies=("$MY_PROXY",)).require_secrets()
