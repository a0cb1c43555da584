"""What is heard and seen in a direction, by a tagger and maps that know what they should say."""

from __future__ import annotations

import numpy as np
import pytest

from yt360 import ambisonics
from yt360.events.finding import FoundEvent
from yt360.events.naming import OTHER, listen, name_by_ear, name_by_eye
from yt360.segmentation import Category, ClipMaps, PanopticMap, PanopticSegment, clip_maps_bytes

RATE_HZ = 24_000


def event(azimuth: float, frames: int = 10, first_frame: int = 5) -> FoundEvent:
    one = np.ones(frames)
    return FoundEvent(first_frame, azimuth * one, 0 * one, 0 * one, -20 * one, one)


class PitchTagger:
    """``low`` below 1 kHz, ``high`` above, as likely as its energy is."""

    name, licence, weights, rate_hz = "pitch", "none", "none", 16_000
    labels = ("low", "high")

    def probabilities(self, sound: np.ndarray) -> np.ndarray:
        self.heard = sound
        power = np.abs(np.fft.rfft(sound)) ** 2
        low = power[np.fft.rfftfreq(len(sound), 1 / self.rate_hz) < 1000].sum() / power.sum()
        return np.array([[low, 1 - low]])


def tone(hz: float, azimuth: float) -> np.ndarray:
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    return ambisonics.encode(0.02 * np.sin(2 * np.pi * hz * time_s), azimuth, 0.0)


@pytest.mark.parametrize(("azimuth", "label", "class_id"), [(0.5, "low", 0), (-1.6, "high", 1)])
def test_each_of_two_is_named_by_what_sounds_there(azimuth: float, label: str, class_id: int) -> None:
    named = name_by_ear(tone(300, 0.5) + tone(3000, -1.6), RATE_HZ, event(azimuth), PitchTagger(), 0.5)
    assert (named.label, named.class_id) == (label, class_id)
    assert named.probability > 0.8


@pytest.mark.parametrize(("least", "label", "class_id"), [(0.9, "low", 0), (0.9999, OTHER, 2)])
def test_what_is_not_likely_enough_is_other(least: float, label: str, class_id: int) -> None:
    mixed = tone(300, 0.5) + 0.1 * tone(3000, 0.5)
    named = name_by_ear(mixed, RATE_HZ, event(0.5), PitchTagger(), least)
    assert (named.label, named.class_id) == (label, class_id)


def test_the_tagger_hears_a_usual_level_and_a_little_more_than_the_event() -> None:
    tagger = PitchTagger()
    name_by_ear(tone(300, 0.5), RATE_HZ, event(0.5), tagger, 0.5)
    assert np.sqrt(np.mean(tagger.heard**2)) == pytest.approx(0.05, rel=0.02)
    assert len(tagger.heard) / tagger.rate_hz == pytest.approx(1.6, abs=0.01)


def test_the_microphone_passes_its_direction_and_follows() -> None:
    n = 2 * RATE_HZ
    azimuth = np.linspace(-1.0, 1.0, n)
    signal = 0.1 * np.random.default_rng(0).standard_normal(n)
    foa = ambisonics.encode(signal, azimuth, np.zeros(n))
    times = (np.arange(20) + 0.5) / 20
    moving = FoundEvent(0, -1 + 2 * times, np.zeros(20), np.zeros(20), np.zeros(20), np.ones(20))
    assert np.abs(listen(foa, RATE_HZ, moving) - signal).max() < 0.002
    behind = listen(ambisonics.encode(signal, np.pi, 0.0), RATE_HZ, event(np.pi - 1.9106, 20, 0))
    assert np.abs(behind).max() < 0.001  # the hypercardioid's zero, 109.5 degrees off


def test_an_event_at_a_clips_end_is_heard_to_the_end() -> None:
    assert len(listen(np.zeros((4, RATE_HZ)), RATE_HZ, event(0.0, frames=5))) == round(0.8 * RATE_HZ)


def _maps() -> ClipMaps:
    """A person at the left (azimuth 0 to 180) in the first second, gone in the second; a wall else."""
    wall = PanopticSegment(1, 2, False, 1.0, 0)
    with_person = np.ones((16, 32), np.int32)
    with_person[:, :16] = 9
    shown = PanopticMap(with_person, (wall, PanopticSegment(9, 5, True, 1.0, 0)))
    gone = PanopticMap(np.ones((16, 32), np.int32), (wall,))
    categories = [Category(2, "wall", False), Category(5, "person", True)]
    return ClipMaps(clip_maps_bytes("a", [shown] * 4 + [gone] * 4, 4.0, categories, {"model": "m"}))


def test_the_segment_under_each_frame_and_the_commonest_category() -> None:
    seen = name_by_eye(event(1.0, frames=10, first_frame=2), _maps())
    # Frame k is looked at in its middle, on the map nearest to it: the last with the person is that of 0.75 s.
    assert seen.segment == (9,) * 7 + (1,) * 3
    assert (seen.category, seen.share) == ("person", 0.7)
    assert name_by_eye(event(-1.0), _maps()).category == "wall"


def test_a_direction_straight_to_the_back_lies_on_the_picture() -> None:
    assert len(name_by_eye(event(np.pi), _maps()).segment) == 10
    assert len(name_by_eye(event(-np.pi), _maps()).segment) == 10


def test_where_nothing_is_segmented_there_is_no_category() -> None:
    void = PanopticMap(np.zeros((16, 32), np.int32), ())
    maps = ClipMaps(clip_maps_bytes("a", [void], 1.0, [Category(2, "wall", False)], {"model": "m"}))
    seen = name_by_eye(event(0.0), maps)
    assert (set(seen.segment), seen.category, seen.share) == ({0}, "", 0.0)
