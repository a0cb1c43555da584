"""What the balance of W against X, Y, Z does from moment to moment.

In ambisonics with a narrator mixed into W alone the balance is right in the narrator's pauses, in
all bands at once, and falls in all bands while he speaks. In channels that are something else it
is right in one band and wrong in another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TINY, _SILENT = 1e-20, 1e-17
"""Power that keeps divisions finite, and power of silence."""

_LOUD = 1e-4
"""Tiles below this part of the loud ones (95th percentile) say nothing."""

_LEAST_TILES, _LEAST_BANDS = 4, 3
"""Loud tiles that a band needs, and bands that a comparison of bands needs."""

_OPPOSED = -0.15
"""Correlation below which two channels are opposed."""

_BALANCED_DB = 1.6
"""A moment is balanced when X, Y and Z together are within this of W."""

_HEAVY_DB = -2.5
"""Level of X, Y and Z against W below which W is too loud, in dB."""


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


def balance_over_time_and_bands(matrix: NDArray[np.float64], tiles: NDArray[np.float64]) -> dict[str, float]:
    """How the balance of ``matrix @ channels``, taken as W and three axes, changes; what cannot be told is absent.

    ``swing_db``: its standard deviation in time within a band, weighted by energy, median over the bands.
    ``spread_db``: the standard deviation over the bands of its mean in each.
    """
    powers = np.maximum(np.einsum("ij,btjk,ik->bti", matrix, tiles, matrix), 0)
    energy = powers.sum(axis=2)
    if not energy.size:
        return {}
    loud = energy > _LOUD * np.percentile(energy, 95) + _SILENT
    balance_db = _to_db(powers[..., 1:].sum(axis=2), powers[..., 0])
    swings, means_db = [], []
    for k in range(len(tiles)):
        chosen = loud[k]
        if chosen.sum() < _LEAST_TILES:
            continue
        weight = np.minimum(energy[k, chosen], np.percentile(energy[k, chosen], 90))
        mean = np.average(balance_db[k, chosen], weights=weight)
        swings.append(float(np.sqrt(np.average((balance_db[k, chosen] - mean) ** 2, weights=weight))))
        means_db.append(float(_to_db(powers[k, chosen, 1:].sum(), powers[k, chosen, 0].sum())))
    found = {"swing_db": round(min(99.0, float(np.median(swings))), 3)} if swings else {}
    if len(means_db) >= _LEAST_BANDS:
        found["spread_db"] = round(min(99.0, float(np.std(means_db))), 3)
    return found


def opposed_share(tiles: NDArray[np.float64]) -> float:
    """Share of the energy in tiles of which at least two channels are opposed (negatively correlated).

    A source to the right, behind or below is opposed in W and that axis; feeds of loudspeakers and the capsules
    of a microphone are all of one sign, whatever moves.
    """
    power = np.einsum("btii->bti", tiles)
    scale = np.sqrt(np.maximum(power[..., :, None] * power[..., None, :], _TINY**2))
    upper = np.triu_indices(4, 1)
    lowest = (tiles / scale)[..., upper[0], upper[1]].min(axis=2)
    weight = power.sum(axis=2)
    if not weight.size or weight.max() <= _SILENT:
        return 0.0
    weight = np.minimum(weight, np.percentile(weight, 90))
    return round(float((weight * (lowest < _OPPOSED)).sum() / weight.sum()), 4)


def _to_db(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10((numerator + _TINY) / (denominator + _TINY)))
