"""Scenes with known directions for the benchmark of events: procedural worlds, and rooms of another hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from benchmarks.other_hands import rooms
from benchmarks.other_hands.directions import towards
from benchmarks.other_hands.dry import programme
from yt360 import sphere
from yt360.synth.render import SAMPLE_RATE_HZ, render_sound, thing_directions
from yt360.synth.scene import draw_scene

RATE_HZ = 24_000
FRAME_S = 0.1
SECONDS = 10

ACTIVE_DB = 25.0
"""A source sounds in a frame within this many dB of its own loud frames (the 95th percentile)."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KnownScene:
    """``foa`` ``(4, n)`` at :data:`RATE_HZ`; for each source its unit vectors ``(frames, 3)`` and when it sounds."""

    name: str
    foa: NDArray[np.float32]
    directions: Array
    sounds: NDArray[np.bool_]


def activity(dry: Array, rate_hz: int) -> NDArray[np.bool_]:
    """In which frames of a tenth of a second a dry signal ``(n,)`` sounds."""
    step = round(FRAME_S * rate_hz)
    frames = dry[: len(dry) // step * step].reshape(-1, step)
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return np.asarray(level_db > np.percentile(level_db, 95) - ACTIVE_DB)


def world(seed: int, sources: int) -> KnownScene:
    """A scene of the procedural world with as many things as asked for, all sounding; some move."""
    rng = np.random.default_rng((seed, sources))
    scene = draw_scene(rng, float(SECONDS))
    while len(scene.things) < sources:
        scene = draw_scene(rng, float(SECONDS))
    things = tuple(replace(thing, active=((0.0, float(SECONDS)),)) for thing in scene.things[:sources])
    scene = replace(scene, things=things)
    track = render_sound(scene, 1 / FRAME_S)
    frames = track.levels.shape[1]
    time_s = ((np.arange(frames) + 0.5) * FRAME_S).astype(np.float64)
    directions = np.stack([sphere.unit_vector(*thing_directions(scene, thing, time_s)) for thing in things])
    foa = soxr.resample(track.foa.T, SAMPLE_RATE_HZ, RATE_HZ).T.astype(np.float32)
    return KnownScene(f"world {seed}", foa, directions, track.levels > 10 ** (-ACTIVE_DB / 20))


def room(generator: str, seed: int, sources: int) -> KnownScene:
    """Dry recordings in a box of pyroomacoustics or of spherical-array-processing; nobody moves."""
    responses = rooms.ROOMS[generator](np.random.default_rng(seed), sources, RATE_HZ)
    # The same draws again say where the sources are.
    rng = np.random.default_rng(seed)
    size, _ = rooms._box(rng)
    listener, places = rooms._places(rng, size, sources)
    n, rng = SECONDS * RATE_HZ, np.random.default_rng((seed, 1))
    sound, sounds = np.zeros((4, n)), []
    for response in responses:
        dry = programme(rng, n, RATE_HZ) * rng.uniform(0.5, 1.0)
        onset = int(np.argmax(np.abs(response[0]) > 0.2 * np.abs(response[0]).max()))
        heard = fftconvolve(dry[None], response, axes=1)[:, :n]
        sound += heard / np.sqrt(np.mean(heard[0] ** 2)) * rng.uniform(0.5, 1.0)
        sounds.append(activity(np.concatenate([np.zeros(onset), dry])[:n], RATE_HZ))
    sound *= 0.3 / np.abs(sound).max()
    sound += 10 ** (rng.uniform(-85, -60) / 20) * rng.standard_normal((4, n))
    frames = len(sounds[0])
    directions = np.repeat(towards(places - listener)[:, None], frames, axis=1)
    return KnownScene(f"{generator} {seed}", sound.astype(np.float32), directions, np.array(sounds))


KINDS = ("worlds", "pyroomacoustics box", "spherical-array-processing box")


def scenes(kind: str, sources: int, count: int, first_seed: int) -> Iterator[KnownScene]:
    """``count`` scenes of one of :data:`KINDS`."""
    for number in range(count):
        yield world(first_seed + number, sources) if kind == "worlds" else room(kind, first_seed + number, sources)
