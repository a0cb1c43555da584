"""What training reads of the clip manifest, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.world import edit_manifest, tiny
from yt360.dataset.manifest import check_shards, load_split
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
