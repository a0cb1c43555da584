"""Partials: where the single tones of a sound stand, which tells a layer from a scene under any ambience.

In a spectrum as fine as this a tone of music or of a voice stands far out of noise of the same power, which the
bands of :mod:`yt360.filters.increments` cannot show, and it needs no pauses. What X, Y and Z are over W on a tone's
line are its complex gains. In a scene a dry source has real gains on the unit sphere, one direction for all its tones,
and a room makes them complex. Post-production does neither:

* laid into W alone: all gains are zero, of low tones and of high ones (microphones lose direction at one end);
* dry and exactly in front: (1, 0, 0);
* a stereo pair at ±a: x is cos a and z is 0, exactly, whatever left and right do, while y goes everywhere; more
  partials are there than around it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import XYZ, W
from yt360.filters.increments import SAMPLE_RATE_HZ, Block

FRAME = 4096
HOP = 4096
LOWEST_HZ, HIGHEST_HZ = 100.0, 8000.0
HIGH_HZ = 1300.0
"""From here on partials are high ones: what a microphone does to lows it does not do to them."""

_PROMINENCE_DB = 15.0
_AROUND = (4, 6, 8, 10, 11, 12)
"""Distances in bins of the neighbours whose median a partial stands above."""

_QUIET_FRAME_DB, _FAINT_PARTIAL_DB = 25.0, 50.0
"""Below the mean frame, and below its own frame: what a codec leaves there has no direction."""

_LEAST_PER_S = 20.0
"""Shares of fewer partials a second are taken of this many: a handful proves nothing."""

_OMNI, _FRONT, _BED = 0.08, 0.06, 0.08
"""How exactly gains must be what post-production makes them."""

_COSINES = np.arange(0.0, 0.96, 0.02)
_SPREAD = 0.3
"""How far from the usual y the partials of a pair are counted: a source that stays where it is has one y."""

_RING = (1.5, 2.5)
"""Radii, in tolerances, between which x is counted that a pair would not have: what is there by chance."""
_CHANCE = 1.5 / (_RING[1] ** 2 - _RING[0] ** 2)


@dataclass(frozen=True)
class PartialShares:
    """Shares of the partials in [0, 1]; ``omni`` is the geometric mean of those of low and of high ones.

    ``bed_angle_deg`` is the half angle of the pair that fits best; ``partials`` how many there are a second.
    """

    omni: float
    omni_low: float
    omni_high: float
    front: float
    bed: float
    bed_angle_deg: float
    partials: float

    def to_json(self) -> dict[str, float]:
        return asdict(self)


class Partials:
    """Gathers the partials of a sound; ``observe`` is for :func:`yt360.filters.increments.measure_cells`."""

    def __init__(self) -> None:
        self._gains: list[NDArray[np.complex64]] = []
        self._hz: list[NDArray[np.float32]] = []
        self._level_db: list[NDArray[np.float32]] = []
        self._frame_db: list[NDArray[np.float32]] = []
        self._power: list[NDArray[np.float32]] = []

    def observe(self, block: Block) -> None:
        """Take in the next block."""
        if block.samples.shape[1] < FRAME:
            return
        window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(block.samples, FRAME, axis=1)[:, ::HOP]
        margin = _AROUND[-1]
        low, high = (round(hz * FRAME / SAMPLE_RATE_HZ) for hz in (LOWEST_HZ, HIGHEST_HZ))
        spectra = np.fft.rfft(frames * window, axis=-1)[:, :, low - margin : high + margin]
        power = np.square(np.abs(spectra[W])).astype(np.float32)
        inner = power[:, margin:-margin]

        def beside(distance: int) -> NDArray[np.float32]:
            return power[:, margin + distance : power.shape[1] - margin + distance]

        peaks = np.logical_and.reduce([inner >= beside(distance) for distance in (-2, -1, 1, 2)])
        frame, place = np.nonzero(peaks & (inner > 0))
        around = np.stack([beside(sign * distance)[frame, place] for distance in _AROUND for sign in (-1, 1)])
        level = inner[frame, place]
        out = level > np.median(around, axis=0) * 10 ** (_PROMINENCE_DB / 10)
        frame, place, level = frame[out], place[out], level[out]
        lines = spectra[:, frame, place + margin]
        total = power.sum(axis=1)
        self._gains.append((lines[XYZ] / lines[W]).astype(np.complex64))
        self._hz.append(((low + place) * (SAMPLE_RATE_HZ / FRAME)).astype(np.float32))
        self._level_db.append(10 * np.log10(level / total[frame]))
        self._frame_db.append(10 * np.log10(total[frame]))
        self._power.append(total)

    def shares(self) -> PartialShares:
        """What they say of everything that was taken in."""
        power = np.concatenate(self._power) if self._power else np.zeros(0)
        if not power.any():
            return PartialShares(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        loud_db = 10 * np.log10(float(power.mean())) - _QUIET_FRAME_DB
        kept = (np.concatenate(self._frame_db) > loud_db) & (np.concatenate(self._level_db) > -_FAINT_PARTIAL_DB)
        x, y, z = np.concatenate(self._gains, axis=1)[:, kept]
        high = np.concatenate(self._hz)[kept] >= HIGH_HZ
        seconds = np.count_nonzero(10 * np.log10(np.maximum(power, 1e-30)) > loud_db) * HOP / SAMPLE_RATE_HZ
        least = _LEAST_PER_S * seconds

        def share(chosen: NDArray[np.bool_], count: int, at_least: float) -> float:
            return round(float(np.count_nonzero(chosen)) / max(count, at_least, 1.0), 4)

        omni = (np.abs(x) < _OMNI) & (np.abs(y) < _OMNI) & (np.abs(z) < _OMNI)
        front = (np.abs(x - 1) < _FRONT) & (np.abs(y) < _FRONT) & (np.abs(z) < _FRONT)
        omni_low = share(omni & ~high, int(np.count_nonzero(~high)), least / 2)
        omni_high = share(omni & high, int(np.count_nonzero(high)), least / 2)
        pair, cosine = _best_pair(x, y, z)
        bed = round(pair / max(len(x), least, 1.0), 4)
        return PartialShares(
            omni=round((omni_low * omni_high) ** 0.5, 4),
            omni_low=omni_low,
            omni_high=omni_high,
            front=share(front, len(x), least),
            bed=bed,
            bed_angle_deg=round(float(np.rad2deg(np.arccos(cosine))), 1),
            partials=round(float(len(x) / seconds), 1),
        )


def _best_pair(x: NDArray, y: NDArray, z: NDArray) -> tuple[float, float]:
    """How many partials more than by chance the best stereo pair has, and the cosine of its half angle."""
    flat = np.abs(z) < _BED
    best, best_cosine = 0.0, 0.0
    for cosine in _COSINES:
        off = np.abs(x - cosine)
        pair = flat & (off < _BED)
        count = np.count_nonzero(pair)
        if count <= best:
            continue
        usual = np.median(y.real[pair]) + 1j * np.median(y.imag[pair])
        spread = np.count_nonzero(np.abs(y[pair] - usual) > _SPREAD) / count
        chance = np.count_nonzero(flat & (off > _RING[0] * _BED) & (off < _RING[1] * _BED)) * _CHANCE
        more = float(spread * (count - chance))
        if more > best:
            best, best_cosine = more, float(np.clip(np.median(x.real[pair]), 0, 1))
    return best, best_cosine
