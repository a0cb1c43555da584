from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.filters import sounds
from yt360.filters.post_production import covariance_differences
from yt360.filters.post_production.head_locked import measure_head_locked
from yt360.filters.post_production.syllable_rhythm import syllable_share


def share(signal: np.ndarray) -> Any:
    sound = np.stack([signal] * 4).astype(np.float32)
    return syllable_share(
        covariance_differences.band_covariances(
            covariance_differences.pair_products(covariance_differences.short_spectra(sound))
        )[:, :7, 0, 0],
        covariance_differences.FRAME_RATE_HZ,
    )


@pytest.mark.parametrize("seed", range(3))
def test_speech_is_modulated_at_the_rate_of_syllables_and_music_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert share(sounds.speech(rng)) > share(np.asarray(sum(sounds.notes(rng)))) + 0.03
    assert share(sounds.coloured(rng)) < 0.35


def test_a_4_hz_tremolo_is_all_at_the_rate_of_syllables_and_a_slow_one_is_not() -> None:
    time = np.arange(10 * 47) / 47
    for rate_hz, low, high in ((4.0, 0.95, 1.0), (1.0, 0.0, 0.05), (12.0, 0.0, 0.05)):
        energies = (1 + 0.9 * np.sin(2 * np.pi * rate_hz * time))[:, None] ** 2
        assert low <= syllable_share(energies, 47.0) <= high, rate_hz


def test_silence_and_short_sounds_have_none() -> None:
    assert syllable_share(np.zeros((500, 3)), 47.0) == 0
    assert syllable_share(np.ones((20, 3)), 47.0) == 0


def test_head_locked_level_and_activity() -> None:
    rng = np.random.default_rng(4)
    pair = np.zeros((2, 20 * sounds.RATE), np.float32)
    pair[:, : 5 * sounds.RATE] = 0.1 * rng.standard_normal((2, 5 * sounds.RATE))
    found = measure_head_locked(np.array_split(pair, 2, axis=1), floor_db=-50.0)
    assert found is not None
    assert found.active == pytest.approx(0.25, abs=0.04)
    assert found.level_db == pytest.approx(-26, abs=0.3)


def test_no_head_locked_pair_is_none() -> None:
    assert measure_head_locked([], floor_db=-50.0) is None


def test_a_click_does_not_make_a_second_of_a_head_locked_pair_active() -> None:
    """A second is active by its mean power: one loud moment in silence is not a narrator."""
    pair = np.full((2, 10 * sounds.RATE), 1e-6, np.float32)
    pair[:, 4 * sounds.RATE : 4 * sounds.RATE + 40] = 0.05
    found = measure_head_locked([pair], floor_db=-50.0)
    assert found is not None
    assert found.active == 0.0
