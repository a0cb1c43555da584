"""Gains of partials and swells: layers are found by where they stand, and no scene stands there."""

from __future__ import annotations

import numpy as np
import pytest

from yt360 import ambisonics
from yt360.ambisonics import W, X, Y, Z
from yt360.filters.post_production.covariance_differences import BLOCK_S, SAMPLE_RATE_HZ, measure_tiles
from yt360.filters.post_production.high_resolution import HighResolutionStatistics
from yt360.filters.post_production.tonal_peaks import MARGIN, tonal_peaks_of
from yt360.filters.post_production.transients import swells
from yt360.filters.post_production.velocity_ratios import VelocityRatios, VelocityShares

SECONDS = 6


def tones(seed: int, seconds: float = SECONDS) -> np.ndarray:
    """Half a second each of a chord of harmonic tones, other ones each time; RMS 1."""
    rng = np.random.default_rng(seed)
    length = SAMPLE_RATE_HZ // 2
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    notes = []
    for _ in range(round(seconds * 2)):
        note = np.zeros(length)
        for hz in rng.uniform(110, 500, 3):
            for harmonic in range(1, 13):
                phase = rng.uniform(0, 2 * np.pi)
                note += np.sin(2 * np.pi * hz * harmonic * time_s + phase) / harmonic**0.7
        notes.append(note * np.hanning(length) ** 0.3)
    signal = np.concatenate(notes)
    return np.asarray(signal / np.sqrt(np.mean(signal**2)))


def diffuse(seed: int, samples: int) -> np.ndarray:
    """A diffuse field ``(4, samples)`` of white noise, W with an RMS of 1 (x, y, z with a third of its power)."""
    noise = np.random.default_rng(seed).standard_normal((4, samples))
    noise[1:] /= np.sqrt(3)
    return noise


def listen(foa: np.ndarray, to: str = "partials") -> VelocityShares:
    fine = HighResolutionStatistics()
    measure_tiles([np.asarray(foa, np.float32) * 0.05], -65, (fine.observe,))
    return fine.shares()[to]


both = pytest.mark.parametrize("to", ["partials", "swells"])


def bed(half_angle_deg: float) -> np.ndarray:
    angle = np.radians(half_angle_deg)
    return np.asarray(ambisonics.encode(tones(1), angle, 0.0) + ambisonics.encode(tones(2), -angle, 0.0))


def in_w(signal: np.ndarray) -> np.ndarray:
    return np.concatenate([signal[None], np.zeros((3, signal.size))])


@both
def test_tones_in_w_alone_are_omni_under_ambience_as_loud(to: str) -> None:
    signal = tones(0)
    found = listen(in_w(signal) + diffuse(5, signal.size), to)
    assert found.omni > 0.2
    assert min(found.omni_low, found.omni_high) > 0.05
    assert max(found.front, found.bed) < 0.01


@both
def test_dry_tones_in_the_exact_front_are_front(to: str) -> None:
    signal = tones(0)
    found = listen(ambisonics.encode(signal, 0.0, 0.0) + diffuse(5, signal.size), to)
    assert found.front > 0.04
    assert max(found.omni, found.bed) < 0.01


@both
@pytest.mark.parametrize("half_angle_deg", [30, 45, 60, 90])
def test_a_stereo_pair_is_found_with_its_angle(half_angle_deg: float, to: str) -> None:
    layer = bed(half_angle_deg)
    found = listen(layer / layer[W].std() + diffuse(5, layer.shape[1]), to)
    assert found.bed > 0.02
    assert found.bed_angle_deg == pytest.approx(half_angle_deg, abs=8)
    assert max(found.omni, found.front) < 0.02


@both
@pytest.mark.parametrize("half_angle_deg", [30, 45, 60])
def test_a_mono_recording_on_a_stereo_pair_is_found_by_its_middle(half_angle_deg: float, to: str) -> None:
    signal, angle = tones(1), np.radians(half_angle_deg)
    layer = ambisonics.encode(signal, angle, 0.0) + ambisonics.encode(signal, -angle, 0.0)
    found = listen(layer / layer[W].std() + 0.3 * diffuse(5, layer.shape[1]), to)
    assert found.bed >= found.centre > 0.015
    assert found.bed_angle_deg == pytest.approx(half_angle_deg, abs=5)
    assert found.omni < 0.02
    assert found.front < found.centre


@both
@pytest.mark.parametrize("azimuth_deg", [10, 30, 45, 60, 90, 135, 180])
def test_a_source_of_the_scene_is_nothing_of_these(azimuth_deg: float, to: str) -> None:
    signal = tones(0)
    found = listen(ambisonics.encode(signal, np.radians(azimuth_deg), 0.0) + 0.3 * diffuse(5, signal.size), to)
    assert found.points > 20
    assert max(found.omni, found.front, found.bed) < 0.01


def test_a_source_that_a_flawed_microphone_puts_inside_the_circle_is_no_pair() -> None:
    signal = tones(0)
    foa = ambisonics.encode(signal, np.radians(40), 0.0)
    foa[[X, Y]] *= 0.7
    assert np.all(foa[Z] == 0)
    assert listen(foa + 0.02 * diffuse(5, signal.size)).bed < 0.01


def test_a_microphone_without_directed_lows_is_not_omni() -> None:
    """Low tones reach W alone, high ones have a direction."""
    low = in_w(np.sin(2 * np.pi * np.cumsum(np.full(SECONDS * SAMPLE_RATE_HZ, 220.0)) / SAMPLE_RATE_HZ))
    high = ambisonics.encode(tones(3), 1.0, 0.2)
    found = listen(low + high + 0.1 * diffuse(5, low.shape[1]))
    assert found.omni < 0.01


def test_low_tones_of_one_source_that_look_like_a_middle_are_none() -> None:
    """As on a real recording: something ahead whose lows reach X too weakly, while its highs do not."""
    signal = np.sin(2 * np.pi * 330 * np.arange(SECONDS * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)
    low = np.stack([signal, 0 * signal, 0 * signal, 0.6 * signal])
    found = listen(low + ambisonics.encode(tones(3), 1.0, 0.2) + 0.1 * diffuse(5, signal.size))
    assert found.centre < 0.002


def test_noise_and_silence_say_nothing() -> None:
    assert listen(np.zeros((4, 3 * SAMPLE_RATE_HZ))) == VelocityShares(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert listen(np.zeros((4, 100))) == VelocityShares(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    found = listen(diffuse(6, 4 * SAMPLE_RATE_HZ))
    assert max(found.omni, found.front, found.bed) < 0.005


def test_gathered_over_several_blocks() -> None:
    signal = np.concatenate([tones(seed) for seed in range(5)])
    assert signal.size > 2 * BLOCK_S * SAMPLE_RATE_HZ
    found = listen(in_w(signal) + diffuse(5, signal.size))
    assert found.omni > 0.2


def test_partials_are_told_from_noise_by_what_is_beside_them() -> None:
    power = np.ones((1, 200), np.float32)
    power[0, [60, 120]] = 100.0, 20.0  # 20 dB and 13 dB
    assert np.flatnonzero(tonal_peaks_of(power)[0]).tolist() == [60 - MARGIN]


def test_partials_are_those_above_the_median_of_their_neighbours() -> None:
    rng = np.random.default_rng(8)
    power = (rng.exponential(size=(20, 400)) * 10 ** rng.uniform(0, 2.5, (20, 400))).astype(np.float32)
    power[3] = 0.0
    distances = [sign * distance for distance in (4, 6, 8, 10, 11, 12) for sign in (-1, 1)]
    wanted = [
        (frame, place - MARGIN)
        for frame, row in enumerate(power)
        for place in range(MARGIN, 400 - MARGIN)
        if row[place] == row[place - 2 : place + 3].max()
        and row[place] > np.median([row[place + distance] for distance in distances]) * 10**1.5
    ]
    assert len(wanted) > 20
    assert list(map(tuple, np.argwhere(tonal_peaks_of(power)))) == wanted


def test_swells_are_told_by_what_is_usual_at_their_frequency() -> None:
    power = np.full((50, 40), 1.0, np.float32)
    power[:, 20:] = 1e4  # loud, but always
    power[7, 5], power[9, 30], power[11, 35] = 200.0, 2e6, 5e5
    assert np.argwhere(swells(power)).tolist() == [[7, 5], [9, 30]]


def test_many_points_are_thinned_evenly() -> None:
    gains = VelocityRatios(faint_db=60.0, least_per_s=1.0)
    spectra = np.ones((4, 60, 1000), np.complex64)
    spectra[1:] = 0
    total = np.full(60, 1000.0)
    gains.add(spectra, np.ones((60, 1000), bool), np.linspace(100, 8000, 1000), total)
    found = gains.shares(total, 0.1)
    assert 1500 < found.points < 3400  # of 10,000 a second
    assert found.omni == pytest.approx(1.0)
