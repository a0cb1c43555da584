"""Rows near a pole change little, and where two eyes lie above each other two poles meet in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.media_pictures import blemished
from benchmarks.media_scenes import make_scene, smooth_noise
from yt360 import sphere
from yt360.media.projection import poles
from yt360.media.projection.evidence import inner_pole_odds, pole_odds
from yt360.media.projection.layouts import draw, known_layouts

HEIGHT, WIDTH = 360, 640
FINE = (1.0, 1.0)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return np.asarray(make_scene(5, HEIGHT, WIDTH).frames(2).mean(axis=3), np.float64).astype(np.uint8)


def test_poles_are_stretched_and_the_edges_of_a_plain_picture_are_not() -> None:
    noise = smooth_noise(np.random.default_rng(0), sphere.pixel_vectors(HEIGHT, WIDTH), 12, 3)
    rough = np.clip(110 + 50 * noise, 0, 255).astype(np.uint8)
    assert max(stretch for stretch, _ in poles.pole_stretch([rough[None]], FINE)) < -0.3
    view = sphere.View(0, 0, 1.5, 2 * np.arctan(np.tan(0.75) * HEIGHT / WIDTH))
    flat = sphere.crop(np.repeat(rough[..., None], 3, axis=2), view, (HEIGHT, WIDTH))[None, ..., 0]
    assert min(stretch for stretch, _ in poles.pole_stretch([flat], FINE)) > -0.2


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_tiles_that_meet_under_the_camera_do_not_speak_against_a_pole(scene: np.ndarray, seed: int) -> None:
    tiled = blemished(scene.astype(float), np.random.default_rng(seed), "tiles", "none")
    _, (stretch, change) = poles.pole_stretch([tiled], FINE)
    assert pole_odds(stretch, change) > -0.3


def test_a_plain_pole_shows_no_change(scene: np.ndarray) -> None:
    frames = scene.copy()
    frames[:, -90:] = 7
    (_, top), (_, bottom) = poles.pole_stretch([frames], FINE)
    assert bottom == 0 < top


def test_changes_are_counted_as_sorting_them_would(scene: np.ndarray) -> None:
    def common(changes: np.ndarray) -> float:
        return float(np.sort(changes.ravel())[: round(0.85 * changes.size)].mean())

    def against(rows: np.ndarray) -> float:
        return float(np.log((common(along[:, rows]) + 1) / (common(upright[:, rows]) + 1)))

    signed = scene.astype(int)
    along = np.abs(signed[:, :-2, 2:] - signed[:, :-2, :-2])
    upright = np.abs(signed[:, 2:] - signed[:, :-2])
    elevation = 90 - 180 * (np.arange(HEIGHT - 2) + 1.5) / HEIGHT
    top = (elevation > 66) & (elevation < 86)
    (stretch, _), _ = poles.pole_stretch([scene], FINE)
    assert stretch == pytest.approx(against(top) - against(np.abs(elevation) < 35), abs=1e-3)


def striped(levels: np.ndarray) -> np.ndarray:
    """One frame whose rows ``(HEIGHT,)`` change by these levels over two pixels."""
    return (levels[:, None] * (np.arange(WIDTH) // 2 % 2)).astype(np.uint8)[None]


def test_the_bands_are_six_degrees_around_the_inner_poles_and_thirty_around_the_equators() -> None:
    levels = np.full(HEIGHT, 200)
    levels[174:186], levels[60:120], levels[240:300] = 10, 40, 20
    levels[[174, 185]], levels[[240, 299]] = 22, 50
    calm, change = poles.inner_poles(striped(levels), FINE)
    assert calm == pytest.approx(np.log((1 + 12) / (1 + 21)))
    assert change == pytest.approx(12 + 21)


def test_the_calmer_of_two_equators_counts(scene: np.ndarray) -> None:
    """A single sphere whose sky is plain has one quarter that is, and is not taken for two eyes for it."""
    ground = scene.copy()
    ground[:, :170] = 200
    calm, change = poles.inner_poles(ground, FINE)
    assert inner_pole_odds(calm, change) < -2


@pytest.mark.parametrize("kind", ["none", "patch", "tripod", "mirror"])
def test_two_eyes_above_each_other_are_calm_where_a_single_sphere_is_not(scene: np.ndarray, kind: str) -> None:
    sphere_ = blemished(scene.astype(float), np.random.default_rng(1), kind, "none")
    eye = np.stack([draw(known_layouts()["equirectangular-tb"], frame, HEIGHT, WIDTH) for frame in sphere_])
    eye[:, HEIGHT // 2 :] = eye[:, : HEIGHT // 2]
    assert inner_pole_odds(*poles.inner_poles(eye, FINE)) > 0.5
    assert inner_pole_odds(*poles.inner_poles(sphere_, FINE)) < -2


def test_a_plain_picture_says_nothing_about_inner_poles() -> None:
    calm, change = poles.inner_poles(np.full((1, HEIGHT, WIDTH), 9, np.uint8), FINE)
    assert (calm, change) == (0.0, 0.0)
    assert inner_pole_odds(calm, change) == 0


def test_coarse_pictures_are_compared_over_more_pixels() -> None:
    """Steps that a small file smears over four pixels are as large over four as fine ones are over two."""
    smeared = np.interp(np.arange(WIDTH) % 16, [0, 4, 8, 12, 16], [0, 40, 40, 0, 0])
    frame = np.tile(smeared, (HEIGHT, 1)).astype(np.uint8)[None]
    _, fine = poles.inner_poles(frame, FINE)
    _, coarse = poles.inner_poles(frame, (2.0, 1.0))
    assert coarse == pytest.approx(2 * fine, rel=0.15)
