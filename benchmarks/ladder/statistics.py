"""Differences that are paired over videos and seeds, with intervals that hold over both, and Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student


@dataclass(frozen=True)
class Difference:
    """``mean`` of better minus worse with its 95 % interval; ``p`` of the two-sided test that there is none.

    ``by_seed``: the mean over videos of each seed.
    """

    mean: float
    low: float
    high: float
    p: float
    by_seed: tuple[float, ...]
    videos: int


def paired(better: Sequence[Mapping[str, float]], worse: Sequence[Mapping[str, float]]) -> Difference:
    """``better`` and ``worse``: for each seed the value of each video. Only videos that all of them have count.

    Seeds and videos are crossed: all models of all seeds are judged on the same videos. The variance of the mean is
    that over seeds plus that over videos, each with its share of what is left, so that nothing is counted too little;
    Student's t with one degree of freedom less than there are seeds. One seed gives no interval.
    """
    if len(better) != len(worse) or not better:
        raise ValueError(f"{len(better)} seeds of one model and {len(worse)} of the other cannot be paired")
    videos = sorted(set.intersection(*(set(values) for values in (*better, *worse))))
    table = np.array([[b[v] - w[v] for v in videos] for b, w in zip(better, worse, strict=True)], float)
    return of_table(table)


def of_table(table: NDArray[np.float64]) -> Difference:
    """The same of differences ``(seeds, videos)``."""
    seeds, videos = table.shape
    mean, by_seed = float(table.mean()), table.mean(axis=1)
    if seeds < 2 or videos < 2:
        return Difference(mean, math.nan, math.nan, math.nan, tuple(by_seed.tolist()), videos)
    variance = by_seed.var(ddof=1) / seeds + table.mean(axis=0).var(ddof=1) / videos
    error = math.sqrt(float(variance))
    half = float(student.ppf(0.975, seeds - 1)) * error
    p = 2 * float(student.sf(abs(mean) / error, seeds - 1)) if error else float(mean == 0)
    return Difference(mean, mean - half, mean + half, p, tuple(by_seed.tolist()), videos)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values corrected for how many were asked (Holm, 1979), in their order; NaN stays and counts."""
    order = sorted(range(len(ps)), key=lambda place: (math.isnan(ps[place]), ps[place]))
    corrected, largest = [math.nan] * len(ps), 0.0
    for rank, place in enumerate(order):
        if not math.isnan(ps[place]):
            largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
            corrected[place] = largest
    return corrected
