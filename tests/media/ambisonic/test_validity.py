from __future__ import annotations

import itertools
import json
import logging
import time
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.media_sounds import INVALID, RATE_HZ, REPAIRABLE, VALID, ambience, foa_scene
from yt360 import ambisonics, sphere
from yt360.media.ambisonic import validity
from yt360.media.ambisonic.hypotheses import HYPOTHESES
from yt360.media.ambisonic.measures import measure_ambisonics
from yt360.media.ambisonic.thresholds import AmbisonicThresholds
from yt360.media.ambisonic.validity import AmbisonicVerdict, judge_ambisonics

SECONDS = 6
MAKERS = {**VALID, **REPAIRABLE, **INVALID}


def verdict(
    channels: np.ndarray, *, declared: bool = False, picture: bool = True, thresholds: AmbisonicThresholds | None = None
) -> AmbisonicVerdict:
    measures = measure_ambisonics([channels.astype(np.float32)], RATE_HZ)
    json.dumps(measures, allow_nan=False)
    return judge_ambisonics(measures, declared=declared, picture=picture, thresholds=thresholds)


@cache
def _scene(seed: int) -> np.ndarray:
    return foa_scene(np.random.default_rng(seed), SECONDS * RATE_HZ)


@cache
def _made(kind: str, seed: int) -> np.ndarray:
    return MAKERS[kind](np.random.default_rng(seed), SECONDS * RATE_HZ)


def scene(seed: int = 3) -> np.ndarray:
    return _scene(seed).copy()


def made(kind: str, seed: int = 2) -> np.ndarray:
    return _made(kind, seed).copy()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", sorted(VALID))
def test_true_ambisonics_is_valid(kind: str, seed: int) -> None:
    found = verdict(made(kind, seed))
    assert (found.verdict, found.convention) == ("valid", "ambix"), (found.reason, found.posterior)
    assert found.horizontal_only == (kind == "foa-horizontal")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", sorted(INVALID))
def test_masquerade_is_refused(kind: str, seed: int) -> None:
    found = verdict(made(kind, seed))
    assert found.verdict in ("invalid", "uncertain"), (found.convention, found.reason)
    assert found.reason


@pytest.mark.parametrize("order", [(0, 1, 0, 1), (0, 1, 1, 0), (0, 0, 1, 1)])
@pytest.mark.parametrize("declared", [False, True])
def test_two_signals_twice_are_refused_even_where_they_are_declared(order: tuple[int, ...], declared: bool) -> None:
    pair = scene()[[3, 1]]
    pair /= pair.std(axis=1, keepdims=True)
    coded = 0.1 * pair[list(order)] + 0.005 * np.random.default_rng(1).standard_normal((4, pair.shape[1]))
    assert "two signals twice" in verdict(coded, declared=declared).reason


@pytest.mark.parametrize(("noise", "loudness", "refused"), [(0.1, 1.0, True), (0.3, 1.0, False), (0.1, 0.9, False)])
def test_two_signals_twice_are_as_good_as_equal(noise: float, loudness: float, refused: bool) -> None:
    """Correlations of 0.99 and 0.92; 0.9 dB of difference."""
    rng = np.random.default_rng(1)
    pair = rng.standard_normal((2, SECONDS * RATE_HZ))
    channels = np.concatenate([pair, pair * loudness]) + noise * rng.standard_normal((4, pair.shape[1]))
    assert ("two signals twice" in verdict(0.1 * channels).reason) == refused


def test_one_wave_from_where_channels_are_equal_is_not_two_signals() -> None:
    """W 3 dB low, and a source from (0.5, 0.707, 0.5): W is Y, and Z is X."""
    channels = np.array([0.5**0.5, 0.5**0.5, 0.5, 0.5])[:, None] * scene()[:1]
    assert "two signals twice" not in verdict(channels).reason


# X, Y and Z -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["foa", "fuma", "quad", "capsules", "independent"])
def test_exchanging_and_flipping_x_y_z_changes_no_verdict(kind: str) -> None:
    channels = made(kind)
    expected = verdict(channels)
    for order in itertools.permutations((1, 2, 3)):
        for signs in ((1, 1, 1), (-1, 1, 1), (1, -1, -1)):
            turned = channels.copy()
            turned[1:] = channels[list(order)] * np.array(signs)[:, None]
            found = verdict(turned)
            assert (found.verdict, found.convention) == (expected.verdict, expected.convention)
            assert [share for _, share in found.posterior] == pytest.approx(
                [share for _, share in expected.posterior], abs=2e-3
            )


def test_w_low_with_all_channels_live_is_in_doubt_between_two_orders() -> None:
    """AmbiX with W 3 dB low and FuMa are the same signal; nothing may exchange axes for it."""
    for picture in (True, False):
        found = verdict(made("fuma", 3), picture=picture)
        assert found.verdict == "uncertain"
        assert found.convention == "ambix"
        assert {"fuma", "ambix-w-low", "ambix", "n3d"} >= {name for name, _ in found.posterior}


def test_w_x_y_without_z_is_put_into_order_by_the_silent_channel() -> None:
    flat = foa_scene(np.random.default_rng(3), SECONDS * RATE_HZ, horizontal=True)
    found = verdict(ambisonics.from_ambix(flat, "fuma"), picture=False)
    assert found.convention in ("fuma", "wxyz"), (found.reason, found.posterior)
    assert found.horizontal_only


@pytest.mark.parametrize(("above_db", "share"), [(-3.0, 1.0), (0.0, 1.0), (1.4, 1.0), (4.5, 0.011)])
def test_w_that_nobody_lowered_is_not_weaker_than_the_sides(above_db: float, share: float) -> None:
    """X Y W Z leaves W as it is: where each of the last three is weaker than all others together, it is not that."""
    measures = measure_ambisonics([made("foa", 3)[[3, 1, 0, 2]].astype(np.float32)], RATE_HZ)
    usual: dict[str, Any] = {"declared": False, "picture": False, "thresholds": AmbisonicThresholds()}
    expected = validity.posterior(measures | {"level_db": [-30.0, -10.0, -30.0, -30.0]}, **usual)
    for order in itertools.permutations((-10.0, -30.0, -30.0)):
        found = validity.posterior(measures | {"level_db": [above_db - 10.0, *order]}, **usual)
        kept = (found["xywz"] / found["w-elsewhere"]) / (expected["xywz"] / expected["w-elsewhere"])
        assert kept == pytest.approx(share, abs=0.005)


@settings(max_examples=5, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5))
def test_turning_the_field_changes_nothing(azimuth: float, elevation: float) -> None:
    turned = ambisonics.rotate(scene(), sphere.view_rotation(azimuth, elevation))
    found = verdict(turned)
    assert (found.verdict, found.convention) == ("valid", "ambix"), found.reason


# What is declared -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_declared_channels_are_never_read_in_another_order(kind: str) -> None:
    found = verdict(made(kind), declared=True)
    assert found.convention == "ambix"
    assert found.verdict != "repaired"
    if kind in VALID:
        assert found.verdict == "valid", found.reason
    if kind in INVALID and kind != "delayed-copies":  # reflections of one source, for all that can be heard
        assert not found.usable, found.reason


def test_doubt_about_a_declaration_names_both_readings() -> None:
    found = verdict(made("quad"), declared=True)
    assert found.verdict == "uncertain" or "against what is declared" in found.reason
    doubting = verdict(made("quad"), declared=True, thresholds=AmbisonicThresholds(overwhelming_odds=1e9))
    assert doubting.verdict == "uncertain"
    assert "loudspeaker feeds" in doubting.reason
    assert "declared ambisonics" in doubting.reason


def test_a_diffuse_field_in_n3d_is_valid_once_its_weights_are_undone() -> None:
    """As it stands it is four equal channels that have nothing in common."""
    field = ambisonics.from_ambix(ambience(np.random.default_rng(1), SECONDS * RATE_HZ), "n3d")
    assert verdict(field, picture=False).verdict != "valid"
    assert verdict(ambisonics.to_ambix(field, "n3d"), declared=True, picture=False).verdict == "valid"


def test_n3d_that_nobody_declares_is_uncertain_and_named() -> None:
    found = verdict(ambisonics.from_ambix(scene(), "n3d"), picture=False)
    assert found.verdict == "uncertain"
    assert "n3d" in [name for name, _ in found.posterior]
    assert "N3D" in found.reason


def test_w_elsewhere_is_repaired_or_in_doubt_never_valid() -> None:
    found = verdict(made("xywz", 3))
    assert (found.verdict, found.convention) in (("repaired", "xywz"), ("uncertain", "ambix"))


@pytest.mark.parametrize(("fields", "expected"), [(0.11, "uncertain"), (0.09, "invalid")])
def test_all_readings_as_a_field_together_decide_between_uncertain_and_invalid(
    fields: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is likely by itself, and no ambisonics leads by far."""
    readings = ("ambix-w-low", "fuma", "n3d", "xywz", "w-elsewhere")
    found = dict.fromkeys(HYPOTHESES, 0.0)
    found |= dict.fromkeys(readings, fields / len(readings))
    found["spaced"], found["capsules"] = 0.8 - fields, 0.2
    monkeypatch.setattr(validity, "posterior", lambda *_, **__: found)
    measures = measure_ambisonics([scene().astype(np.float32)], RATE_HZ)
    assert judge_ambisonics(measures, picture=False).verdict == expected


# Levels, silence, damage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "expected"), [(0.81, "valid"), (0.79, "uncertain")])
def test_four_in_five_make_a_field_valid(share: float, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loud voice in W leaves a field at 82 %: it is for the filter of voices to say, not in doubt."""
    found = dict.fromkeys(HYPOTHESES, 0.0) | {"ambix": share - 0.1, "ambix-w-low": 0.1, "feeds": 1 - share}
    monkeypatch.setattr(validity, "posterior", lambda *_, **__: found)
    measures = measure_ambisonics([scene().astype(np.float32)], RATE_HZ)
    assert judge_ambisonics(measures).verdict == expected


def test_loudness_changes_nothing() -> None:
    for gain in (0.01, 1.0, 30.0):
        assert verdict(scene() * gain).verdict == "valid"


def test_not_a_number_is_refused() -> None:
    broken = scene()
    broken[2, 100:200] = np.nan
    assert "not numbers" in verdict(broken).reason


def test_clipping_is_kept_and_flagged() -> None:
    loud = np.clip(scene() * 20, -1, 1)
    found = verdict(loud)
    assert "clipping" in found.flags
    assert found.verdict != "repaired"


def test_silence_in_parts_is_valid() -> None:
    quiet = scene()
    quiet[:, : quiet.shape[1] // 2] = 0
    assert verdict(quiet).verdict == "valid"


def test_nothing_but_silence_is_not_valid() -> None:
    assert verdict(np.zeros((4, RATE_HZ))).verdict == "invalid"
    assert verdict(1e-5 * scene()).verdict == "uncertain"


def test_too_little_sound_is_uncertain() -> None:
    assert verdict(scene()[:, :500]).verdict == "uncertain"


# Deciding ---------------------------------------------------------------------------------------------------------


def test_probabilities_decide_without_measuring_again() -> None:
    measures = measure_ambisonics([scene().astype(np.float32)], RATE_HZ)
    found = judge_ambisonics(measures)
    assert found.verdict == "valid"
    assert found.probability == found.posterior[0][1]
    strict = AmbisonicThresholds(valid_probability=1.0, repaired_probability=1.0, invalid_probability=1.0)
    assert judge_ambisonics(measures, thresholds=strict).verdict == "uncertain"


def test_measures_of_an_earlier_version_are_in_doubt() -> None:
    measures = measure_ambisonics([scene().astype(np.float32)], RATE_HZ)
    del measures["features"]["negative"]
    found = judge_ambisonics(measures)
    assert (found.verdict, found.posterior) == ("uncertain", ())
    assert "measure it again" in found.reason
    assert validity.field_probability(measures, declared=False, picture=True) is None


def test_odds_of_a_declaration_count() -> None:
    measures = measure_ambisonics([made("quad").astype(np.float32)], RATE_HZ)
    trusting = AmbisonicThresholds(declared_odds=1e6)
    assert judge_ambisonics(measures, declared=True, thresholds=trusting).verdict == "valid"


def test_ten_thousand_records_are_decided_in_ten_seconds() -> None:
    measures = measure_ambisonics([scene().astype(np.float32)], RATE_HZ)
    begin = time.process_time()
    for _ in range(500):
        judge_ambisonics(measures)
    assert time.process_time() - begin < 0.5


def test_limits_of_earlier_versions_are_read_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "yt360"):
        limits = AmbisonicThresholds(highest_balance_db=3.0, valid_probability=0.8)  # type: ignore[call-arg]
    assert limits == AmbisonicThresholds(valid_probability=0.8)
    assert "highest_balance_db" in caplog.text
    assert "valid_probability" in caplog.text


def test_there_are_at_most_a_dozen_parameters() -> None:
    assert len(AmbisonicThresholds.model_fields) <= 12
