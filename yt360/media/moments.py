"""What the balance of W against X, Y, Z does from moment to moment.

In ambisonics with a narrator mixed into W alone the balance is right in the narrator's pauses, in
all bands at once, and falls in all bands while he speaks. In channels that are something else it
is right in one band and wrong in another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-20
_LOUD = 1e-4
"""Tiles below this part of the loud ones (95th percentile) say nothing."""

_BALANCED_DB = 1.6
_HEAVY_DB = -2.5


def share_moments(tiles: NDArray[np.float64]) -> dict[str, float]:
    """Shares of moments, by their covariances ``(bands, times, 4, 4)`` of channels taken as W and three axes.

    ``balanced``: the median band is within 1.6 dB of even and no band has X, Y, Z far above W.
    ``w_heavy``: W is more than 2.5 dB too loud in the median band. ``axes_heavy``: X, Y, Z are more than
    1.6 dB too loud in the median band. What is left lies between.
    """
    powers = np.maximum(np.einsum("btii->bti", tiles), 0)
    energy = powers.sum(axis=2)
    if not energy.size:
        return {"balanced": 0.0, "w_heavy": 0.0, "axes_heavy": 0.0}
    loud = energy > _LOUD * np.percentile(energy, 95) + _TINY
    heard = loud.sum(axis=0) >= 3
    balance_db = 10 * np.log10((powers[..., 1:].sum(axis=2) + _TINY) / (powers[..., 0] + _TINY))
    balance_db = np.where(loud, balance_db, np.nan)[:, heard]
    if not balance_db.size:
        return {"balanced": 0.0, "w_heavy": 0.0, "axes_heavy": 0.0}
    middle, highest = np.nanmedian(balance_db, axis=0), np.nanmax(balance_db, axis=0)
    spread = np.nanstd(balance_db, axis=0)
    balanced = (np.abs(middle) < _BALANCED_DB) & (highest < 2 * _BALANCED_DB) & (spread < _BALANCED_DB)
    return {
        "balanced": round(float(balanced.mean()), 4),
        "w_heavy": round(float((middle < _HEAVY_DB).mean()), 4),
        "axes_heavy": round(float((middle > _BALANCED_DB).mean()), 4),
    }
