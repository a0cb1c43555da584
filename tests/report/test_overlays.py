from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.stages.fakes import Dataset
from yt360 import ambisonics, sphere
from yt360.errors import ItemError, UsageError
from yt360.report.clips import clip_table, read_clip, spread
from yt360.report.overlays import energy_overlay, mark_direction, sheet, write_overlays

GREY = np.full((112, 224, 3), 90, np.uint8)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (1.5, 0.6), (-3.1, -0.2), (0.3, -1.4)])
def test_heat_is_hottest_where_the_sound_is(azimuth: float, elevation: float) -> None:
    foa = ambisonics.encode(np.random.default_rng(0).normal(size=4000), azimuth, elevation).astype(np.float32)
    change = np.abs(energy_overlay(GREY, foa).astype(int) - GREY).sum(-1)
    row, column = np.unravel_index(change.argmax(), change.shape)
    hottest = sphere.pixel_vectors(112, 224)[row, column]
    assert np.degrees(sphere.angle_between(hottest, sphere.unit_vector(azimuth, elevation))) < 25
    opposite = sphere.to_pixels(*sphere.direction(-sphere.unit_vector(azimuth, elevation)), 112, 224)
    assert change[int(np.clip(round(opposite[0]), 0, 111)), round(opposite[1]) % 224] == 0


def test_silence_leaves_the_frame_alone_and_diffuse_sound_hardly_tints_it() -> None:
    assert np.array_equal(energy_overlay(GREY, np.zeros((4, 100), np.float32)), GREY)
    diffuse = np.random.default_rng(0).normal(size=(4, 200_000)).astype(np.float32) * np.array(
        [[1], [0.1], [0.1], [0.1]]
    )
    directed = ambisonics.encode(np.random.default_rng(0).normal(size=4000), 0, 0).astype(np.float32)
    tint = [
        np.abs(energy_overlay(GREY, foa.astype(np.float32)).astype(int) - GREY).max() for foa in (diffuse, directed)
    ]
    assert tint[0] < tint[1]


def test_ring_wraps_over_the_seam() -> None:
    marked = mark_direction(GREY, np.pi, 0.0)
    changed = np.any(marked != GREY, axis=-1)
    assert changed[:, :8].any()
    assert changed[:, -8:].any()


def test_pictures_of_a_finished_root(dataset: Dataset) -> None:
    dataset.run({f"v{n}": 2 for n in range(4)})
    written = write_overlays(dataset.root.path, count=5)
    assert [path.name for path in written][-1] == "energy-overlays.png"
    assert len(written) == 6
    assert len({path.name[:2] for path in written[:-1]}) == 4  # as many videos as there are
    for path in written:
        assert cv2.imread(str(path)) is not None


def test_spread_takes_every_video_once_before_any_twice(dataset: Dataset) -> None:
    dataset.run({"a": 3, "b": 1, "c": 2})
    assert [row["clip"] for row in spread(clip_table(dataset.root.path), 4)] == [
        "a-00000",
        "b-00000",
        "c-00000",
        "a-00010",
    ]


def test_root_without_clips_and_damaged_shard_are_named(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"clips\.parquet"):
        clip_table(tmp_path)
    dataset.run({"a": 1})
    row = next(spread(clip_table(dataset.root.path), 1))
    shard = dataset.root.path / "shards" / row["shard"]
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(ItemError, match="a-00000"):
        read_clip(dataset.root.path, row, 0.5)


def test_sheet_holds_all_pictures() -> None:
    page = sheet([np.full((10, 20, 3), value, np.uint8) for value in (1, 2, 3)])
    assert {1, 2, 3} <= set(np.unique(page))
