from __future__ import annotations

from dataclasses import asdict, fields

import pytest

from tests.filters.stills.test_decision import made
from yt360.filters.stills import decision
from yt360.filters.stills.limits import LIMITS, Limits, moved

NEARLY = [
    step._replace(residual=0.008, later=0.008, strength=4.0, later_strength=4.0, regions=5, extent=0.5, peak=1.0)
    for step in made([100.0] * 20)
]
"""Comparisons that the rules as they are take for something that lives."""


def test_limits_moved_further_make_stills_of_more() -> None:
    verdicts = [decision.judge(NEARLY, moved(LIMITS, 2 ** (step / 2))) is not None for step in range(-5, 6)]
    assert verdicts == sorted(verdicts)
    assert len(set(verdicts)) == 2
    assert asdict(moved(LIMITS, 1.0)) == pytest.approx(asdict(LIMITS))


def test_every_limit_but_lengths_and_what_says_which_case_it_is_is_moved() -> None:
    other = moved(LIMITS, 2.0)
    kept = {field.name for field in fields(Limits) if getattr(other, field.name) == getattr(LIMITS, field.name)}
    assert kept == {"slide_steps", "least_stretch", "overlay_extent"}


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_shares_stay_shares(factor: float) -> None:
    told = asdict(moved(LIMITS, factor))
    for name in ("slide_share", "title_held", "quiet_share", "flicker_quiet_share", "title_extent", "drift_share"):
        assert 0 <= told[name] <= 1, name
