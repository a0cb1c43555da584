"""Sound scenes with known truth: true first-order ambisonics, and everything that passes itself off as it.

Physics only, no recordings: sources are encoded as plane waves, a room is several dozen weaker and
later plane waves from all around, ambience is many independent plane waves. What is not ambisonics
is made from the same sources as loudspeaker feeds, copies or microphone signals.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from yt360 import ambisonics, sphere

Array = NDArray[np.float64]
RATE_HZ = 24_000


def _band(noise: Array, low_hz: float, high_hz: float) -> Array:
    return np.asarray(sosfilt(butter(2, [low_hz, high_hz], "bandpass", fs=RATE_HZ, output="sos"), noise))


def _envelope(rng: np.random.Generator, n: int, rate_hz: float, floor: float) -> Array:
    """Slow random loudness with about ``rate_hz`` changes a second."""
    points = rng.random(max(4, int(n / RATE_HZ * rate_hz) + 2)) ** 2
    return floor + (1 - floor) * np.interp(np.linspace(0, len(points) - 1, n), np.arange(len(points)), points)


def _harmonics(rng: np.random.Generator, n: int, base_hz: float, count: int) -> Array:
    time = np.arange(n) / RATE_HZ
    wobble = 1 + 0.02 * np.sin(2 * np.pi * rng.uniform(0.3, 6) * time + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(base_hz * wobble) / RATE_HZ
    return np.asarray(sum(np.sin(k * phase + rng.uniform(0, 6)) / k for k in range(1, count + 1)))


def source(rng: np.random.Generator, n: int) -> Array:
    """A mono programme ``(n,)`` of a random kind: voice-like, music, machine, wind, clicks, birds."""
    kind = rng.integers(6)
    if kind == 0:
        signal = _harmonics(rng, n, rng.uniform(90, 260), 14) * _envelope(rng, n, 4, 0.02)
    elif kind == 1:
        signal = np.zeros(n)
        for _ in range(4):
            signal += _harmonics(rng, n, 220 * 2 ** (rng.integers(-12, 12) / 12), 6) * _envelope(rng, n, 2, 0)
    elif kind == 2:
        signal = _harmonics(rng, n, rng.uniform(40, 90), 30) + 0.3 * rng.standard_normal(n)
    elif kind == 3:
        signal = _band(rng.standard_normal(n), 150, 3000) * _envelope(rng, n, 1, 0.2)
    elif kind == 4:
        clicks = np.zeros(n)
        clicks[rng.integers(0, n, max(4, n // RATE_HZ * 4))] = rng.standard_normal(max(4, n // RATE_HZ * 4))
        ring = np.exp(-np.arange(2400) / 400) * rng.standard_normal(2400)
        signal = fftconvolve(clicks, ring)[:n]
    else:
        time = np.arange(n) / RATE_HZ
        sweep = rng.uniform(1500, 3000) + 700 * np.sin(2 * np.pi * rng.uniform(2, 8) * time)
        signal = np.sin(2 * np.pi * np.cumsum(sweep) / RATE_HZ) * _envelope(rng, n, 6, 0)
    signal = np.asarray(signal, float)
    return 0.1 * signal / max(1e-9, float(np.sqrt(np.mean(signal**2))))


def _random_directions(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    return sphere.direction(rng.standard_normal((count, 3)))


def _path(rng: np.random.Generator, n: int, start: float, spread: float) -> Array:
    turn = rng.uniform(-spread, spread)
    return start + turn * np.linspace(0, 1, n)


def _room(rng: np.random.Generator, dry: Array, decay_s: float, level: float) -> Array:
    """Reflections of ``dry`` as plane waves, in directions all around, exponentially weaker."""
    wet = np.zeros((4, len(dry)))
    count = 32
    azimuths, elevations = _random_directions(rng, count)
    for k in range(count):
        delay = int(rng.uniform(0.003, decay_s) * RATE_HZ)
        gain = level * np.exp(-3.4 * delay / RATE_HZ / decay_s) * rng.choice([-1, 1]) / np.sqrt(count / 6)
        late = np.concatenate([np.zeros(delay), dry])[: len(dry)]
        wet += gain * ambisonics.encoding_gains(azimuths[k], elevations[k])[:, None] * late
    return wet


def ambience(rng: np.random.Generator, n: int, *, horizontal: bool = False) -> Array:
    """A diffuse field ``(4, n)``: 32 independent plane waves."""
    azimuths, elevations = _random_directions(rng, 32)
    if horizontal:
        elevations = np.zeros_like(elevations)
    field = np.zeros((4, n))
    for k in range(32):
        wave = _band(rng.standard_normal(n), 100, 4000)
        field += ambisonics.encoding_gains(azimuths[k], elevations[k])[:, None] * wave
    return 0.1 * field / max(1e-9, float(np.sqrt(np.mean(field[0] ** 2))))


def foa_scene(rng: np.random.Generator, n: int, *, horizontal: bool = False) -> Array:
    """AmbiX ``(4, n)``: one to five sources, most moving, in a random room, with ambience and microphone noise."""
    scene = np.zeros((4, n))
    for _ in range(rng.integers(1, 6)):
        dry = source(rng, n) * rng.uniform(0.2, 1)
        azimuth = _path(rng, n, rng.uniform(-np.pi, np.pi), rng.choice([0.0, 0.5, 2.0]))
        elevation = np.zeros(n) if horizontal else np.clip(_path(rng, n, rng.uniform(-0.6, 0.8), 0.4), -1.5, 1.5)
        scene += ambisonics.encode(dry, azimuth, elevation)
        if rng.random() < 0.7:
            scene += _room(rng, dry, rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.8))
    scene += rng.uniform(0, 0.5) * ambience(rng, n, horizontal=horizontal)
    # A real array: each component has its own small gain error and noise.
    scene *= 10 ** (rng.normal(0, 0.3, (4, 1)) / 20)
    scene += 1e-4 * rng.standard_normal((4, n))
    if horizontal:
        scene[ambisonics.Z] = 0
    return scene


def _stereo(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    left, right = np.zeros(n), np.zeros(n)
    for _ in range(rng.integers(2, 5)):
        signal, pan = source(rng, n), rng.uniform(0, np.pi / 2)
        left, right = left + signal * np.cos(pan), right + signal * np.sin(pan)
    wide = 0.02
    return left + wide * rng.standard_normal(n), right + wide * rng.standard_normal(n)


def _loudspeakers(rng: np.random.Generator, n: int, azimuths_deg: list[float]) -> Array:
    """Feeds of a ring of loudspeakers: sources panned between neighbours, and decorrelated ambience."""
    speakers = np.radians(azimuths_deg)
    feeds = np.zeros((len(speakers), n))
    for _ in range(rng.integers(2, 6)):
        signal, target = source(rng, n), rng.uniform(-np.pi, np.pi)
        distance = np.abs(sphere.wrap_angle(speakers - target))
        near = np.argsort(distance)[:2]
        share = distance[near[0]] / max(1e-9, distance[near].sum()) * np.pi / 2
        feeds[near[0]] += np.cos(share) * signal
        feeds[near[1]] += np.sin(share) * signal
    return feeds + rng.uniform(0.005, 0.05) * rng.standard_normal(feeds.shape)


def _mono_w(rng: np.random.Generator, n: int) -> Array:
    out = np.zeros((4, n))
    out[0] = source(rng, n)
    noise: Array = rng.choice([0.0, 1e-5]) * rng.standard_normal((4, n))
    return out + noise


def _mono_copied(rng: np.random.Generator, n: int) -> Array:
    return np.tile(source(rng, n), (4, 1))


def _stereo_twice(rng: np.random.Generator, n: int) -> Array:
    left, right = _stereo(rng, n)
    return np.stack([left, right, left, right])


def _stereo_and_silence(rng: np.random.Generator, n: int) -> Array:
    left, right = _stereo(rng, n)
    return np.stack([left, right, np.zeros(n), np.zeros(n)])


def _mid_side(rng: np.random.Generator, n: int) -> Array:
    left, right = _stereo(rng, n)
    return np.stack([left + right, left - right, np.zeros(n), np.zeros(n)]) / 2


def _quad(rng: np.random.Generator, n: int) -> Array:
    return _loudspeakers(rng, n, [45, -45, 135, -135])


def _surround(rng: np.random.Generator, n: int) -> Array:
    return _loudspeakers(rng, n, [30, -30, 0, 180])


def _independent(rng: np.random.Generator, n: int) -> Array:
    return 0.1 * rng.standard_normal((4, n))


def _delayed(rng: np.random.Generator, n: int) -> Array:
    signal = source(rng, n)
    delays = rng.integers(20, 400, 4)
    return np.stack([np.concatenate([np.zeros(d), signal])[:n] for d in delays])


def _capsules(rng: np.random.Generator, n: int) -> Array:
    """A-format: four cardioid capsules of a tetrahedral microphone, not converted."""
    scene = foa_scene(rng, n)
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    capsules: Array = 0.5 * (scene[0] + corners @ scene[ambisonics.XYZ])
    return capsules


VALID: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "foa": foa_scene,
    "foa-horizontal": lambda rng, n: foa_scene(rng, n, horizontal=True),
}
REPAIRABLE: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "fuma": lambda rng, n: ambisonics.from_ambix(foa_scene(rng, n), "fuma"),
    "xywz": lambda rng, n: foa_scene(rng, n)[[3, 1, 0, 2]] * np.array([1, 1, 1, 0.5**0.5])[:, None],
}
INVALID: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "mono-in-w": _mono_w,
    "mono-copied": _mono_copied,
    "stereo-twice": _stereo_twice,
    "stereo-and-silence": _stereo_and_silence,
    "mid-side": _mid_side,
    "quad": _quad,
    "surround-4.0": _surround,
    "independent": _independent,
    "delayed-copies": _delayed,
    "capsules": _capsules,
}
"""Makers ``(rng, samples) -> (4, samples)`` at :data:`RATE_HZ` by name."""
