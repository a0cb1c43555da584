"""Four and six channels that were never ambisonics, made of dry recordings: feeds, copies, one channel alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import fftconvolve

from benchmarks.other_hands import dry
from benchmarks.other_hands.sources import SHARED, Array, found, read_sound

Maker = Callable[[np.random.Generator, int, int], Array]


def _ring(azimuths_deg: tuple[float, ...]) -> Maker:
    """Programmes panned between neighbours of a ring, each loudspeaker with a reverberation of its own."""

    def make(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
        feeds = np.zeros((len(azimuths_deg), n))
        tail = np.exp(-np.arange(rate_hz // 2) / (0.08 * rate_hz)) * rng.standard_normal(
            (len(azimuths_deg), rate_hz // 2)
        )
        for _ in range(rng.integers(2, 5)):
            sound, gains = dry.programme(rng, n, rate_hz), _pan(float(rng.uniform(-180, 180)), azimuths_deg)
            feeds += gains[:, None] * sound
            feeds += rng.uniform(0.0, 0.05) * fftconvolve(sound[None], tail, axes=1)[:, :n]
        return feeds

    return make


def _pan(target_deg: float, azimuths_deg: tuple[float, ...]) -> Array:
    """Gains ``(k,)`` of power 1: the two loudspeakers that enclose the target."""
    order = np.argsort(np.mod(azimuths_deg, 360))
    angles = np.mod(np.array(azimuths_deg), 360)[order]
    after = int(np.searchsorted(angles, target_deg % 360)) % len(angles)
    pair = [order[after - 1], order[after]]
    basis = np.array([[np.cos(np.radians(azimuths_deg[k])), np.sin(np.radians(azimuths_deg[k]))] for k in pair]).T
    aim = np.array([np.cos(np.radians(target_deg)), np.sin(np.radians(target_deg))])
    share = np.clip(np.linalg.lstsq(basis, aim, rcond=None)[0], 0, None)
    gains = np.zeros(len(azimuths_deg))
    gains[pair] = share / max(1e-9, float(np.linalg.norm(share)))
    return gains


def _five_one(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    left, right, centre, rear_left, rear_right = _ring((30, -30, 0, 110, -110))(rng, n, rate_hz)
    deep = fftconvolve(left + right + centre, np.hanning(rate_hz // 60) / (rate_hz // 120), mode="same")
    return np.stack([left, right, centre, 0.5 * deep, rear_left, rear_right])


def _stereo_twice(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    mix = dry.stereo(rng, n, rate_hz)
    return np.concatenate([mix, mix])


def _stereo_spread(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    """Stereo blown up to four: the rear is the front later and duller."""
    mix = dry.stereo(rng, n, rate_hz)
    late = int(rng.uniform(0.010, 0.030) * rate_hz)
    dull = fftconvolve(mix, np.hanning(16)[None] / 8, axes=1)[:, :n]
    return np.concatenate([mix, 0.7 * np.pad(dull, ((0, 0), (late, 0)))[:, :n]])


def _stereo_and_silence(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    return np.concatenate([dry.stereo(rng, n, rate_hz), np.zeros((2, n))])


def _mid_side(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    left, right = dry.stereo(rng, n, rate_hz)
    return np.stack([left + right, left - right, np.zeros(n), np.zeros(n)]) / 2


def _one_in_w(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    return np.concatenate([dry.programme(rng, n, rate_hz)[None], np.zeros((3, n))])


def _copies(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    return np.tile(dry.programme(rng, n, rate_hz), (4, 1)) * rng.uniform(0.7, 1.0, (4, 1))


def _late_copies(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    sound = dry.programme(rng, n, rate_hz)
    return np.stack([np.pad(sound, (int(late), 0))[:n] for late in rng.uniform(0.001, 0.02, 4) * rate_hz])


def _four_programmes(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    """Four tracks of an editor that have nothing to do with each other."""
    return np.stack([dry.programme(rng, n, rate_hz) for _ in range(4)])


def _music(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    """A published piece in 4.0."""
    piece = read_sound(found(SHARED / "media" / "surround_4.0.wv", "recordings beside the checkout"), rate_hz)
    start = int(rng.integers(0, max(1, piece.shape[1] - n)))
    return piece[:4, start : start + n]


NOT_AMBISONIC: dict[str, Maker] = {
    "quad feeds": _ring((45, -45, 135, -135)),
    "4.0 feeds": _ring((30, -30, 0, 180)),
    "4.0 music": _music,
    "5.1 feeds": _five_one,
    "stereo twice": _stereo_twice,
    "stereo spread": _stereo_spread,
    "stereo and silence": _stereo_and_silence,
    "mid and side": _mid_side,
    "one sound in W": _one_in_w,
    "copies": _copies,
    "late copies": _late_copies,
    "four programmes": _four_programmes,
}
"""Makers ``(rng, samples, rate) -> (channels, samples)`` by name."""
