"""What one seam and one pair of halves may say: bounded, and outlines only confirm or weaken what shades say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.media_scenes import make_scene
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH, measure_picture
from yt360.media.projection.decision import PictureThresholds, decide_picture
from yt360.media.projection.evidence import SHIPPED, evidence, eye_odds, seam_odds
from yt360.media.projection.layouts import draw, dual_fisheye
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
    assert 9 < alike < 11
    assert -7 < unlike < -5
    assert abs(eye_odds(0.95, 0.0)) < 1e-9


def test_the_black_edges_of_circles_meet_as_those_of_a_sphere_do() -> None:
    """So they speak for no sphere against circles, and those are found whatever the metadata state."""
    scene = make_scene(5, 360, 640).frames(2).mean(axis=3).astype(np.uint8)
    circles = np.stack([draw(dual_fisheye(), frame, WORK_HEIGHT, WORK_WIDTH) for frame in scene])
    found = evidence(measure_picture(circles, 640, 320))
    assert found["fisheye-left-right"]["seams"] == found["equirectangular"]["seams"] > 2
    scores = {name: sum(terms.values()) for name, terms in found.items()}
    decision = decide_picture(scores, "equirectangular", PictureThresholds())
    assert (decision.kind, decision.best.name) == ("other", "fisheye-left-right")


@pytest.mark.parametrize("alike", [True, False])
def test_halves_that_are_alike_speak_for_two_eyes_no_more_than_for_two_circles(alike: bool) -> None:
    scene = make_scene(5, 360, 640).frames(2).mean(axis=3).astype(np.uint8)
    circles = np.stack([draw(dual_fisheye(), frame, WORK_HEIGHT, WORK_WIDTH) for frame in scene])
    left = circles[:, :, : WORK_WIDTH // 2]
    circles[:, :, WORK_WIDTH // 2 :] = left if alike else left[:, ::-1]
    found = evidence(measure_picture(circles, 640, 320))
    assert (found["equirectangular-lr"]["eyes"] > 5) == alike
    assert found["fisheye-left-right"]["eyes"] == max(0.0, found["equirectangular-lr"]["eyes"])


def test_edges_that_part_are_nothing_that_circles_forbid() -> None:
    scene = make_scene(5, 360, 640).frames(2).mean(axis=3).astype(np.uint8)
    found = evidence(measure_picture(scene[:, :, :500].repeat(2, axis=2)[:, :, :WORK_WIDTH], 640, 320))
    assert found["equirectangular"]["seams"] < 0 == found["fisheye-left-right"]["seams"]
