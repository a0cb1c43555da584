"""A world in the layout of STARSS23: labelled recordings for sound event localisation and detection.

Classes are the world's things in the order of :data:`yt360.synth.classes.THING_NAMES`, sources the things of a scene.
The world knows no distances: a thing's is that at which something a metre across looks as large.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import soxr

from yt360.dataset.starss import FRAMES_PER_S
from yt360.media.clips import ClipVideoWriter
from yt360.synth.classes import THING_NAMES
from yt360.synth.render import SAMPLE_RATE_HZ, Renderer, render_sound, thing_directions
from yt360.synth.scene import Scene, draw_scene

RATE_HZ = 24000
_AUDIBLE = 0.03
"""Level (of 1) from which on a thing sounds."""

_PAUSE_FRAMES = 2
"""Pauses up to twice as long do not end an event."""


def make_starss_world(
    folder: Path,
    *,
    recordings: int,
    seed: int,
    duration_s: float = 20.0,
    test_share: float = 0.25,
    size: tuple[int, int] | None = None,
    fps: int = 16,
    workers: int = 1,
    progress: Callable[[str], None] | None = None,
) -> list[str]:
    """Render ``recordings`` scenes below ``folder``; the names of their files without suffix.

    The last ``test_share`` of them are the test split. ``size`` (height, width) of the pictures; without it there is
    sound alone. Same arguments, same files, at any number of ``workers``.
    """
    tests = round(recordings * test_share)
    names = [_name(number, number >= recordings - tests) for number in range(recordings)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(_render, folder, name, seed, number, duration_s, size, fps) for number, name in enumerate(names)
        ]
        for name, job in zip(names, jobs, strict=True):
            job.result()
            if progress is not None:
                progress(name)
    return names


def _name(number: int, test: bool) -> str:
    return f"dev-{'test' if test else 'train'}-world/fold{4 if test else 3}_room1_mix{number + 1:03d}"


def _render(
    folder: Path, name: str, seed: int, number: int, duration_s: float, size: tuple[int, int] | None, fps: int
) -> None:
    scene = draw_scene(np.random.default_rng((seed, number)), duration_s)
    track = render_sound(scene, FRAMES_PER_S)
    sound, labels = (
        folder / part / f"{name}{suffix}" for part, suffix in (("foa_dev", ".wav"), ("metadata_dev", ".csv"))
    )
    for path in (sound, labels):
        path.parent.mkdir(parents=True, exist_ok=True)
    foa = np.clip(soxr.resample(track.foa.T, SAMPLE_RATE_HZ, RATE_HZ), -1, 1)
    soundfile.write(sound, foa, RATE_HZ, subtype="PCM_16")
    labels.write_text("".join(_lines(scene, track.levels)), encoding="ascii")
    if size is None:
        return
    height, width = size
    video = folder / "video_dev" / f"{name}.mp4"
    video.parent.mkdir(parents=True, exist_ok=True)
    levels = render_sound(scene, fps).levels
    with ClipVideoWriter(video, width, height, fps, gop=fps, crf=20, preset="veryfast") as writer:
        for frame in Renderer(scene, height, width, fps, levels):
            writer.write(frame)


def _lines(scene: Scene, levels: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> list[str]:
    """Of frame after frame; what is silent has no line."""
    frames = levels.shape[1]
    time_s = (np.arange(frames) + 0.5) / FRAMES_PER_S
    rows = []
    for source, (thing, level) in enumerate(zip(scene.things, levels, strict=True)):
        azimuth, elevation = thing_directions(scene, thing, time_s)
        distance_cm = round(50 / math.tan(thing.half_extent))
        label = THING_NAMES.index(thing.name)
        for frame in np.flatnonzero(_sounding(level)):
            angles = round(math.degrees(azimuth[frame])), round(math.degrees(elevation[frame]))
            rows.append((int(frame), label, source, *angles, distance_cm))
    return [",".join(map(str, row)) + "\n" for row in sorted(rows)]


def _sounding(level: np.ndarray[tuple[int], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Frames in which a thing sounds, short pauses closed."""
    heard = np.flatnonzero(level > _AUDIBLE)
    sounding = np.zeros(len(level), bool)
    sounding[heard] = True
    for before, after in pairwise(heard):
        if after - before <= 2 * _PAUSE_FRAMES + 1:
            sounding[before:after] = True
    return sounding
