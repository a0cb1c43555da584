from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.filters.stills.test_decision import made
from yt360.filters.stills import certainty, decision
from yt360.filters.stills.thresholds import StillsThresholds

LIMITS = StillsThresholds()
STILL = made([100.0] * 20)
MOVING = [
    step._replace(
        changed=0.1, residual=0.1, later=0.1, strength=9.0, later_strength=9.0, regions=5, extent=0.5, peak=4.0
    )
    for step in STILL
]
NEARLY = [
    step._replace(residual=0.008, later=0.008, strength=4.0, later_strength=4.0, regions=5, extent=0.5, peak=1.0)
    for step in STILL
]


def test_the_probability_of_a_still_is_high_of_a_still_low_where_things_move_and_between_in_between() -> None:
    assert decision.judge(NEARLY, LIMITS) is None
    chances = [certainty.probability(steps, LIMITS) for steps in (MOVING, NEARLY, STILL)]
    assert chances[0] < 0.1 < chances[1] < 0.6 < 0.8 < chances[2]


def test_limits_moved_further_make_stills_of_more() -> None:
    verdicts = [decision.judge(NEARLY, certainty.moved(LIMITS, factor)) is not None for factor in certainty.FACTORS]
    assert verdicts == sorted(verdicts)
    assert len(set(verdicts)) == 2
    assert certainty.moved(LIMITS, 1.0).model_dump() == pytest.approx(LIMITS.model_dump())


def test_every_limit_but_lengths_and_what_says_which_case_it_is_is_moved() -> None:
    moved = certainty.moved(LIMITS, 2.0).model_dump()
    kept = {name for name, value in LIMITS.model_dump().items() if moved[name] == value}
    assert kept == {"slide_steps", "least_stretch", "overlay_extent"}


def test_a_threshold_that_is_gone_is_read_and_said_to_be_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        gone: dict[str, Any] = {"weak_share": 0.5, "dark_flatness": 1.0}
        assert StillsThresholds(**gone, quiet_share=0.8) == StillsThresholds(quiet_share=0.8)
    assert "weak_share" in caplog.text
    assert "dark_flatness" in caplog.text
