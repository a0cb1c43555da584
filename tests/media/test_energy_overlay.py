from __future__ import annotations

import numpy as np
import pytest

from yt360 import ambisonics, sphere
from yt360.media.energy_overlay import energy_overlay, mark_direction

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
