from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yt360.filters import silence

RATE = 8000


@pytest.mark.parametrize(("power", "level"), [(1.0, 0.0), (0.01, -20.0), (0.0, -200.0), (1e-30, -200.0)])
def test_levels_are_finite(power: float, level: float) -> None:
    assert silence.level_db(power) == pytest.approx(level)


def test_steps_are_tenths_of_a_second_and_the_last_one_counts_as_what_it_holds() -> None:
    tone = np.concatenate([np.full(RATE, 0.1), np.full(RATE + 300, 0.01)])
    levels = silence.step_levels_db(tone, RATE)
    assert levels.shape == (21,)
    np.testing.assert_allclose(levels, [-20] * 10 + [-40] * 11, atol=1e-6)


def test_loudness_is_that_of_what_is_loud() -> None:
    """A minute of silence around ten seconds at -20 dBFS changes nothing; nor does hum 30 dB below."""
    assert silence.gated_loudness_db([-20.0] * 100) == pytest.approx(-20.0)
    assert silence.gated_loudness_db([-200.0] * 300 + [-20.0] * 100 + [-50.0] * 300) == pytest.approx(-20, abs=0.2)
    assert silence.gated_loudness_db([-90.0] * 50) == silence.SILENT_DB


def test_hysteresis_keeps_what_flaps_and_drops_what_never_opens() -> None:
    flapping = [-80, -31, -29, -33, -29, -33, -80, -32, -32, -80]
    assert silence.active_steps(flapping, -30, 5).tolist() == [False, *[True] * 5, False, False, False, False]
    assert silence.active_steps(flapping, -30, 0).tolist() == [level > -30 for level in flapping]


@given(st.lists(st.floats(-120, 0), max_size=50), st.floats(-100, 0), st.floats(0, 20))
def test_the_gate_knows_no_direction_of_time_and_never_cuts_what_is_loud(
    levels: list[float], open_db: float, hysteresis_db: float
) -> None:
    active = silence.active_steps(levels, open_db, hysteresis_db)
    assert active[::-1].tolist() == silence.active_steps(levels[::-1], open_db, hysteresis_db).tolist()
    assert all(active[k] for k, level in enumerate(levels) if level > open_db)
    assert not any(active[k] for k, level in enumerate(levels) if level <= open_db - hysteresis_db)


def test_a_block_at_fourteen_decibels_below_the_mean_does_not_count_and_one_at_eight_does() -> None:
    loud = [-20.0] * 400
    eight, fourteen = ([*loud, *[-100.0] * 8, *[-20.0 - below] * 40] for below in (8.0, 14.0))
    assert silence.gated_loudness_db(fourteen) == pytest.approx(-20.0, abs=0.05)
    assert silence.gated_loudness_db(eight) < -20.2


def test_a_short_pause_between_two_sounds_is_sound_and_one_at_an_end_is_not() -> None:
    levels = [-90.0] * 5 + [-20.0] * 10 + [-90.0] * 9 + [-20.0] * 10 + [-90.0] * 10 + [-20.0] * 3 + [-90.0] * 5
    active = silence.active_steps(levels, -50.0, 5.0, pause_s=1.0)
    # Nine tenths are a breath, ten are silence; what comes before the first and after the last sound always is.
    assert active.tolist() == [False] * 5 + [True] * 29 + [False] * 10 + [True] * 3 + [False] * 5
