"""Inputs that are always the same, and everything that the filters measure and decide of them, as JSON values.

`python -m tests.filters.known_inputs` records it in `known_results.json`; test_results_stay.py compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, is_dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.filters import sounds
from tests.filters.frame_of_reference.scenes import moving_frames, moving_sound
from tests.filters.pictures import film, scenery, turned, with_box
from tests.filters.shots.films import FPS, dissolved, place
from yt360 import ambisonics
from yt360.filters import placement, silence
from yt360.filters.duplicates import audio_fingerprint, matching, visual_fingerprint
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.frame_of_reference import decision as frame_decision
from yt360.filters.frame_of_reference import measurement as frame_measurement
from yt360.filters.frame_of_reference.settings import FrameThresholds
from yt360.filters.post_production import measurement
from yt360.filters.post_production.head_locked import measure_head_locked
from yt360.filters.shots.transitions import ShotDetector
from yt360.filters.stills import decision, frame_differences
from yt360.filters.stills.settings import MotionSettings
from yt360.filters.stills.thresholds import StillsThresholds
from yt360.stages.voiceover import Voiceover

FILE = Path(__file__).with_name("known_results.json")
_LONGEST = 6
"""Numbers of a list that are kept one by one; of a longer one a few sums are, which none of them can leave as it is."""


def _sound(rng: np.random.Generator, *layers: tuple[np.ndarray, float]) -> dict[str, Any]:
    sound = sounds.mix((sounds.ambience(rng), 0.0), *layers)[:, : 8 * sounds.RATE]
    measures, timeline = measurement.measure([sound])
    found = Voiceover().decide({**measures, "head_locked": None})
    return {"measures": measures, "timeline": timeline, "verdict": found and [found.reason, found.detail]}


def talk_in_a_room() -> Any:
    rng = np.random.default_rng(31)
    return _sound(rng, (sounds.in_room(rng, sounds.speech(rng), 1.2, 0.1), 6.0))


def a_voice_in_w() -> Any:
    rng = np.random.default_rng(32)
    street = ambisonics.encode(sum(sounds.notes(rng, voices=2)), -1.4, -0.1)
    return _sound(rng, (street, 0.0), (sounds.voice_in_w(rng), 3.0))


def a_dry_voice_from_the_front() -> Any:
    rng = np.random.default_rng(33)
    return _sound(rng, (ambisonics.encode(sounds.speech(rng), 0.0, 0.0), 3.0))


def a_stereo_bed() -> Any:
    rng = np.random.default_rng(34)
    return _sound(rng, (sounds.bed(rng, 45.0), 3.0))


def a_head_locked_pair() -> Any:
    rng = np.random.default_rng(35)
    pair = 0.03 * np.stack([sounds.speech(rng)] * 2).astype(np.float32)
    pair[:, 4 * sounds.RATE : 7 * sounds.RATE] *= 0.003
    measures, _ = measurement.measure([0.05 * sounds.ambience(rng).astype(np.float32)[:, : 2 * sounds.RATE]])
    found = measure_head_locked(np.array_split(pair, 3, axis=1), -50.0)
    assert found is not None
    verdict = Voiceover().decide({**measures, "head_locked": found.to_json()})
    return {"pair": found.to_json(), "verdict": verdict and [verdict.reason, verdict.detail]}


def sound_and_silence() -> Any:
    rng = np.random.default_rng(36)
    loud = np.repeat(10 ** (rng.uniform(-4, 0, 60) / 2), 400)
    levels = silence.step_levels_db(loud * rng.standard_normal(loud.size), 2000)
    found: dict[str, Any] = {"levels": levels, "loudness": silence.gated_loudness_db(levels)}
    for pause_s in (0.0, 0.5):
        found[f"active, pauses of {pause_s}"] = silence.active_steps(levels, -30.0, 6.0, pause_s)
    for seed in range(6):
        active = np.repeat(rng.random(40) < 0.6, rng.integers(3, 20))
        found[f"clips {seed}"] = [
            astuple(clip)
            for clip in placement.place_clips(
                active, 0.3 * seed, active.size / 10 - 0.2, clip_s=4.0, min_clip_s=3.0,
                min_active_share=0.1 * seed, max_silent_share=0.5 - 0.05 * seed, max_lost_share=0.1 * seed,
            )
        ]  # fmt: skip
    return found


def _film(draw: Callable[[int], np.ndarray], grain: float = 0.5) -> Any:
    steps = frame_differences.measure_window(
        film(draw, grain), window=0, start_s=0.0, fps=2.0, settings=MotionSettings()
    )
    found = decision.judge(steps, StillsThresholds())
    return {"steps": frame_differences.to_columns(steps), "verdict": found and [found.kind, found.detail]}


def a_slide_show() -> Any:
    pictures = [scenery(seed) for seed in range(3)]
    return _film(lambda index: pictures[index // 7])


def a_turned_still() -> Any:
    picture = scenery(2)
    return _film(lambda index: turned(picture, 4.0 * index, 5 * np.sin(index / 4)))


def a_logo_on_a_still() -> Any:
    picture = scenery(4)
    return _film(lambda index: with_box(picture, 60 + 40 - abs(5 * index - 40), 40.0 + 11 * index, 10, 10, 240))


def a_still_that_zooms() -> Any:
    picture = scenery(5)

    def draw(index: int) -> np.ndarray:
        scaling = cv2.getRotationMatrix2D((160, 80), 0, 1.012**index)
        return cv2.warpAffine(picture, scaling, (320, 160), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    return _film(draw)


def a_street_where_things_move() -> Any:
    rng = np.random.default_rng(37)
    picture, things = scenery(6), rng.uniform((50, 0), (110, 300), (7, 2))
    speeds = rng.uniform(-9, 9, 7)

    def draw(index: int) -> np.ndarray:
        shown = picture * (1 + 0.02 * np.sin(index))
        for (row, column), speed in zip(things, speeds, strict=True):
            shown = with_box(shown, int(row), float((column + speed * index) % 290), 18, 22, 200)
        return shown

    return _film(draw)


def cuts_and_dissolves() -> Any:
    walk = np.concatenate([dissolved(place(5, 48), place(6, 48), 12), place(7, 30, turn_deg_s=40), place(8, 30)])
    walk[100:105] = 0
    detector = ShotDetector(FPS)
    for frame in walk:
        detector.push(frame)
    detector.finish()
    return [asdict(found) for found in detector.transitions]


def _heard_and_seen(sound: np.ndarray, picture: int) -> VideoFingerprint:
    peaks = audio_fingerprint.peaks(np.array_split(sound.astype(np.float32), 7))
    frames = [scenery(picture + index // 6)[:, ::-1] if picture == 50 else scenery(picture) for index in range(9)]
    small = [cv2.resize(np.clip(each, 0, 255), (192, 96), interpolation=cv2.INTER_AREA) for each in frames]
    looks = np.stack([visual_fingerprint.describe(each.astype(np.uint8)) for each in small])
    return VideoFingerprint(audio_fingerprint.hashes(peaks), looks, 2.0, 18.0, peaks)


def copies() -> Any:
    rng = np.random.default_rng(38)
    rate = audio_fingerprint.RATE_HZ
    songs = [sum(sounds.notes(rng, 18 * sounds.RATE))[::3][: 18 * rate] for _ in range(3)]
    assert 3 * rate == sounds.RATE
    late = np.concatenate([0.1 * rng.standard_normal(2 * rate), songs[0][: 15 * rate]])
    prints = [
        _heard_and_seen(sound, picture)
        for sound, picture in ((songs[0], 40), (late, 40), (songs[1], 50), (songs[0], 60), (songs[2], 40))
    ]
    found = [asdict(match) for match in matching.matches(prints)]
    return {"peaks": [each.peaks for each in prints[:3]], "looks": prints[2].frames, "matches": found}


def a_disc_that_sounds_elsewhere_and_late() -> Any:
    heading = 40 * np.sin(np.arange(14 * 16) / 30)
    stretch = frame_measurement.look(
        2.0,
        moving_frames(14.0, heading_deg=heading),
        moving_sound(14.0, turned_deg=35.0, late_s=0.4),
    )
    assert stretch is not None
    measures = frame_measurement.measure([stretch])
    verdict = frame_decision.judge(measures, FrameThresholds())
    return {"measures": measures, "course": frame_measurement.course([stretch]), "verdict": asdict(verdict)}


KNOWN: dict[str, tuple[Callable[[], Any], ...]] = {
    "voiceover": (
        talk_in_a_room, a_voice_in_w, a_dry_voice_from_the_front, a_stereo_bed, a_head_locked_pair
    ),
    "chunk": (sound_and_silence, cuts_and_dissolves),
    "stills": (a_slide_show, a_turned_still, a_logo_on_a_still, a_still_that_zooms, a_street_where_things_move),
    "fingerprint": (copies,),
    "frame_of_reference": (a_disc_that_sounds_elsewhere_and_late,),
}  # fmt: skip
"""Stages, and what shows their results."""


def in_short(value: Any) -> Any:
    """JSON values of which none can change unseen, and few enough to read: long lists as their length and sums."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(name): in_short(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, Sequence):
        return round(value, 6) if isinstance(value, float) else value
    if len(value) <= _LONGEST or np.asarray(value).dtype.kind not in "biuf":
        return [in_short(each) for each in value]
    numbers = np.asarray(value, float)
    waves = [float(numbers.ravel() @ np.cos(k * np.arange(numbers.size))) / numbers.size for k in (0, 1, 2)]
    return {"shape": list(numbers.shape), "sums": [round(wave, 6) for wave in waves]}


def results(name: str) -> Any:
    """What the input ``name`` gives today, as it stands in the file."""
    (made,) = [make for inputs in KNOWN.values() for make in inputs if make.__name__ == name]
    return json.loads(json.dumps(in_short(made())))


def record() -> None:
    """Writes the file anew."""
    from yt360.stages import REGISTRY

    found = {
        stage: {"version": REGISTRY.load(stage).version, **{make.__name__: results(make.__name__) for make in inputs}}
        for stage, inputs in KNOWN.items()
    }
    text = json.dumps(found, indent=1, ensure_ascii=False)
    FILE.write_text(re.sub(r"\[[^\[\]{}\"]*\]", lambda each: " ".join(each[0].split()), text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
