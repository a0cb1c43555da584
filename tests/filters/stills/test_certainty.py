from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.filters.stills.test_decision import made
from tests.filters.stills.test_limits import NEARLY
from yt360.filters.stills import certainty, classifier, decision
from yt360.filters.stills.frame_differences import columns as by_column
from yt360.filters.stills.limits import LIMITS
from yt360.filters.stills.thresholds import StillsThresholds

STILL = made([100.0] * 20)
MOVING = [
    step._replace(
        changed=0.1, residual=0.1, later=0.1, strength=9.0, later_strength=9.0, regions=5, extent=0.5, peak=4.0
    )
    for step in STILL
]


def ruled(strict: bool, usual: bool, lenient: bool) -> dict[str, float]:
    return dict(zip(certainty.RULES, map(float, (strict, usual, lenient)), strict=True))


def logit(chance: float) -> float:
    return math.log(chance / (1 - chance))


def test_the_probability_of_a_still_is_high_of_a_still_and_low_where_things_move() -> None:
    assert certainty.probability(STILL) >= 0.9
    assert certainty.probability(MOVING) < 0.1
    assert certainty.probability([]) == 0.0


def test_where_strict_and_lenient_rules_disagree_the_classifier_decides() -> None:
    for found in (ruled(False, True, True), ruled(False, False, True), ruled(False, True, False)):
        for chance in (0.03, 0.3, 0.97):
            assert certainty.chance(found, logit(chance)) == pytest.approx(chance)


def test_what_is_a_still_to_strict_rules_is_one_and_what_lives_to_lenient_ones_lives() -> None:
    assert certainty.chance(ruled(True, True, True), logit(0.2)) == 0.9
    assert certainty.chance(ruled(True, True, True), logit(0.95)) == pytest.approx(0.95)
    assert certainty.chance(ruled(False, False, False), logit(0.8)) == 0.4
    assert certainty.chance(ruled(False, False, False), logit(0.3)) == pytest.approx(0.3)
    usual = StillsThresholds().still_probability
    assert 0.4 < usual <= 0.9, "neither is left to the classifier"


def test_nothing_is_surer_than_a_few_hundred_films_can_tell() -> None:
    assert certainty.chance(ruled(True, True, True), 50.0) == 0.99
    assert certainty.chance(ruled(False, False, True), -50.0) == pytest.approx(0.01)


def test_strict_rules_are_twice_as_strict_and_lenient_ones_twice_as_lenient() -> None:
    """Of the least share that moves: quiet to the one, to the usual, and to the other."""
    strict, usual, lenient = certainty.RULES.values()
    assert usual == LIMITS
    assert (strict.moving_share, lenient.moving_share) == (0.5 * LIMITS.moving_share, 2 * LIMITS.moving_share)
    verdicts = [decision.judge(NEARLY, limits) is not None for limits in certainty.RULES.values()]
    assert verdicts == [False, False, True]


@pytest.mark.parametrize(("chance", "dropped"), [(0.499, False), (0.5, True)])
def test_a_video_is_dropped_from_the_threshold_on(
    chance: float, dropped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certainty, "probability", lambda columns: chance)
    assert (certainty.verdict(STILL, StillsThresholds()) is not None) == dropped
    assert certainty.verdict(STILL, StillsThresholds(still_probability=chance + 1e-3)) is None


def test_daylight_that_goes_is_never_a_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certainty, "probability", lambda columns: 0.99)
    assert certainty.verdict(made([120.0 - 2 * index for index in range(23)]), StillsThresholds()) is None


def test_what_the_rules_do_not_name_is_said_in_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certainty, "probability", lambda columns: 0.99)
    told: Any = certainty.verdict(MOVING, StillsThresholds())
    assert (told.kind, "100% of the comparisons" in told.detail) == ("overlay", True)
    told = certainty.verdict(STILL, StillsThresholds())
    assert (told.kind, told.detail) == ("still", "still image: nothing moves in 100% of 20 comparisons of two frames")


def test_the_classifier_knows_its_features_by_name_and_order() -> None:
    assert tuple(certainty.evidence(by_column(STILL))) == classifier.shipped().names


def test_of_whatever_was_measured_the_evidence_is_a_number() -> None:
    rng = np.random.default_rng(3)
    for count in (1, 2, 9):
        for _ in range(20):
            columns = {name: rng.choice([-1.0, 0.0, 0.01, 40.0], count) for name in by_column(STILL)}
            columns["window"] = np.zeros(count)
            assert np.isfinite(list(certainty.evidence(columns).values())).all()
