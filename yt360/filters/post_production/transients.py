"""Swells: moments when a frequency is far louder than it usually is, so that what sounds there sounds alone.

A voice over an ambience as loud as itself is still a hundred times louder than that at its own harmonics, for moments.
Dense music leaves few lone tones (:mod:`yt360.filters.post_production.tonal_peaks`) and swells all the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ABOVE_DB = 20.0
"""A bin is a transient this far above its usual level."""

_USUAL_QUANTILE = 0.2
"""Quantile over time that is the usual level of a bin."""

_SMOOTH_BINS = 9
"""Width over which the usual level is smooth: 53 Hz."""

FAINT_DB = 40.0
"""A transient this far below the loudest ones is left out."""

LEAST_PER_S = 30.0
"""Transients per second below which shares are taken of this many."""


def swells(power: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which points of a block's power spectrum ``(frames, bins)`` stand far above the usual at their frequency."""
    from scipy.ndimage import median_filter  # here: who only asks where a root stands does not wait for it

    usual = median_filter(np.quantile(power, _USUAL_QUANTILE, axis=0), _SMOOTH_BINS)
    found: NDArray[np.bool_] = (power > usual * 10 ** (_ABOVE_DB / 10)) & (power > 0)
    return found
