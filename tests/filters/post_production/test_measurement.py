"""How the evidence is weighed into scores; what is heard end to end is in ``test_post_production.py``."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.filters import sounds
from yt360 import ambisonics
from yt360.filters.post_production import classifier, measurement
from yt360.filters.post_production.thresholds import VoiceoverThresholds

NAMES = ("evidence", "partials", "swells", "bins")
NOTHING = {name: dict.fromkeys(classifier.KINDS, 0.0) for name in NAMES}
UNSURE = dict.fromkeys(classifier.KINDS, 0.0)
share = st.floats(0, 1)


def with_share(name: str, kind: str, value: float) -> dict[str, dict[str, float]]:
    return {**NOTHING, name: {**NOTHING[name], kind: value}}


@pytest.mark.parametrize("kind", classifier.KINDS)
def test_every_share_that_is_weighed_speaks_for_its_kind_alone(kind: str) -> None:
    before = measurement.weigh(UNSURE, NOTHING)
    for name in measurement.SHARES[kind]:
        after = measurement.weigh(UNSURE, with_share(name, kind, 1.0))
        assert after[kind] > before[kind]
        assert {other: after[other] for other in after if other != kind} == {
            other: before[other] for other in before if other != kind
        }


def test_without_z_the_same_evidence_says_less_of_a_bed_and_as_much_of_the_rest() -> None:
    shares = with_share("bins", "bed", 0.2)
    flat = {**shares, "bins": {**shares["bins"], "without_z": True}}
    with_z, without = measurement.weigh(UNSURE, shares), measurement.weigh(UNSURE, flat)
    assert without["bed"] < with_z["bed"]
    assert {kind: without[kind] for kind in ("omni", "front")} == {kind: with_z[kind] for kind in ("omni", "front")}


@given(name=st.sampled_from(NAMES), kind=st.sampled_from(classifier.KINDS), values=st.tuples(share, share))
def test_more_evidence_never_lowers_a_score(name: str, kind: str, values: tuple[float, float]) -> None:
    low, high = (measurement.weigh(UNSURE, with_share(name, kind, value))[kind] for value in sorted(values))
    assert 0 < low <= high < 1


@given(logits=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)))
def test_the_classifier_is_believed_within_limits(logits: tuple[float, float]) -> None:
    low, high = (measurement.weigh(dict.fromkeys(classifier.KINDS, logit), NOTHING) for logit in sorted(logits))
    for kind in classifier.KINDS:
        assert low[kind] <= high[kind] < 0.99


def test_no_kind_of_evidence_drops_a_video_against_a_classifier_that_is_sure() -> None:
    """Each looks at the same sound in another way; one alone may be fooled."""
    limits = VoiceoverThresholds()
    against = dict.fromkeys(classifier.KINDS, -measurement.MOST_LOGIT)
    for kind in classifier.KINDS:
        for name in measurement.SHARES[kind]:
            for without_z in (False, True):
                shares = with_share(name, kind, 1.0)
                shares["bins"] = {**shares["bins"], "without_z": without_z}
                assert measurement.weigh(against, shares)[kind] < getattr(limits, kind)


def test_a_layer_in_which_neither_speech_nor_music_is_heard_is_believed_less() -> None:
    assert measurement.audible({"speech": 0.06, "singing": 0.0, "music": 0.0}) == 1
    assert measurement.audible({"speech": 0.0, "singing": 0.9, "music": 0.1}) == 1
    assert measurement.audible({"speech": 0.01, "singing": 0.0, "music": 0.03}) == pytest.approx(0.25)


def test_a_pair_of_noises_is_no_bed_and_a_pair_of_instruments_is() -> None:
    rng = np.random.default_rng(8)
    noises = [sounds.coloured(rng) for _ in range(2)]
    angle = np.deg2rad(45.0)
    pair = sum(ambisonics.encode(noise, side * angle, 0.0) for noise, side in zip(noises, (1, -1), strict=True))
    for layer, dropped in ((np.asarray(pair), False), (sounds.bed(rng, 45.0), True)):
        measures, _ = measurement.measure([sounds.mix((sounds.ambience(rng), 0.0), (layer, 6.0))])
        assert (measures["scores"]["bed"] >= VoiceoverThresholds().bed) == dropped, measures["scores"]
        by_place = measurement.weigh({"omni": 0.0, "front": 0.0, "bed": 0.0}, measures)
        assert by_place["bed"] >= VoiceoverThresholds().bed
