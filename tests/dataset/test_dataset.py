from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import yt360
from tests.stages.fakes import Dataset as FakeDataset
from tests.training.world import edit_manifest
from yt360.dataset.schema import MANIFESTS, arrow
from yt360.errors import UsageError


def test_clips_are_found_by_id_number_and_turn(data: yt360.Dataset) -> None:
    assert len(data) == 8
    assert [clip.id for clip in data] == data.ids == list(data.clips["clip"])
    assert data["video001-00010"].id == data[3].id == data[-5].id == data[np.int64(3)].id == "video001-00010"
    assert "video001-00010" in data
    assert "video001" not in data
    part = data[1:7:2]
    assert part.ids == data.ids[1:7:2]
    assert part[0].frame().tobytes() == data[1].frame().tobytes()


def test_a_split_holds_its_clips_only(data: yt360.Dataset) -> None:
    assert data.splits == {"train": 6, "test": 2}
    assert {clip.split for clip in data.split("test")} == {"test"}
    assert len(data.split("train")) == len(data.split("train").clips) == 6
    with pytest.raises(UsageError, match=r"split 'valid'; its splits are 'train', 'test'"):
        data.split("valid")


def test_filter_takes_one_truth_value_a_clip(data: yt360.Dataset) -> None:
    assert data.filter(data.clips["start_s"] > 0).ids == data.ids[1::2]
    for wrong in ([True], np.arange(8)):
        with pytest.raises(UsageError, match="expected 8 truth values"):
            data.filter(wrong)


def test_an_unknown_id_names_near_ones_and_a_video_its_clips(data: yt360.Dataset) -> None:
    with pytest.raises(KeyError) as caught:
        data["video001-0010"]
    assert "no clip 'video001-0010'; did you mean 'video001-00010' or " in str(caught.value)
    assert isinstance(caught.value, UsageError)
    with pytest.raises(UsageError, match=r"'video001' is a video, its clips are 'video001-00000', 'video001-00010'"):
        data["video001"]
    with pytest.raises(UsageError, match=r"no clip 'zzz'; it holds 8 others"):
        data["zzz"]
    for number in (8, -9):
        with pytest.raises(IndexError, match=rf"no clip number {number}: it holds 8 clips"):
            data[number]
    with pytest.raises(TypeError):
        data[1.5]  # type: ignore[call-overload]


def test_a_store_reads_as_a_folder_does(data: yt360.Dataset, store: str) -> None:
    there = yt360.open(store)
    assert there.clips.equals(data.clips)
    mine, its = data[3], there[3]
    assert np.array_equal(its.frames(0.5, 0.5), mine.frames(0.5, 0.5))
    assert np.array_equal(its.foa(0.5, 0.5), mine.foa(0.5, 0.5))
    map_here, map_there = mine.panoptic(0.5), its.panoptic(0.5)
    assert map_here is not None
    assert map_there is not None
    assert np.array_equal(map_here.ids, map_there.ids)


def test_dataset_and_clip_can_be_sent_to_a_worker(data: yt360.Dataset) -> None:
    assert pickle.loads(pickle.dumps(data))[2].id == data[2].id
    clip = data[2]
    assert np.array_equal(pickle.loads(pickle.dumps(clip)).foa(0, 0.1), clip.foa(0, 0.1))


def test_all_tables_of_a_built_root_have_the_documented_columns(dataset: FakeDataset) -> None:
    dataset.run({"a": 2, "b": 1, "empty": 0})
    data = yt360.open(dataset.root.path)
    assert list(data.clips.columns) == arrow(MANIFESTS["clips"]).names
    assert list(data.videos.columns) == arrow(MANIFESTS["videos"]).names
    assert list(data.shards.columns) == arrow(MANIFESTS["shards"]).names
    assert dict(zip(data.videos["video"], data.videos["status"], strict=True)) == {
        "a": "kept",
        "b": "kept",
        "empty": "filtered",
    }
    assert data.shards["clips"].sum() == len(data) == 3
    assert data[0].panoptic(0.0) is None
    assert data[0].metadata["panoptic_offset"] is None


def test_what_is_no_dataset_is_named(tmp_path: Path, own_root: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere/manifests/clips\.parquet: no clip manifest there"):
        yt360.open(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"strange://here/manifests/clips\.parquet: cannot be read"):
        yt360.open("strange://here")
    data = yt360.open(own_root)
    with pytest.raises(UsageError, match=r"videos\.parquet: expected a manifest, found no file"):
        data.videos  # noqa: B018 - reads the table
    edit_manifest(own_root, lambda rows: rows[1].update(convention="fuma"))
    damaged = yt360.open(own_root)
    assert damaged[0].id == "video000-00000"
    with pytest.raises(UsageError, match=r"clip 'video001-00000' holds 'fuma' sound"):
        damaged[1]


def test_a_manifest_of_an_older_version_lacks_columns_that_nobody_needs(own_root: Path) -> None:

    def without(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            del row["start_s"], row["json_size"]

    edit_manifest(own_root, without)
    clip = yt360.open(own_root)[0]
    assert clip.start_s is None
    assert clip.frame().shape == (64, 128, 3)


def test_importing_and_reading_need_no_torch(root: Path) -> None:
    program = (
        "import sys, yt360; heavy = {'torch', 'pandas', 'av', 'numpy', 'pyarrow', 'cv2'} & set(sys.modules)\n"
        f"clip = yt360.open({str(root)!r})[0]\n"
        "clip.view(azimuth_deg=30, panoptic=True); assert clip.panoptic(0.0) is not None\n"
        "print(heavy, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "set() False"


def test_the_face_is_listed_and_nothing_else_is_there() -> None:
    assert {"open", "Dataset", "Clip", "ClipView", "ClipDataset"} <= set(dir(yt360))
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        yt360.opne  # type: ignore[attr-defined]  # noqa: B018


def test_text_that_is_no_utf8_in_a_manifest_without_checksums_is_named_when_it_is_opened(own_root: Path) -> None:
    """It ended in a UnicodeDecodeError at the first look at a clip; manifests of others may lack checksums."""
    path = own_root / "manifests" / "clips.parquet"
    table = pq.read_table(path)
    pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    first = table["clip"][0].as_py().encode()
    path.write_bytes(path.read_bytes().replace(first, first[:4] + b"\xe5" + first[5:]))
    with pytest.raises(UsageError, match=r"clips\.parquet: .*damaged .*run yt360 shard again"):
        yt360.open(own_root)
