"""A channel, playlist or search that is gone costs itself only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crawling.tube import PICTURES, SOUNDS, Tube, offer
from yt360.crawling.sources import expand_sources
from yt360.crawling.targets import listing
from yt360.engine import pipeline
from yt360.engine.pipeline import RunResult
from yt360.engine.recipe import Recipe
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.stages.crawl import Crawl, CrawlParams

GONE, ALIVE = "https://www.youtube.com/@gone", "https://www.youtube.com/@alive"
QUICK: dict[str, Any] = {
    "request_pause_s": 0,
    "retry_pause_s": 0,
    "retries": 0,
    "youtube_pause_s": (0, 0),
    "youtube_videos_per_hour": 1e9,
    "backoff_s": 0.05,
    "min_free_gb": 0,
}


@pytest.fixture
def crawl(tube: Tube, tmp_path: Path) -> Callable[..., Any]:
    for name in ("AAAAAAAAAAA", "BBBBBBBBBBB", "CCCCCCCCCCC"):
        offer(tube, name, SOUNDS + PICTURES)
    tube.lists[GONE] = {"error": "This channel does not exist."}
    tube.lists[ALIVE] = {"entries": [{"id": "CCCCCCCCCCC"}]}

    def run(*source: str, retry: str | None = None, **access: Any) -> tuple[RunResult, dict[str, str]]:
        params = {"source": source, "access": {**QUICK, **access}, "check_arrived": False}
        stage = Crawl(CrawlParams.model_validate(params))
        root = Root(tmp_path / "root")
        options = pipeline.Options(workers=1, min_free_bytes=0, quiet=True, retry=retry)
        result = pipeline.run(Recipe("test", (stage,)), root, options)
        entries = DatasetState(root, [stage]).entries("crawl")
        return result, {name: entry.state for name, entry in entries.items()}

    return run


NAME = listing(GONE).name


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("This channel does not exist.", "not-found"),
        ("This playlist is private", "private"),
        ("This channel does not have a shorts tab", "not-found"),
        ("Something that nobody heard of", "unexpected"),
    ],
)
def test_the_rest_is_crawled_and_the_list_fails_by_its_kind(
    crawl: Callable[..., Any], tube: Tube, error: str, kind: str
) -> None:
    """Nothing at all was crawled, and `status` knew of nothing."""
    tube.lists[GONE] = {"error": error}
    result, states = crawl("AAAAAAAAAAA", GONE, ALIVE, "BBBBBBBBBBB")
    assert states == {"AAAAAAAAAAA": "done", NAME: "failed", "CCCCCCCCCCC": "done", "BBBBBBBBBBB": "done"}
    (failed,) = result.failed
    assert (failed.item, failed.kind, failed.retryable) == (NAME, kind, False)
    assert error in failed.error


def test_what_is_gone_for_good_is_asked_for_again_on_demand_only(crawl: Callable[..., Any], tube: Tube) -> None:
    crawl("AAAAAAAAAAA", GONE)
    asked = len(tube.asked("/list"))
    result, states = crawl("AAAAAAAAAAA", GONE)
    assert (len(tube.asked("/list")), result.worked, states[NAME]) == (asked, 0, "failed")
    tube.lists[GONE] = {"entries": [{"id": "BBBBBBBBBBB"}]}
    assert crawl("AAAAAAAAAAA", GONE, retry="not-found")[1] == {"AAAAAAAAAAA": "done", NAME: "filtered"}
    result, states = crawl("AAAAAAAAAAA", GONE)
    assert (states["BBBBBBBBBBB"], states[NAME], result.failed) == ("done", "filtered", [])


def test_what_may_pass_is_asked_for_by_the_next_run(crawl: Callable[..., Any], tube: Tube) -> None:
    tube.lists[GONE] = {"error": "HTTP Error 503: Service Unavailable"}
    result, states = crawl("AAAAAAAAAAA", GONE)
    assert (states[NAME], result.failed[0].kind) == ("failed", "network")
    tube.lists[GONE] = {"entries": [{"id": "BBBBBBBBBBB"}]}
    result, states = crawl("AAAAAAAAAAA", GONE)
    assert states == {"AAAAAAAAAAA": "done", "BBBBBBBBBBB": "done", NAME: "filtered"}
    assert not result.failed


def test_what_was_listed_before_is_crawled_though_the_channel_is_gone(
    crawl: Callable[..., Any], tube: Tube, tmp_path: Path
) -> None:
    """With `refresh_lists_after_days` a channel that was deleted since stopped every later run."""
    crawl("AAAAAAAAAAA", ALIVE)
    for path in (tmp_path / "root" / "state" / "crawl-discovery").iterdir():
        os.utime(path, (0, 0))
    tube.lists[ALIVE] = {"error": "This channel does not exist."}
    for _ in range(2):
        result, states = crawl("BBBBBBBBBBB", ALIVE, refresh_lists_after_days=1)
        assert states == {
            "AAAAAAAAAAA": "done", "BBBBBBBBBBB": "done", "CCCCCCCCCCC": "done", listing(ALIVE).name: "failed",
        }  # fmt: skip
        assert [record.item for record in result.failed] == [listing(ALIVE).name]


def test_a_list_alone_that_is_gone_is_a_failure_and_no_wrong_use(crawl: Callable[..., Any]) -> None:
    result, states = crawl(GONE)
    assert (states, len(result.failed)) == ({NAME: "failed"}, 1)


def test_names_and_tables_never_take_a_failed_list_for_a_video(
    crawl: Callable[..., Any], tube: Tube, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text(f"mine={GONE}\nonly={ALIVE}\n")
    (tmp_path / "table.csv").write_text(f"video,start,end,split\n{GONE},,,test\nAAAAAAAAAAA,0,10,test\n")
    _, states = crawl(str(tmp_path / "list.txt"), str(tmp_path / "table.csv"))
    assert states == {NAME: "failed", "only": "done", "AAAAAAAAAAA": "done"}
    assert NAME not in (tmp_path / "root" / "state" / "listing.json").read_text()


def test_a_name_before_a_list_of_several_is_refused(tmp_path: Path) -> None:
    """The name was dropped in silence."""
    (tmp_path / "list.txt").write_text(f"mine={ALIVE}\n")
    two = [*expand_sources(["AAAAAAAAAAA", "BBBBBBBBBBB"], lambda _: iter(()))]
    with pytest.raises(UsageError, match="expected one video behind the name, found 2"):
        list(expand_sources(str(tmp_path / "list.txt"), lambda _: iter(two)))


def test_two_searches_that_fail_are_two_items() -> None:
    names = {listing(url).name for url in ("ytsearch5:drums", "ytsearch50:drums", GONE, GONE + "/")}
    assert len(names) == 4
