"""Cookies, tokens and proxies of the user are used, and stand nowhere afterwards: no record, no state, no log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crawling.tube import PICTURES, SOUNDS, Tube, offer
from yt360.cli import main

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
