"""Complex gains: where single sounds stand, which tells a layer from a scene under any ambience.

Where one sound is alone in a spectrum as fine as this (a tone that stands out of its neighbours,
:mod:`yt360.filters.post_production.tonal_peaks`; a moment far louder than is usual at its frequency,
:mod:`yt360.filters.post_production.transients`), what X, Y and Z are over W are its complex gains. In a scene a dry
source has real gains on the unit sphere, one direction for all that it sounds, and a room makes them complex.
Post-production does neither:

* laid into W alone: all gains are zero, of low sounds and of high ones (microphones lose direction at one end);
* dry and exactly in front: (1, 0, 0);
* a stereo pair at ±a: x is cos a and z is 0, exactly, whatever left and right do, while y goes everywhere, or stays 0
  where both play the same (a voice in the middle, a mono recording): exactly in front and inside the sphere, where
  no dry source of a scene is. More points are there than around it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import XYZ, W
from yt360.filters.post_production.music_bed import best_centre, best_pair

HIGH_HZ = 1300.0
"""From here on points are high ones: what a microphone does to lows it does not do to them."""

_QUIET_FRAME_DB = 25.0
"""Below the mean frame: what a codec leaves there has no direction."""

_MOST_AT_ONCE = 20_000
"""Points of a block; of more, every second, third … is taken, so that hours of sound fit into memory."""

_OMNI, _FRONT = 0.08, 0.06
"""How exactly gains must be what post-production makes them."""


@dataclass(frozen=True)
class VelocityShares:
    """Shares of the points in [0, 1]; ``omni`` is the geometric mean of those of low and of high ones.

    ``bed`` counts the sides and the middle of a pair, ``centre`` the middle alone; ``bed_angle_deg`` is the half angle
    of the pair that fits best; ``points`` how many there are a second.
    """

    omni: float
    omni_low: float
    omni_high: float
    front: float
    bed: float
    centre: float
    bed_angle_deg: float
    points: float

    def to_json(self) -> dict[str, float]:
        return asdict(self)


class VelocityRatios:
    """Gathers the gains at chosen points of fine spectra.

    Points more than ``faint_db`` below their frame are left out: what a codec leaves there has no direction. Shares
    of fewer than ``least_per_s`` points a second are taken of this many: a handful proves nothing.
    """

    def __init__(self, faint_db: float, least_per_s: float) -> None:
        self._faint_db, self._least_per_s = faint_db, least_per_s
        self._gains: list[NDArray[np.complex64]] = []
        self._hz: list[NDArray[np.float32]] = []
        self._frame_db: list[NDArray[np.float32]] = []

    def add(
        self,
        spectra: NDArray[np.complex64],
        chosen: NDArray[np.bool_],
        hz: NDArray[np.floating],
        total: NDArray[np.floating],
    ) -> None:
        """Take in the points ``chosen`` ``(frames, bins)`` of ``spectra`` ``(4, frames, bins)``.

        ``hz`` ``(bins,)``; ``total`` ``(frames,)`` the power of W in a frame, positive where a point is chosen.
        """
        frame, place = np.nonzero(chosen)
        there = np.square(np.abs(spectra[W, frame, place])) > total[frame] * 10 ** (-self._faint_db / 10)
        thin = 1 + int(np.count_nonzero(there)) // _MOST_AT_ONCE
        frame, place = frame[there][::thin], place[there][::thin]
        lines = spectra[:, frame, place]
        self._gains.append((lines[XYZ] / lines[W]).astype(np.complex64))
        self._hz.append(hz[place].astype(np.float32))
        self._frame_db.append((10 * np.log10(total[frame])).astype(np.float32))

    def shares(self, power: NDArray[np.floating], frame_s: float) -> VelocityShares:
        """What they say of everything that was taken in, in frames of a total power ``(frames,)``."""
        if not self._gains or not power.any():
            return VelocityShares(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        loud_db = 10 * np.log10(float(power.mean())) - _QUIET_FRAME_DB
        kept = np.concatenate(self._frame_db) > loud_db
        x, y, z = np.concatenate(self._gains, axis=1)[:, kept]
        high = np.concatenate(self._hz)[kept] >= HIGH_HZ
        seconds = np.count_nonzero(10 * np.log10(np.maximum(power, 1e-30)) > loud_db) * frame_s
        least = self._least_per_s * seconds

        def share(chosen: NDArray[np.bool_], count: int, at_least: float) -> float:
            return round(float(np.count_nonzero(chosen) / max(count, at_least, 1.0)), 4)

        omni = (np.abs(x) < _OMNI) & (np.abs(y) < _OMNI) & (np.abs(z) < _OMNI)
        front = (np.abs(x - 1) < _FRONT) & (np.abs(y) < _FRONT) & (np.abs(z) < _FRONT)
        omni_low = share(omni & ~high, int(np.count_nonzero(~high)), least / 2)
        omni_high = share(omni & high, int(np.count_nonzero(high)), least / 2)
        pair, cosine = best_pair(x, y, z)
        pair /= max(len(x), least, 1.0)
        centre, middle_cosine = best_centre(x, y, z, high, least)
        return VelocityShares(
            omni=round((omni_low * omni_high) ** 0.5, 4),
            omni_low=omni_low,
            omni_high=omni_high,
            front=share(front, len(x), least),
            bed=round(float(pair + centre), 4),
            centre=round(centre, 4),
            bed_angle_deg=round(float(np.rad2deg(np.arccos(middle_cosine if centre > pair else cosine))), 1),
            points=round(float(len(x) / seconds), 1),
        )
