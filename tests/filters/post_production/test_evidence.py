"""Post-production laid over scenes, at levels over what else sounds; and scenes that only resemble it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filters import sounds
from yt360 import ambisonics
from yt360.filters.post_production import covariance_differences, evidence, measurement, segment_features
from yt360.stages.voiceover import Voiceover


def measure(sound: np.ndarray) -> dict[str, Any]:
    measures, _ = measurement.measure([sound])
    return {**measures, "head_locked": None}


def reason(sound: np.ndarray) -> str | None:
    verdict = Voiceover().decide(measure(sound))
    return None if verdict is None else verdict.reason


def talk_in_a_room(rng: np.random.Generator) -> np.ndarray:
    return sounds.in_room(rng, sounds.speech(rng), rng.uniform(-3, 3), rng.uniform(-0.3, 0.2))


def talk_outdoors(rng: np.random.Generator) -> np.ndarray:
    azimuth = rng.choice([-1, 1]) * rng.uniform(0.4, 3)
    return ambisonics.encode(sounds.speech(rng), azimuth, rng.uniform(-0.3, 0.2))


def band_in_a_room(rng: np.random.Generator) -> np.ndarray:
    layers = [sounds.in_room(rng, part, rng.uniform(-1.5, 1.5), -0.1, 1.2) for part in sounds.notes(rng)]
    return np.asarray(sum(layers))


def street_musician(rng: np.random.Generator) -> np.ndarray:
    azimuth = rng.choice([-1, 1]) * rng.uniform(0.3, 2.5)
    return ambisonics.encode(np.asarray(sum(sounds.notes(rng, voices=2))), azimuth, -0.1)


SCENES = {"room": talk_in_a_room, "outdoors": talk_outdoors, "band": band_in_a_room, "street": street_musician}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scene", SCENES)
def test_sound_of_the_scene_is_kept(scene: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert reason(sounds.mix((SCENES[scene](rng), 0.0), (sounds.ambience(rng), -12.0))) is None


@pytest.mark.parametrize("scene", SCENES)
def test_a_horizontal_recording_is_kept(scene: str) -> None:
    rng = np.random.default_rng(10)
    sound = sounds.mix((SCENES[scene](rng), 0.0), (sounds.ambience(rng), -12.0))
    sound[ambisonics.Z] = 0
    assert reason(sound) is None


@pytest.mark.parametrize(
    ("scene", "level_db"), [("ambience", 0.0), ("ambience", 6.0), ("band", 3.0), ("band", 6.0), ("room", 6.0)]
)
def test_voice_over_in_w(scene: str, level_db: float) -> None:
    rng = np.random.default_rng(20)
    base = sounds.ambience(rng)
    if scene != "ambience":
        base = base * 0.3 + SCENES[scene](rng)
    assert reason(sounds.mix((base, 0.0), (sounds.voice_in_w(rng), level_db))) == "voice-over"


@pytest.mark.parametrize("level_db", [6.0, 0.0])
def test_voice_over_dry_from_the_front(level_db: float) -> None:
    rng = np.random.default_rng(21)
    voice = ambisonics.encode(sounds.speech(rng), 0.0, 0.0)
    assert reason(sounds.mix((sounds.ambience(rng), 0.0), (voice, level_db))) == "voice-over"


@pytest.mark.parametrize("azimuth_deg", [9.0, -15.0])
def test_a_dry_voice_near_the_front_but_not_at_it_is_kept(azimuth_deg: float) -> None:
    """A real guitarist at +9° is very directional; only the exact front is a panner's."""
    rng = np.random.default_rng(22)
    voice = ambisonics.encode(sounds.speech(rng), np.deg2rad(azimuth_deg), 0.0)
    assert reason(sounds.mix((sounds.ambience(rng), -6.0), (voice, 0.0))) is None


def test_a_voice_from_the_front_in_a_room_is_kept() -> None:
    rng = np.random.default_rng(23)
    voice = sounds.in_room(rng, sounds.speech(rng), 0.0, 0.0)
    assert reason(sounds.mix((sounds.ambience(rng), -12.0), (voice, 0.0))) is None


@pytest.mark.parametrize("half_angle_deg", [30.0, 45.0, 90.0])
def test_stereo_music_bed(half_angle_deg: float) -> None:
    rng = np.random.default_rng(24)
    music = sounds.bed(rng, half_angle_deg)
    found = measure(sounds.mix((sounds.ambience(rng), 0.0), (music, 6.0)))
    verdict = Voiceover().decide(found)
    assert verdict is not None
    assert verdict.reason == "background-music"
    assert found["evidence"]["bed_angle_deg"] == pytest.approx(half_angle_deg, abs=0.1)


def test_thumps_and_bubbles_in_w_without_high_bands_are_kept() -> None:
    """Underwater recordings have low sounds that reach W alone; a voice has highs too."""
    rng = np.random.default_rng(25)
    thumps = sounds.coloured(rng, 6.0) * np.repeat(rng.random(sounds.SECONDS * 5) < 0.3, sounds.RATE // 5)
    low = np.stack([thumps, *np.zeros((3, len(thumps)))])
    found = measure(sounds.mix((sounds.ambience(rng), -20.0), (low, 0.0)))
    assert found["evidence"]["omni_low"] > 0.3
    assert Voiceover().decide(found) is None


def test_a_microphone_with_weak_directed_channels_is_kept() -> None:
    rng = np.random.default_rng(26)
    sound = sounds.mix((talk_in_a_room(rng), 0.0), (sounds.ambience(rng), -12.0))
    sound[1:] *= 10 ** (-5 / 20)
    assert reason(sound) is None


def test_too_little_evidence_decides_nothing() -> None:
    silent = measure(np.zeros((4, 3 * sounds.RATE), np.float32))
    assert silent["loud"] == 0
    assert Voiceover().decide(silent) is None
    sure = {**silent, "scores": {"omni": 1.0, "front": 1.0, "bed": 1.0}}
    assert Voiceover().decide({**sure, "loud": 1}) is None
    assert Voiceover().decide({**sure, "loud": 2}) is not None


def test_the_course_over_time_tells_when() -> None:
    rng = np.random.default_rng(28)
    scene, voice = sounds.mix((talk_outdoors(rng), 0.0)), sounds.voice_in_w(rng).astype(np.float32) * 0.3
    voice[:, : 6 * sounds.RATE] = 0
    _, timeline = measurement.measure([scene + voice])
    assert np.mean(timeline["scores"]["omni"][:3]) + 0.3 < np.mean(timeline["scores"]["omni"][3:])


def test_left_and_right_exchanged_is_the_same() -> None:
    rng = np.random.default_rng(29)
    sound = sounds.mix((talk_in_a_room(rng), 0.0), (sounds.bed(rng, 45.0), 0.0))
    other = ambisonics.mirror_left_right(sound)
    one, two = (segment_features.measure_segments([each]) for each in (sound, other))
    np.testing.assert_allclose(segment_features.mirrored(one.vectors), two.vectors, atol=2e-3)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 60_000), st.floats(-120, 10), st.integers(0, 2**31))
def test_any_sound_has_finite_scores(samples: int, level_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = (rng.standard_normal((4, samples)) * 10 ** (level_db / 20)).astype(np.float32)
    measures, timeline = measurement.measure([sound] if samples else [])
    json.dumps([measures, timeline], allow_nan=False)
    assert all(0 <= value <= 1 for value in measures["scores"].values())


def test_segments_tell_where_the_voice_over_is() -> None:
    rng = np.random.default_rng(27)
    scene, voice = sounds.mix((talk_outdoors(rng), 0.0)), sounds.voice_in_w(rng).astype(np.float32) * 0.3
    voice[:, : 6 * sounds.RATE] = 0
    shares = evidence.per_segment(covariance_differences.measure_tiles([scene + voice]))
    assert max(shares["omni"][:3]) < 0.2
    assert min(shares["omni"][3:]) > 0.2
