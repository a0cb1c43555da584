"""Which videos a word of `remove` means: id, name, YouTube id, address, under whatever name they are in the root."""

from __future__ import annotations

from pathlib import Path

import pytest

from yt360.cli.takedown import meant
from yt360.crawling.addresses import plain_address
from yt360.crawling.removed_ids import Tombstone, bury
from yt360.crawling.targets import address_digest
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.hashing import safe_id
from yt360.stages.crawl import Crawl, CrawlParams

URL = "http://h.test/x/v.mkv"


@pytest.fixture
def state(tmp_path: Path) -> DatasetState:
    (tmp_path / "list.txt").write_text(f"AAAAAAAAAAA\nother=https://youtu.be/BBBBBBBBBBB\n{URL}\nMy Video 1.0.mkv\n")
    (tmp_path / "My Video 1.0.mkv").write_bytes(b"x")
    root = Root(tmp_path / "root")
    root.create()
    stage = Crawl(CrawlParams(source=str(tmp_path / "list.txt")))
    made = DatasetState(root, [stage])
    made.save_plan(stage, list(stage.plan(made)))
    return made


NAMED = f"v-{address_digest(URL)}"


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ("AAAAAAAAAAA", ["AAAAAAAAAAA"]),
        ("https://www.youtube.com/watch?v=AAAAAAAAAAA&t=4s", ["AAAAAAAAAAA"]),
        ("https://youtu.be/BBBBBBBBBBB", ["other"]),
        ("BBBBBBBBBBB", ["other"]),
        (" BBBBBBBBBBB\n", ["other"]),
        ("watch?v=BBBBBBBBBBB", ["other"]),
        ("/watch?list=PLx&v=BBBBBBBBBBB", ["other"]),
        ("other", ["other"]),
        (URL, [NAMED]),
        (NAMED, [NAMED]),
        ("My Video 1.0", [safe_id("My Video 1.0")]),
        ("My Video 1.0.mkv", [safe_id("My Video 1.0")]),
    ],
)
def test_all_ways_to_name_a_video_of_the_root(state: DatasetState, asked: str, ids: list[str]) -> None:
    """An address got a tombstone of its own and removed nothing; a YouTube id under another name was never seen."""
    assert [stone.id for stone in meant(state, "crawl", asked)] == ids
    assert set(ids) <= set(state.entries("crawl"))


SPELLINGS = [
    "http://h.test/x/./v.mkv", "http://h.test/x/y/../v.mkv", "http://h.test//x/v.mkv", "http://h.test/x/v%2Emkv",
    "http://h.test/%78/v.mkv", "HTTP://H.TEST./x/v.mkv", "https://h.test:443/x/v.mkv#t=3", "http://h.test/x/v.mkv?",
]  # fmt: skip


@pytest.mark.parametrize("asked", SPELLINGS)
def test_other_spellings_of_an_address_mean_the_video_too_and_stay_away(state: DatasetState, asked: str) -> None:
    """The kind of F14: by another spelling nothing was removed, and a removed video came back."""
    (stone,) = meant(state, "crawl", asked)
    assert stone.id == NAMED
    state.root.state.mkdir(exist_ok=True)
    bury(state.root.state, [stone], "")
    (state.root.path.parent / "again.txt").write_text(f"name={asked}\n{asked}\nhttp://h.test/x/w.mkv\n")
    again = Crawl(CrawlParams(source=str(state.root.path.parent / "again.txt")))
    assert [item.hints["video"] for item in again.plan(state)] == ["http://h.test/x/w.mkv"]


@pytest.mark.parametrize("other", ["http://h.test/X/v.mkv", "http://h.test/x/v.mkv?a=1", "http://h.test/x/v%2Fmkv"])
def test_another_address_is_another_video(other: str) -> None:
    assert plain_address(other) != plain_address(URL)


def test_what_the_root_never_saw_is_kept_out_as_it_would_be_called(state: DatasetState) -> None:
    other = "http://h.test/y/v.mkv"
    assert meant(state, "crawl", "https://youtu.be/CCCCCCCCCCC") == [Tombstone("CCCCCCCCCCC", video="CCCCCCCCCCC")]
    assert meant(state, "crawl", other) == [Tombstone(f"v-{address_digest(other)}", address=address_digest(other))]


@pytest.mark.parametrize("asked", ["never.mkv", "never.f137.mp4", " never ", "videos/never.mkv"])
def test_a_file_that_the_root_never_saw_is_kept_out_under_its_id(state: DatasetState, asked: str) -> None:
    """The kind of bug 2: the tombstone was for an id that no crawl gives, and the words were that it keeps it out."""
    assert meant(state, "crawl", asked) == [Tombstone("never")]


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "  ",
        "https://www.youtube.com/playlist?list=PLx",
        "https://www.youtube.com/@somebody",
        "youtube.com/watch?v=cut",
        "http://[h.test/v.mkv",
    ],
)
def test_what_is_no_single_video_is_refused(state: DatasetState, asked: str) -> None:
    """The kind of bug 2: it was said of a channel that its tombstone will keep it out."""
    with pytest.raises(UsageError, match=r"expected a video's|expected the address of a video|an address, found"):
        meant(state, "crawl", asked)
