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

    ``error`` of the mean with its degrees of ``freedom``; ``by_seed``: the mean over videos of each seed.
    """

    mean: float
    low: float
    high: float
    p: float
    error: float
    freedom: float
    by_seed: tuple[float, ...]
    videos: int


def paired(better: Sequence[Mapping[str, float]], worse: Sequence[Mapping[str, float]]) -> Difference:
    """``better`` and ``worse``: for each seed the value of each video. Only videos that all of them have count.

    Seeds and videos are crossed: all models of all seeds are judged on the same videos. The variance of the mean is
    that over seeds plus that over videos, each with its share of what is left, so that nothing is counted too little;
    degrees of freedom by Satterthwaite: those of the seeds where they vary most, up to those of the videos. One seed
    gives no interval.
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
        return Difference(mean, math.nan, math.nan, math.nan, math.nan, math.nan, tuple(by_seed.tolist()), videos)
    over_seeds = float(by_seed.var(ddof=1)) / seeds
    over_videos = float(table.mean(axis=0).var(ddof=1)) / videos
    error = math.sqrt(over_seeds + over_videos)
    if not error:
        return Difference(mean, mean, mean, float(mean == 0), 0.0, math.inf, tuple(by_seed.tolist()), videos)
    freedom = error**4 / (over_seeds**2 / (seeds - 1) + over_videos**2 / (videos - 1))
    half = float(student.ppf(0.975, freedom)) * error
    p = 2 * float(student.sf(abs(mean) / error, freedom))
    return Difference(mean, mean - half, mean + half, p, error, freedom, tuple(by_seed.tolist()), videos)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values corrected for how many were asked (Holm, 1979), in their order; NaN stays and counts."""
    order = sorted(range(len(ps)), key=lambda place: (math.isnan(ps[place]), ps[place]))
    corrected, largest = [math.nan] * len(ps), 0.0
    for rank, place in enumerate(order):
        if not math.isnan(ps[place]):
            largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
            corrected[place] = largest
    return corrected
