"""What lies in the shards stays there while something before them waits, and goes when it is dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.stages.fakes import Dataset
from yt360.engine import pipeline
from yt360.engine.pipeline import RunResult
from yt360.engine.verify import verify
from yt360.publishing.manifests import publish
from yt360.stages.shard import read_members

VIDEOS = {"alpha": 3, "beta": 2, "gamma": 2, "delta": 1}
SETTINGS: dict[str, Any] = {"shard": {"target_mb": 0.03}, "split": {"test_share": 0.4}}


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS, **SETTINGS)
    return dataset


def _only(dataset: Dataset, stage: str, videos: dict[str, int] = VIDEOS, **settings: Any) -> RunResult:
    options = pipeline.Options(workers=1, min_free_bytes=0, quiet=True)
    return pipeline.run(
        dataset.recipe(videos, **{**SETTINGS, **settings}), dataset.root, options, only=stage, publish=publish
    )


def _shards(dataset: Dataset) -> dict[str, bytes]:
    """The shards and their index."""
    files = sorted((dataset.root.path / "shards").iterdir())
    return {path.name: path.read_bytes() for path in files if path.suffix in (".tar", ".json")}


def _clips(dataset: Dataset) -> pd.DataFrame:
    return pd.read_parquet(dataset.root.manifests / "clips.parquet")


def _in_shards(dataset: Dataset) -> set[str]:
    tars = sorted((dataset.root.path / "shards").glob("*.tar"))
    return {name.split(".")[0] for tar in tars for name in read_members(tar)}


def _consistent(dataset: Dataset) -> None:
    """Every row of the manifest points at the bytes that it says, and no member is without a row."""
    rows: Any = _clips(dataset)
    for row in rows.itertuples():
        members = read_members(dataset.root.path / "shards" / row.shard)
        assert members[f"{row.clip}.video.mp4"] == (row.video_offset, row.video_size)
        assert row.shard.startswith(f"{row.split}-")
    assert set(rows["clip"]) == _in_shards(dataset)
    index = json.loads((dataset.root.path / "shards" / "shards.json").read_text())
    assert {each["shard"] for each in index["shards"]} == set(rows["shard"])


@pytest.mark.parametrize(
    "changed",
    [
        {"split": {"test_share": 0.1}},
        {"split": {"test_share": 0.4, "salt": "another"}},
        {"chunk": {"tone_hz": 300.0}},
        {"chunk": {"tone_hz": 300.0}, "split": {"test_share": 0.1}},
    ],
    ids=["split", "salt", "chunk", "both"],
)
def test_shards_keep_all_while_a_stage_before_them_waits(made: Dataset, changed: dict[str, Any]) -> None:
    """All tars were deleted and the manifests emptied, exit code 0, without a word."""
    before, rows = _shards(made), _clips(made)
    result = _only(made, "shard", **changed)
    assert (result.worked, result.failed) == (0, [])
    assert _shards(made) == before
    pd.testing.assert_frame_equal(_clips(made), rows)
    made.run(VIDEOS, **{**SETTINGS, **changed})
    assert len(_clips(made)) == len(rows)
    _consistent(made)


@pytest.mark.parametrize("stage", ["crawl", "chunk", "split"])
def test_no_row_goes_while_the_shards_wait(made: Dataset, stage: str) -> None:
    """A stage run by itself published manifests without what waited behind it."""
    before, rows = _shards(made), _clips(made)
    changed: dict[str, Any] = {"split": {"test_share": 0.1}, "chunk": {"tone_hz": 300.0}}
    _only(made, stage, **{stage: changed[stage]} if stage in changed else {})
    assert _shards(made) == before
    pd.testing.assert_frame_equal(_clips(made), rows)
    assert len(pd.read_parquet(made.root.manifests / "shards.parquet")) == len(before) - 1
    _consistent(made)


def test_new_clips_are_added_beside_those_that_wait(made: Dataset) -> None:
    more = {**VIDEOS, "epsilon": 2}
    for stage in ("crawl", "chunk"):
        _only(made, stage, more)
    before = _shards(made)
    _only(made, "shard", more)
    assert _shards(made) == before
    made.run(more, **SETTINGS)
    assert len(_clips(made)) == sum(more.values())
    assert {name: data for name, data in _shards(made).items() if name in before and name != "shards.json"} == {
        name: data for name, data in before.items() if name != "shards.json"
    }


def test_what_is_dropped_while_others_wait_leaves_and_they_stay(made: Dataset) -> None:
    """`beta` has no clips any more; `alpha` in the same shard waits for another cut."""
    changed = {**VIDEOS, "beta": 0}
    for stage in ("crawl", "chunk"):
        _only(made, stage, changed)
    _only(made, "shard", changed, split={"test_share": 0.1})
    assert _in_shards(made) == {name for name in _in_shards(made) if not name.startswith("beta")}
    assert {name.rpartition("-")[0] for name in _in_shards(made)} == set(VIDEOS) - {"beta"}
    _consistent(made)


def test_another_size_of_shards_takes_along_what_waits(made: Dataset) -> None:
    rows = _clips(made)
    _only(made, "shard", shard={"target_mb": 500.0}, split={"test_share": 0.1})
    assert sorted(_clips(made)["clip"]) == sorted(rows["clip"])
    assert dict(zip(_clips(made)["clip"], _clips(made).split, strict=True)) == dict(
        zip(rows["clip"], rows.split, strict=True)
    )
    assert len(_shards(made)) == 3
    _consistent(made)


def test_a_clip_that_waits_is_found_by_its_name_where_it_is_cut_anew(made: Dataset) -> None:
    """The video has other clips by now, and no side yet: the shards hold the earlier cut until it has one."""
    shorter = {**VIDEOS, "alpha": 2}
    before = _shards(made)
    for stage in ("crawl", "chunk", "shard"):
        _only(made, stage, shorter, split={"test_share": 0.1})
        assert _shards(made) == before
    made.run(shorter, shard=SETTINGS["shard"], split={"test_share": 0.1})
    assert "alpha-00020" not in _in_shards(made)
    _consistent(made)


def test_a_shard_that_cannot_be_written_again_keeps_its_rows(made: Dataset) -> None:
    large: dict[str, Any] = {"shard": {"target_mb": 500.0}, "split": {"test_share": 0.0}}
    made.run(VIDEOS, **large)
    rows = _clips(made)
    (made.root.data / "chunk" / "alpha" / "alpha-00000.video.mp4").write_bytes(b"rot")
    changed = {**VIDEOS, "beta": 0}
    for stage in ("crawl", "chunk"):
        _only(made, stage, changed, **large)
    result = _only(made, "shard", changed, **large)
    assert not result.stages[0].counts["done"]
    kept = _clips(made)
    assert set(kept["clip"]) >= set(rows["clip"]) - {"beta-00000", "beta-00010"}
    assert set(kept["clip"]) <= set(rows["clip"])


def test_a_damaged_shard_has_no_rows_until_it_is_mended(made: Dataset) -> None:
    path = made.root.path / "shards" / "train-000000.tar"
    data = path.read_bytes()
    path.write_bytes(data[:1000] + b"rot" + data[1003:])
    assert verify(made.catalog(VIDEOS, **SETTINGS), workers=1, quiet=True).damaged
    _only(made, "split")
    assert "train-000000.tar" not in set(_clips(made).shard)
    made.run(VIDEOS, **SETTINGS)
    assert path.read_bytes() == data
    _consistent(made)


def test_manifests_that_cannot_be_read_say_nothing_of_what_was(made: Dataset) -> None:
    (made.root.manifests / "clips.parquet").write_bytes(b"rot")
    _only(made, "shard", split={"test_share": 0.1})
    assert len(_clips(made)) in (0, sum(VIDEOS.values()))
    made.run(VIDEOS, **SETTINGS)
    _consistent(made)


def test_a_shard_that_went_and_is_wanted_again_is_written(made: Dataset) -> None:
    """Its record stayed, so it was taken for written: the manifest named a file that was not there."""
    rows = _clips(made)
    for _ in range(2):
        made.run({**VIDEOS, "gamma": 0}, **SETTINGS)
        assert "gamma" not in set(_clips(made)["video"])
        _consistent(made)
        made.run(VIDEOS, **SETTINGS)
        _consistent(made)
        assert sorted(_clips(made)["clip"]) == sorted(rows["clip"])
    assert not verify(made.catalog(VIDEOS, **SETTINGS), workers=1, quiet=True).damaged


def test_of_tars_without_a_record_only_our_own_go(made: Dataset) -> None:
    """A killed run leaves a shard that no record names; somebody's own file may be called like one."""
    folder = made.root.path / "shards"
    leftover, foreign = folder / "train-000099.tar", folder / "train-000098.tar"
    leftover.write_bytes((folder / "train-000000.tar").read_bytes())
    foreign.write_bytes(b"somebody's own")
    made.run({**VIDEOS, "epsilon": 1}, **SETTINGS)
    assert not leftover.exists()
    assert foreign.read_bytes() == b"somebody's own"
    videos = pd.read_parquet(made.root.manifests / "videos.parquet").set_index("video")
    sides = _clips(made).groupby("video")["split"].first()
    assert videos["split"].to_dict() == sides.to_dict()
    assert videos["clips"].to_dict() == _clips(made)["video"].value_counts().to_dict()
