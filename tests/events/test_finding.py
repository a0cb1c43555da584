"""Events of sounds whose directions are known."""

from __future__ import annotations

import numpy as np
import pytest

from yt360 import ambisonics, sphere
from yt360.errors import ItemError
from yt360.events.finding import FoundEvent, find_events
from yt360.events.settings import EventSettings
from yt360.synth.sound import Room, Source, diffuse_noise, foa_scene
from yt360.synth.timbres import speech

RATE_HZ = 24_000
SETTINGS = EventSettings()


def noise(seed: int, seconds: float) -> np.ndarray:
    """Bursts of noise: a quarter of a second of sound, a pause."""
    rng, n = np.random.default_rng(seed), round(seconds * RATE_HZ)
    gate = (np.arange(n) / RATE_HZ + rng.uniform(0, 0.4)) % 0.4 < 0.25
    return 0.1 * rng.standard_normal(n) * gate


def errors_deg(event: FoundEvent, azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    truth = sphere.unit_vector(np.radians(azimuth_deg), np.radians(elevation_deg))
    return np.degrees(sphere.angle_between(event.directions, truth))


DIRECTIONS = [(0, 0), (90, 0), (-90, 0), (180, 0), (0, 89), (45, -60), (-135, 30)]


@pytest.mark.parametrize(("azimuth_deg", "elevation_deg"), DIRECTIONS)
def test_a_plane_wave_is_where_it_comes_from(azimuth_deg: float, elevation_deg: float) -> None:
    foa = ambisonics.encode(
        0.1 * np.random.default_rng(0).standard_normal(RATE_HZ), *np.radians((azimuth_deg, elevation_deg))
    )
    (event,) = find_events(foa, RATE_HZ, SETTINGS)
    assert (event.first_frame, len(event)) == (0, 10)
    assert errors_deg(event, azimuth_deg, elevation_deg).max() < 0.5
    assert event.diffuseness.max() < 0.05
    assert event.confidence.min() > 0.95
    np.testing.assert_allclose(event.level_db, -20, atol=1.0)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
def test_any_usual_rate(rate_hz: int) -> None:
    foa = ambisonics.encode(0.1 * np.random.default_rng(0).standard_normal(rate_hz), 1.0, 0.2)
    (event,) = find_events(foa, rate_hz, SETTINGS)
    assert len(event) == 10
    assert errors_deg(event, np.degrees(1.0), np.degrees(0.2)).max() < 0.5


def test_three_at_once_in_a_room() -> None:
    places = [(-120, 0), (0, 30), (110, -20)]
    rng = np.random.default_rng(1)
    voices = [speech(np.random.default_rng(k), 4.0, RATE_HZ) for k in range(3)]
    sources = [Source(voice, *np.radians(place)) for voice, place in zip(voices, places, strict=True)]
    foa = foa_scene(sources, rate=RATE_HZ, rng=rng, room=Room(0.4, 6.0))
    events = find_events(foa, RATE_HZ, SETTINGS)
    for place in places:
        near = [event for event in events if np.median(errors_deg(event, *place)) < 8]
        assert sum(len(event) for event in near) > 15
    busy = np.zeros(40, int)
    for event in events:
        busy[event.first_frame : event.first_frame + len(event)] += 1
    assert busy.max() <= 3


def test_no_more_at_once_than_asked_for() -> None:
    sources = [Source(noise(k, 3), azimuth, 0.0) for k, azimuth in enumerate((-2.0, 0.0, 2.0))]
    foa = foa_scene(sources, rate=RATE_HZ, rng=np.random.default_rng(2))
    busy = np.zeros(30, int)
    for event in find_events(foa, RATE_HZ, EventSettings(tracks=1)):
        busy[event.first_frame : event.first_frame + len(event)] += 1
    assert busy.max() == 1


def test_a_moving_source_is_one_event_that_moves() -> None:
    n = 4 * RATE_HZ
    azimuth = np.radians(np.linspace(150, 230, n))  # through the back
    foa = ambisonics.encode(0.1 * np.random.default_rng(3).standard_normal(n), azimuth, np.zeros(n))
    (event,) = find_events(foa, RATE_HZ, SETTINGS)
    truth_deg = np.linspace(151, 229, 40)
    found = np.degrees(sphere.wrap_angle(event.azimuth - np.radians(truth_deg)))
    assert np.abs(found).max() < 3
    assert np.degrees(event.turn) == pytest.approx(60, abs=6)  # steps of whole seconds: three of 20 degrees


def test_a_pause_longer_than_the_gap_ends_an_event() -> None:
    n = RATE_HZ
    burst = 0.1 * np.random.default_rng(4).standard_normal(n)
    for pause_s, count in ((0.4, 1), (0.8, 2)):
        signal = np.concatenate([burst, np.zeros(round(pause_s * RATE_HZ)), burst])
        events = find_events(ambisonics.encode(signal, 0.5, 0.0), RATE_HZ, SETTINGS)
        assert len(events) == count
    assert events[0].first_frame + len(events[0]) <= 12
    assert events[1].first_frame >= 16


def test_a_diffuse_field_is_more_diffuse_than_a_source_in_it() -> None:
    rng = np.random.default_rng(5)
    field = 0.05 * diffuse_noise(rng, 3 * RATE_HZ)
    plain = ambisonics.encode(0.1 * rng.standard_normal(3 * RATE_HZ), 0.3, 0.1)
    (event,) = [e for e in find_events(plain + field, RATE_HZ, SETTINGS) if len(e) > 20]
    assert 0.1 < event.diffuseness.mean() < 0.5
    assert errors_deg(event, np.degrees(0.3), np.degrees(0.1)).max() < 6
    (clean,) = find_events(plain, RATE_HZ, SETTINGS)
    assert clean.diffuseness.mean() < 0.05


def test_turning_the_sound_turns_the_events() -> None:
    sources = [Source(noise(k, 3), azimuth, 0.2) for k, azimuth in enumerate((-1.0, 1.5))]
    foa = foa_scene(sources, rate=RATE_HZ, rng=np.random.default_rng(6), room=Room(0.3, 8.0))
    rotation = sphere.yaw_rotation(2.0)
    here = find_events(foa, RATE_HZ, SETTINGS)
    there = find_events(ambisonics.rotate(foa, rotation), RATE_HZ, SETTINGS)
    long = [event for event in here if len(event) > 15]
    assert long
    for event in long:
        moved = event.mean_direction @ rotation.T
        assert min(np.degrees(sphere.angle_between(moved, other.mean_direction)) for other in there) < 4


def test_the_same_sound_gives_the_same_events() -> None:
    foa = foa_scene([Source(noise(0, 2), 1.0, 0.0)], rate=RATE_HZ, rng=np.random.default_rng(7), room=Room(0.4, 3.0))
    first, second = (find_events(foa, RATE_HZ, SETTINGS) for _ in range(2))
    assert [(e.first_frame, e.azimuth.tolist()) for e in first] == [(e.first_frame, e.azimuth.tolist()) for e in second]


@pytest.mark.parametrize("samples", [0, 100, RATE_HZ // 10 - 1])
def test_what_is_shorter_than_a_frame_has_no_events(samples: int) -> None:
    assert find_events(np.ones((4, samples), np.float32), RATE_HZ, SETTINGS) == []


@pytest.mark.parametrize("foa", [np.zeros((4, RATE_HZ)), 1e-5 * np.ones((4, RATE_HZ))])
def test_silence_has_no_events(foa: np.ndarray) -> None:
    assert find_events(foa, RATE_HZ, SETTINGS) == []


@pytest.mark.parametrize(("rate_hz", "fine"), [(7950, False), (8000, True), (8010, False)])
def test_rates_that_are_not_looked_at_are_refused(rate_hz: int, fine: bool) -> None:
    foa = np.zeros((4, rate_hz))
    if fine:
        assert find_events(foa, rate_hz, SETTINGS) == []
    else:
        with pytest.raises(ItemError, match=f"expected a sample rate from 8000 Hz on, .* found {rate_hz}"):
            find_events(foa, rate_hz, SETTINGS)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(wrong: float) -> None:
    foa = np.zeros((4, RATE_HZ))
    foa[2, 5] = wrong
    with pytest.raises(ItemError, match="samples that are not numbers"):
        find_events(foa, RATE_HZ, SETTINGS)
