"""Averages over most of a second: a stereo pair under a scene as loud as it is, in bins where it is only the louder.

In a single bin a pair must be hundreds of times louder than the scene to show its gains. Averaged over :data:`FRAMES`
frames, the gains of X and Z over W are off by what the scene holds that goes with W alone; what does not go with it
averages out. A pair at ±a leaves x = cos a and z = 0 there, and next to nothing of X and Z beside (of a room, what does
not follow W is as strong in them as it is in Y).

All bands are counted together: of a mix of few instruments, each panned to one place, little is left in one band. In
a recording without Z one thing less is fixed, and what sounds from above stands inside the unit circle, too: it counts
a third.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import XYZ, W, X, Z
from yt360.filters.post_production.music_bed import BIN_COSINES, PAIR_CHANCE, count_pairs

FRAMES = 4
"""Frames that are averaged: 0.85 s of those that are half over one another."""

_FIXED = [X, Z]
"""What a pair fixes."""

_LEAK = 0.1
"""Power of X and Z that does not go with W, against W's: more than a pair leaves where it is the louder."""

_FAINT_DB, _QUIET_DB = 40.0, 25.0
"""Below its frames, an average is left out; below the mean of all, frames are: codecs leave no directions there."""

_REFERENCE_S = 20.0
"""Longer sounds are counted as if so long: a small cause in a scene must not grow with time beyond any doubt."""

_LEAST_Z_DB, _WITHOUT_Z = -30.0, 1 / 3
"""Level of Z against W below which there is none, and what averages count then."""

_MOST = 25.0
"""Standard deviations beyond chance from which on there is no more to be said."""


@dataclass(frozen=True)
class PairAverages:
    """How far beyond chance averages stand as a pair does: ``bed`` in [0, 1], standard deviations over 25.

    ``bed_angle_deg`` is the half angle of the pair that fits best.
    """

    bed: float
    bed_angle_deg: float


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
        of_w = of_w[when, place][:, None]
        gains = np.einsum("nkt,nt->nk", parts[:, XYZ], parts[:, W].conj()) / of_w
        beside = np.square(np.abs(parts[:, _FIXED])).sum(axis=2) / of_w - np.square(np.abs(gains[:, ::2]))
        tight = beside.sum(axis=1) < _LEAK
        one = np.zeros(int(tight.sum()), np.int64)
        self._counts.append(count_pairs(gains[tight].T.astype(np.complex64), one, 1)[..., 0])
        self._power.append(mean)
        self._of_z.append(float(np.square(np.abs(spectra[Z, : count * FRAMES])).sum() / count))
        self._frames.append(int(np.count_nonzero(loud)) * FRAMES)

    def excess(self, frame_s: float) -> PairAverages:
        """What everything that was taken in says, its frames being ``frame_s`` apart."""
        power = np.array(self._power)
        if not power.any():
            return PairAverages(0.0, 90.0)
        loud = power > power.mean() * 10 ** (-_QUIET_DB / 10)
        seconds = float(np.array(self._frames)[loud].sum()) * frame_s
        counts = np.stack(self._counts)[loud].sum(axis=0) * min(1.0, _REFERENCE_S / seconds)
        chance = counts[1] * PAIR_CHANCE
        beyond = (counts[0] - chance) / np.sqrt(chance + 1)
        best = int(np.argmax(beyond))
        angle_deg = float(np.rad2deg(np.arccos(BIN_COSINES[best])))
        fixed = 1.0 if sum(self._of_z) > power.sum() * 10 ** (_LEAST_Z_DB / 10) else _WITHOUT_Z
        return PairAverages(round(fixed * float(np.clip(beyond[best] / _MOST, 0, 1)), 4), round(angle_deg, 1))
