from __future__ import annotations

import numpy as np
import pytest

from tests.filters.shots.films import place
from yt360.filters.shots.tracking import _OFFSETS, _POLAR_ROWS, HEIGHT, WIDTH, Panorama, found_again, heading_change


def test_a_place_is_found_again_and_another_is_not() -> None:
    first, later = place(1, 12)[[0, 11]]
    assert found_again(Panorama(first), Panorama(later)) > 0.8
    strangers = [found_again(Panorama(first), Panorama(place(seed, 1)[0])) for seed in range(2, 14)]
    assert max(strangers) < 0.2


@pytest.mark.parametrize("columns", [3, -20, 140, -150])
def test_a_turn_is_measured_across_the_back_seam(columns: int) -> None:
    frame = place(3, 1)[0]
    moved = np.roll(frame, -columns, axis=1)
    assert heading_change(Panorama(frame), Panorama(moved)) == columns
    assert found_again(Panorama(frame), Panorama(moved), turn=columns) > 0.8


def test_other_light_hides_a_place_only_until_it_is_evened_out() -> None:
    frame = place(4, 1)[0]
    dim = np.asarray(frame * np.array([0.2, 0.25, 0.15]), np.uint8)
    bright, dark = Panorama(frame), Panorama(dim)
    assert found_again(bright.evenly_lit, dark.evenly_lit) > 0.7 > found_again(bright, dark)


def test_a_picture_of_one_colour_has_nothing_to_recognise() -> None:
    blank = Panorama(np.full((64, 128, 3), 7, np.uint8))
    assert not blank.textured
    assert found_again(blank, blank) == 0.0


def test_any_size_is_compared_at_the_same() -> None:
    import cv2

    frame = place(5, 1)[0]
    large = cv2.resize(frame, (2 * WIDTH, WIDTH), interpolation=cv2.INTER_CUBIC)
    assert found_again(Panorama(frame), Panorama(np.asarray(large, np.uint8))) > 0.8


def test_what_is_compared_at_middle_scales_ends_at_the_poles() -> None:
    """An eighth of the rows at either pole are left out, at half the size."""
    assert Panorama(place(1, 1)[0]).middle_scales.shape == ((HEIGHT - 2 * _POLAR_ROWS) // 2, WIDTH // 2)


def test_a_corner_is_in_the_middle_of_what_is_compared_around_it() -> None:
    assert _OFFSETS.tolist() == (-_OFFSETS[::-1]).tolist()
