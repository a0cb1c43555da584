from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.filters.pictures import HEIGHT, WIDTH, scenery
from yt360 import sphere
from yt360.filters.stills import picture_overlay

FRAMES = 16
_VECTORS = sphere.pixel_vectors(HEIGHT, WIDTH)


def elevations(low_deg: float, high_deg: float) -> np.ndarray:
    return np.linspace(low_deg, high_deg, FRAMES)


def laid_over(picture: np.ndarray, elevation_deg: float, column: int) -> np.ndarray:
    """The same 16 x 12 pixels anywhere, across the seam, too."""
    out = picture.copy()
    stripes = np.full((16, 12), 250, np.float32)
    stripes[:, ::3], stripes[3:6] = 10, 90
    top = round((0.5 - elevation_deg / 180) * HEIGHT) - 8
    out[top : top + 16, np.arange(column, column + 12) % WIDTH] = stripes
    return out


def in_the_world(picture: np.ndarray, elevation_deg: float, azimuth_deg: float) -> np.ndarray:
    """A round thing of 9 degrees radius on the sphere, with stripes from its top to its bottom."""
    azimuth, elevation = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
    front = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    left = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    across = np.arcsin(np.clip(_VECTORS @ left, -1, 1))
    stripes = np.where(np.sin(across / np.deg2rad(9) * 6) > 0, 250, 20)
    return np.where(_VECTORS @ front > np.cos(np.deg2rad(9)), stripes, picture).astype(np.float32)


def flatness(path: Any) -> float:
    return float(np.nanmedian((path.unlike_sphere - path.unlike_flat) / path.stretch))


def test_what_is_laid_over_keeps_its_pixels() -> None:
    picture = scenery(3)
    frames = [laid_over(picture, deg, 300 + 7 * k) for k, deg in enumerate(elevations(-55, 45))]
    path = picture_overlay.follow(frames, 0.1)
    np.testing.assert_allclose(path.elevation_deg, elevations(-55, 45), atol=1.5)
    assert np.nanmax(path.unlike_flat) < 0.15
    assert flatness(path) > 0.25


def test_a_thing_in_the_world_keeps_its_size_on_the_sphere() -> None:
    picture = scenery(3)
    frames = [in_the_world(picture, deg, 170 + 5 * k) for k, deg in enumerate(elevations(-5, 50))]
    path = picture_overlay.follow(frames, 0.1)
    np.testing.assert_allclose(path.elevation_deg, elevations(-5, 50), atol=2.5)
    assert flatness(path) < 0
    assert np.nanmax(path.stretch) == pytest.approx(-np.log(np.cos(np.deg2rad(50))), abs=0.06)


def test_what_runs_through_its_frame_does_not_keep_its_pixels() -> None:
    """Pixels that leave a box on the right and come back on the left are no small shift of it."""
    picture = scenery(3)
    levels = np.random.default_rng(0).permutation(np.linspace(0, 250, 12)).astype(np.float32)
    frames = []
    for k, deg in enumerate(elevations(-50, 50)):
        frame, top = picture.copy(), round((0.5 - deg / 180) * HEIGHT) - 8
        frame[top : top + 16, 100:112] = np.roll(levels, 2 * (k % 2))
        frames.append(frame)
    assert np.nanmax(picture_overlay.follow(frames[::2], 0.1).unlike_flat) < 0.1
    assert picture_overlay.follow([frames[1], *frames[::2]], 0.1).unlike_flat[0] > 0.2


def test_what_stays_at_one_height_is_not_told() -> None:
    picture = scenery(4)
    path = picture_overlay.follow([laid_over(picture, 3.0, 9 * k) for k in range(FRAMES)], 0.1)
    assert np.nanmax(path.stretch) < 0.01


def test_nothing_there_and_everything_there() -> None:
    picture = scenery(5)
    for frames in ([picture] * 5, [picture + 30 * (k % 2) for k in range(5)]):
        path = picture_overlay.follow(frames, 0.1)
        assert np.isnan(path.elevation_deg).sum() >= 3
        assert np.isnan(path.stretch).all() or np.nanmax(path.stretch) >= 0


def test_what_a_codec_leaves_behind_is_not_the_thing() -> None:
    """A faint trail far away from what moves does not make it larger."""
    picture = scenery(6)
    frames = [laid_over(picture, deg, 40 + 6 * k) for k, deg in enumerate(elevations(-40, 40))]
    for k, frame in enumerate(frames):
        frame[90:94, (250 + 3 * k) % WIDTH : (250 + 3 * k) % WIDTH + 5] += 9
    path = picture_overlay.follow(frames, 0.1)
    np.testing.assert_allclose(path.elevation_deg, elevations(-40, 40), atol=1.5)
    assert flatness(path) > 0.25
