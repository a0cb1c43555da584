from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stages.fakes import Dataset
from yt360.engine.stage import Done, FanInContext, Item
from yt360.errors import UsageError
from yt360.stages.split import Member, Split, SplitParams, draw


def sides(dataset: Dataset, videos: dict[str, int], **split: Any) -> dict[str, str]:
    records = dataset.catalog(videos, split=split).passing("split")
    return {name: record.measures["split"] for name, record in records.items()}


SHARE = 1000 / 5506


def test_the_papers_proportions_exactly() -> None:
    sides_of = draw([Member(f"video{n}", f"video{n}") for n in range(5506)], SHARE, "yt360")
    assert Counter(sides_of.values()) == {"train": 4506, "test": 1000}


channels = st.lists(st.integers(0, 8), max_size=60)


@given(channels, st.lists(st.integers(0, 40), max_size=60), st.floats(0, 1))
def test_clusters_and_channels_never_cross_and_the_order_does_not_matter(
    channels: Any, clusters_: list[int], share: float
) -> None:
    count = min(len(channels), len(clusters_))
    members = [
        Member(f"v{n}", f"c{clusters_[n]}", f"channel{channels[n]}" if channels[n] else "") for n in range(count)
    ]
    drawn = draw(members, share, "yt360")
    assert draw(members[::-1], share, "yt360") == drawn
    for kind in ("cluster", "channel"):
        held: dict[str, set[str]] = {}
        for member in members:
            if getattr(member, kind):
                held.setdefault(getattr(member, kind), set()).add(drawn[member.name])
        assert all(len(found) == 1 for found in held.values())


@given(st.lists(st.integers(1, 5), min_size=20, max_size=80))
def test_the_share_is_met_with_groups_of_several(sizes: list[int]) -> None:
    members = [Member(f"v{g}-{n}", f"v{g}-{n}", f"ch{g}") for g, size in enumerate(sizes) for n in range(size)]
    test = sum(side == "test" for side in draw(members, SHARE, "yt360").values())
    assert abs(test - SHARE * len(members)) <= 6


def test_a_new_video_follows_its_copies_then_its_channel_and_moves_nobody() -> None:
    old = [Member("a", "a", "x", "train"), Member("b", "b", "y", "test"), Member("c", "c", "y", "test")]
    new = [Member("d", "a", "y"), Member("e", "e", "y")]
    drawn = draw(old + new, SHARE, "yt360")
    assert [drawn[name] for name in "abcde"] == ["train", "test", "test", "train", "test"]


def test_a_new_video_that_joins_copies_on_both_sides_is_left_out() -> None:
    old = [Member("a", "g", "", "train"), Member("b", "g", "", "test")]
    assert draw([*old, Member("new", "g")], SHARE, "yt360")["new"] == ""


def test_a_huge_channel_does_not_flood_test() -> None:
    members = [Member(f"big{n}", f"big{n}", "big") for n in range(60)] + [Member(f"v{n}", f"v{n}") for n in range(40)]
    for salt in range(20):
        test = sum(side == "test" for side in draw(members, SHARE, str(salt)).values())
        assert test == 18


def test_what_the_table_said_holds_and_is_remembered(dataset: Dataset) -> None:
    dataset.run({"a": 1, "b": 1, "c": 1})
    catalog = dataset.catalog({"a": 1, "b": 1, "c": 1})
    (catalog.state_dir / "noted-split.json").write_text('{"a": "test", "b": "none", "c": "train"}')
    dataset.run({"a": 1, "b": 1, "c": 1})
    found = sides(dataset, {"a": 1, "b": 1, "c": 1})
    assert (found["a"], found["c"]) == ("test", "train")


def test_old_videos_never_change_sides_when_new_ones_arrive(dataset: Dataset) -> None:
    old = {f"old{n}": 1 for n in range(6)}
    dataset.run(old, split={"test_share": 0.5})
    before = sides(dataset, old, test_share=0.5)
    everything = old | {f"new{n}": 1 for n in range(6)}
    dataset.run(everything, split={"test_share": 0.5})
    after = sides(dataset, everything, test_share=0.5)
    assert {name: after[name] for name in old} == before


def test_given_lists_win_and_an_edited_list_moves_exactly_its_videos(dataset: Dataset, tmp_path: Path) -> None:
    videos = {"a": 1, "b": 1, "c": 1, "d": 1}
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("a\n# a comment\n\n")
    test.write_text("b\n")
    lists = {"train_list": str(train), "test_list": str(test), "unlisted": "drop"}
    dataset.run(videos, split=lists)
    assert sides(dataset, videos, **lists) == {"a": "train", "b": "test"}
    test.write_text("b\nc\n")
    result = dataset.run(videos, split=lists)
    assert {stage.stage: stage.worked for stage in result.stages}["split"] == 1
    assert sides(dataset, videos, **lists) == {"a": "train", "b": "test", "c": "test"}


def test_video_in_both_lists_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    both = tmp_path / "both.txt"
    both.write_text("a\n")
    with pytest.raises(UsageError, match="it can be in one only"):
        dataset.run({"a": 1}, split={"train_list": str(both), "test_list": str(both)})


@pytest.mark.parametrize("content", [None, b"\x00\x01bad"])
def test_list_that_cannot_be_read_is_named(dataset: Dataset, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"list\.txt"):
        dataset.run({"a": 1}, split={"test_list": str(path)})


NAMED = {"My-Video-1-0-Clean-Version-e4b00008c3": 1, "dQw4w9WgXcQ": 1, "other": 1}


@pytest.mark.parametrize(
    "line",
    [
        "My Video 1.0 (Clean Version)",
        "My Video 1.0 (Clean Version).mkv",
        "media/My Video 1.0 (Clean Version).f327.mp4",
        "My-Video-1-0-Clean-Version-e4b00008c3 # test",
        "My-Video-1-0-Clean-Version-e4b00008c3,",
    ],
)
@pytest.mark.parametrize("head", ["", "\ufeff"])
def test_a_list_may_spell_a_video_as_its_source_did(dataset: Dataset, tmp_path: Path, line: str, head: str) -> None:
    """Lines with an extension, a comment or behind a byte-order mark matched nothing: test videos went to train."""
    path = tmp_path / "test.txt"
    path.write_text(f"{head}{line}\nhttps://youtu.be/dQw4w9WgXcQ?si=x\n", encoding="utf-8")
    lists = {"test_list": str(path), "unlisted": "train"}
    dataset.run(NAMED, split=lists)
    first, second, third = NAMED
    assert sides(dataset, NAMED, **lists) == {first: "test", second: "test", third: "train"}


def test_listed_videos_that_are_not_here_are_counted(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "test.txt"
    path.write_text("other\nnobody\nnowhere.mkv\n")
    with caplog.at_level("WARNING", "yt360.split"):
        dataset.run(NAMED, split={"test_list": str(path)})
    assert "2 of 3 listed videos are not in this root" in caplog.text
    assert "nobody, nowhere.mkv" in caplog.text


def test_an_empty_list_is_said(dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "test.txt"
    path.write_text("\n# to be filled\n")
    with caplog.at_level("WARNING", "yt360.split"):
        dataset.run(NAMED, split={"test_list": str(path)})
    assert f"{path}: expected videos for the side 'test', found an empty list" in caplog.text


class Kept:
    """What a fan-in stage is given to remember things by."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def recall(self, name: str) -> str | None:
        return self.files.get(name)

    def remember(self, name: str, text: str) -> None:
        self.files[name] = text


def video(name: str, cluster: str = "", channel: str = "", **given: str) -> Item:
    return Item(name, name, meta={"cluster": cluster or name, "channel": channel, **given})


def split_of(items: list[Item], kept: Kept, **params: Any) -> dict[str, str]:
    outcomes = Split(SplitParams(**params)).reduce(items, cast("FanInContext", kept))
    return {
        name: str(outcome.measures["split"]) if isinstance(outcome, Done) else "left out"
        for name, outcome in outcomes.items()
    }


@pytest.mark.parametrize("side", ["train", "test"])
@pytest.mark.parametrize("by", ["list", "table", "default"])
def test_what_is_drawn_goes_with_its_copies_that_are_given(side: str, by: str) -> None:
    """Else one recording would be on both sides."""
    given_ = [video("a", "one", side=side, by=by), video("b", "two", "channel", side=side, by=by)]
    free = [video("copy", "one"), video("same-channel", "three", "channel")]
    assert split_of(given_ + free, Kept(), test_share=0.5) == dict.fromkeys(("a", "b", "copy", "same-channel"), side)


def test_a_copy_of_videos_that_are_given_to_both_sides_is_left_out() -> None:
    items = [video("a", "one", side="train", by="list"), video("b", "one", side="test", by="list"), video("c", "one")]
    assert split_of(items, Kept()) == {"a": "train", "b": "test", "c": "left out"}


def test_only_what_was_drawn_is_remembered() -> None:
    """A video whose list goes, or whose list left it out, is drawn like any other."""
    kept, others = Kept(), [video(f"v{number}") for number in range(6)]
    split_of([*others, video("a", side="test", by="list"), video("b", side="", by="default")], kept, test_share=0.5)
    (text,) = kept.files.values()
    remembered = json.loads(text)
    assert sorted(remembered["sides"]) == [f"v{number}" for number in range(6)]
    assert split_of([video("a")], kept, test_share=0.0) == {"a": "train"}
