"""All bins of a fine spectrum: where a layer is by far the loudest, more of them than by chance stand as it does.

Where one sound is alone can be told beforehand (:mod:`yt360.filters.post_production.tonal_peaks`,
:mod:`yt360.filters.post_production.transients`). Dense music over an ambience as loud leaves few such points, and many
more bins in which it happens to be far louder than the rest. Those cannot be told beforehand, so all bins are asked how
many of them have the gains (:mod:`yt360.filters.post_production.velocity_ratios`) of a layer, exactly, and how many
nearly have them. Laid into W alone, all gains are zero; a stereo pair is looked for in averages
(:mod:`yt360.filters.post_production.pair_averages`).

A scene that looks so (a microphone that loses direction or is weak in some band, a room, a loudspeaker) nearly has such
gains much more often than exactly; and it has them in one band, while a layer in W is the same in all. So each band
counts up to a limit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import XYZ, W
from yt360.filters.post_production.pair_averages import AverageCounter

BAND_EDGES_HZ = (100.0, 200.0, 350.0, 550.0, 850.0, 1300.0, 2000.0, 3500.0)
"""Edges between the bands that bins are counted in."""

BANDS = len(BAND_EDGES_HZ) + 1
"""Number of these bands; the first and the last are open."""

LOWEST_HZ = 40.0
"""Basses are half of some music; what little direction microphones hear there counts as one band at most."""

_EXACT, _NEAR = 0.04, 0.16
"""Lengths of the gains of what is in W alone."""
_LEAST_CHANCE, _MARGIN = 0.01, 2.0
"""Least share of the near bins that is expected at zero by chance, and a factor on what a diffuse field predicts."""

_FAINT_DB = 40.0
"""Below its frame: codecs leave nothing of x, y and z there, or a pair of channels as one."""
_QUIET_DB = 25.0
"""Below the mean of their block, frames are left out; below the mean of all, blocks."""

_REFERENCE_S = 20.0
"""Longer sounds are counted as if so long: a small cause in a scene must not grow with time beyond any doubt."""

_MOST, _LEAST = 3.0, -1.0
"""Standard deviations beyond chance that one band may count."""


@dataclass(frozen=True)
class BinExcess:
    """How far beyond chance bins stand as a layer does.

    ``omni`` in [0, 1]: the mean of the bands, each between -1 and 3 standard deviations, over 3. ``bed``,
    ``bed_angle_deg`` and ``without_z`` as in :class:`yt360.filters.post_production.pair_averages.PairAverages`.
    """

    omni: float
    bed: float
    bed_angle_deg: float
    without_z: bool = False

    def to_json(self) -> dict[str, float]:
        return asdict(self)


class BinStatistics:
    """Counts bins by place and band, block by block."""

    def __init__(self) -> None:
        self._counts: list[NDArray[np.int64]] = []
        self._power: list[float] = []
        self._frames: list[int] = []
        self._averages = AverageCounter()

    def add(
        self,
        spectra: NDArray[np.complex64],
        power: NDArray[np.float32],
        hz: NDArray[np.floating],
        total: NDArray[np.floating],
    ) -> None:
        """Take in a block's ``spectra`` ``(4, frames, bins)`` at ``hz`` ``(bins,)``.

        ``power`` ``(frames, bins)`` is that of W, ``total`` ``(frames,)`` that of its frames.
        """
        self._averages.add(spectra, power)
        mean = float(total.mean())
        loud = (total > mean * 10 ** (-_QUIET_DB / 10)) & (total > 0)
        frame, place = np.nonzero((power > total[:, None] * 10 ** (-_FAINT_DB / 10)) & loud[:, None])
        lines = spectra[:, frame, place]
        gains, band = lines[XYZ] / lines[W], np.searchsorted(BAND_EDGES_HZ, hz, side="right")[place]
        self._counts.append(_count_omni(gains, band))
        self._power.append(mean)
        self._frames.append(int(np.count_nonzero(loud)))

    def excess(self, frame_s: float) -> BinExcess:
        """What everything that was taken in says, its frames being ``frame_s`` apart."""
        power = np.array(self._power)
        if not power.any():
            return BinExcess(0.0, 0.0, 90.0)
        loud = power > power.mean() * 10 ** (-_QUIET_DB / 10)
        seconds = float(np.array(self._frames)[loud].sum()) * frame_s
        exact, near, all_bins = np.stack(self._counts)[loud].sum(axis=0)[:, 0] * min(1.0, _REFERENCE_S / seconds)
        chance = omni_by_chance(exact, near, all_bins)
        beyond = float(np.clip((exact - chance) / np.sqrt(chance + 1), _LEAST, _MOST).mean())
        pair = self._averages.excess(frame_s)
        return BinExcess(round(max(0.0, beyond) / _MOST, 4), pair.bed, pair.bed_angle_deg, pair.without_z)


def _count_omni(gains: NDArray[np.complex64], band: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of bins with ``gains`` ``(3, n)`` at zero, near zero (not at it), and in all: ``(3, 1, bands)``."""
    length = (np.square(gains.real) + np.square(gains.imag)).sum(axis=0)
    exact, near = length < _EXACT**2, (length >= _EXACT**2) & (length < _NEAR**2)
    return np.stack([np.bincount(band[chosen], minlength=BANDS)[None] for chosen in (exact, near, slice(None))])


def omni_by_chance(
    exact: NDArray[np.floating], near: NDArray[np.floating], all_bins: NDArray[np.floating]
) -> NDArray[np.float64]:
    """How many of the bins at zero are expected there by chance, for each band.

    In a diffuse field that a microphone hears with any loss of direction, x, y and z are independent of W: the squared
    length of the gains over its mean has an F distribution of 6 and 2 degrees of freedom, which is below u with a
    probability of (3u / (3u + 1))³. How many are near or nearer says what the mean is.
    """
    share = np.cbrt((exact + near) / np.maximum(all_bins, 1))
    mean = 3 * _NEAR**2 * (1 - share) / np.maximum(share, 1e-3)
    diffuse = all_bins * (3 * _EXACT**2 / (3 * _EXACT**2 + mean)) ** 3
    chance: NDArray[np.float64] = np.maximum(_LEAST_CHANCE * near, _MARGIN * diffuse)
    return chance
