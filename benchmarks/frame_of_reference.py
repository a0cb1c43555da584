"""Do picture and sound share a frame of reference: how well it is known, and how often wrongly.

``python -m benchmarks.frame_of_reference [--part rotation|heading|turning|cost|all]``, with ``../shared`` beside the
checkout and pyroomacoustics installed (``benchmarks/requirements-other-hands.txt``); what is absent is named and left
out. What was fitted on (procedural videos of seed 7, ``../shared/media``) is apart from what was not: procedural videos
of another seed, scenes of photographs and rooms of other hands, ``../shared/real``.

* ``rotation``: photographs, and recordings whose camera stands, turned by known curves.
* ``heading``: each video as it is, with its sound turned and delayed by known amounts, and with another one's sound.
* ``turning``: recordings whose camera stands, their picture turned by known curves, and their sound with it, or not, or
  the wrong way round.
* ``cost``: CPU seconds beside the other filters, on the recordings as files.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.filters_tables import interval
from benchmarks.frame_of_reference_scenes import PHOTOGRAPHS, photograph, scene
from benchmarks.other_hands import LeftOutError
from benchmarks.other_hands.sources import SHARED
from fitting.frame_of_reference import MEDIA, RECORDINGS, WORLD_LAG_S, read_recording, render_world
from yt360 import ambisonics, sphere
from yt360.engine.stage import Context, Item, Stage
from yt360.filters.frame_of_reference import decision, measurement, sound_activity
from yt360.filters.frame_of_reference.measurement import RATE_HZ, Stretch
from yt360.filters.frame_of_reference.picture_rotation import RotationTracker
from yt360.filters.frame_of_reference.settings import FrameThresholds
from yt360.media.inspect import inspect_media
from yt360.stages.frame_of_reference import FrameOfReference
from yt360.stages.stills import Stills
from yt360.stages.voiceover import Voiceover

REAL = ("QO-pWw4_z8Y_120", "Wc_gzO9i38k_15", "aieThfuvmtY_274", "gyFx147_35Q_52", "f2kvR5I8s3c_20", "qWpImMW4DHI_87")
CAMERA_MOVES = ("f2kvR5I8s3c_20", "qWpImMW4DHI_87")
LIMITS = FrameThresholds()
RIGHT_DEG, RIGHT_S = 15.0, 0.06
Sound = NDArray[np.float32]
Turns = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Video:
    """What is judged: the picture seen once, the sound as it is, and by how much that is late in truth."""

    name: str
    group: str
    stretch: Stretch
    frames: list[NDArray[np.uint8]]
    sound: Sound
    late_s: float = 0.0


def curves(count: int, rate_hz: float) -> Iterator[tuple[str, Turns]]:
    """Known turns against the first frame: to and fro, shaking while walking, tumbling."""
    time_s = np.arange(count) / rate_hz
    shapes = {
        "to and fro": (60 * np.sin(2 * np.pi * time_s / 8), 0 * time_s, 0 * time_s),
        "walking": (8 * time_s + 10 * np.sin(4.4 * time_s), 5 * np.sin(5.1 * time_s), 4 * np.sin(3.7 * time_s)),
        "tumbling": (30 * time_s, 25 * np.sin(time_s), 20 * np.sin(0.7 * time_s)),
    }
    for name, angles in shapes.items():
        turns = [
            sphere.yaw_rotation(y) @ sphere.pitch_rotation(p) @ sphere.roll_rotation(r)
            for y, p, r in np.radians(angles).T
        ]
        yield name, [turn @ turns[0].T for turn in turns]


def videos() -> Iterator[Video]:
    for index in range(12):
        frames, sound = render_world(1008, index)
        yield _video(f"world {index}", "our world", frames, sound, WORLD_LAG_S)
    try:
        for seed in range(12):
            made = scene(seed)
            yield _video(f"scene {seed}", "other hands: scenes", made.frames, made.sound)
    except LeftOutError as error:
        print(f"left out: scenes ({error})")
    yield from recordings()


def recordings() -> Iterator[Video]:
    paths = [(MEDIA / f"{name}.webm", "recordings fitted on") for name in RECORDINGS]
    folder = SHARED / "real" / "video360"
    paths += [(folder / f"omni_gt_{name}.webm", "other hands: recordings") for name in REAL]
    for path, group in paths:
        if path.exists():
            yield _video(path.stem.removeprefix("omni_gt_"), group, *read_recording(path))
        else:
            print(f"left out: {path.name} (not there)")


def _video(name: str, group: str, frames: list[NDArray[np.uint8]], sound: Sound, late_s: float = 0.0) -> Video:
    stretch = measurement.look(0.0, frames, sound)
    assert stretch is not None, name
    return Video(name, group, stretch, frames, sound, late_s)


def changed(video: Video, turn_deg: float, late_s: float) -> Stretch:
    """The same video with its sound turned to the left and later."""
    sound = ambisonics.rotate(video.sound, sphere.yaw_rotation(float(np.radians(turn_deg))))
    sound = np.roll(sound, round(late_s * sound_activity.SAMPLE_RATE_HZ), axis=1)
    return _with_sound(video.stretch, sound)


def _with_sound(stretch: Stretch, sound: Sound) -> Stretch:
    count = len(stretch.both.seen)
    heard, vectors = sound_activity.activity(sound, np.arange(count) / RATE_HZ)
    steps = round(RATE_HZ / 4)
    pooled = vectors[: count // steps * steps].reshape(-1, steps, *vectors.shape[1:]).sum(axis=1)
    return replace(stretch, both=replace(stretch.both, heard=heard), vectors=np.asarray(pooled, np.float64))


def judged(stretch: Stretch) -> decision.FrameOfReference:
    return decision.judge(measurement.measure([stretch]), LIMITS)


def rotation() -> None:
    print("\n## Rotation of the picture: error in degrees\n")
    print("| picture | curve | rms | largest | bar |\n|---|---|---|---|---|")
    errors: dict[tuple[str, str], list[float]] = {}
    for name in PHOTOGRAPHS:
        large = photograph(name, 1024)
        for curve, turns in curves(40, 4.0):
            size = (measurement.WIDTH, measurement.HEIGHT)
            frames = (
                cv2.resize(sphere.rotate_picture(large, turn), size, interpolation=cv2.INTER_AREA) for turn in turns
            )
            errors.setdefault(("other hands: 8 photographs", curve), []).extend(_errors(frames, turns))
    for video in recordings():
        if video.name in CAMERA_MOVES:
            continue
        frames_4 = video.frames[:: round(RATE_HZ / 4)]
        for curve, turns in curves(len(frames_4), 4.0):
            turned = (sphere.rotate_picture(frame, turn) for frame, turn in zip(frames_4, turns, strict=True))
            errors.setdefault((f"{video.group}, camera stands", curve), []).extend(_errors(turned, turns))
    for (name, curve), each in errors.items():
        print(f"| {name} | {curve} | {np.sqrt(np.mean(np.square(each))):.2f} | {max(each):.2f} | <= 2 rms |")


def _errors(frames: Iterator[NDArray[Any]], turns: Turns) -> list[float]:
    tracker, errors = RotationTracker(), []
    for frame, turn in zip(frames, turns, strict=True):
        between = tracker.push(np.asarray(frame, np.uint8)).rotation @ turn.T
        errors.append(float(np.degrees(np.arccos(np.clip((np.trace(between) - 1) / 2, -1, 1)))))
    return errors


def heading(all_videos: Sequence[Video]) -> None:
    rng = np.random.default_rng(5)
    rows: dict[str, dict[str, list[int]]] = {}
    chances: dict[str, list[tuple[float, bool]]] = {}
    for video in all_videos:
        turns, lates = rng.uniform(30, 330, 4), rng.uniform(0.2, 0.7, 3) * rng.choice([-1, 1], 3)
        variants = [(0.0, 0.0), *((float(turn), 0.0) for turn in turns), *((0.0, float(late)) for late in lates)]
        for turn_deg, late_s in variants:
            kind = "as it is" if not turn_deg and not late_s else "turned" if turn_deg else "delayed"
            stretch = video.stretch if kind == "as it is" else changed(video, turn_deg, late_s)
            measures = measurement.measure([stretch])
            found = decision.judge(measures, LIMITS)
            tally = rows.setdefault(video.group, {}).setdefault(kind, [0] * 6)
            tally[0] += 1
            away = abs(((measures["heading"] or {"yaw_deg": 180.0})["yaw_deg"] + turn_deg + 180) % 360 - 180)
            chances.setdefault(video.group, []).append((found.heading_probability, away <= RIGHT_DEG))
            if found.yaw_deg is not None:
                tally[1] += 1
                tally[2] += away <= RIGHT_DEG
            if found.lag_s is not None:
                tally[3] += 1
                tally[4] += abs(found.lag_s - late_s - video.late_s) <= RIGHT_S
            wrong = found.verdict == "elsewhere" and kind == "as it is"
            tally[5] += wrong
            if wrong or (found.yaw_deg is not None and away > RIGHT_DEG):
                print(f"  wrong: {video.name}, {kind} ({turn_deg:.0f}°, {late_s:.2f} s): {found.words}", flush=True)
    print("\n## Heading and lag\n\n| videos | sound | heading known | right within 15° | lag known | within 60 ms |"
          " 'elsewhere' as it is |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for group, kinds in rows.items():
        for kind, (count, known, right, late, in_time, false) in kinds.items():
            low, high = interval(false, count)
            said = f"{false} of {count} [{low:.3f}, {high:.3f}]" if kind == "as it is" else ""
            print(f"| {group} | {kind} | {known} of {count} | {right} of {known} | {late} of {count} |"
                  f" {in_time} of {late} | {said} |")  # fmt: skip
    print("\n| videos | probability said | headings | right |\n|---|---|---|---|")
    for group, pairs in chances.items():
        for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.0)):
            inside = [right for chance, right in pairs if low <= chance < high]
            print(f"| {group} | {low:.2f} to {high:.2f} | {len(inside)} | {sum(inside)} |")


def strangers(all_videos: Sequence[Video]) -> None:
    """Pictures of recordings with the sound of other recordings: nothing known of them is right."""
    real = [video for video in all_videos if "recordings" in video.group]
    verdicts: dict[str, int] = {}
    for video in real:
        for other in real:
            if video.name.split("_")[0] != other.name.split("_")[0]:
                found = judged(_with_sound(video.stretch, other.sound))
                verdicts[found.verdict] = verdicts.get(found.verdict, 0) + 1
    print(f"\nRecordings with the sound of another one, verdicts: {verdicts}")


def turning(real: Sequence[Video]) -> None:
    print("\n## Does the sound turn with the picture? Recordings whose camera stands, turned\n")
    print("| sound | curve | videos | follows | stays | mirrored | not known |\n|---|---|---|---|---|---|---|")
    table: dict[tuple[str, str], dict[str, int]] = {}
    for video in real:
        if video.name in CAMERA_MOVES:
            continue
        for curve, turns in curves(len(video.frames), RATE_HZ):
            frames = [sphere.rotate_picture(frame, turn) for frame, turn in zip(video.frames, turns, strict=True)]
            stretch = measurement.look(0.0, frames, video.sound)
            assert stretch is not None, video.name
            for name, sound in _sounds(video.sound, turns):
                with_sound = _with_sound(stretch, sound)
                found = decision.judge(measurement.measure([with_sound]) | {"heading": None, "lag": None}, LIMITS)
                counted = table.setdefault((name, curve), {})
                counted[found.verdict] = counted.get(found.verdict, 0) + 1
    for (name, curve), counted in table.items():
        cells = [counted.get(kind, 0) for kind in ("agrees", "does-not-turn", "mirrored", "unknown")]
        print(f"| {name} | {curve} | {sum(cells)} | {' | '.join(map(str, cells))} |")


def _sounds(sound: Sound, turns: Turns) -> Iterator[tuple[str, Sound]]:
    yield "as it was", sound
    step = round(sound_activity.SAMPLE_RATE_HZ / RATE_HZ)
    changes: tuple[tuple[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]], ...] = (
        ("turned with the picture", lambda turn: turn),
        ("turned the other way", lambda turn: turn.T),
    )
    for name, change in changes:
        made = sound.copy()
        for index, turn in enumerate(turns):
            part = slice(index * step, (index + 1) * step)
            made[:, part] = ambisonics.rotate(sound[:, part], change(turn))
        yield name, made


def cost() -> None:
    print("\n## CPU seconds for a recording of ten seconds, decoding included\n\n| recording | frame of reference |"
          " stills | voiceover |\n|---|---|---|---|")  # fmt: skip
    for name in RECORDINGS[:4]:
        path = MEDIA / f"{name}.webm"
        if not path.exists():
            continue
        with tempfile.TemporaryDirectory() as scratch:
            facts = Path(scratch) / "facts.json"
            facts.write_text(json.dumps(inspect_media(path).facts()))
            item = Item("v", "v", files={"video": path, "facts": facts})
            stages: list[Stage] = [FrameOfReference(), Stills(), Voiceover()]
            spent = [_spent(stage, item, Path(scratch)) for stage in stages]
        print(f"| {name} | {' | '.join(f'{each:.1f}' for each in spent)} |")


def _spent(stage: Stage, item: Item, folder: Path) -> float:
    def used() -> float:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in both)

    stage.process(item, Context(folder, folder))
    before = used()
    stage.process(item, Context(folder, folder))
    return used() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["rotation", "heading", "turning", "cost", "all"], default="all")
    part = parser.parse_args().part
    cv2.setNumThreads(1)
    if part in ("rotation", "all"):
        rotation()
    if part in ("turning", "all"):
        turning(list(recordings()))
    if part in ("heading", "all"):
        every = list(videos())
        heading(every)
        strangers(every)
    if part in ("cost", "all"):
        cost()


if __name__ == "__main__":
    main()
