from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stages.fakes import Dataset
from yt360.errors import UsageError
from yt360.stages.split import Split, SplitParams


def sides(dataset: Dataset, videos: dict[str, int], **split) -> dict[str, str]:
    records = dataset.catalog(videos, split=split).passing("split")
    return {name: record.measures["split"] for name, record in records.items()}


def test_share_of_test_is_that_of_the_paper() -> None:
    split = Split()
    test = sum(split.side(f"video{n}") == "test" for n in range(20_000)) / 20_000
    assert test == pytest.approx(1000 / 5506, abs=0.01)


@given(st.text(min_size=1, max_size=20), st.floats(0, 1))
def test_side_depends_on_id_and_salt_alone(video: str, share: float) -> None:
    params = SplitParams(test_share=share)
    assert Split(params).side(video) == Split(params).side(video)
    assert Split(SplitParams(test_share=0.0)).side(video) == "train"
    assert Split(SplitParams(test_share=1.0)).side(video) == "test"


def test_a_larger_share_moves_videos_only_towards_test() -> None:
    few, many = Split(SplitParams(test_share=0.2)), Split(SplitParams(test_share=0.5))
    assert all(many.side(f"v{n}") == "test" for n in range(1000) if few.side(f"v{n}") == "test")


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


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00bad"])
def test_list_that_cannot_be_read_is_named(dataset: Dataset, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"list\.txt"):
        dataset.run({"a": 1}, split={"test_list": str(path)})
