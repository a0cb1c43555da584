"""Inputs that are always the same, and everything that the filters measure and decide of them, as JSON values.

known_results.py records it; test_results_stay.py compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import soxr

from tests.filters import sounds
from tests.filters.frame_of_reference.scenes import moving_frames, moving_sound
from tests.filters.pictures import film, scenery, turned, with_box
from tests.filters.shots.films import FPS, dissolved, place
from yt360 import ambisonics
from yt360.filters import placement, silence
from yt360.filters.audit import estimates
from yt360.filters.duplicates import audio_fingerprint, matching, visual_fingerprint
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.evaluation import agreement, precision_recall
from yt360.filters.frame_of_reference import decision as frame_decision
from yt360.filters.frame_of_reference import measurement as frame_measurement
from yt360.filters.frame_of_reference.settings import FrameThresholds
from yt360.filters.post_production import evidence, measurement
from yt360.filters.post_production.covariance_differences import Tiles
from yt360.filters.post_production.head_locked import measure_head_locked
from yt360.filters.shots.transitions import ShotDetector
from yt360.filters.stills import certainty, decision, frame_differences
from yt360.filters.stills.limits import LIMITS
from yt360.filters.stills.settings import MotionSettings
from yt360.stages.voiceover import Voiceover


def _sound(rng: np.random.Generator, *layers: tuple[np.ndarray, float]) -> dict[str, Any]:
    sound = sounds.mix((sounds.ambience(rng), 0.0), *layers)[:, : 8 * sounds.RATE]
    measures, timeline = measurement.measure([sound])
    found = Voiceover().decide({**measures, "head_locked": None})
    return {"measures": measures, "timeline": timeline, "verdict": found and [found.reason, found.detail]}


def moved(value: Any, rng: np.random.Generator) -> Any:
    """JSON values with each number multiplied by something around 1, so that some of many fall on either side of
    any limit."""
    if isinstance(value, Mapping):
        return {name: moved(each, rng) for name, each in value.items()}
    if isinstance(value, list):
        return [moved(each, rng) for each in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return type(value)(value * 2 ** rng.normal(0, 1.2))


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


def voiceover_verdicts() -> Any:
    """Of measures on either side of each limit."""
    rng, stage, found = np.random.default_rng(39), Voiceover(), []
    pair = {"active": 0.3, "level_db": -28.0, "syllables": 0.4}
    for index in range(600):
        measures = {
            "segments": int(rng.integers(1, 12)),
            "loud": int(rng.integers(0, 6)),
            "level_db": -25.0 - rng.integers(0, 30),
            "syllables": rng.uniform(0, 1),
            "omni_syllables": rng.uniform(0, 1),
            "scores": {kind: rng.uniform(0.3, 1) for kind in ("omni", "front", "bed")},
            "heard": {
                kind: {name: rng.uniform(0, 1) for name in ("speech", "singing", "music")}
                for kind in ("omni", "front", "bed")
            },
            "head_locked": moved(pair, rng) if index % 5 == 0 else None,
        }
        verdict = stage.decide(measures)
        found.append("-" if verdict is None else verdict.reason[0] + verdict.detail[4])
    return "".join(found)


def tiles_of_every_kind() -> Any:
    """Matrices of single waves with something of a diffuse field, some of them as a stereo pair or in W alone."""
    rng, count = np.random.default_rng(40), 3000
    gains = np.stack([ambisonics.encoding_gains(*each) for each in rng.normal(0, [0.3, 0.1], (count, 2))])
    gains[:1000, 1:] *= rng.uniform(0, 0.7, (1000, 1))
    gains[1000:2000, 1], gains[1000:2000, 3] = 0.05 * rng.normal(size=1000), rng.choice([0.0, 0.5, 0.707, 0.87], 1000)
    loose = rng.uniform(0, 0.5, (count, 1)) * rng.uniform(0, 1, (count, 3)) ** 3
    difference = np.einsum("ni,nj->nij", gains, gains)
    difference[:, range(1, 4), range(1, 4)] += loose
    pause = np.einsum("ni,nj->nij", gains[::-1], gains[::-1]) + 0.2 * np.eye(4)
    tiles = Tiles(
        np.sort(rng.integers(0, 40, count)), rng.integers(0, 8, count), difference, pause,
        rng.uniform(5, 30, count), 40, 3,
    )  # fmt: skip
    places = (slice(0, 1000), slice(1000, 2000), slice(2000, 2005))
    parts = [tiles, *(Tiles(tiles.segment[part], tiles.band[part], difference[part], pause[part], tiles.excess_db[part],
                            40, 3) for part in places)]  # fmt: skip
    return {"shares": [asdict(evidence.weigh(part)) for part in parts], "course": evidence.per_segment(tiles)}


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


@cache
def _steps(draw: Callable[[int], np.ndarray]) -> list[frame_differences.FrameComparison]:
    return frame_differences.measure_window(film(draw, 0.5), window=0, start_s=0.0, fps=2.0, settings=MotionSettings())


def _film(draw: Callable[[int], np.ndarray]) -> Any:
    steps = _steps(draw)
    found = decision.judge(steps, LIMITS)
    return {
        "steps": frame_differences.to_columns(steps),
        "verdict": found and [found.kind, found.detail],
        "probability": certainty.probability(steps),
    }


def a_slide_show() -> Any:
    pictures = [scenery(seed) for seed in range(3)]
    return _film(lambda index: pictures[index // 7])


def _still_with_noise(index: int) -> np.ndarray:
    return scenery(7) * (1 + 0.01 * (index % 2))


def _turn(index: int) -> np.ndarray:
    return turned(scenery(2), 4.0 * index, 5 * np.sin(index / 4))


def a_turned_still() -> Any:
    return _film(_turn)


def _logo(index: int) -> np.ndarray:
    return with_box(scenery(4), 60 + 40 - abs(5 * index - 40), 40.0 + 11 * index, 10, 10, 240)


def a_logo_on_a_still() -> Any:
    return _film(_logo)


def _zoom(index: int) -> np.ndarray:
    scaling = cv2.getRotationMatrix2D((160, 80), 0, 1.012**index)
    return cv2.warpAffine(scenery(5), scaling, (320, 160), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def a_still_that_zooms() -> Any:
    return _film(_zoom)


def _street(index: int) -> np.ndarray:
    rng = np.random.default_rng(37)
    shown, things = scenery(6) * (1 + 0.02 * np.sin(index)), rng.uniform((50, 0), (110, 300), (7, 2))
    for (row, column), speed in zip(things, rng.uniform(-9, 9, 7), strict=True):
        shown = with_box(shown, int(row), float((column + speed * index) % 290), 18, 22, 200)
    return np.asarray(shown)


def a_street_where_things_move() -> Any:
    return _film(_street)


def stills_verdicts() -> Any:
    """Of comparisons on either side of each limit."""
    rng, found = np.random.default_rng(41), []
    for draw in (_still_with_noise, _logo, _zoom, _turn, _street):
        columns = frame_differences.columns(_steps(draw))
        names = [name for name in columns if name not in ("window", "time_s")]
        for _ in range(200):
            other = dict(columns)
            for name in rng.choice(names, 7, replace=False):
                known = columns[name] >= 0
                other[name] = np.where(known, (columns[name] + 0.01) * 2 ** rng.normal(0, 2.5), columns[name])
            found.append(decision.judge(other, LIMITS))
    numbers = [re.findall(r"[0-9.]*[0-9]", verdict.detail) if verdict else [] for verdict in found]
    return {
        "kinds": " ".join(verdict.kind[:2] if verdict else "-" for verdict in found),
        "numbers": [[float(number) for number in each] for each in numbers],
    }


def black_and_plain_stretches() -> Any:
    walk = place(9, 150)
    for begin, count, level in ((10, 1, 0), (25, 3, 0), (45, 7, 0), (70, 8, 0), (95, 9, 250), (125, 12, 3)):
        walk[begin : begin + count] = level
    walk[60:70] = walk[60:70] * np.linspace(1, 0, 10)[:, None, None, None]
    detector = ShotDetector(FPS)
    for frame in walk:
        detector.push(frame)
    detector.finish()
    return [asdict(found) for found in detector.transitions]


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


def _walked(seed: int, count: int, *, mirror: bool = False, every: float = 2.0, late: float = 0.0) -> np.ndarray:
    """Looks of a place where things go about, one each ``every`` seconds."""
    rng = np.random.default_rng(seed)
    starts, speeds, rows = rng.uniform(0, 320, 5), rng.uniform(-9, 9, 5), rng.integers(40, 100, 5)
    looks = []
    for index in range(count):
        shown = scenery(seed).copy()
        for start, speed, row in zip(starts, speeds, rows, strict=True):
            left = int(start + speed * (index * every + late)) % 280
            shown[row : row + 30, left : left + 34] = 20 * (left % 11)
        small = cv2.resize(np.clip(shown[:, ::-1] if mirror else shown, 0, 255), (192, 96))
        looks.append(visual_fingerprint.describe(small.astype(np.uint8)))
    return np.stack(looks)


def pictures_that_are_known_again() -> Any:
    """Mirrored, faster, cut short; without sound, or under another one."""
    rng = np.random.default_rng(42)
    nothing = np.zeros((0, 2), np.int64)
    noise = [audio_fingerprint.peaks([rng.normal(0, 0.1, 48 * 8000).astype(np.float32)]) for _ in range(2)]
    first = _walked(71, 24)
    films = [
        first,
        _walked(71, 24, mirror=True),
        _walked(71, 23, every=2.08),
        first[4:20],
        _walked(72, 24),
        _walked(71, 22, late=2.7),
    ]
    prints = [VideoFingerprint(nothing, looks, 2.0, 2.0 * len(looks)) for looks in films]
    prints += [
        VideoFingerprint(audio_fingerprint.hashes(peaks), looks, 2.0, 48.0, peaks)
        for peaks, looks in zip(noise, films[:2], strict=True)
    ]
    return [asdict(match) for match in matching.matches(prints)]


def copies() -> Any:
    rng = np.random.default_rng(38)
    rate = audio_fingerprint.RATE_HZ
    songs = [np.asarray(sum(sounds.notes(rng, 18 * sounds.RATE)))[::3][: 18 * rate] for _ in range(3)]
    assert 3 * rate == sounds.RATE
    late = np.concatenate([0.1 * rng.standard_normal(2 * rate), songs[0][: 15 * rate]])
    tape = soxr.resample(songs[1], rate * 1.027, rate)
    pairs = ((songs[0], 40), (late, 40), (songs[1], 50), (songs[0], 60), (songs[2], 40), (tape, 50))
    prints = [_heard_and_seen(sound, picture) for sound, picture in pairs]
    found = [asdict(match) for match in matching.matches(prints)]
    return {"peaks": [each.peaks for each in prints[:3]], "looks": prints[2].frames, "matches": found}


@cache
def frame_measures() -> dict[str, Any]:
    """What is measured of a disc whose sound is somewhere else and late, in two stretches of which one is shorter."""
    whole = frame_stretch()
    both, count = whole.both, len(whole.both.seen) - 12
    shorter = replace(both, seen=both.seen[-count:], heard=both.heard[-count:], heading=both.heading[-count:])
    return frame_measurement.measure([whole, replace(whole, start_s=30.0, both=shorter)])


@cache
def frame_stretch() -> frame_measurement.Stretch:
    heading = 40 * np.sin(np.arange(14 * 16) / 30)
    stretch = frame_measurement.look(
        2.0,
        moving_frames(14.0, heading_deg=heading),
        moving_sound(14.0, turned_deg=35.0, late_s=0.4),
    )
    assert stretch is not None
    return stretch


def a_disc_that_sounds_elsewhere_and_late() -> Any:
    measures, stretch = frame_measures(), frame_stretch()
    verdict = frame_decision.judge(measures, FrameThresholds())
    return {
        "measures": measures,
        "course": frame_measurement.course([stretch]),
        "verdict": {**asdict(verdict), "words": ""},
    }


def frame_of_reference_verdicts() -> Any:
    """Of measures on either side of each limit."""
    rng, found = np.random.default_rng(43), []
    for _ in range(600):
        heading = {
            "yaw_deg": rng.normal(0, 40), "correlation": rng.uniform(0, 1), "mirrored": rng.uniform(0, 0.8),
            "prominence": rng.uniform(0, 1), "spread_deg": rng.uniform(0, 90), "halves_deg": rng.uniform(0, 60),
        }  # fmt: skip
        lag = {"lag_s": rng.normal(0, 0.4), "correlation": rng.uniform(0, 1), "prominence": rng.uniform(0, 1)}
        turning = {
            "turned_deg": rng.uniform(0, 90), "gain": rng.choice([-1.0, 0.0, 1.0]) + rng.normal(0, 0.3),
            "follows": rng.uniform(0.2, 1), "stays": rng.uniform(0.2, 1), "mirrored": rng.uniform(0.2, 1),
        }  # fmt: skip
        known = frame_measures()
        measures = {
            "heading": {**known["heading"], **{name: heading[name] for name in known["heading"] if name in heading}},
            "lag": {**known["lag"], **{name: lag[name] for name in known["lag"] if name in lag}},
            "turning": turning if rng.random() < 0.7 else None,
        }
        verdict = frame_decision.judge(measures, FrameThresholds())
        mended = frame_decision.repair(verdict, FrameThresholds(repair=True))
        found.append(
            [verdict.verdict, verdict.yaw_deg, verdict.lag_s, verdict.heading_probability, verdict.lag_probability]
            + ([] if mended is None else [mended.yaw_deg, mended.lag_s])
        )
    kinds = "".join(str(each[0])[0] for each in found)
    return {"kinds": kinds, "numbers": [[value or 0.0 for value in each[1:5]] for each in found],
            "repaired": [each[5:] or [0.0, 0.0] for each in found]}  # fmt: skip


def audits_and_agreements() -> Any:
    rng = np.random.default_rng(44)
    found: dict[str, Any] = {"audits": [], "kappas": [], "curves": []}
    for _ in range(25):
        sizes = rng.integers(1, 400, 4)
        judged = [int(rng.integers(0 if index > 2 else 1, size + 1)) for index, size in enumerate(sizes)]
        strata = [
            estimates.Judged(index < 2, int(size), count, int(rng.integers(0, count + 1)))
            for index, (size, count) in enumerate(zip(sizes, judged, strict=True))
        ]
        found["audits"].append([asdict(estimates.estimate(strata)), estimates.needed(strata, 0.2)])
        people = [{f"v{k}": str(rng.choice(["keep", "still", "voice"])) for k in rng.integers(0, 30, 25)} for _ in "ab"]
        kappa = agreement.cohens_kappa(people[0], people[1])
        found["kappas"].append([kappa.videos, kappa.observed, kappa.kappa, kappa.interval, len(kappa.disagreements)])
        scores, wanted = rng.integers(0, 9, 40) / 8, rng.random(40) < 0.4
        points = precision_recall.sweep(scores, wanted)
        found["curves"].append([precision_recall.average_precision(points), *precision_recall.wilson(judged[0], 400)])
        found["curves"][-1] += [[limit, *asdict(counts).values(), counts.precision, counts.recall, counts.false_alarms]
                                for limit, counts in points]  # fmt: skip
    return found


KNOWN: dict[str, tuple[Callable[[], Any], ...]] = {
    "voiceover": (
        talk_in_a_room, a_voice_in_w, a_dry_voice_from_the_front, a_stereo_bed, a_head_locked_pair,
        voiceover_verdicts, tiles_of_every_kind,
    ),
    "chunk": (sound_and_silence, cuts_and_dissolves, black_and_plain_stretches),
    "stills": (
        a_slide_show, a_turned_still, a_logo_on_a_still, a_still_that_zooms, a_street_where_things_move,
        stills_verdicts,
    ),
    "fingerprint": (copies, pictures_that_are_known_again),
    "frame_of_reference": (a_disc_that_sounds_elsewhere_and_late, frame_of_reference_verdicts),
    "evaluation": (audits_and_agreements,),
}  # fmt: skip
"""Stages, and what shows their results; `evaluation` is none, and has no version."""
