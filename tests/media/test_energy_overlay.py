from __future__ import annotations

import numpy as np
import pytest

from yt360 import ambisonics, sphere
from yt360.media.energy_overlay import ENERGY_WORDS, energy_overlay, heat_colours, heat_overlay, mark_direction

GREY = np.full((112, 224, 3), 90, np.uint8)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (1.5, 0.6), (-3.1, -0.2), (0.3, -1.4)])
def test_heat_is_hottest_where_the_sound_is(azimuth: float, elevation: float) -> None:
    foa = ambisonics.encode(np.random.default_rng(0).normal(size=4000), azimuth, elevation).astype(np.float32)
    change = np.abs(energy_overlay(GREY, foa).astype(int) - GREY).sum(-1)
    row, column = np.unravel_index(change.argmax(), change.shape)
    hottest = sphere.pixel_vectors(112, 224)[row, column]
    assert np.degrees(sphere.angle_between(hottest, sphere.unit_vector(azimuth, elevation))) < 25
    row, column = map(float, sphere.to_pixels(*sphere.direction(-sphere.unit_vector(azimuth, elevation)), 112, 224))
    assert change[min(max(round(row), 0), 111), round(column) % 224] == 0


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


def test_the_colours_are_as_their_words_say() -> None:
    """A power that is 5 dB below the peak hardly tints a frame; the peak is pale yellow."""
    red, green, blue = heat_colours()[255]
    assert min(red, green) > 240
    assert blue < 200
    grey = np.full((1, 2, 3), 128, np.uint8)
    there, below = heat_overlay(grey, np.array([[1.0, (10 ** (-5 / 10)) ** 2.5]]))[0].astype(int)
    assert np.abs(below - 128).max() < 10 < 60 < np.abs(there - 128).max()
    assert "pale yellow" in ENERGY_WORDS
    assert "5 dB" in ENERGY_WORDS
