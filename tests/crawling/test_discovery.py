"""Listing channels, playlists and searches through yt-dlp: once, whole or not at all, in bounded memory."""

from __future__ import annotations

import json
import os
import signal
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.crawling.tube import Tube
from yt360.cli import main
from yt360.crawling.access import Access
from yt360.crawling.discovery import Discovery, is_listing
from yt360.crawling.failures import CrawlError

CHANNEL = "https://www.youtube.com/@someone"
SEARCH = "https://www.youtube.com/results?search_query=spatial+audio&sp=EgJ4AQ%3D%3D"
QUICK: dict[str, Any] = {
    "request_pause_s": 0,
    "retry_pause_s": 0,
    "youtube_pause_s": (0, 0),
    "youtube_videos_per_hour": 1e9,
    "backoff_s": 0.1,
}


def _name(number: int) -> str:
    return f"video{number:06d}"


def _discovery(folder: Path, **access: Any) -> Discovery:
    return Discovery(folder, Access.model_validate({**QUICK, **access}))


@pytest.mark.parametrize("url", [SEARCH, "ytsearch50:spatial audio", "https://www.youtube.com/playlist?list=PLxyz"])
def test_listing_gives_ids_without_asking_for_each_video(tube: Tube, tmp_path: Path, url: str) -> None:
    tube.lists[url] = {"entries": [{"id": _name(number)} for number in range(30)]}
    found = list(_discovery(tmp_path).videos(url))
    assert [target.name for target in found] == [_name(number) for number in range(30)]
    assert found[0].where == {"page": f"https://www.youtube.com/watch?v={_name(0)}"}
    assert found[0].identity["source"] == "youtube"
    assert len(tube.requests) == 1


def test_tabs_of_a_channel_are_followed(tube: Tube, tmp_path: Path) -> None:
    tube.lists[CHANNEL] = {"entries": [{"tab": f"{CHANNEL}/videos"}, {"tab": f"{CHANNEL}/streams"}]}
    tube.lists[f"{CHANNEL}/videos"] = {"entries": [{"id": _name(1)}, {"id": _name(2)}]}
    tube.lists[f"{CHANNEL}/streams"] = {"entries": [{"id": _name(3)}]}
    assert [target.name for target in _discovery(tmp_path).videos(CHANNEL)] == [_name(1), _name(2), _name(3)]


def test_channel_that_lists_itself_ends(tube: Tube, tmp_path: Path) -> None:
    tube.lists[CHANNEL] = {"entries": [{"tab": CHANNEL}, {"id": _name(1)}]}
    assert {target.name for target in _discovery(tmp_path).videos(CHANNEL)} == {_name(1)}


def test_second_run_asks_nobody_unless_the_listing_is_old(tube: Tube, tmp_path: Path) -> None:
    tube.lists[SEARCH] = {"entries": [{"id": _name(1)}]}
    assert len(list(_discovery(tmp_path).videos(SEARCH))) == 1
    tube.lists[SEARCH] = {"entries": [{"id": _name(1)}, {"id": _name(2)}]}
    assert len(list(_discovery(tmp_path).videos(SEARCH))) == 1
    assert len(list(_discovery(tmp_path, refresh_lists_after_days=30).videos(SEARCH))) == 1
    assert len(tube.requests) == 1
    assert len(list(_discovery(tmp_path, refresh_lists_after_days=0).videos(SEARCH))) == 2


def test_limit(tube: Tube, tmp_path: Path) -> None:
    tube.lists[SEARCH] = {"entries": [{"id": _name(number)} for number in range(30)]}
    assert len(list(_discovery(tmp_path).videos(SEARCH, 7))) == 7
    assert len(list(_discovery(tmp_path).videos(SEARCH))) == 30


def test_refused_listing_leaves_nothing_half_done(tube: Tube, tmp_path: Path) -> None:
    tube.lists[SEARCH] = {"error": "Sign in to confirm you\u2019re not a bot"}
    with pytest.raises(CrawlError, match="no robot"):
        list(_discovery(tmp_path).videos(SEARCH))
    assert not list((tmp_path / "crawl-discovery").iterdir())
    tube.lists[SEARCH] = {"entries": [{"id": _name(1)}]}
    assert len(list(_discovery(tmp_path).videos(SEARCH))) == 1


def test_hostile_entries_are_left_out_or_harmless(tube: Tube, tmp_path: Path) -> None:
    tube.lists[SEARCH] = {
        "entries": [{"id": "x" * 10_000}, {"id": "../../../etc/passwd"}, {"id": "a\u202eb"}, {"id": _name(1)}]
    }
    found = list(_discovery(tmp_path).videos(SEARCH))
    assert _name(1) in [target.name for target in found]
    assert all("/" not in target.item().id and len(target.item().id) <= 120 for target in found)


def test_forms_of_addresses() -> None:
    assert is_listing("https://www.youtube.com/playlist?list=PL123")
    assert is_listing("ytsearch5:x")
    assert not is_listing("https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    assert not is_listing("https://vimeo.com/76979871")
    assert not is_listing("https://nobody.test/page")


def test_state_grows_by_a_line_a_video_and_is_read_line_by_line(tube: Tube, tmp_path: Path) -> None:
    tabs = [f"{CHANNEL}/{tab}" for tab in ("videos", "streams", "shorts")]
    tube.lists[CHANNEL] = {"entries": [{"tab": tab} for tab in tabs]}
    for part, tab in enumerate(tabs):
        tube.lists[tab] = {"entries": [{"id": _name(part * 2_000 + number)} for number in range(2_000)]}
    discovery = _discovery(tmp_path)
    assert len(list(discovery.videos(CHANNEL))) == 6_000
    (listing,) = (tmp_path / "crawl-discovery").iterdir()
    assert listing.stat().st_size < 150 * 6_000
    assert json.loads(listing.read_text().splitlines()[1])["id"] == _name(0)
    tracemalloc.start()
    count = sum(1 for _ in discovery.videos(CHANNEL))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 6_000
    assert peak < 1 << 20


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_site_that_never_answers_a_listing_is_left_at_the_first_signal(
    tube: Tube, tmp_path: Path, capfd: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    class Mute(dict[str, Any]):
        def get(self, *_: Any) -> Any:
            os.kill(os.getpid(), number)
            time.sleep(600)

    tube.lists = Mute()
    root = tmp_path / "root"
    started = time.monotonic()
    words = ["--source", CHANNEL, "--workers", "1", "--min-free-gb", "0", "-p", f"access={json.dumps(QUICK)}"]
    with pytest.raises(SystemExit) as ended:
        main.main(["crawl", "--root", str(root), *words])
    assert (ended.value.code, time.monotonic() - started < 10) == (code, True)
    said = capfd.readouterr().err
    assert f"{number.name}: stopping" in said
    assert "Traceback" not in said
    assert not [path for path in root.rglob("*") if path.suffix == ".partial" or "discovery/" in str(path)]
    assert not list((root / "ledger").rglob("*.jsonl*"))
