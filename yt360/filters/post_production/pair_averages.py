"""Averages over most of a second: a stereo pair under a scene as loud as it is, in bins where it is only the louder.

In a single bin a pair must be hundreds of times louder than the scene to show its gains. Averaged over :data:`FRAMES`
frames, what does not go with W averages out. The scene's own part of W stays, and would draw all gains towards zero: a
diffuse field as strong as a tenth of the pair makes 0.79 of a cosine of 0.87. So that part is measured and taken off.
W and X hold a pair, which is one signal in both, and a diffuse field, which is two that have nothing in common, of a
power of 1 in W and 1/3 in X; the weakest mixture of both, in units of the field's power there, is the field alone (the
smaller generalised eigenvalue of their covariance). What is left of W is the pair's, and by it gains are counted.

Averages are counted by how much of the field is in them, each with a tolerance of its own (:data:`_CLASSES`), and all
bands together: of a mix of few instruments, each panned to one place, little is left in one band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import XYZ, W, X, Z
from yt360.filters.post_production.music_bed import BIN_COSINES, PAIR_CHANCE, count_pairs

FRAMES = 4
"""Frames that are averaged: 0.85 s of those that are half over one another."""

_DIFFUSE = 1 / 3
"""Power of a diffuse field in X for each unit of it in W."""

_CLASSES = ((0.0, 0.02, 0.04), (0.02, 0.05, 0.06))
"""Share of the field in W from which on and below which averages are counted together, and how far x may be from a
pair's cosine then, and z from 0."""

_FAINT_DB, _QUIET_DB = 40.0, 25.0
"""Below its frames, an average is left out; below the mean of all, frames are: codecs leave no directions there."""

_TINY = 1e-6
"""Least share of W that is taken for the pair's."""

_REFERENCE_S = 20.0
"""Longer sounds are counted as if so long: a small cause in a scene must not grow with time beyond any doubt."""

_LEAST_Z_DB = -30.0
"""Level of Z against W below which there is none."""

_LEAST, _MOST = -1.0, 40.0
"""Standard deviations beyond chance that one class may count at least, and from which on there is no more to be said.
"""


@dataclass(frozen=True)
class PairAverages:
    """How far beyond chance averages stand as a pair does: ``bed`` in [0, 1], standard deviations over 40.

    ``bed_angle_deg`` is the half angle of the pair that fits best. ``without_z``: there is no height, so a pair fixes
    one thing less, and what sounds from above stands where only a pair would.
    """

    bed: float
    bed_angle_deg: float
    without_z: bool


class AverageCounter:
    """Counts averages by place and band, block by block."""

    def __init__(self) -> None:
        self._counts: list[NDArray[np.int64]] = []
        self._power: list[float] = []
        self._of_z: list[float] = []
        self._frames: list[int] = []

    def add(self, spectra: NDArray[np.complex64], power: NDArray[np.floating]) -> None:
        """Take in a block's ``spectra`` ``(4, frames, bins)``; frames that are left over are lost.

        ``power`` ``(frames, bins)`` is that of W.
        """
        count = len(power) // FRAMES
        if not count:
            return
        of_w = power[: count * FRAMES].reshape(count, FRAMES, -1).sum(axis=1)
        total = of_w.sum(axis=1)
        mean = float(total.mean())
        loud = (total > mean * 10 ** (-_QUIET_DB / 10)) & (total > 0)
        when, place = np.nonzero((of_w > total[:, None] * 10 ** (-_FAINT_DB / 10)) & loud[:, None])
        parts = spectra[:, : count * FRAMES].reshape(4, count, FRAMES, -1)[:, when, :, place]  # (n, 4, FRAMES)
        of_w = of_w[when, place]
        cross = np.einsum("nkt,nt->kn", parts[:, XYZ], parts[:, W].conj())
        of_x = np.square(np.abs(parts[:, X])).sum(axis=1)
        field = _diffuse_power(of_w, of_x, cross[0].real)
        gains = (cross / np.maximum(of_w - field, _TINY * of_w)).astype(np.complex64)
        share = field / of_w
        self._counts.append(
            np.stack([count_pairs(gains[:, (share >= low) & (share < high)], near) for low, high, near in _CLASSES])
        )
        self._power.append(mean)
        self._of_z.append(float(np.square(np.abs(spectra[Z, : count * FRAMES])).sum() / count))
        self._frames.append(int(np.count_nonzero(loud)) * FRAMES)

    def excess(self, frame_s: float) -> PairAverages:
        """What everything that was taken in says, its frames being ``frame_s`` apart."""
        power = np.array(self._power)
        if not power.any():
            return PairAverages(0.0, 90.0, False)
        loud = power > power.mean() * 10 ** (-_QUIET_DB / 10)
        seconds = float(np.array(self._frames)[loud].sum()) * frame_s
        counts = np.stack(self._counts)[loud].sum(axis=0) * min(1.0, _REFERENCE_S / seconds)
        chance = counts[:, 1] * PAIR_CHANCE
        beyond = np.maximum((counts[:, 0] - chance) / np.sqrt(chance + 1), _LEAST).sum(axis=0)
        best = int(np.argmax(beyond))
        angle_deg = float(np.rad2deg(np.arccos(BIN_COSINES[best])))
        without_z = sum(self._of_z) <= power.sum() * 10 ** (_LEAST_Z_DB / 10)
        return PairAverages(round(float(np.clip(beyond[best] / _MOST, 0, 1)), 4), round(angle_deg, 1), bool(without_z))


def _diffuse_power(
    of_w: NDArray[np.floating], of_x: NDArray[np.floating], cross: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Power in W ``(n,)`` of the diffuse field beside one signal, from the covariance of W and X ``(n,)`` each."""
    half = (of_w * _DIFFUSE + of_x) / 2
    rest = of_w * of_x - np.square(cross)
    least = (half - np.sqrt(np.maximum(np.square(half) - _DIFFUSE * rest, 0))) / _DIFFUSE
    found: NDArray[np.floating] = np.maximum(least, 0)
    return found
