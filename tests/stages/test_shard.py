from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import soundfile

from tests.stages.fakes import Dataset
from yt360.dataset.schema import CLIPS, arrow
from yt360.engine.verify import verify
from yt360.errors import ItemError, UsageError
from yt360.hashing import digest_bytes
from yt360.publishing.manifests import check_manifests
from yt360.stages.shard import MEMBERS, OPTIONAL, is_our_tar, read_members

VIDEOS = {f"video{n:02d}": n % 3 + 1 for n in range(8)}
SPLIT = {"test_share": 0.4}
SMALL = {"target_mb": 0.06}


def clips(dataset: Dataset) -> pd.DataFrame:
    return pd.read_parquet(dataset.root.manifests / "clips.parquet")


def test_every_clip_is_where_the_manifest_says(dataset: Dataset) -> None:
    dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    table = clips(dataset)
    assert len(table) == sum(VIDEOS.values())
    assert list(table.columns) == arrow(CLIPS).names
    assert table["clip"].is_unique
    assert set(table["split"]) == {"train", "test"}
    for row in table.to_dict("records"):
        data = (dataset.root.path / "shards" / row["shard"]).read_bytes()
        part = {name: data[row[f"{name}_offset"] :][: row[f"{name}_size"]] for name in MEMBERS if name not in OPTIONAL}
        assert json.loads(part["json"])["clip"] == row["clip"]
        assert digest_bytes(part["video"]) == row["video_digest"]
        assert digest_bytes(part["foa"]) == row["foa_digest"]
        samples, rate = soundfile.read(io.BytesIO(part["foa"]))
        assert samples.shape == (row["samples"], 4)
        assert rate == row["sample_rate_hz"]


def test_shards_read_as_webdataset(dataset: Dataset) -> None:
    """The rule of the format: a key is the name up to its first dot, and a key's members are neighbours."""
    dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    for path in (dataset.root.path / "shards").glob("*.tar"):
        with tarfile.open(path) as tar:
            names = tar.getnames()
        keys = [name.partition(".")[0] for name in names]
        assert keys == sorted(keys)
        assert {name.partition(".")[2] for name in names} == {
            ending for name, ending in MEMBERS.items() if name not in OPTIONAL
        }
        assert len(names) == 3 * len(set(keys))


def test_no_video_is_on_both_sides(dataset: Dataset) -> None:
    dataset.run(VIDEOS, split=SPLIT)
    assert clips(dataset).groupby("video")["split"].nunique().max() == 1


def test_byte_identical_at_any_number_of_workers_and_after_a_rerun(tmp_path: Path) -> None:
    made = []
    for workers in (1, 3):
        dataset = Dataset(tmp_path / str(workers))
        dataset.run(VIDEOS, workers=workers, split=SPLIT, shard=SMALL)
        made.append(dataset.bytes())
        assert dataset.run(VIDEOS, split=SPLIT, shard=SMALL).worked == 0
        assert dataset.bytes() == made[-1]
    assert made[0] == made[1]
    assert sum(name.endswith(".tar") for name in made[0]) > 4


def test_tar_headers_hold_no_time_no_owner_and_plain_modes(dataset: Dataset) -> None:
    dataset.run(VIDEOS, shard=SMALL)
    with tarfile.open(next((dataset.root.path / "shards").glob("*.tar"))) as tar:
        for info in tar:
            assert (info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) == (0, 0, 0, "", "", 0o644)


def test_videos_that_come_later_add_shards_and_rewrite_none(dataset: Dataset) -> None:
    dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    before = {name: data for name, data in dataset.bytes().items() if name.endswith(".tar")}
    dataset.run(VIDEOS | {"aaa": 2, "zzz": 3}, split=SPLIT, shard=SMALL)
    after = dataset.bytes()
    assert {name: after[name] for name in before} == before
    assert len(clips(dataset)) == sum(VIDEOS.values()) + 5
    assert sum(name.endswith(".tar") for name in after) > len(before)


def test_video_that_changes_rewrites_only_its_own_shards(dataset: Dataset) -> None:
    dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    before = dataset.bytes()
    table = clips(dataset)
    touched = set(table.loc[table["video"] == "video02", "shard"])
    dataset.run(VIDEOS | {"video02": 0}, split=SPLIT, shard=SMALL)
    after = dataset.bytes()
    for name in before:
        if name.endswith(".tar"):
            assert (after.get(name) == before[name]) == (Path(name).name not in touched)
    assert "video02" not in set(clips(dataset)["video"])
    assert {path.name for path in (dataset.root.path / "shards").glob("*.tar")} == set(clips(dataset)["shard"])


def test_kill_between_plan_and_last_shard_gives_the_same_shards(dataset: Dataset, tmp_path: Path) -> None:
    whole = Dataset(tmp_path / "whole")
    whole.run(VIDEOS, split=SPLIT, shard=SMALL)
    dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    # As after a kill: some shards are there, in no particular order, some have neither file nor record.
    for path in (dataset.root.ledger / "shard").iterdir():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[::2]))
    kept = {json.loads(line)["item"] for path in (dataset.root.ledger / "shard").iterdir() for line in path.open()}
    for path in (dataset.root.path / "shards").glob("*.tar"):
        if path.stem not in kept:
            path.unlink()
    assert dataset.run(VIDEOS, split=SPLIT, shard=SMALL).worked > 0
    assert dataset.bytes() == whole.bytes()


@pytest.mark.parametrize("damage", ["gone", "cut", "changed", "empty"])
def test_verify_finds_planted_damage_and_run_repairs_exactly_that(dataset: Dataset, damage: str) -> None:
    dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    before = dataset.bytes()
    assert verify(dataset.catalog(VIDEOS, split=SPLIT, shard=SMALL), workers=1).damaged == []
    path = sorted((dataset.root.path / "shards").glob("*.tar"))[1]
    if damage == "gone":
        path.unlink()
    elif damage == "changed":
        data = bytearray(path.read_bytes())
        data[2000] ^= 1
        path.write_bytes(data)
    else:
        os.truncate(path, 0 if damage == "empty" else path.stat().st_size - 5000)
    found = verify(dataset.catalog(VIDEOS, split=SPLIT, shard=SMALL), workers=1).damaged
    assert [(one.stage, one.item) for one in found] == [("shard", path.stem)]
    result = dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    assert {stage.stage: stage.worked for stage in result.stages} == {"crawl": 0, "chunk": 0, "split": 0, "shard": 1}
    assert dataset.bytes() == before


def test_damaged_clip_is_made_again_and_the_shard_is_not(dataset: Dataset) -> None:
    dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    victim = next((dataset.root.data / "chunk" / "video01").glob("*.flac"))
    victim.write_bytes(victim.read_bytes()[:-100])
    found = verify(dataset.catalog(VIDEOS, split=SPLIT, shard=SMALL), workers=1).damaged
    assert [(one.stage, one.item) for one in found] == [("chunk", "video01")]
    result = dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    assert {stage.stage: stage.worked for stage in result.stages} == {"crawl": 0, "chunk": 1, "split": 0, "shard": 0}


def test_manifests_that_are_damaged_are_found_and_written_anew(dataset: Dataset) -> None:
    dataset.run(VIDEOS)
    before = dataset.bytes()
    (dataset.root.manifests / "clips.parquet").write_bytes(b"PAR1")
    (dataset.root.manifests / "videos.parquet").unlink()
    assert len(check_manifests(dataset.catalog(VIDEOS))) == 2
    dataset.run(VIDEOS)
    assert check_manifests(dataset.catalog(VIDEOS)) == []
    assert dataset.bytes() == before


def test_every_video_is_in_the_manifest_with_its_reason(dataset: Dataset) -> None:
    dataset.run(VIDEOS | {"quiet": 0})
    table: Any = pd.read_parquet(dataset.root.manifests / "videos.parquet").set_index("video")
    assert len(table) == len(VIDEOS) + 1
    assert table.loc["quiet", ["status", "stage", "reason", "clips"]].tolist() == ["filtered", "chunk", "silent", 0]
    assert table.loc["video01", ["status", "clips"]].tolist() == ["kept", 2]
    assert table.loc["video01", "title"] == "<b>video01</b>"


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\0" * 10240])
def test_file_that_is_no_tar_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    with pytest.raises(ItemError, match=r"x\.tar"):
        read_members(path)


def test_plan_file_that_is_damaged_is_named(dataset: Dataset) -> None:
    dataset.run(VIDEOS)
    (dataset.root.state / "shard-plan.json").write_text("[]")
    with pytest.raises(UsageError, match=r"shard-plan\.json"):
        dataset.run(VIDEOS)


def test_clips_of_a_video_that_changed_its_side_leave_the_old_sides_shard(dataset: Dataset) -> None:
    """No test video stays in a training shard, whatever an earlier run had put there."""
    dataset.run(VIDEOS, split=SPLIT, shard=SMALL)
    before = clips(dataset)
    moved = before[before["split"] == "train"]["video"].iloc[0]
    listed = dataset.root.path / "test.txt"
    listed.write_text("\n".join(sorted({moved, *before[before["split"] == "test"]["video"]})) + "\n")
    (dataset.root.state / "split-sides.json").unlink()
    dataset.run(VIDEOS, split={**SPLIT, "test_list": str(listed)}, shard=SMALL)
    after = clips(dataset)
    assert set(after[after["video"] == moved]["split"]) == {"test"}
    for shard in (dataset.root.path / "shards").glob("train-*.tar"):
        with tarfile.open(shard) as tar:
            assert not [name for name in tar.getnames() if name.startswith(moved)], shard.name


def _tar(path: Path, member: str = "v-00000.json", **header: object) -> Path:
    info = tarfile.TarInfo(member)
    info.size, info.mode, info.mtime = 2, 0o644, 0
    for name, value in header.items():
        setattr(info, name, value)
    with tarfile.open(path, "w") as tar:
        tar.addfile(info, io.BytesIO(b"{}"))
    return path


def test_a_tar_as_we_write_it_is_ours(tmp_path: Path) -> None:
    """Every kind of member may come first; what is ours may be deleted when it is no longer wanted."""
    for ending in MEMBERS.values():
        assert is_our_tar(_tar(tmp_path / "train-000000.tar", f"v-00000.{ending}"))


@pytest.mark.parametrize("header", [{"mtime": 1}, {"mode": 0o645}, {"mode": 0o600}, {"uname": "me"}, {"uname": "0"}])
def test_a_tar_with_another_header_is_somebody_elses(tmp_path: Path, header: dict[str, Any]) -> None:
    assert not is_our_tar(_tar(tmp_path / "train-000000.tar", **header))


def test_a_tar_of_another_name_or_with_other_members_is_somebody_elses(tmp_path: Path) -> None:
    ours = _tar(tmp_path / "train-000000.tar")
    for name in ("train.tar", "train-00000.tar", "train-0000000.tar", "my backup-000000.tar"):
        assert not is_our_tar(_tar(tmp_path / name)), name
    for member in ("v-00000.txt", "v-00000json"):
        assert not is_our_tar(_tar(tmp_path / "test-000000.tar", member)), member
    (tmp_path / "test-000001.tar").symlink_to(ours)
    assert not is_our_tar(tmp_path / "test-000001.tar")


@pytest.mark.parametrize("content", [b"", b"no tar at all", bytes(10240)])
def test_what_is_no_tar_is_not_ours(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train-000000.tar").write_bytes(content)
    assert not is_our_tar(tmp_path / "train-000000.tar")
