"""What is drawn onto a picture, and what lives in it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.filters.pictures import HEIGHT, WIDTH, scenery
from yt360.filters.stills import drawn, insertion

PLACE = np.s_[70:100, 100:150]


def found(*frames: np.ndarray) -> drawn.Drawn:
    return insertion.measure([np.asarray(frame, np.float32) for frame in frames], 0.1).drawn


def changing(*looks: np.ndarray, noise: float = 0.0) -> drawn.Drawn:
    """A place that shows one look after the other, in a picture with noise."""
    rng = np.random.default_rng(1)
    frames = []
    for index in range(24):
        shown = scenery(4) + noise * rng.standard_normal((HEIGHT, WIDTH))
        shown[PLACE] = looks[index % len(looks)]
        frames.append(shown)
    return found(*frames)


def textures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [120 + 60 * cv2.GaussianBlur(rng.standard_normal((30, 50)), (0, 0), 1.2) for _ in range(count)]


def test_what_is_drawn_is_plain_has_few_gray_levels_and_swaps_them() -> None:
    background = scenery(4)[PLACE]
    badge, scene = changing(background, background, np.full((30, 50), 250.0)), changing(*textures(24))
    assert badge.common > 0.9 > 0.6 > scene.common
    assert badge.variety < 0.5 < 1.5 < scene.variety
    assert badge.tails == pytest.approx(1.5, abs=0.05)  # two looks, one of them twice as often
    assert scene.tails > 2
    dark = np.full((30, 50), 20.0)
    card, cloth = (changing(dark, dark, look) for look in (np.full((30, 50), 250.0), *textures(1)))
    assert card.plain > cloth.plain + 0.2


def test_borders_are_compared_with_those_of_the_picture_beside_it() -> None:
    usual = np.full((30, 50), 60.0)
    faint, strong = (changing(usual, usual, usual + levels) for levels in (10.0, 120.0))
    assert strong.edges > faint.edges


def test_of_a_camera_noise_is_seen_beside_the_place() -> None:
    silent, noisy = (changing(*textures(24), noise=noise) for noise in (0.0, 2.0))
    assert (silent.beside_half, silent.beside_most) == (0.0, 0.0)
    assert noisy.beside_most > noisy.beside_half > 0.5


def test_where_the_place_is_nearly_everywhere_nothing_is_said() -> None:
    rng = np.random.default_rng(3)
    assert found(*(90 + 40 * rng.standard_normal((HEIGHT, WIDTH)) for _ in range(20))) == drawn.NOTHING
    assert changing(scenery(4)[PLACE]) == drawn.NOTHING
