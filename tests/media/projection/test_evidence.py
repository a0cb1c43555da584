"""What one seam and one pair of halves may say: bounded, and outlines only confirm or weaken what shades say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from yt360.media.projection.evidence import SHIPPED, eye_odds, seam_odds
from yt360.media.projection.seams import REACHES, SeamEvidence

CLOSED, OPEN, CONTRAST = 0.1, 1.8, 1.8


def seam(shades: float, outlines: float) -> SeamEvidence:
    """One seam of a single face: steps of its shades and of its outlines, strangers 1.8 apart."""
    step = np.array([[shades] * len(REACHES) + [outlines] * len(REACHES)])
    return SeamEvidence(step, np.full(step.shape, CONTRAST), np.full(step.shape, 0.1))


def test_outlines_that_part_confirm_an_open_seam_as_far_as_torn_seams_allow() -> None:
    both, shades_alone = seam_odds(seam(OPEN, OPEN))[0], seam_odds(seam(OPEN, 1.0))[0]
    unconfirmed = seam_odds(seam(OPEN, OPEN), replace(SHIPPED, parted=1.0))[0]
    assert both < shades_alone
    assert both - unconfirmed == pytest.approx(np.log(SHIPPED.parted), abs=0.05)


def test_outlines_that_meet_weaken_an_open_seam_and_never_turn_it_into_a_closed_one() -> None:
    assert seam_odds(seam(OPEN, OPEN))[0] < seam_odds(seam(OPEN, CLOSED))[0] <= 0


@pytest.mark.parametrize("outlines", [CLOSED, 1.0, OPEN])
def test_outlines_say_nothing_of_a_seam_whose_shades_meet(outlines: float) -> None:
    assert seam_odds(seam(CLOSED, outlines))[0] == seam_odds(seam(CLOSED, CLOSED))[0] > 0


def test_a_seam_that_shades_leave_in_doubt_is_not_confirmed() -> None:
    steps = np.linspace(CLOSED, OPEN, 60)
    odds = np.array([seam_odds(seam(step, OPEN))[0] for step in steps])
    before = np.array([seam_odds(seam(step, OPEN), replace(SHIPPED, parted=1.0))[0] for step in steps])
    assert np.all(odds <= before)
    assert np.any(before < -5)
    assert np.all(odds[before > -2] == before[before > -2])


def test_halves_that_are_alike_weigh_more_than_eyes_that_are_not_and_both_are_bounded() -> None:
    alike, unlike = eye_odds(0.95, 1000.0), eye_odds(0.1, 1000.0)
    assert 8 < alike < 10
    assert -8 < unlike < -6
    assert abs(eye_odds(0.95, 0.0)) < 1e-9
