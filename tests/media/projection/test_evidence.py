"""What one seam and one pair of halves may say: bounded, and outlines only confirm or weaken what shades say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.media_scenes import make_scene
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH, measure_picture
from yt360.media.projection.decision import PictureThresholds, decide_picture
from yt360.media.projection.evidence import SHIPPED, evidence, eye_odds, inner_pole_odds, seam_odds
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


@pytest.mark.parametrize(
    ("calm", "odds"),
    [(-3, 3.21), (-0.9, 3.21), (-0.5, 2.53), (-0.2, 0.25), (0, -1.5), (0.2, -2.93), (0.35, -3.65), (2, -3.65)],
)
def test_the_middle_of_a_frame_speaks_for_two_poles_or_against_and_both_are_bounded(calm: float, odds: float) -> None:
    assert inner_pole_odds(calm, 1e6) == pytest.approx(odds, abs=0.02)
    assert inner_pole_odds(calm, 1.0) == pytest.approx(odds / 2, abs=0.02)
    assert inner_pole_odds(calm, 0.0) == 0


def terms(**changed: Any) -> dict[str, dict[str, float]]:
    """Evidence in a scene of which some measures are others."""
    scene = make_scene(5, 360, 640).frames(2).mean(axis=3).astype(np.uint8)
    return evidence(replace(measure_picture(scene, 640, 320), **changed))


def test_poles_in_the_middle_concern_two_eyes_above_each_other_alone() -> None:
    found = terms(inner_poles=(-0.5, 1e6))
    named = {name for name, by in found.items() if by["inner"]}
    assert named == {"equirectangular-tb", "half-top-bottom"}
    assert found["equirectangular-tb"]["inner"] == found["half-top-bottom"]["inner"] == pytest.approx(2.53, abs=0.01)


@pytest.mark.parametrize(
    ("grain", "sphere", "two_eyes", "side_by_side", "flat"),
    [(-0.16, 0.72, -0.94, -0.92, -0.06), (-0.5, -1.13, 0.71, -2.97, -0.86), (0.16, -0.95, -2.96, 0.72, -0.1),
     (-1.6, -3.0, -3.0, -3.0, -3.0)],
)  # fmt: skip
def test_grain_speaks_for_layouts_that_draw_out_as_much(
    grain: float, sphere: float, two_eyes: float, side_by_side: float, flat: float
) -> None:
    found = terms(grain=(grain, 1e6))
    names = ("equirectangular", "equirectangular-tb", "equirectangular-lr", "flat-mono")
    for name, expected in zip(names, (sphere, two_eyes, side_by_side, flat), strict=True):
        assert found[name]["grain"] == pytest.approx(expected, abs=0.02), name


def test_little_change_is_noise_which_has_no_grain() -> None:
    assert {by["grain"] for by in terms(grain=(0.0, 0.0)).values()} == {0.0}
    loud, faint = terms(grain=(-0.08, 1e6)), terms(grain=(-0.08, 2.0))
    assert faint["equirectangular"]["grain"] == pytest.approx(0.71 / 2, abs=0.02)
    assert faint["equirectangular"]["grain"] < loud["equirectangular"]["grain"]


def test_a_cut_at_the_quarters_speaks_for_a_canvas_as_bars_there_do() -> None:
    cut, barred = terms(empty_sides=True, cut_quarters=True), terms(bars=0.25)
    for name in ("half-canvas", "equirectangular", "eac", "flat-mono"):
        assert cut[name]["looks"] == barred[name]["looks"]
    assert terms(empty_sides=True)["half-canvas"]["looks"] < cut["half-canvas"]["looks"] == 6


@pytest.mark.parametrize("seed", [2, 5, 8])
def test_a_sphere_in_a_square_frame_is_told_from_the_two_eyes_that_are_stated(seed: int) -> None:
    """A square is the shape of two eyes above each other, so that it takes more than halves that are unlike."""
    scene = make_scene(seed, WORK_HEIGHT, WORK_WIDTH).frames(3).mean(axis=3).astype(np.uint8)
    found = evidence(measure_picture(scene, 640, 640))
    decisions = [
        decide_picture(
            {name: sum(by.values()) - sum(by[term] for term in without) for name, by in found.items()},
            "equirectangular-tb", PictureThresholds(),
        )
        for without in ((), ("inner", "grain"))
    ]  # fmt: skip
    assert (decisions[0].kind, decisions[0].best.name) == ("sphere", "equirectangular")
    assert decisions[0].probability > decisions[1].probabilities["equirectangular"]


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
