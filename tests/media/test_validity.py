from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.media_sounds import INVALID, RATE_HZ, REPAIRABLE, VALID, foa_scene
from yt360 import ambisonics, sphere
from yt360.media.ambisonic_measures import measure_ambisonics
from yt360.media.thresholds import AmbisonicThresholds
from yt360.media.validity import AmbisonicVerdict, judge_ambisonics, limits_applied

SECONDS = 6


def verdict(channels: np.ndarray, declared: str = "ambix") -> AmbisonicVerdict:
    measures = measure_ambisonics([channels.astype(np.float32)], RATE_HZ)
    json.dumps(measures, allow_nan=False)
    return judge_ambisonics(measures, declared=declared)


def scene(seed: int = 3) -> np.ndarray:
    return foa_scene(np.random.default_rng(seed), SECONDS * RATE_HZ)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", sorted(VALID))
def test_true_ambisonics_is_valid(kind: str, seed: int) -> None:
    found = verdict(VALID[kind](np.random.default_rng(seed), SECONDS * RATE_HZ))
    assert (found.verdict, found.convention) == ("valid", "ambix"), found.reason
    assert found.horizontal_only == (kind == "foa-horizontal")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", sorted(INVALID))
def test_masquerade_is_refused(kind: str, seed: int) -> None:
    found = verdict(INVALID[kind](np.random.default_rng(seed), SECONDS * RATE_HZ))
    assert found.verdict == "invalid", (found.convention, found.reason)
    assert found.reason


@pytest.mark.parametrize("seed", [30028, 30030, 30085, 30108])
def test_feeds_of_steady_sources_are_refused(seed: int) -> None:
    """Regression: their balance does not swing in time; it differs between bands, and no channels are opposed."""
    found = verdict(INVALID["quad"](np.random.default_rng(seed), SECONDS * RATE_HZ))
    assert found.verdict == "invalid", (found.convention, found.reason)


def test_one_source_in_front_above_to_the_left_is_valid() -> None:
    """All channels of one sign, as in feeds, but in balance in every band."""
    rng = np.random.default_rng(0)
    noise = np.cumsum(rng.standard_normal(SECONDS * RATE_HZ)) % 7 - 3.5 + rng.standard_normal(SECONDS * RATE_HZ)
    alone = ambisonics.encode(0.05 * noise, 0.5, 0.6)
    assert verdict(alone + 3e-3 * rng.standard_normal(alone.shape)).verdict == "valid"


@pytest.mark.parametrize("kind", sorted(REPAIRABLE))
def test_known_mistake_is_repaired(kind: str) -> None:
    found = verdict(REPAIRABLE[kind](np.random.default_rng(3), SECONDS * RATE_HZ))
    assert (found.verdict, found.convention) == ("repaired", kind), found.reason


def test_declared_n3d_is_taken_at_its_word_only_if_it_fits() -> None:
    n3d = ambisonics.from_ambix(scene(), "n3d")
    assert verdict(n3d, "n3d").convention == "n3d"
    assert verdict(np.tile(scene()[:1], (4, 1)), "n3d").verdict == "invalid"


@settings(max_examples=5, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5))
def test_turning_the_field_changes_nothing(azimuth: float, elevation: float) -> None:
    turned = ambisonics.rotate(scene(), sphere.view_rotation(azimuth, elevation))
    found = verdict(turned)
    assert (found.verdict, found.convention) == ("valid", "ambix"), found.reason


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


def test_silence_in_parts_is_valid() -> None:
    quiet = scene()
    quiet[:, : quiet.shape[1] // 2] = 0
    assert verdict(quiet).verdict == "valid"


def test_nothing_but_silence_is_not_valid() -> None:
    assert verdict(np.zeros((4, RATE_HZ))).verdict == "invalid"
    assert verdict(1e-5 * scene()).verdict == "uncertain"


def test_threshold_decides_without_measuring_again() -> None:
    measures = measure_ambisonics([scene().astype(np.float32)], RATE_HZ)
    assert judge_ambisonics(measures).verdict == "valid"
    assert judge_ambisonics(measures, thresholds=AmbisonicThresholds(highest_balance_db=-30.0)).verdict != "valid"


def test_limits_that_were_applied_say_whether_a_file_was_kept() -> None:
    """Quiet X, Y and Z may swing more; a reading that the container states has limits of its own."""
    limit = AmbisonicThresholds()
    measures = {
        "level_db": [-20.0, -30.0, -30.0, -30.0],
        "readings": {"ambix": {"balance_db": -7.0}, "fuma": {"balance_db": 0.0}},
    }
    balance, swing = limits_applied(measures, "ambix", "ambix", limit)
    assert (balance, swing) == (limit.highest_balance_db, limit.highest_swing_db + 5 * limit.swing_per_quiet_db)
    assert limits_applied(measures, "fuma", "fuma", limit) == (limit.declared_balance_db, limit.declared_swing_db)
    assert limits_applied(measures, "fuma", "ambix", limit) == (limit.highest_balance_db, limit.highest_swing_db)
