from __future__ import annotations

import numpy as np
import pytest

from tests.filters.shots.films import place
from yt360.filters.shots.blending import blend
from yt360.filters.shots.tracking import Panorama


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_picture_laid_over_another_is_told_apart_into_both(share: float) -> None:
    first, second = place(21, 1)[0], place(22, 1)[0]
    middle = np.asarray(np.rint(first * (1 - share) + second * share), np.uint8)
    found = blend(Panorama(first), Panorama(middle), Panorama(second))
    assert found.share == pytest.approx(share, abs=0.03)
    assert found.explained > 0.95


def test_a_third_place_is_no_mixture_of_two() -> None:
    pictures = [Panorama(place(seed, 1)[0]) for seed in (23, 24, 25)]
    assert blend(*pictures).explained < 0.3


def test_a_camera_on_its_way_shows_what_is_in_neither_end() -> None:
    frames = place(26, 33, turn_deg_s=60)
    assert blend(*(Panorama(frames[k]) for k in (0, 16, 32))).explained < 0.6


def test_one_picture_taken_from_another_is_no_mixture() -> None:
    first, second = place(27, 1)[0].astype(float), place(28, 1)[0].astype(float)
    less = np.clip(1.6 * first - 0.6 * second + 40, 0, 255).astype(np.uint8)
    assert blend(*(Panorama(np.asarray(each, np.uint8)) for each in (first, less, second))).share == 0.0


def test_pictures_of_one_colour_are_mixtures_of_nothing() -> None:
    blank = Panorama(np.full((64, 128, 3), 7, np.uint8))
    assert blend(blank, blank, blank).explained == 0.0
