"""Open-air and crowded scenes that a filter of post-production must leave alone, and layers that an editor adds.

Fields are sums of plane waves with echoes from the ground and from walls, in rooms of the other generators where they
are indoors. Nothing of it is drawn by :mod:`yt360.synth`. Sounds are recordings where there are any
(:mod:`benchmarks.other_hands.dry`), else made here: engines, gusts, water, hands that clap.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from benchmarks.other_hands.directions import ambix
from benchmarks.other_hands.dry import programmes, stereo
from benchmarks.other_hands.fields import RESPONSES
from benchmarks.other_hands.sources import Array, read_sound

RATE_HZ, SECONDS = 24_000, 12
SAMPLES = RATE_HZ * SECONDS
Rng = np.random.Generator


def _direction(rng: Rng, height: float = 0.2) -> Array:
    azimuth, elevation = rng.uniform(-np.pi, np.pi), rng.normal(0, height)
    flat = np.cos(elevation)
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])


def _band(noise: Array, low_hz: float, high_hz: float) -> Array:
    shaped: Array = sosfilt(butter(2, [low_hz, high_hz], "bandpass", fs=RATE_HZ, output="sos"), noise)
    return shaped


def _unit(sound: Array) -> Array:
    return sound / max(1e-9, float(np.sqrt(np.mean(sound[0] ** 2 if sound.ndim == 2 else sound**2))))


def _outdoors(rng: Rng, dry: Array, direction: Array) -> Array:
    """A plane wave, the ground's echo, and up to three of walls far off: ``(4, n)``."""
    out = ambix(direction[None])[:, :1] * dry
    for late_s, gain, mirrored in (
        (rng.uniform(0.001, 0.01), rng.uniform(0.2, 0.7), direction * [1, 1, -1] - [0, 0, 0.2]),
        *((rng.uniform(0.02, 0.2), rng.uniform(0.02, 0.2), _direction(rng)) for _ in range(int(rng.integers(0, 4)))),
    ):
        shift = round(late_s * RATE_HZ)
        wave = ambix((mirrored / np.linalg.norm(mirrored))[None])[:, :1] * np.concatenate(
            [np.zeros(shift), dry[:-shift]]
        )
        out = out + gain * wave
    return out


def _noises(rng: Rng, count: int, low_hz: float, high_hz: float) -> Array:
    """Noise from ``count`` directions ``(4, n)``."""
    directions = np.stack([_direction(rng, 0.5) for _ in range(count)])
    return ambix(directions) @ (
        _band(rng.standard_normal((count, SAMPLES)), low_hz, high_hz) * rng.uniform(0.2, 1, (count, 1))
    )


def _field(rng: Rng) -> Array:
    """Air that is never quite still, from everywhere."""
    return _unit(_noises(rng, 24, 80, 9000))


def _gusts(rng: Rng) -> Array:
    """Wind in the capsules: low, of each channel by itself, in gusts."""
    gust = np.interp(np.arange(SAMPLES), np.linspace(0, SAMPLES, 16), np.abs(rng.standard_normal(16))) ** 1.5
    return _unit(
        _band(rng.standard_normal((4, SAMPLES)), 20, rng.uniform(150, 900)) * gust * np.array([[1], [1.3], [1], [1.3]])
    )


def _engine(rng: Rng) -> Array:
    """A tractor or generator: a firing rate that wavers, its partials, and the hiss of an exhaust."""
    wander = np.interp(np.arange(SAMPLES), np.linspace(0, SAMPLES, 10), rng.standard_normal(10))
    phase = 2 * np.pi * np.cumsum(rng.uniform(18, 60) * (1 + 0.03 * wander)) / RATE_HZ
    partials = sum(rng.uniform(0.2, 1) / k**0.8 * np.sin(k * phase + rng.uniform(0, 6)) for k in range(1, 30))
    hiss = _band(rng.standard_normal(SAMPLES), 200, 5000) * (1 + np.sin(phase))
    return _unit(_unit(np.asarray(partials)) + rng.uniform(0.1, 0.8) * _unit(hiss))


def tractor(rng: Rng) -> Array:
    sound = (
        _outdoors(rng, _engine(rng), _direction(rng, 0.05)) + rng.uniform(0.1, 1.5) * _gusts(rng) + 0.1 * _field(rng)
    )
    return np.asarray(sound * np.array([[1], [1], [float(rng.random() < 0.5)], [1]]), np.float64)


def machines(rng: Rng) -> Array:
    found = sum(
        (_outdoors(rng, _engine(rng), _direction(rng)) for _ in range(int(rng.integers(2, 5)))), np.zeros((4, SAMPLES))
    )
    return found + 0.2 * _field(rng)


def wind(rng: Rng) -> Array:
    sound = _gusts(rng) + rng.uniform(0.1, 0.6) * _field(rng)
    return np.asarray(sound * np.array([[1], [1], [float(rng.random() < 0.5)], [1]]), np.float64)


def water(rng: Rng) -> Array:
    """A brook or a shore: bubbles and hiss from one side."""
    swell = 1 + 0.6 * np.sin(2 * np.pi * np.arange(SAMPLES) / RATE_HZ * rng.uniform(0.05, 0.3))
    side = _direction(rng)
    near = [_direction(rng) * 0.5 + side for _ in range(10)]
    sound = np.zeros((4, SAMPLES))
    for each in near:
        sound += _outdoors(rng, _band(rng.standard_normal(SAMPLES), 300, 8000) * swell, each / np.linalg.norm(each))
    return _unit(sound) + 0.1 * _field(rng)


def applause(rng: Rng) -> Array:
    """Hundreds of hands around."""
    sound, clap = np.zeros((4, SAMPLES)), np.exp(-np.arange(600) / 90)
    for _ in range(40):
        hits = np.zeros(SAMPLES)
        beat = np.cumsum(rng.normal(0.25, 0.03, 4 * SECONDS))
        hits[(beat[beat < SECONDS - 0.1] * RATE_HZ).astype(int)] = rng.uniform(0.3, 1)
        burst = clap * _band(rng.standard_normal(600), 800, 4000)
        sound += ambix(_direction(rng, 0.15)[None])[:, :1] * fftconvolve(hits, burst)[:SAMPLES]
    return _unit(sound) + 0.1 * _field(rng)


def _recorded(rng: Rng, names: tuple[str, ...]) -> Array:
    """A mono recording ``(n,)``, repeated."""
    present = [path for name, path in programmes().items() if any(each in name for each in names)]
    sound = read_sound(present[int(rng.integers(len(present)))], RATE_HZ).mean(axis=0)
    start = int(rng.integers(len(sound)))
    return _unit(np.resize(np.roll(sound, -start), SAMPLES))


def _room(rng: Rng, sources: list[Array]) -> Array:
    names = [name for name in RESPONSES if name not in ("plane waves",)]
    places = RESPONSES[names[int(rng.integers(len(names)))]](rng, len(sources), RATE_HZ)
    sound = np.zeros((4, SAMPLES))
    for dry, response in zip(sources, places, strict=True):
        sound += fftconvolve(dry[None], response, axes=1)[:, :SAMPLES]
    return _unit(sound)


def choir(rng: Rng) -> Array:
    """A choir that stands in a church or hall."""
    voices = [_recorded(rng, ("ambi_choir",)) for _ in range(4)]
    return _room(rng, voices) + 0.03 * _field(rng)


def street_music(rng: Rng) -> Array:
    sound = _outdoors(rng, _recorded(rng, ("jazz", "guit", "tabla", "piano")), _direction(rng, 0.05))
    talk = _outdoors(rng, _recorded(rng, ("speech", "alsa")), _direction(rng, 0.05))
    return sound + rng.uniform(0, 0.7) * talk + rng.uniform(0.05, 0.5) * _field(rng)


def radio(rng: Rng) -> Array:
    """A radio or a stage's loudspeakers in a room: produced music that the room answers."""
    pair = _band(stereo(rng, SAMPLES, RATE_HZ), 150, 7000)
    return _room(rng, [pair[0], pair[1]] if rng.random() < 0.5 else [pair.mean(axis=0)]) + 0.02 * _field(rng)


def talk(rng: Rng) -> Array:
    people = [_recorded(rng, ("speech", "alsa")) for _ in range(int(rng.integers(1, 4)))]
    return _room(rng, people) + rng.uniform(0.01, 0.2) * _field(rng)


def quiet_field(rng: Rng) -> Array:
    """Next to nothing: air, and a bird now and then."""
    return _field(rng) + rng.uniform(0, 2) * _outdoors(rng, _recorded(rng, ("crow",)), _direction(rng))


CLEAN: dict[str, Callable[[Rng], Array]] = {
    "tractor": tractor, "machines": machines, "wind": wind, "water": water, "applause": applause, "choir": choir,
    "street music": street_music, "radio": radio, "talk": talk, "quiet field": quiet_field,
}  # fmt: skip
"""Scenes without post-production by what they are."""


def layer(rng: Rng, what: str) -> Array:
    """What an editor adds ``(4, n)``, W with an RMS of 1: ``voice W``, ``voice front``, ``bed 30`` …, ``music W``."""
    out = np.zeros((4, SAMPLES))
    if what.startswith("voice"):
        voice = _recorded(rng, ("speech",))
        out[0] = voice
        out[3] = voice if what.endswith("front") else 0
        return out
    left, right = stereo(rng, SAMPLES, RATE_HZ)
    if what == "music W":
        out[0] = left + right
    else:
        angle = np.deg2rad(float(what.split()[1]))
        out = ambix(np.array([[np.cos(angle), np.sin(angle), 0], [np.cos(angle), -np.sin(angle), 0]])) @ np.stack(
            [left, right]
        )
    return _unit(out)


LAYERS = ("voice W", "voice front", "music W", "bed 30", "bed 45", "bed 60", "bed 90")
