"""Halves that are two eyes, poles, bars and circles."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.media_pictures import blemished
from benchmarks.media_scenes import make_scene, smooth_noise
from yt360 import sphere
from yt360.media.projection import looks
from yt360.media.projection.evidence import pole_odds
from yt360.media.projection.layouts import draw, dual_fisheye

HEIGHT, WIDTH = 360, 640
FINE = (1.0, 1.0)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return np.asarray(make_scene(5, HEIGHT, WIDTH).frames(2).mean(axis=3), np.float64).astype(np.uint8)


def test_two_eyes_are_alike_with_parallax_and_two_halves_are_not(scene: np.ndarray) -> None:
    moved = np.roll(scene, 6, axis=2)
    alike, detail = looks.likeness(scene, moved)
    assert alike > 0.9
    assert detail > 3
    assert looks.likeness(*looks.halves(scene)["top-bottom"])[0] < 0.5
    assert looks.likeness(np.full_like(scene, 9), np.full_like(scene, 9)) == (0.0, 0.0)


def test_bars_at_the_sides_make_no_two_eyes_of_one_picture(scene: np.ndarray) -> None:
    boxed = scene.copy()
    boxed[:, :, :90] = boxed[:, :, -90:] = 0
    plain, between = (looks.likeness(*looks.halves(frames)["top-bottom"])[0] for frames in (scene, boxed))
    assert between < plain + 0.2
    assert looks.likeness(boxed, boxed)[0] > 0.99


def test_poles_are_stretched_and_the_edges_of_a_plain_picture_are_not() -> None:
    noise = smooth_noise(np.random.default_rng(0), sphere.pixel_vectors(HEIGHT, WIDTH), 12, 3)
    rough = np.clip(110 + 50 * noise, 0, 255).astype(np.uint8)
    assert max(stretch for stretch, _ in looks.pole_stretch([rough[None]], FINE)) < -0.3
    view = sphere.View(0, 0, 1.5, 2 * np.arctan(np.tan(0.75) * HEIGHT / WIDTH))
    flat = sphere.crop(np.repeat(rough[..., None], 3, axis=2), view, (HEIGHT, WIDTH))[None, ..., 0]
    assert min(stretch for stretch, _ in looks.pole_stretch([flat], FINE)) > -0.2


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_tiles_that_meet_under_the_camera_do_not_speak_against_a_pole(scene: np.ndarray, seed: int) -> None:
    tiled = blemished(scene.astype(float), np.random.default_rng(seed), "tiles", "none")
    _, (stretch, change) = looks.pole_stretch([tiled], FINE)
    assert pole_odds(stretch, change) > -0.3


def test_a_plain_pole_shows_no_change(scene: np.ndarray) -> None:
    frames = scene.copy()
    frames[:, -90:] = 7
    (_, top), (_, bottom) = looks.pole_stretch([frames], FINE)
    assert bottom == 0 < top


def test_bars_have_straight_edges_by_night_too(scene: np.ndarray) -> None:
    for picture in (scene, (scene * 0.15 + 8).astype(np.uint8)):
        boxed = np.pad(picture, ((0, 0), (0, 0), (80, 80)))
        assert looks.side_bars(boxed) == pytest.approx(80 / 800, abs=0.005)
    assert looks.side_bars(scene) == 0


def test_a_lit_stage_in_the_dark_has_no_bars(scene: np.ndarray) -> None:
    azimuth, _ = sphere.direction(sphere.pixel_vectors(HEIGHT, WIDTH))
    ragged = 1.2 + 0.2 * np.sin(np.linspace(0, 9, HEIGHT))[:, None]
    stage = np.where(np.abs(azimuth) < ragged, scene, 3).astype(np.uint8)
    assert looks.side_bars(stage) == 0
    assert looks.empty_sides(np.where(np.abs(azimuth) < np.pi / 2, scene, 3).astype(np.uint8))
    assert not looks.empty_sides(scene)


def test_circles_are_round_by_day_and_by_night(scene: np.ndarray) -> None:
    for light in (1.0, 0.15):
        drawn = np.stack([draw(dual_fisheye(), (frame * light + 8).astype(np.uint8), 320, 640) for frame in scene])
        left, right = looks.halves(drawn)["left-right"]
        assert min(looks.roundness(left), looks.roundness(right)) > 0.6
    assert looks.roundness(scene) < 0.2


def test_black_poles_are_not_round(scene: np.ndarray) -> None:
    frames = scene.copy()
    frames[:, :76] = frames[:, -76:] = 0
    assert looks.roundness(frames) < 0.2
