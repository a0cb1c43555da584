"""Tracks through peaks that are given: births, deaths, gates."""

from __future__ import annotations

import numpy as np
import pytest

from yt360 import sphere
from yt360.events.peaks import Peak
from yt360.events.settings import EventSettings
from yt360.events.tracking import follow

SETTINGS = EventSettings()


def peak(azimuth_deg: float, share: float = 0.9) -> Peak:
    return Peak(sphere.unit_vector(np.radians(azimuth_deg), 0.0), share)


@pytest.mark.parametrize(("frames", "count"), [(2, 0), (3, 1)])
def test_a_track_has_the_least_length_or_is_none(frames: int, count: int) -> None:
    assert len(follow([[peak(10)]] * frames + [[]] * 10, SETTINGS)) == count


@pytest.mark.parametrize(("hole", "count"), [(5, 1), (6, 2)])
def test_a_pause_may_be_as_long_as_the_gap(hole: int, count: int) -> None:
    tracks = follow([[peak(10)]] * 5 + [[]] * hole + [[peak(10)]] * 5, SETTINGS)
    assert len(tracks) == count
    if count == 1:
        assert (tracks[0].shares == 0).sum() == hole
        assert np.degrees(sphere.direction(tracks[0].directions)[0]) == pytest.approx(10, abs=1e-6)


def test_two_that_pass_at_a_distance_stay_two() -> None:
    frames = [[peak(-60 + 2 * k), peak(60, 0.5)] for k in range(40)]
    tracks = follow(frames, SETTINGS)
    assert len(tracks) == 2
    ends = sorted(float(np.degrees(sphere.direction(track.directions[-1])[0])) for track in tracks)
    assert ends[0] == pytest.approx(18, abs=4)  # a random walk lags at its end
    assert ends[1] == pytest.approx(60, abs=1)


def test_peaks_go_to_the_nearest_tracks_whatever_their_order() -> None:
    frames = [[peak(0), peak(90)] if k % 2 else [peak(90), peak(0)] for k in range(10)]
    assert [len(track.frames) for track in follow(frames, SETTINGS)] == [10, 10]


def test_a_lone_outlier_neither_begins_a_track_nor_ends_one() -> None:
    frames = [[peak(0)]] * 5 + [[peak(120)]] + [[peak(0)]] * 5
    (track,) = follow(frames, SETTINGS)
    assert len(track.frames) == 11
    assert np.degrees(np.abs(sphere.direction(track.directions)[0])).max() < 1e-6


def test_of_too_many_the_faintest_goes() -> None:
    shares = {0: 0.4, 90: 0.3, 180: 0.25, -90: 0.5}
    tracks = follow([[peak(angle, share) for angle, share in shares.items()]] * 10, SETTINGS)
    angles = {round(float(np.degrees(sphere.direction(track.directions[0])[0]))) % 360 for track in tracks}
    assert angles == {0, 90, 270}


def test_faint_peaks_make_no_track() -> None:
    least = 1.25 * SETTINGS.least_share
    assert len(follow([[peak(0, least + 0.01)]] * 10, SETTINGS)) == 1
    assert follow([[peak(0, least - 0.01)]] * 10, SETTINGS) == []


def test_smoothing_takes_noise_away_and_does_not_lag() -> None:
    rng = np.random.default_rng(0)
    truth = np.linspace(0, 60, 60)
    (track,) = follow([[peak(a + e, 0.5)] for a, e in zip(truth, rng.normal(0, 5, 60), strict=True)], SETTINGS)
    errors = np.degrees(sphere.direction(track.directions)[0]) - truth
    assert np.sqrt(np.mean(errors**2)) < 3.2
    assert abs(errors.mean()) < 1.2


def test_nothing_to_follow() -> None:
    assert follow([], SETTINGS) == []
    assert follow([[]] * 20, SETTINGS) == []
