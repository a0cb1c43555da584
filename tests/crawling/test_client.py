"""How yt-dlp is set up: nothing that would change a file, nothing that would tell a secret."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from yt360.crawling.access import Access, site_of
from yt360.crawling.client import YtDlpLogger, open_client
from yt360.errors import UsageError


def _params(address: str = "direct", **access: Any) -> dict[str, Any]:
    with open_client(Access.model_validate(access), logger=YtDlpLogger(), cache=None, address=address) as ydl:
        return dict(ydl.params)


def test_nothing_merges_remuxes_or_cuts() -> None:
    """Cutting while downloading re-encodes ambisonics; merging to MP4 drops spherical boxes."""
    params = _params()
    assert params["fixup"] == "never"
    for name in ("download_ranges", "force_keyframes_at_cuts", "merge_output_format", "postprocessors", "final_ext"):
        assert not params.get(name), name


def test_no_client_is_taken_for_granted() -> None:
    """The client that gives ambisonic formats changes by the month."""
    assert _params()["extractor_args"]["youtube"]["player_client"] == ["default"]
    asked = _params(player_clients=("visionos", "tv"), extractor_arguments={"youtube": {"formats": ("missing_pot",)}})
    assert asked["extractor_args"]["youtube"] == {"player_client": ["visionos", "tv"], "formats": ["missing_pot"]}


def test_pauses_between_attempts_grow_and_end() -> None:
    pause = _params(retry_pause_s=1.0)["retry_sleep_functions"]["http"]
    assert [pause(n=n) for n in (0, 1, 5, 30)] == [1.0, 2.0, 32.0, 60.0]


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PROXY", "http://me:TOPSECRET@127.0.0.1:1")
    monkeypatch.setenv("MY_TOKEN", "web.gvs+TOPSECRET")
    access = Access.model_validate(
        {"proxies": ("$MY_PROXY",), "extractor_arguments": {"youtube": {"po_token": ("$MY_TOKEN",)}}}
    )
    assert "TOPSECRET" not in access.model_dump_json()
    with open_client(access, logger=YtDlpLogger(), cache=None, address="$MY_PROXY") as ydl:
        assert ydl.params["proxy"] == "http://me:TOPSECRET@127.0.0.1:1"
        assert ydl.params["extractor_args"]["youtube"]["po_token"] == ["web.gvs+TOPSECRET"]
    monkeypatch.delenv("MY_TOKEN")
    with pytest.raises(UsageError, match="MY_TOKEN"):
        open_client(access, logger=YtDlpLogger(), cache=None)


def test_missing_cookies_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.txt"):
        _params(cookies_file=str(tmp_path / "nothing.txt"))


def test_what_yt_dlp_says_goes_to_the_log_without_secrets(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = YtDlpLogger()
    with (
        caplog.at_level(logging.DEBUG, "yt360.crawl"),
        open_client(Access(), logger=logger, cache=None) as ydl,
    ):
        ydl.report_warning("Cookie: SID=TOPSECRET")
        ydl.write_debug('Invoking http downloader on "https://x.googlevideo.com/videoplayback?sig=TOPSECRET"')
        ydl.to_screen("[download] Destination: somewhere")
    assert "googlevideo.com/" in caplog.text
    assert "TOPSECRET" not in caplog.text
    assert logger.warnings
    assert "TOPSECRET" not in str(logger.warnings)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == ""


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.youtube.com/watch?v=x", "youtube"),
        ("https://youtu.be/x", "youtube"),
        ("https://www.youtube-nocookie.com/embed/x", "youtube"),
        ("ytsearch5:x", "youtube"),
        ("https://notyoutube.com/x", "notyoutube.com"),
        ("https://youtube.com.evil.test/x", "youtube.com.evil.test"),
        ("http://127.0.0.1:8000/x", "127.0.0.1"),
    ],
)
def test_whose_patience_is_asked(url: str, site: str) -> None:
    assert site_of(url) == site
