"""Logos, titles and badges over a picture that stands, and what in the world looks like them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from tests.filters.pictures import HEIGHT, WIDTH, film, scenery, with_box
from tests.filters.stills.test_decision import TITLE, bounce, kind_of, made, verdict
from yt360.filters.stills import decision
from yt360.filters.stills.limits import LIMITS


def test_still_with_a_moving_logo() -> None:
    picture = scenery(4)

    def draw(index: int) -> np.ndarray:
        return with_box(picture, int(bounce(index, 30, 120, 5, 60)), bounce(index, 10, 290, 11, 40), 10, 10, 240)

    assert verdict(film(draw)).kind == "overlay"


@pytest.mark.parametrize("grain", [0.0, 1.0])
def test_still_with_a_moving_logo_as_large_as_a_walking_person(grain: float) -> None:
    """0.9 % of the picture, over a background that may live: it keeps its pixels on its way up and down."""
    picture = scenery(4)

    def draw(index: int) -> np.ndarray:
        return with_box(picture, int(bounce(index, 25, 110, 9, 60)), bounce(index, 10, 280, 11, 40), 22, 21, 240)

    assert verdict(film(draw, grain)).kind == "overlay"


def test_what_rises_in_the_world_is_kept_even_where_a_codec_left_no_noise() -> None:
    """It is as small as a logo and nothing else changes, but it keeps its size on the sphere."""
    picture = scenery(4)

    def draw(index: int) -> np.ndarray:
        elevation = np.deg2rad(-5 + 3 * index)
        wide = round(13 / np.cos(elevation))
        return with_box(picture, round(80 - elevation / np.pi * HEIGHT) - 7, 40 + 5 * index, 14, wide, 240)

    assert verdict(film(draw)) is None


def test_still_with_a_title_that_comes_and_goes() -> None:
    picture = scenery(4)
    titled = with_box(picture, 70, 100, 16, 110, 250)
    assert verdict(film(lambda index: titled if index % 10 < 6 else picture)).kind == "overlay"


def test_cards_that_follow_each_other_are_titles_wherever_they_are() -> None:
    picture = scenery(4)
    cards = [with_box(picture, 40 + 25 * k, 40 + 60 * k, 20, 60, 250) for k in range(3)]

    def draw(index: int) -> np.ndarray:
        slide, place = divmod(index, 7)
        return cards[slide] if place < 4 else picture

    assert verdict(film(draw, 0.5)).kind == "overlay"


def one_thing(*, seen: float = 1.0, extent: float = 0.05, stretch: float = 0.0, **measured: float) -> Any:
    """A place that moves in ``seen`` of the steps; ``measured`` are columns that hold for a whole window."""
    steps = []
    for index, step in enumerate(made([100.0] * 24, residual=0.015, later=0.02)):
        step = step._replace(regions=1, later_regions=1, extent=extent, stretch=stretch, **measured)
        there = index % 4 < 4 * seen
        steps.append(step if there else step._replace(changed=0.0, residual=0.0, later=-1.0, regions=0, extent=0.0))
    return steps


BUSY = {"steady": 1.5, "sharpness": 8.0, "area": 0.03, "levels": 40.0}


def test_what_never_rests_in_one_place_with_a_border_is_an_overlay_and_a_light_that_fades_out_is_none() -> None:
    assert kind_of(one_thing(**BUSY)) == "overlay"
    assert decision.judge(one_thing(**{**BUSY, "steady": 0.8}), LIMITS) is None
    assert decision.judge(one_thing(**{**BUSY, "sharpness": 4.9}), LIMITS) is None
    assert decision.judge(one_thing(**{**BUSY, "second": 0.23}), LIMITS) is None


def test_a_large_place_must_move_more_for_it() -> None:
    """As large and as lively is a performer near the camera."""
    assert decision.judge(one_thing(extent=0.09, **BUSY), LIMITS) is None
    assert kind_of(one_thing(extent=0.09, **{**BUSY, "steady": 2.2})) == "overlay"
    assert decision.judge(one_thing(extent=0.21, **{**BUSY, "steady": 9.0}), LIMITS) is None


def test_what_hardly_goes_up_or_down_may_still_never_rest() -> None:
    """Bars that grow and shrink seem to go up and down a little, and do not keep their pixels."""
    assert kind_of(one_thing(stretch=0.12, **BUSY)) == "overlay"
    assert decision.judge(one_thing(stretch=0.12, **{**BUSY, "steady": 0.0}), LIMITS) is None


def test_what_comes_and_goes_and_stands_in_between_is_a_title() -> None:
    assert kind_of(one_thing(seen=0.5, **TITLE)) == "overlay"
    assert decision.judge(one_thing(seen=0.5, **{**TITLE, "held": 0.7}), LIMITS) is None
    assert decision.judge(one_thing(seen=0.5, **{**TITLE, "area": 0.21}), LIMITS) is None
    assert decision.judge(one_thing(seen=0.5, **{**TITLE, "area": 0.019}), LIMITS) is None, "a person who moves"
    assert decision.judge(one_thing(seen=1.0, **TITLE), LIMITS) is None, "it never stands"


def test_what_an_encoder_holds_because_it_is_faint_is_no_title() -> None:
    assert decision.judge(one_thing(seen=0.5, **{**TITLE, "levels": 17.9}), LIMITS) is None
    assert kind_of(one_thing(seen=0.5, **{**TITLE, "levels": 18.0})) == "overlay"


def test_windows_without_a_title_do_not_speak_against_it() -> None:
    with_one = one_thing(seen=0.5, **TITLE)
    others = [step._replace(window=window) for window in (1, 2) for step in one_thing(seen=0.25)]
    assert kind_of([*with_one, *others]) == "overlay"


def test_a_badge_that_spins_where_it_is_is_laid_over_and_leaves_that_sway_are_not() -> None:
    picture = scenery(15)

    def badge(index: int) -> np.ndarray:
        shown = picture.copy()
        bars = 24 * np.abs(np.sin(1.7 * index + np.arange(5)))
        for bar, height in enumerate(bars):
            shown[90 - int(height) : 90, 100 + 5 * bar : 104 + 5 * bar] = 250
        return shown

    assert verdict(film(badge)).kind == "overlay"
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    near = np.exp(-(((rows - 85) / 25) ** 2) - ((columns - 110) / 40) ** 2).astype(np.float32)

    def leaves(index: int) -> np.ndarray:
        sway = 3 * near * np.sin(1.9 * index + columns / 9).astype(np.float32)
        return cv2.remap(picture.astype(np.float32), columns + sway, rows, cv2.INTER_LINEAR)

    assert verdict(film(leaves, 0.5)) is None
