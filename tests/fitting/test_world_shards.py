"""Scenes straight to shards: a dataset as any other, the same however it is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import yt360
from fitting.world_shards import WorldFormat, make_shards
from yt360 import ambisonics

TINY = WorldFormat(duration_s=1.0, height=32, fps=8)


def test_a_split_is_a_dataset_and_repeats(tmp_path: Path) -> None:
    splits = [("train", 2, 1), ("test", 1, 2)]
    first, second = (make_shards(tmp_path / name, splits, TINY) for name in ("a", "b"))
    for path in (Path("manifests/clips.parquet"), Path("shards/train-000000.tar"), Path("shards/test-000000.tar")):
        assert (first / path).read_bytes() == (second / path).read_bytes()
    data = yt360.open(str(first))
    assert [(clip.id, clip.split) for clip in data] == [
        ("world1-00000-00000", "train"),
        ("world1-00001-00000", "train"),
        ("world2-00000-00000", "test"),
    ]
    frames, sound = data[0].frames(0.0, 1.0), data[0].foa(0.0, 1.0)
    assert frames.shape == (8, 32, 64, 3)
    assert sound.shape == (4, 24000)
    assert not np.array_equal(frames, data[1].frames(0.0, 1.0))
    assert np.abs(sound).max() > 1e-3
    assert 0 <= ambisonics.sound_direction(sound).diffuseness < 1
