"""Sound fields: sources at moving directions, a room around them, an ambience from everywhere.

Everything is AmbiX (see :mod:`yt360.ambisonics`). The room is statistical: direct sound, early
reflections at random directions, and a diffuse tail that decays exponentially and whose four
channels are incoherent with the powers of a diffuse field in SN3D: W 1, Y Z X 1/3 each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from yt360 import ambisonics, sphere

_DIFFUSE = np.sqrt(np.array([1.0, 1 / 3, 1 / 3, 1 / 3]))[:, None]
"""Amplitudes of W, Y, Z, X in a diffuse field (the mean of each squared SN3D pattern over the sphere)."""

_EARLY = 6
_EARLY_S = (0.004, 0.035)


@dataclass(frozen=True)
class Source:
    """A mono ``signal`` ``(samples,)`` at a direction in radians: one, or one a sample."""

    signal: NDArray[np.floating]
    azimuth: ArrayLike
    elevation: ArrayLike


@dataclass(frozen=True)
class Room:
    """``t60_s``: time in which the tail falls by 60 dB. ``direct_to_reverberant_db``: direct energy over the rest."""

    t60_s: float
    direct_to_reverberant_db: float = 6.0


def diffuse_noise(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Noise ``(4, samples)`` from everywhere; W has power 1."""
    noise: NDArray[np.float64] = rng.standard_normal((4, samples)) * _DIFFUSE
    return noise


def ambience(rng: np.random.Generator, samples: int, rate: int, *, slope: float = 0.9) -> NDArray[np.float64]:
    """Wind and far traffic: diffuse, mostly low, swelling slowly. ``slope`` in (0, 1) says how dull. W has power 1."""
    low = sosfilt(butter(1, 60 + 2000 * (1 - slope), "low", fs=rate, output="sos"), diffuse_noise(rng, samples), axis=1)
    count = max(4, samples // rate * 2)
    swell = np.interp(np.arange(samples), np.linspace(0, samples, count), rng.uniform(0.6, 1.2, count))
    field = low * swell
    normalized: NDArray[np.float64] = field / np.sqrt(np.mean(field[0] ** 2))
    return normalized


def room_tail(rng: np.random.Generator, room: Room, rate: int) -> NDArray[np.float64]:
    """Impulse response ``(4, samples)`` of everything but the direct sound, with energy 1 in W."""
    samples = max(64, round(room.t60_s * rate))
    time_s = np.arange(samples) / rate
    response = diffuse_noise(rng, samples) * 10 ** (-3 * time_s / room.t60_s)
    response[:, : round(_EARLY_S[1] * rate)] *= 0.3
    azimuth, elevation = sphere.direction(rng.normal(size=(_EARLY, 3)))
    for delay_s, a, e in zip(np.sort(rng.uniform(*_EARLY_S, _EARLY)), azimuth, elevation, strict=True):
        position = min(samples - 1, round(delay_s * rate))
        response[:, position] += ambisonics.encoding_gains(a, e) * 6 * 10 ** (-3 * delay_s / room.t60_s)
    tail: NDArray[np.float64] = response / np.sqrt(np.sum(response[0] ** 2))
    return tail


def foa_scene(
    sources: Sequence[Source],
    *,
    rate: int,
    rng: np.random.Generator,
    samples: int | None = None,
    room: Room | None = None,
    ambience_db: float | None = None,
) -> NDArray[np.float32]:
    """A sound field ``(4, samples)`` AmbiX.

    ``ambience_db`` is the level of the diffuse ambience below (negative) the level of all sources
    together; ``None`` leaves it out. With no sources it is the level re full scale.
    """
    length = samples if samples is not None else max(source.signal.size for source in sources)
    field = np.zeros((4, length))
    dry = np.zeros(length)
    for source in sources:
        signal = np.asarray(source.signal, float)[:length]
        azimuth = np.broadcast_to(source.azimuth, np.shape(source.signal))[: signal.size]
        elevation = np.broadcast_to(source.elevation, np.shape(source.signal))[: signal.size]
        field[:, : signal.size] += ambisonics.encode(signal, azimuth, elevation)
        dry[: signal.size] += signal
    if room is not None and sources:
        tail = room_tail(rng, room, rate)
        gain = 10 ** (-room.direct_to_reverberant_db / 20)
        field += gain * fftconvolve(dry[None], tail, axes=1)[:, :length]
    if ambience_db is not None:
        level = np.sqrt(np.mean(field[0] ** 2)) if sources else 1.0
        field += level * 10 ** (ambience_db / 20) * ambience(rng, length, rate)
    return field.astype(np.float32)
