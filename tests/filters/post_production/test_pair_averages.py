"""Averages of bins: a stereo pair as loud as the scene leaves many where it stands, and no scene does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import hadamard

from tests.filters import sounds
from tests.filters.post_production.test_bin_statistics import dense
from yt360 import ambisonics
from yt360.ambisonics import XYZ, X, Y
from yt360.filters.post_production.covariance_differences import measure_tiles
from yt360.filters.post_production.high_resolution import HighResolutionStatistics
from yt360.filters.post_production.pair_averages import FRAMES, AverageCounter, PairAverages, _diffuse_power


def listen(*layers: tuple[np.ndarray, float]) -> PairAverages:
    fine = HighResolutionStatistics()
    measure_tiles([sounds.mix(*layers)], -65, (fine.observe,))
    found = fine.excess()
    return PairAverages(found.bed, found.bed_angle_deg, found.without_z)


def panned(half_angle_deg: float, places: tuple[float, ...]) -> np.ndarray:
    """A mix of mono sounds, each panned by level to one place between left (0) and right (1)."""
    left, right = (
        sum(share(np.pi / 2 * place) * dense(7 + number) for number, place in enumerate(places))
        for share in (np.cos, np.sin)
    )
    angle = np.deg2rad(half_angle_deg)
    return np.stack([left + right, np.sin(angle) * (left - right), np.zeros_like(left), np.cos(angle) * (left + right)])


@pytest.mark.parametrize("half_angle_deg", [30, 90])
def test_a_pair_as_loud_as_the_scene_is_found_with_its_angle(half_angle_deg: int) -> None:
    rng = np.random.default_rng(half_angle_deg)
    found = listen((sounds.ambience(rng), 0), (sounds.bed(rng, half_angle_deg), 0))
    assert found.bed > 0.2
    assert found.bed_angle_deg == pytest.approx(half_angle_deg, abs=6)


@pytest.mark.parametrize("half_angle_deg", [30, 60])
def test_so_is_a_mix_of_three_panned_instruments(half_angle_deg: float) -> None:
    found = listen((sounds.ambience(np.random.default_rng(0)), 0), (panned(half_angle_deg, (0.2, 0.5, 0.75)), 0))
    assert found.bed > 0.4
    assert found.bed_angle_deg == pytest.approx(half_angle_deg, abs=4)


@pytest.mark.parametrize("azimuth_deg", [0.0, 20.0, 90.0])
def test_a_source_in_a_room_is_no_pair(azimuth_deg: float) -> None:
    rng = np.random.default_rng(int(azimuth_deg))
    source = sounds.in_room(rng, np.sum(sounds.notes(rng), axis=0), np.deg2rad(azimuth_deg), 0.1)
    assert listen((source, 0), (sounds.ambience(rng), -6)).bed < 0.06


def test_nor_are_dry_sources_or_one_that_a_flawed_microphone_puts_inside_the_circle() -> None:
    ambience = sounds.ambience(np.random.default_rng(0))
    two = ambisonics.encode(dense(1), np.deg2rad(50), 0.3) + ambisonics.encode(dense(2), np.deg2rad(-20), -0.2)
    assert listen((two, 0), (ambience, -10)).bed < 0.125
    inside = ambisonics.encode(dense(0), np.deg2rad(40), 0.0)
    inside[[X, Y]] *= 0.7
    assert listen((inside, 0), (ambience, -6)).bed < 0.06
    weak = ambience.copy()
    weak[XYZ] *= 0.15
    assert listen((weak, 0)).bed < 0.04


def test_a_field_beside_the_pair_does_not_draw_its_angle_to_the_side() -> None:
    """It is 3 % of W, and gains over all of W would be those of a wider pair."""
    rng = np.random.default_rng(2)
    left, right, *field = rng.standard_normal((6, 160, 400, 2)) @ np.array([1, 1j])
    pair = np.stack([left + right, 0.5 * (left - right), 0 * left, 0.866 * (left + right)])
    spectra = pair + 0.25 * np.stack([field[0], *(part / 3**0.5 for part in field[1:])])
    counter = AverageCounter()
    counter.add(spectra.astype(np.complex64), np.square(np.abs(spectra[0])))
    assert counter.excess(0.17).bed_angle_deg == pytest.approx(30, abs=1.8)


def test_what_is_diffuse_in_w_and_x_is_told_from_what_is_one_signal() -> None:
    rng = np.random.default_rng(3)
    signal, one, other = rng.standard_normal((3, 1, 200_000))
    w, x = signal + 0.3 * one, 0.6 * signal + 0.3 * other / 3**0.5
    power = _diffuse_power((w * w).mean(axis=1), (x * x).mean(axis=1), (w * x).mean(axis=1))
    assert power[0] == pytest.approx(0.09, rel=0.03)
    np.testing.assert_allclose(_diffuse_power(*np.array([[1.0, 0.0], [0.36, 0.0], [0.6, 0.0]])), 0, atol=1e-12)


def one_average(share: float, z: float) -> AverageCounter:
    """Counts one average in 60 bins: a pair at ±60° whose gain into z is ``z``, and a field of a ``share`` of W."""
    field = (share / (1 - share)) ** 0.5
    signal, of_w, of_x = hadamard(4)[:3, :, None] * np.ones(60)
    side = np.where(np.arange(60) % 2, 0.3, -0.3)
    spectra = np.stack([signal + field * of_w, side * signal, z * signal, 0.5 * signal + field * of_x / 3**0.5])
    counter = AverageCounter()
    counter.add(spectra.astype(np.complex64), np.square(np.abs(spectra[0])))
    return counter


@pytest.mark.parametrize(("share", "tolerance"), [(0.0, 0.04), (0.0195, 0.04), (0.0205, 0.06), (0.0495, 0.06)])
def test_with_more_field_in_it_an_average_may_stand_less_exactly(share: float, tolerance: float) -> None:
    assert one_average(share, tolerance - 0.001).excess(0.17).bed > 0.2
    assert one_average(share, tolerance + 0.001).excess(0.17).bed == 0


@pytest.mark.parametrize(("share", "counted"), [(0.0495, True), (0.0505, False)])
def test_an_average_with_more_than_a_twentieth_of_field_does_not_count(share: float, counted: bool) -> None:
    assert (one_average(share, 0.0).excess(0.17).bed > 0.2) is counted


@pytest.mark.parametrize(("z_db", "without"), [(-29.0, False), (-31.0, True)])
def test_sound_is_without_z_from_thirty_decibels_on(z_db: float, without: bool) -> None:
    counter, spectra = AverageCounter(), np.ones((4, 8, 50), np.complex64)
    spectra[2] = 10 ** (z_db / 20)
    counter.add(spectra, np.ones((8, 50)))
    assert counter.excess(0.17).without_z is without


def test_silence_and_what_is_shorter_than_an_average_say_nothing() -> None:
    gathered = AverageCounter()
    assert gathered.excess(0.17) == PairAverages(0.0, 90.0, False)
    short = np.ones((4, FRAMES - 1, 5), np.complex64)
    gathered.add(short, np.ones((FRAMES - 1, 5)))
    silent = np.zeros((4, 9, 5), np.complex64)
    gathered.add(silent, np.zeros((9, 5)))
    assert gathered.excess(0.17) == PairAverages(0.0, 90.0, False)


def test_an_hour_counts_as_twenty_seconds() -> None:
    rng = np.random.default_rng(0)
    short, long = AverageCounter(), AverageCounter()
    noise = (rng.standard_normal((4, 80, 198, 2)) @ np.array([1, 1j])).astype(np.complex64)
    pair = slice(20, 21)
    noise[3, :, pair] = 0.5 * noise[0, :, pair] + 0.03 * noise[3, :, pair]
    noise[2, :, pair] *= 0.03
    noise[1, :, pair] *= 0.3
    power = np.square(np.abs(noise[0]))
    for counter, times in ((short, 1), (long, 20)):
        for _ in range(times):
            counter.add(noise, power)
    assert 0 < short.excess(0.25).bed < 0.9
    assert long.excess(0.25).bed == pytest.approx(short.excess(0.25).bed, abs=0.01)
