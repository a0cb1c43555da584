"""Values with 95 % intervals that respect that samples of one video are not independent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Z = 1.959963984540054
_RESAMPLES = 1000


@dataclass(frozen=True)
class Measure:
    """``value`` with its 95 % interval [``low``, ``high``] over ``n`` samples of ``groups`` videos."""

    value: float
    low: float
    high: float
    n: int
    groups: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def proportion(hits: ArrayLike, groups: ArrayLike) -> Measure:
    """Share of ``hits`` (n,), 0 to 1 each, that come in ``groups`` (n,), in percent.

    Wilson's interval on the effective number of samples: n over the design effect of the groups (Korn
    and Graubard, *Survey Methodology* 24, 1998). Where all hits are equal, groups count instead of samples.
    """
    hits = np.asarray(hits, float)
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    n, count = hits.size, len(names)
    if not n:
        return Measure(math.nan, math.nan, math.nan, 0, 0)
    share = float(hits.mean())
    plain = share * (1 - share) / n
    effective = float(count)
    if plain > 0 and count > 1:
        residual = np.bincount(where, hits - share)
        clustered = count / (count - 1) * float(np.sum(residual**2)) / n**2
        effective = min(n, n * plain / max(clustered, 1e-300))
    centre = (share + _Z**2 / (2 * effective)) / (1 + _Z**2 / effective)
    half = _Z / (1 + _Z**2 / effective) * math.sqrt(share * (1 - share) / effective + _Z**2 / (4 * effective**2))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Measure(100 * share, 100 * min(low, share), 100 * max(high, share), n, count)


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float], groups: ArrayLike, *, resamples: int = _RESAMPLES
) -> Measure:
    """Percentile bootstrap over ``groups`` (n,): ``statistic`` gets the indices of a resample of whole groups."""
    groups = np.asarray(groups)
    names, where = np.unique(groups, return_inverse=True)
    if not len(names):
        return Measure(math.nan, math.nan, math.nan, 0, 0)
    members = [np.flatnonzero(where == number) for number in range(len(names))]
    rng = np.random.default_rng(0)
    values = []
    for _ in range(resamples):
        chosen = rng.integers(len(names), size=len(names))
        values.append(statistic(np.concatenate([members[number] for number in chosen])))
    low, high = np.nanpercentile(values, [2.5, 97.5]) if np.isfinite(values).any() else (math.nan, math.nan)
    return Measure(float(statistic(np.arange(groups.size))), float(low), float(high), groups.size, len(names))


def mean_interval(values: ArrayLike) -> tuple[float, float]:
    """Mean of a few repetitions (seeds, folds) and half its 95 % interval by Student's t; NaN half for one value."""
    values = np.asarray(values, float)
    if values.size < 2:
        return float(values.mean()), math.nan
    from scipy.stats import t

    half = float(t.ppf(0.975, values.size - 1) * values.std(ddof=1) / math.sqrt(values.size))
    return float(values.mean()), half
