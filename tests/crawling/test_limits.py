"""An address that never ends, or that trickles, costs itself only."""

from __future__ import annotations

import shutil
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from tests.crawling.tube import Served, Tube, bytes_of
from tests.inline import Inline
from yt360.crawling.watchdog import Pace
from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.storage import Root
from yt360.stages.crawl import Crawl, CrawlParams

QUICK: dict[str, Any] = {
    "request_pause_s": 0,
    "retry_pause_s": 0,
    "retries": 1,
    "socket_timeout_s": 5,
    "bandwidth_mb_s": None,
    "min_free_gb": 0,
}
ENDLESS = Served(bytes_of("endless", 12_000_000), etag="", say_length=False)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


def crawl(root: Root, tube: Tube, middle: Served, **access: Any) -> dict[str, str]:
    """A list of three with ``middle`` in between: how each ended."""
    for name in ("first", "last"):
        tube.files[f"/{name}.mp4"] = Served(bytes_of(name, 200_000))
    tube.files["/middle.mp4"] = middle
    source = tuple(f"{tube.base}/{name}.mp4" for name in ("first", "middle", "last"))
    stage = Crawl(CrawlParams.model_validate({"source": source, "access": QUICK | access}))
    result = pipeline.run(Recipe("test", (stage,)), root, pipeline.Options(min_free_bytes=0), engine=Inline())
    ended = {record.item.partition("-")[0]: record.kind for record in result.failed}
    assert result.stages[0].counts["done"] == 3 - len(ended)
    assert not [path for path in (root.state / "crawl-partial").rglob("middle*") if path.is_file()]
    return ended


def room(monkeypatch: pytest.MonkeyPatch, root: Root, free: int) -> None:
    """A disk of so many bytes for what is downloaded."""

    def usage(path: Path) -> Usage:
        held = sum(each.stat().st_size for each in root.path.rglob("*") if each.is_file())
        return Usage(free, held, free - held)

    monkeypatch.setattr("yt360.crawling.download.shutil.disk_usage", usage)


def test_a_file_that_never_ends_is_given_up_and_the_others_arrive(root: Root, tube: Tube) -> None:
    """F4: it filled the disk, and the run, and each run after it, stopped there."""
    assert crawl(root, tube, ENDLESS, max_file_gb=0.005) == {"middle": "too-large"}


def test_a_file_that_fills_the_disk_is_given_up_and_the_others_arrive(
    root: Root, tube: Tube, monkeypatch: pytest.MonkeyPatch
) -> None:
    room(monkeypatch, root, 9_000_000)
    assert crawl(root, tube, ENDLESS, min_free_gb=0.002) == {"middle": "no-room"}


def test_a_file_that_cannot_fit_is_not_begun(root: Root, tube: Tube, monkeypatch: pytest.MonkeyPatch) -> None:
    room(monkeypatch, root, 9_000_000)
    assert crawl(root, tube, Served(bytes_of("large", 8_000_000)), min_free_gb=0.002) == {"middle": "no-room"}
    assert not tube.asked("/middle.mp4")


def test_a_server_that_trickles_is_given_up_and_the_others_arrive(root: Root, tube: Tube) -> None:
    """F4: a byte a second held the run for hours; no time limit of a connection passes while a byte comes."""
    started = time.monotonic()
    trickle = Served(bytes_of("trickle", 400_000), bytes_per_s=8_000)
    assert crawl(root, tube, trickle, least_rate_kb_s=50, least_rate_span_s=0.6) == {"middle": "too-slow"}
    assert time.monotonic() - started < 10


def test_a_slow_download_above_the_least_rate_arrives(root: Root, tube: Tube) -> None:
    slow = Served(bytes_of("slow", 400_000), bytes_per_s=200_000)
    assert crawl(root, tube, slow, least_rate_kb_s=20, least_rate_span_s=0.5) == {}


def test_a_local_file_that_cannot_fit_ends_nothing_else(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name, size in (("a", 1000), ("b", 50_000), ("c", 1000)):
        (source / f"{name}.mp4").write_bytes(bytes_of(name, size))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 20_000))
    stage = Crawl(CrawlParams.model_validate({"source": str(source), "access": QUICK}))
    result = pipeline.run(Recipe("test", (stage,)), root, pipeline.Options(min_free_bytes=0), engine=Inline())
    assert [(record.item, record.kind) for record in result.failed] == [("b", "no-room")]
    assert result.stages[0].counts["done"] == 2


def test_the_least_rate_is_looked_at_over_whole_spans() -> None:
    now = 0.0
    pace = Pace(100.0, 10.0, lambda: now)
    pace.saw(990)
    now = 9.9
    assert pace.too_slow() is None
    now = 10.0
    assert pace.too_slow() == 99.0
    pace.saw(500)  # another file began: what is there is less than before
    pace.saw(1600)
    now = 20.0
    assert pace.too_slow() is None
    assert Pace(None, 0.0, lambda: now).too_slow() is None
