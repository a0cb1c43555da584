"""Partials: single tones, which stand far out of the noise beside them.

In a spectrum as fine as this a tone of music or of a voice stands far out of noise of the same power, which the
bands of :mod:`yt360.filters.post_production.covariance_differences` cannot show, and it needs no pauses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PROMINENCE_DB = 15.0
"""A tone stands this far above the spectrum around it."""

_AROUND = (4, 6, 8, 10, 11, 12)
"""Distances in bins of the neighbours whose median a partial stands above."""

MARGIN = _AROUND[-1]
"""Bins that have no tone for want of neighbours, at each end."""

FAINT_DB = 50.0
"""A tone this far below the loudest ones is left out."""

LEAST_PER_S = 20.0
"""Tones per second below which shares are taken of this many."""


def tonal_peaks_of(power: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a tone stands in a power spectrum ``(frames, bins)``: ``(frames, bins - 2 * MARGIN)``, edges left out."""
    inner = power[:, MARGIN:-MARGIN]

    def beside(distance: int) -> NDArray[np.float32]:
        return power[:, MARGIN + distance : power.shape[1] - MARGIN + distance]

    found: NDArray[np.bool_] = np.logical_and.reduce([inner >= beside(distance) for distance in (-2, -1, 1, 2)])
    found &= inner > 0
    frame, place = np.nonzero(found)
    peaks, above = inner[frame, place], 10 ** (_PROMINENCE_DB / 10)
    around = np.stack([beside(sign * distance)[frame, place] for distance in _AROUND for sign in (-1, 1)])
    # Where fewer than half of them are that far below, so is not their median: it is taken of few of the peaks.
    maybe = np.count_nonzero(around * (above * 0.999) < peaks, axis=0) >= len(around) // 2
    found[frame, place] = False
    frame, place, peaks, around = frame[maybe], place[maybe], peaks[maybe], around[:, maybe]
    found[frame, place] = peaks > np.median(around, axis=0) * above
    return found
