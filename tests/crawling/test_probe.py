"""Looking before fetching: the answers, the budget, and a kill in between."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.crawling.tube import PICTURES, SOUNDS, Served, Tube, bytes_of, offer
from yt360.crawling.access import Access
from yt360.crawling.probe import budget, probe, probes_file, read_probes
from yt360.engine.stage import Item
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.stages.crawl import Crawl, CrawlParams

QUICK: dict[str, Any] = {
    "request_pause_s": 0,
    "retry_pause_s": 0,
    "youtube_pause_s": (0, 0),
    "youtube_videos_per_hour": 1e9,
    "fallback_clients": (),
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path / "root")
    made.create()
    return made


def _crawl(root: Root, *sources: str) -> tuple[Crawl, list[Item]]:
    stage = Crawl(CrawlParams.model_validate({"source": sources, "access": QUICK}))
    return stage, list(stage.plan(DatasetState(root, [stage])))


def test_answers_say_what_is_offered_and_nothing_is_fetched(root: Root, tube: Tube, tmp_path: Path) -> None:
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES, license="CC", channel="\u202eC", upload_date="20200102")
    offer(tube, "BBBBBBBBBBB", SOUNDS)
    tube.videos["CCCCCCCCCCC"] = {"error": "Private video. Sign in if you've been granted access to this video"}
    tube.files["/a.mp4"] = Served(bytes_of("a", 7000))
    (tmp_path / "b.mp4").write_bytes(bytes_of("b", 5000))
    names = ("AAAAAAAAAAA", "BBBBBBBBBBB", "CCCCCCCCCCC", f"{tube.base}/a.mp4", str(tmp_path / "b.mp4"))
    stage, items = _crawl(root, *names)
    rows = {row["video"]: row for row in probe(items, partial(stage.look, state=root.state), root.state)}
    good = rows["AAAAAAAAAAA"]
    assert (good["projection"], good["sound"], good["channels"]) == ("mesh", "ambisonics_quad", 4)
    assert (good["bytes"], good["duration_s"], good["license"], good["channel"]) == (40_000, 60, "CC", "C")
    assert good["itags"] == {"video": "248", "sound": "338"}
    assert rows["BBBBBBBBBBB"]["kind"] == "no-360-format"
    assert rows["CCCCCCCCCCC"]["kind"] == "private"
    assert ([row["bytes"] for name, row in rows.items() if name.startswith("a-")], rows["b"]["bytes"]) == ([7000], 5000)
    assert not tube.asked("/media")
    assert not tube.asked("/a.mp4")
    assert read_probes(root.state) == rows


def test_only_what_is_missing_or_may_change_is_asked_again(root: Root, tube: Tube) -> None:
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES)
    tube.videos["BBBBBBBBBBB"] = 503
    stage, items = _crawl(root, "AAAAAAAAAAA", "BBBBBBBBBBB")
    assert [row["kind"] for row in probe(items, partial(stage.look, state=root.state), root.state)] == ["", "network"]
    offer(tube, "BBBBBBBBBBB", SOUNDS + PICTURES)
    assert [row["video"] for row in probe(items, partial(stage.look, state=root.state), root.state)] == ["BBBBBBBBBBB"]
    assert len(tube.asked("/info/AAAAAAAAAAA")) == 1
    assert len(list(probe(items, partial(stage.look, state=root.state), root.state, refresh=True))) == 2


def test_line_torn_by_a_kill_is_asked_again(root: Root, tube: Tube) -> None:
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES)
    offer(tube, "BBBBBBBBBBB", SOUNDS + PICTURES)
    stage, items = _crawl(root, "AAAAAAAAAAA", "BBBBBBBBBBB")
    list(probe(items, partial(stage.look, state=root.state), root.state))
    path = probes_file(root.state)
    path.write_bytes(path.read_bytes()[:-40])
    assert list(read_probes(root.state)) == ["AAAAAAAAAAA"]
    assert [row["video"] for row in probe(items, partial(stage.look, state=root.state), root.state)] == ["BBBBBBBBBBB"]
    assert set(read_probes(root.state)) == {"AAAAAAAAAAA", "BBBBBBBBBBB"}


def test_budget() -> None:
    good = {"kind": "", "bytes": 36_000_000_000, "duration_s": 1800.0, "sound": "ambisonics_quad", "projection": "mesh"}
    rows: list[dict[str, Any]] = [good, {**good, "bytes": None}, {"kind": "removed"}, {"kind": "removed"}]
    access = Access(bandwidth_mb_s=5.0, youtube_videos_per_hour=300)
    told = budget(rows, access)
    assert (told["videos"], told["offered"], told["unavailable"]) == (4, 2, {"removed": 2})
    assert (told["bytes"], told["videos_of_unknown_size"], told["media_hours"]) == (36_000_000_000, 1, 1.0)
    assert told["crawl_hours"] == 2.0
    assert budget(rows, Access(bandwidth_mb_s=5.0, proxies=("http://a:1", "http://b:1")))["crawl_hours"] == 1.0
    many = [{**good, "bytes": 1}] * 600
    assert budget(many, access)["crawl_hours"] == 2.0
