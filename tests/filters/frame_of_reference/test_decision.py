from __future__ import annotations

import re
from typing import Any

import pytest

from yt360.filters.frame_of_reference import calibration, decision
from yt360.filters.frame_of_reference.decision import Repair
from yt360.filters.frame_of_reference.settings import FrameThresholds

SURE = {
    "yaw_deg": 60.0, "correlation": 0.9, "margin": 0.9, "above_chance": 4.0, "agreeing": 1.0, "mirrored": 0.1,
    "range_deg": 5.0,
}  # fmt: skip
UNSURE = {**SURE, "correlation": 0.2, "margin": 0.1, "above_chance": 0.0, "agreeing": 0.0}
LAG = {"lag_s": 0.5, "correlation": 0.4, "margin": 0.9, "above_chance": 15.0, "agreeing": 1.0}
TURNS = {"turned_deg": 90.0, "follows": 0.8, "stays": 0.3, "mirrored": 0.2, "gain": 1.0}


def measures(heading: Any = None, lag: Any = None, turning: Any = None) -> dict[str, Any]:
    return {"heading": heading, "lag": lag, "turning": turning}


def judged(*args: Any, **limits: Any) -> Any:
    return decision.judge(measures(*args), FrameThresholds(**limits))


def test_evidence_makes_it_sure() -> None:
    assert calibration.heading_probability(SURE) > 0.98
    assert calibration.heading_probability(UNSURE) < 0.3
    assert calibration.heading_probability(None) == calibration.lag_probability(None, SURE) == 0
    assert calibration.lag_probability(LAG, UNSURE) <= calibration.heading_probability(UNSURE)


def test_a_lag_is_not_surer_than_all_of_its_evidence() -> None:
    """Whatever weakens, the heading as well, the lag is less sure."""
    assert calibration.lag_probability(LAG, SURE) > 0.99
    for weaker in ({"agreeing": 0.0}, {"margin": 0.3, "above_chance": 5.0}, {"margin": 0.5, "above_chance": 2.0}):
        assert calibration.lag_probability({**LAG, **weaker}, SURE) < 0.95
    doubtful = {**SURE, "correlation": 0.4, "agreeing": 0.5}
    assert calibration.lag_probability(LAG, doubtful) < calibration.lag_probability(LAG, SURE)


def test_nothing_to_see_is_unknown() -> None:
    assert judged().verdict == "unknown"
    assert judged(UNSURE).verdict == "unknown"
    assert judged(UNSURE).yaw_deg is None


@pytest.mark.parametrize(("yaw_deg", "verdict"), [(24.9, "agrees"), (25.0, "elsewhere"), (-25.0, "elsewhere")])
def test_a_known_heading_agrees_up_to_a_limit(yaw_deg: float, verdict: str) -> None:
    found = judged({**SURE, "yaw_deg": yaw_deg})
    assert (found.verdict, found.yaw_deg) == (verdict, yaw_deg)


@pytest.mark.parametrize(
    ("lag_s", "verdict"), [(-0.11, "elsewhere"), (-0.09, "agrees"), (0.29, "agrees"), (0.31, "elsewhere")]
)
def test_sound_may_be_late_from_afar_but_not_early(lag_s: float, verdict: str) -> None:
    found = judged({**SURE, "yaw_deg": 3.0}, {**LAG, "lag_s": lag_s})
    assert (found.verdict, found.lag_s) == (verdict, lag_s)


def test_a_heading_that_fits_mirrored_as_well_is_not_known() -> None:
    assert judged({**SURE, "mirrored": 0.75}).verdict == "unknown"
    assert judged({**SURE, "mirrored": 0.71}).verdict == "elsewhere"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "agrees"),
        ({"turned_deg": 29.0}, "unknown"),
        ({"stays": 0.7}, "unknown"),
        ({"gain": 0.5}, "unknown"),
        ({"gain": 0.0, "stays": 0.8, "follows": 0.3}, "does-not-turn"),
        ({"gain": -1.0, "mirrored": 0.8, "follows": 0.3}, "mirrored"),
    ],
)
def test_how_the_sound_turns(change: Any, verdict: str) -> None:
    assert judged(None, None, {**TURNS, **change}).verdict == verdict


def test_repair_is_off_unless_asked_for_and_then_only_where_sure() -> None:
    found = judged(SURE)
    assert found.verdict == "elsewhere"
    assert decision.repair(found, FrameThresholds()) is None
    assert decision.repair(found, FrameThresholds(repair=True)) == Repair(60.0, 0.0)
    assert decision.repair(found, FrameThresholds(repair=True, repair_probability=0.9999)) is None
    both = judged(SURE, LAG)
    assert decision.repair(both, FrameThresholds(repair=True, repair_probability=0.9)) == Repair(60.0, 0.5)
    assert decision.repair(judged({**SURE, "yaw_deg": 1.0}), FrameThresholds(repair=True)) is None
    contradictory = judged(SURE, None, {**TURNS, "gain": 0.0, "stays": 0.8, "follows": 0.3})
    assert decision.repair(contradictory, FrameThresholds(repair=True)) is None


def test_words_have_at_most_three_numbers_and_one_probability() -> None:
    both = judged(SURE, LAG, heading_probability=0.6, lag_probability=0.6)
    assert both.verdict == "elsewhere"
    assert "to the right and 0.50 s later (probability" in both.words
    assert len(re.findall(r"\d+(?:\.\d+)?", both.words)) == 3
    unsure = judged({**SURE, "correlation": 0.2, "yaw_deg": -30.0})
    assert unsure.verdict == "unknown"
    assert "likeliest it is heard 30° further to the left (probability 0." in unsure.words


def test_words_name_the_side() -> None:
    assert "heard 60° further to the right" in judged(SURE).words
    assert "heard 60° further to the left" in judged({**SURE, "yaw_deg": -60.0}).words


def test_a_repair_goes_through_json() -> None:
    assert Repair.from_json(Repair(12.5, -0.2).to_json()) == Repair(12.5, -0.2)


def test_more_of_a_video_is_looked_at_where_it_could_tell() -> None:
    """Nothing seen yet, a heading that is not hopeless, or a picture that turns by 20° at least."""
    nothing = {"stretches": 3, "heading": None, "turning": None}
    assert not decision.open_question(nothing)
    assert decision.open_question({**nothing, "stretches": 0})
    for turned_deg, more in ((19.9, False), (20.0, True)):
        assert decision.open_question({**nothing, "turning": {"turned_deg": turned_deg}}) is more


@pytest.mark.parametrize(("probability", "more"), [(0.299, False), (0.3, True)])
def test_a_heading_is_worth_more_looks_from_three_tenths_on(
    probability: float, more: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision, "heading_probability", lambda _: probability)
    assert decision.open_question({"stretches": 1, "heading": {}, "turning": None}) is more


@pytest.mark.parametrize(
    ("lag_s", "moved_s"),
    [(-0.5, -0.5), (-0.1, -0.1), (-0.099, 0.0), (0.0, 0.0), (0.299, 0.0), (0.3, 0.3), (0.5, 0.5)],
)
def test_sound_is_moved_from_the_limits_on_and_no_sooner(lag_s: float, moved_s: float) -> None:
    """What is turned far enough is turned, whether or not it is moved as well."""
    limits = FrameThresholds(repair=True)
    assert (limits.least_early_s, limits.least_late_s) == (0.1, 0.3)
    found = judged({**SURE, "yaw_deg": 60.0}, {**LAG, "lag_s": lag_s})
    assert decision.repair(found, limits) == Repair(60.0, moved_s)


@pytest.mark.parametrize(("yaw_deg", "turned_deg"), [(24.9, 0.0), (25.0, 25.0), (-24.9, 0.0), (-25.0, -25.0)])
def test_sound_is_turned_from_the_limit_on_either_side(yaw_deg: float, turned_deg: float) -> None:
    found = judged({**SURE, "yaw_deg": yaw_deg}, {**LAG, "lag_s": 0.5})
    assert decision.repair(found, FrameThresholds(repair=True)) == Repair(turned_deg, 0.5)
