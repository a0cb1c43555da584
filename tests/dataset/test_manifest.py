"""What training reads of the clip manifest, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.training.world import edit_manifest, tiny
from yt360.dataset.manifest import ClipSplit, check_shards, clip_row, load_split
from yt360.dataset.settings import DataSettings
from yt360.errors import UsageError


def load(root: Path | str, name: str = "train", **data: Any) -> Any:
    return load_split(str(root), name, tiny(data=data).data, 24_000)


def test_split_groups_clips_by_video(root: Path) -> None:
    split = load(root)
    assert len(split.clips) == 6
    assert split.videos == tuple(f"video{v:03d}" for v in range(3))
    for video, indices in zip(split.videos, split.clips_of, strict=True):
        assert {split.clips[i].video for i in indices} == {video}


def test_missing_manifest_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"clips\.parquet.*yt360 run"):
        load(tmp_path)


def test_text_instead_of_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "clips.parquet").write_text("hello")
    with pytest.raises(UsageError, match="Parquet"):
        load(tmp_path)


def test_missing_shard_is_named(own_root: Path) -> None:
    (own_root / "shards" / "train-000000.tar").unlink()
    with pytest.raises(UsageError, match=r"train-000000\.tar"):
        check_shards(str(own_root), [load(own_root)])


def test_cut_shard_is_named_with_its_size(own_root: Path) -> None:
    shard = own_root / "shards" / "train-000000.tar"
    shard.write_bytes(shard.read_bytes()[:20000])
    with pytest.raises(UsageError, match=r"train-000000\.tar \(20000 bytes"):
        check_shards(str(own_root), [load(own_root)])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("convention", "fuma", "AmbiX"),
        ("shard", "../../etc/passwd", "plain file name"),
        ("shard", "..", "plain file name"),
        ("video_offset", -1, "cannot be"),
        ("foa_size", 1 << 40, "cannot be"),
        ("sample_rate_hz", 48000, "48000 Hz"),
        ("fps", 0.0, "cannot be"),
        ("fps", float("nan"), "cannot be"),
        ("width", 127, "cannot be"),
        ("height", 99999, "at most"),
        ("video_digest", None, "video_digest"),
    ],
)
def test_impossible_manifest_values_are_refused(own_root: Path, column: str, value: Any, message: str) -> None:
    edit_manifest(own_root, lambda rows: rows[0].update({column: value}))
    with pytest.raises(UsageError, match=message) as caught:
        load(own_root)
    assert "video000-00000" in str(caught.value)


def test_missing_column_is_named(own_root: Path) -> None:
    def without(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            del row["foa_digest"]

    edit_manifest(own_root, without)
    with pytest.raises(UsageError, match="foa_digest"):
        load(own_root)


def test_a_few_short_clips_are_left_out_and_named(root: Path) -> None:
    split = load(root)
    assert split.short == ()
    with pytest.raises(UsageError, match=r"6 of 6 train clips are shorter.*video000-00000"):
        load(root, sound_s=2.5)


ROW: dict[str, Any] = {
    "clip": "v-00000", "video": "v", "split": "train", "shard": "train-000000.tar", "convention": "ambix",
    "video_offset": 512, "video_size": 1000, "video_digest": "a",
    "foa_offset": 2048, "foa_size": 500, "foa_digest": "b",
    "frames": 16, "fps": 16.0, "height": 64, "width": 128, "samples": 24000, "sample_rate_hz": 24000,
}  # fmt: skip
"""A clip of a second."""

LARGEST = 1 << 30
"""Bytes that a member may have."""


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        *((f"{member}_offset", 0, 1 << 50) for member in ("video", "foa", "panoptic", "events")),
        *((f"{member}_size", 1, LARGEST) for member in ("video", "foa", "panoptic", "events")),
        ("frames", 1, 1 << 40),
        ("samples", 1, 1 << 40),
        ("sample_rate_hz", 1, 1 << 40),
        ("height", 1, 16384),
        ("width", 2, 16384),
    ],
)
def test_numbers_of_a_clip_are_taken_up_to_their_ends_and_no_further(name: str, least: int, most: int) -> None:
    optional = {f"{member}_{fact}": 9 for member in ("panoptic", "events") for fact in ("offset", "size")}
    row = ROW | (optional if name.startswith(("panoptic", "events")) else {})
    for value in (least, most):
        assert getattr(clip_row(row | {name: value}, "here"), name) == value
    outside = [least - 1] if most > 1 << 32 else [least - 1, most + 2 - most % 2 if name == "width" else most + 1]
    for value in outside:
        with pytest.raises(UsageError, match=r"here: clip 'v-00000'"):
            clip_row(row | {name: value}, "here")


@pytest.mark.parametrize(("fps", "taken"), [(0.0, False), (0.001, True), (999.9, True), (1000.0, False)])
def test_frames_a_second_lie_between_none_and_a_thousand(fps: float, taken: bool) -> None:
    if taken:
        assert clip_row(ROW | {"fps": fps}, "here").fps == fps
    else:
        with pytest.raises(UsageError, match="which cannot be"):
            clip_row(ROW | {"fps": fps}, "here")


@pytest.mark.parametrize("member", ["panoptic", "events"])
@pytest.mark.parametrize("fact", ["offset", "size"])
def test_a_member_without_its_place_or_its_size_cannot_be(member: str, fact: str) -> None:
    assert getattr(clip_row(ROW, "here"), f"{member}_{fact}") is None
    with pytest.raises(UsageError, match=f"the {member} range"):
        clip_row(ROW | {f"{member}_{fact}": 7}, "here")


@pytest.mark.parametrize("name", sorted(set(ROW) - {"clip", "split", "convention"}))
def test_a_clip_without_a_value_that_readers_need_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=f"here: clip 'v-00000' has no value for {name};"):
        clip_row(ROW | {name: None}, "here")


@pytest.mark.parametrize("shard", ["", ".", "..", "a/b.tar", "/b.tar", "b.tar/"])
def test_a_shard_is_named_without_its_folder(shard: str) -> None:
    with pytest.raises(UsageError, match="expected a plain file name"):
        clip_row(ROW | {"shard": shard}, "here")


def of_rows(rows: list[dict[str, Any]], split: str = "train", **data: Any) -> ClipSplit:
    return load_split("root", split, DataSettings(**data), 24000, table=pa.Table.from_pylist(rows))


@pytest.mark.parametrize(("picture_s", "sound_s", "enough"), [(0.5, 1.0, True), (0.5, 1.001, False), (1.0, 1.0, True)])
def test_a_clip_is_long_enough_that_lasts_exactly_as_long(picture_s: float, sound_s: float, enough: bool) -> None:
    rows = [ROW | {"clip": "a", "frames": 160, "samples": 240_000}] * 200 + [ROW | {"clip": "b"}]
    found = of_rows(rows, picture_s=picture_s, sound_s=sound_s)
    assert found.short == (() if enough else ("b",))
    assert len(found.clips) == 200 + enough
    fewer = [*rows[:-1], ROW | {"clip": "b", "frames": 15, "samples": 240_000}]
    assert of_rows(fewer, picture_s=picture_s, sound_s=1.0).short == (("b",) if picture_s == 1.0 else ())


def test_one_short_clip_of_a_hundred_is_left_out_and_two_stop_the_run() -> None:
    long, short = ROW | {"clip": "a"}, ROW | {"clip": "b", "samples": 100}
    assert of_rows([long] * 99 + [short]).short == ("b",)
    with pytest.raises(UsageError, match="2 of 100 train clips are shorter than one sample"):
        of_rows([long] * 98 + [short] * 2)
    with pytest.raises(UsageError, match="1 of 99 train clips"):
        of_rows([long] * 98 + [short])


def test_clips_of_other_splits_and_of_several_videos_are_told_apart() -> None:
    rows = [ROW | {"clip": name, "video": name[0], "split": split} for name, split in
            (("x1", "train"), ("y1", "test"), ("y2", "train"), ("x2", "train"))]  # fmt: skip
    found = of_rows(rows)
    assert [clip.clip for clip in found.clips] == ["x1", "y2", "x2"]
    assert found.videos == ("x", "y")
    assert [indices.tolist() for indices in found.clips_of] == [[0, 2], [1]]
    assert of_rows(rows, "test").videos == ("y",)
    assert found.digest != of_rows(rows[:-1]).digest


@pytest.mark.parametrize(("length", "whole"), [(2548, True), (2547, False)])
@pytest.mark.parametrize("last", ["foa", "video"])
def test_a_shard_must_reach_to_the_last_byte_that_the_manifest_names(
    tmp_path: Path, length: int, whole: bool, last: str
) -> None:
    other = "foa" if last == "video" else "video"
    row = clip_row(
        ROW | {f"{last}_offset": 2048, f"{last}_size": 500, f"{other}_offset": 512, f"{other}_size": 900}, "here"
    )
    before = replace(row, clip="w-00000", video_offset=0, video_size=10, foa_offset=10, foa_size=10)
    for clips in ((row, before), (before, row)):
        split = ClipSplit("train", clips, (), (), ())
        (tmp_path / "shards").mkdir(exist_ok=True)
        (tmp_path / "shards" / row.shard).write_bytes(bytes(length))
        if whole:
            check_shards(str(tmp_path), [split])
        else:
            with pytest.raises(UsageError, match=r"2547 bytes, expected at least 2548"):
                check_shards(str(tmp_path), [split])
    check_shards(str(tmp_path / "nowhere"), [ClipSplit("train", (), (), (), ())])
    with pytest.raises(UsageError, match=r"1 shard\(s\) that are not there, first train-000000\.tar"):
        check_shards(str(tmp_path / "nowhere"), [split])


_THREADS = """
import os, sys
import fsspec, pyarrow.parquet
from yt360.dataset.manifest import read_manifest
threads = lambda: len(os.listdir("/proc/self/task"))
begin = threads()
read_manifest(sys.argv[1], "clips")
ours = threads()
with fsspec.open(sys.argv[1] + "/manifests/clips.parquet", "rb") as stream:
    pyarrow.parquet.read_table(stream)
print(ours - begin, threads() - ours)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's list of a process's threads")
def test_arrow_reads_a_manifest_without_its_pool_of_threads(own_root: Path) -> None:
    """F32: a thread of the pool that frees a Python buffer while the interpreter ends aborts the process."""
    done = subprocess.run([sys.executable, "-c", _THREADS, own_root], capture_output=True, text=True, check=True)
    ours, usual = map(int, done.stdout.split())
    assert ours <= 1
    assert usual >= 1, "as it comes, Arrow starts its pool"
