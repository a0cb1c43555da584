"""Averages of bins: a stereo pair as loud as the scene leaves many where it stands, and no scene does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.filters import sounds
from tests.filters.post_production.test_bin_statistics import dense
from yt360 import ambisonics
from yt360.ambisonics import XYZ, X, Y, Z
from yt360.filters.post_production.covariance_differences import measure_tiles
from yt360.filters.post_production.high_resolution import HighResolutionStatistics
from yt360.filters.post_production.pair_averages import AverageCounter, PairAverages


def listen(*layers: tuple[np.ndarray, float]) -> PairAverages:
    fine = HighResolutionStatistics()
    measure_tiles([sounds.mix(*layers)], -65, (fine.observe,))
    return PairAverages(fine.excess().bed, fine.excess().bed_angle_deg)


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
    assert listen((two, 0), (ambience, -10)).bed < 0.1
    inside = ambisonics.encode(dense(0), np.deg2rad(40), 0.0)
    inside[[X, Y]] *= 0.7
    assert listen((inside, 0), (ambience, -6)).bed < 0.06
    weak = ambience.copy()
    weak[XYZ] *= 0.15
    assert listen((weak, 0)).bed < 0.04


def test_without_z_a_pair_counts_a_third() -> None:
    """What sounds from above stands inside the unit circle there, too."""
    layers = [sounds.ambience(np.random.default_rng(0)), panned(60, (0.2, 0.5, 0.75))]
    with_z = listen((layers[0], 0), (layers[1], 0)).bed
    for layer in layers:
        layer[Z] = 0
    assert listen((layers[0], 0)).bed < 0.04 < 0.06 < listen((layers[0], 0), (layers[1], 0)).bed <= 0.3334 < with_z


def test_silence_and_what_is_shorter_than_an_average_say_nothing() -> None:
    gathered = AverageCounter()
    assert gathered.excess(0.17) == PairAverages(0.0, 90.0)
    short = np.ones((4, 3, 5), np.complex64)
    gathered.add(short, np.ones((3, 5)))
    silent = np.zeros((4, 9, 5), np.complex64)
    gathered.add(silent, np.zeros((9, 5)))
    assert gathered.excess(0.17) == PairAverages(0.0, 90.0)


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
