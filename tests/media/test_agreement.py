from __future__ import annotations

import numpy as np
import pytest

from yt360 import ambisonics, sphere
from yt360.media.agreement import HEIGHT, WIDTH, agree, motion_map


def scene(offset_deg: float = 0.0, *, mirror: bool = False) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A disc that moves where it sounds, at several moments; the sound lies ``offset_deg`` to the right of it."""
    rng = np.random.default_rng(4)
    motions, sounds = [], []
    for azimuth_deg in (20, 75, -140, -60, 160):
        azimuth, elevation = np.radians(azimuth_deg), rng.uniform(-0.3, 0.3)
        near = sphere.pixel_vectors(HEIGHT, WIDTH) @ sphere.unit_vector(azimuth, elevation)
        frame = np.full((HEIGHT, WIDTH), 80, np.uint8)
        moved = np.where(near > 0.95, 200, frame).astype(np.uint8)
        motions.append(motion_map(frame, moved))
        heard = -azimuth if mirror else azimuth - np.radians(offset_deg)
        sounds.append(ambisonics.encode(rng.standard_normal(4000), heard, elevation).astype(np.float32))
    return motions, sounds


@pytest.mark.parametrize("offset", [0, 45, -90, 180])
def test_the_heading_is_found(offset: float) -> None:
    found = agree(*scene(offset))
    assert found is not None
    assert abs(sphere.wrap_angle(np.radians(found.yaw_deg - offset))) < np.radians(6)
    assert found.best_score > 0.3
    if offset == 0:
        assert found.score == pytest.approx(found.best_score, abs=0.05)
        assert (found.flip, found.order) == ("none", "WYZX")
        assert found.confidence > 0.9


def test_exchanged_left_and_right_is_seen() -> None:
    found = agree(*scene(mirror=True))
    assert found is not None
    assert found.flip == "left-right"
    assert found.flip_score > found.best_score


def test_nothing_moves_or_sounds() -> None:
    still = [np.zeros((HEIGHT, WIDTH))]
    assert agree(still, [np.ones((4, 100), np.float32)]) is None
    assert agree([], []) is None
