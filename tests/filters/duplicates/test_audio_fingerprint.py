"""Landmarks of a sound: the same wherever its blocks are cut, over half an hour and not longer."""

from __future__ import annotations

import numpy as np

from yt360.filters.duplicates.audio_fingerprint import FRAME_S, HOP, RATE_HZ, landmarks


def sound(seconds: int) -> np.ndarray:
    """Bursts of noise in changing bands: something new every moment."""
    rng = np.random.default_rng(2)
    levels = np.repeat(10 ** rng.uniform(-2, -0.5, 4 * seconds), RATE_HZ // 4)
    return (levels * rng.standard_normal(seconds * RATE_HZ)).astype(np.float32)


def test_all_of_a_recording_is_fingerprinted_not_its_beginning() -> None:
    times = landmarks([sound(100)])[:, 1] * FRAME_S
    assert times.max() > 97
    assert np.histogram(times, bins=10, range=(0, 100))[0].min() > 20


def test_landmarks_do_not_depend_on_how_a_sound_is_cut_into_blocks() -> None:
    samples = sound(70)
    whole = landmarks([samples])
    np.testing.assert_array_equal(whole, landmarks(np.array_split(samples, 37)))
    np.testing.assert_array_equal(
        whole, landmarks(np.split(samples[: samples.size // HOP * HOP], range(HOP, samples.size, HOP)))
    )


def test_silence_has_no_landmarks() -> None:
    assert landmarks([np.zeros(5 * RATE_HZ, np.float32)]).shape == (0, 2)
