"""One posterior: what the file says is a prior, what the picture shows is evidence, the answer may be unknown."""

from __future__ import annotations

import numpy as np
import pytest

from yt360.media.projection.decision import PictureThresholds, decide_picture, posterior, stated_prior
from yt360.media.projection.hypotheses import hypotheses
from yt360.media.projection.words import picture_words, reason_code

NOTHING = dict.fromkeys(hypotheses(), 0.0)
LIMITS = PictureThresholds()


def seen(**odds: float) -> dict[str, float]:
    """Log likelihoods: ``odds`` for some hypotheses, 0 for the others."""
    return NOTHING | {name.replace("_", "-"): value for name, value in odds.items()}


@pytest.mark.parametrize(
    "stated", ["", "equirectangular", "equirectangular-?", "equirectangular-tb", "cubemap-cbmp", "flat-mono"]
)
def test_priors_are_probabilities(stated: str) -> None:
    assert sum(stated_prior(stated, 0.97).values()) == pytest.approx(1)
    assert sum(posterior(seen(eac=3), stated).values()) == pytest.approx(1)


def test_what_is_stated_is_believed_where_the_picture_tells_nothing() -> None:
    for stated in ("equirectangular", "equirectangular-tb", "eac", "cubemap-cbmp"):
        decision = decide_picture(NOTHING, stated, LIMITS)
        assert (decision.kind, decision.best.name) == ("sphere", stated)
    assert decide_picture(NOTHING, "half-left-right", LIMITS).kind == "other"
    assert decide_picture(NOTHING, "", LIMITS).kind == "unknown"


def test_one_measure_against_it_does_not_overrule_what_is_stated() -> None:
    """A pole of tiles, a logo or a broken seam alone: the picture must look like something else, too."""
    assert decide_picture(seen(equirectangular=-0.9), "equirectangular", LIMITS).kind == "sphere"


def test_a_better_explanation_overrules_what_is_stated() -> None:
    cubemap = decide_picture(seen(equirectangular=-6, eac=9), "equirectangular", LIMITS)
    assert (cubemap.kind, cubemap.best.name) == ("sphere", "eac")
    two_eyes = decide_picture(seen(equirectangular=0.0) | {"equirectangular-tb": 9.0}, "equirectangular", LIMITS)
    assert (two_eyes.kind, two_eyes.best.name) == ("sphere", "equirectangular-tb")
    plain = decide_picture(seen(equirectangular=-9, flat_mono=2), "equirectangular", LIMITS)
    assert (plain.kind, reason_code(plain)) == ("other", "not-360")


def test_a_wrong_statement_is_about_something_else() -> None:
    """The share of wrong statements lies on the others alone, by how often they are met; five times as much on those of
    which the eyes or the projection are right."""
    every = hypotheses()
    prior = stated_prior("equirectangular", 0.95)
    assert prior["equirectangular"] == pytest.approx(0.95)
    assert sum(prior.values()) == pytest.approx(1)

    def times(name: str) -> float:
        return prior[name] / every[name].prior / (prior["half-left-right"] / every["half-left-right"].prior)

    for name, expected in {
        "flat-mono": 5, "eac": 5, "half-mono": 5, "equirectangular-tb": 5, "equirectangular-lr": 5, "eac-lr": 1,
        "half-top-bottom": 1, "flat-left-right": 1, "fisheye-left-right": 5, "fisheye-mono": 5,
    }.items():  # fmt: skip
        assert times(name) == pytest.approx(expected), name
    unsaid = stated_prior("equirectangular-?", 0.95)
    assert sum(share for name, share in unsaid.items() if name.startswith("equirectangular")) == pytest.approx(0.95)


def test_a_single_sphere_is_what_a_wrong_statement_of_two_eyes_is_mostly_about() -> None:
    prior = stated_prior("equirectangular-tb", 0.96)
    assert prior["equirectangular"] > 0.02
    assert prior["equirectangular"] > 5 * prior["flat-mono"] > 5 * prior["half-top-bottom"]


def test_circles_that_are_stated_are_not_taken_for_a_sphere_because_they_are_one_eye() -> None:
    prior = stated_prior("fisheye-left-right", 0.96)
    assert prior["equirectangular"] / prior["equirectangular-lr"] == pytest.approx(0.44 / 0.02 / 5)


def test_silence_on_stereo_leaves_two_eyes_possible() -> None:
    eyes = NOTHING | {"equirectangular-tb": 4.0}
    assert decide_picture(eyes, "equirectangular-?", LIMITS).best.name == "equirectangular-tb"
    assert decide_picture(eyes, "equirectangular", LIMITS).best.name == "equirectangular"


def test_what_is_no_sphere_either_way_need_not_be_told_apart() -> None:
    decision = decide_picture(seen(flat_mono=6) | {"half-left-right": 7.4}, "", LIMITS)
    assert decision.kind == "other"
    assert max(decision.probabilities.values()) < LIMITS.least_probability < decision.probability


def test_the_limit_says_how_sure_it_must_be() -> None:
    odds = seen(equirectangular=2.5)
    probability = decide_picture(odds, "", LIMITS).probabilities["equirectangular"]
    assert 0.8 < probability < 0.95
    below, above = (PictureThresholds(least_probability=probability + by) for by in (-0.01, 0.01))
    assert decide_picture(odds, "", below).kind == "sphere"
    assert decide_picture(odds, "", above).kind == "unknown"


def test_trust_in_metadata_is_a_parameter() -> None:
    odds = seen(equirectangular=-3, flat_mono=2)
    trusting = PictureThresholds(metadata_right=0.999)
    assert decide_picture(odds, "equirectangular", trusting).probability > 0.9
    doubting = PictureThresholds(metadata_right=0.6)
    assert decide_picture(odds, "equirectangular", doubting).kind == "other"


def test_words_name_what_was_seen_and_both_readings() -> None:
    unknown = decide_picture(seen(equirectangular=1.5), "", LIMITS)
    words = picture_words(unknown, {"edges": -2.0, "edges_contrast": 1.0, "top": 2.0, "bottom": -2.0})
    assert words.startswith("cannot tell equirectangular (")
    assert "plain picture (" in words
    assert "left and right edge do not meet" in words
    assert "the top is stretched like a pole; the bottom is not stretched like a pole" in words
    assert "half the height" not in words
    assert "the poles of two eyes meet" in picture_words(unknown, {"middle": 1.1})
    assert "the poles of two eyes meet" not in picture_words(unknown, {"middle": 0.9})
    dark = picture_words(unknown, {"edges": 0.0, "edges_contrast": 0.1})
    assert "too plain to tell" in dark
    assert picture_words(unknown, {}) == "no frame could be decoded"


def test_priors_of_all_hypotheses_are_shares() -> None:
    every = hypotheses().values()
    assert sum(hypothesis.prior for hypothesis in every) == pytest.approx(1, abs=0.05)
    for hypothesis in every:
        assert sum(share for _, share in hypothesis.shapes) < 1
        octaves = np.linspace(-8, 8, 40_001)
        density = np.exp([hypothesis.log_shape(2**x) for x in octaves[::20]])
        assert np.trapezoid(density, octaves[::20]) == pytest.approx(1, abs=0.1)
