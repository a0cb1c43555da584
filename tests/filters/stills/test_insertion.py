from __future__ import annotations

import numpy as np
import pytest

from tests.filters.pictures import HEIGHT, WIDTH, scenery, with_box
from yt360.filters.stills import insertion

POLES = 0.1


def shown(*frames: np.ndarray) -> insertion.Insertion:
    return insertion.measure([np.asarray(frame, np.float32) for frame in frames], POLES)


def test_a_card_that_comes_and_goes_stands_in_between() -> None:
    picture = scenery(4)
    card = with_box(picture, 70, 100, 20, 60, 250)
    found = shown(*[card if index % 8 in (2, 3, 4) else picture for index in range(24)])
    assert found.held == 1.0
    assert found.levels > 30
    assert found.area == pytest.approx(20 * 60 / (HEIGHT * WIDTH * (1 - 2 * POLES)), rel=0.3)


def test_what_is_elsewhere_in_every_frame_does_not_stand() -> None:
    picture = scenery(4)
    assert shown(*[with_box(picture, 70, 20 + 13 * index, 20, 10, 250) for index in range(20)]).held < 0.1


def test_a_card_that_shows_for_single_frames_does_not_stand() -> None:
    picture = scenery(4)
    card = with_box(picture, 70, 100, 20, 60, 250)
    assert shown(*[card if index % 4 == 2 else picture for index in range(24)]).held == 0.0


def test_a_border_is_sharp_however_large_the_place_is_and_light_that_fades_out_is_not() -> None:
    picture = scenery(5)
    levels = 1 + np.sin(1.7 * np.arange(24))

    def lit(shape: np.ndarray) -> insertion.Insertion:
        return shown(*[picture + 30 * level * shape for level in levels])

    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    for reach in (8, 16, 30):
        candle = np.exp(-(((rows - 80) / reach) ** 2 + ((columns - 150) / reach) ** 2))
        card = ((abs(rows - 80) < reach) & (abs(columns - 150) < reach)).astype(float)
        assert lit(candle).sharpness < 3.5
        assert lit(card).sharpness > 5


def test_where_nothing_stands_out_nothing_is_found() -> None:
    picture, rng = scenery(6), np.random.default_rng(2)
    assert shown(*[picture + 0.5 * rng.standard_normal(picture.shape) for _ in range(20)]) == insertion.NOTHING
    card = with_box(picture, 70, 100, 20, 60, 250)
    assert shown(picture, card) == insertion.NOTHING, "of two frames neither is usual"
    assert shown() == insertion.NOTHING


def test_the_poles_are_left_out() -> None:
    picture = scenery(6)
    logo = picture.copy()
    logo[:16] = 250
    assert shown(*[logo if index % 4 else picture for index in range(20)]) == insertion.NOTHING
