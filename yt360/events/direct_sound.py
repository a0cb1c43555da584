"""Time-frequency points at which one direct sound is alone, with the direction that it comes from.

In each point of a short-time spectrum the intensity vector ``Re(W* (X, Y, Z))`` points to where energy comes from. Its
length over the energy density, both averaged over a few neighbours, is 1 for one plane wave and falls towards 0 where
several waves of other directions meet: sources that overlap, reflections, reverberation (Pulkki 2007; the
direct-path-dominance test of Nadiri and Rafaely 2014 asks the same of the covariance's rank). Points are weighted by
it, and by how much louder they are than what rang before, for direct sound comes first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # loads a part when it is first used: who only asks where a root stands does not wait for it
from numpy.typing import NDArray

from yt360.ambisonics import XYZ, W
from yt360.events.settings import FRAMES_PER_S, EventSettings

HOPS = 5
"""Spectra a frame of a tenth of a second."""

_WINDOW_S = 0.04
_NEIGHBOURS = 1
"""Hops and bins to each side of a point over which its intensity and energy are summed."""

_DECAY_S = 0.15
"""Time constant with which what sounded before is expected to ring."""

_COMPRESS = 0.25
"""Power of a point's energy by which it is weighted: loud bins do not outvote all others."""

_SHARPNESS = 6.0
"""Power of the coherence by which a point is weighted."""

_LEAST_COHERENCE = 0.5


@dataclass(frozen=True)
class DirectSound:
    """Points of a clip in order of time.

    ``frame`` ``(n,)`` int; ``direction`` ``(n, 3)`` unit vectors; ``weight`` ``(n,)``; ``intensity`` ``(n, 3)`` as it
    was measured; of each frame ``energy`` ``(frames,)``, of all points and of those that were left out, and
    ``level_db`` ``(frames,)`` of W re full scale.
    """

    frame: NDArray[np.int64]
    direction: NDArray[np.float64]
    weight: NDArray[np.float64]
    intensity: NDArray[np.float64]
    energy: NDArray[np.float64]
    level_db: NDArray[np.float64]

    @property
    def frames(self) -> int:
        return len(self.level_db)


def spectra(foa: NDArray[np.floating], rate_hz: int, settings: EventSettings) -> NDArray[np.complex64]:
    """Short-time spectra ``(4, hops, bins)`` of ``(4, samples)`` between the settings' frequencies.

    Hop h is centred on the middle of the h-th fifth of a frame.
    """
    hop = rate_hz // (FRAMES_PER_S * HOPS)
    size = 1 << int(np.ceil(np.log2(_WINDOW_S * rate_hz)))
    hops = foa.shape[-1] // (hop * HOPS) * HOPS
    padded = np.pad(foa.astype(np.float32), ((0, 0), (size // 2, size // 2)))
    first = hop // 2
    view = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, first : first + hops * hop : hop]
    hz = np.fft.rfftfreq(size, 1 / rate_hz)
    chosen = (hz >= settings.min_hz) & (hz <= settings.max_hz)
    window = scipy.signal.get_window("hann", size).astype(np.float32)
    return np.stack([np.fft.rfft(channel * window, axis=1)[:, chosen] for channel in view]).astype(np.complex64)


def direct_sound(foa: NDArray[np.floating], rate_hz: int, settings: EventSettings) -> DirectSound:
    """The points of AmbiX ``(4, samples)``. A last part of less than a tenth of a second is left out."""
    step = rate_hz // FRAMES_PER_S
    frames = foa.shape[-1] // step
    power = np.mean(np.square(foa[W, : frames * step].reshape(frames, step), dtype=np.float64), axis=1)
    level_db = 10 * np.log10(power + 1e-12)
    tf = spectra(foa, rate_hz, settings)
    intensity = np.real(np.conj(tf[W]) * tf[XYZ]).astype(np.float64)
    energy = np.asarray(0.5 * np.sum(np.square(np.abs(tf)), axis=0, dtype=np.float64))
    near, near_energy = _around(intensity), _around(energy)
    length = np.linalg.norm(near, axis=0)
    coherence = length / np.maximum(near_energy, 1e-20)
    loud = (level_db > settings.floor_db) & (level_db > np.percentile(level_db, 95) - settings.range_db)
    weight = near_energy**_COMPRESS * coherence**_SHARPNESS * _novelty(near_energy)
    chosen = np.repeat(loud, HOPS)[:, None] & (coherence > _LEAST_COHERENCE)
    chosen &= near_energy > 1e-6 * near_energy.max(axis=1, keepdims=True, initial=1e-20)
    hop, place = np.nonzero(chosen)
    return DirectSound(
        frame=hop // HOPS,
        direction=(near[:, hop, place] / np.maximum(length[hop, place], 1e-30)).T,
        weight=weight[hop, place],
        intensity=intensity[:, hop, place].T,
        energy=energy.reshape(frames, -1).sum(axis=1),
        level_db=level_db,
    )


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over the neighbours of points ``(..., hops, bins)``; a running sum would leave rounding errors in silence."""
    for axis in (-2, -1):
        width = [(0, 0)] * values.ndim
        width[axis] = (_NEIGHBOURS, _NEIGHBOURS)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, width), 2 * _NEIGHBOURS + 1, axis=axis)
        values = windows.sum(axis=-1)
    return values


def _novelty(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each point's energy ``(hops, bins)`` that is not left over from the hops before, in [0.05, 1]."""
    keep = np.exp(-1 / (_DECAY_S * FRAMES_PER_S * HOPS))
    ringing = np.zeros(energy.shape[1])
    share = np.empty_like(energy)
    for number, now in enumerate(energy):
        share[number] = 1 - np.minimum(ringing / np.maximum(now, 1e-20), 0.95)
        ringing = np.maximum(now, keep * ringing)
    return share
