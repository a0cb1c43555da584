"""Precision and recall of a filter on a whole dataset, from a stratified sample that a person judged.

The share of a stratum has the exact binomial interval at its effective sample size, which is the sample's corrected for
a finite population (Korn & Graubard, "Confidence intervals for proportions with small expected number of positive
counts", Survey Methodology 1998). Sums over strata, and the recall, a ratio of two sums, are bounded by the method of
variance estimates recovery (Zou & Donner, "Construction of confidence limits about effect measures", Statistics in
Medicine 2008). Both hold where nothing at all was found in a stratum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_GRID = np.linspace(0, 1, 10_001)
"""Recalls that are tried: limits are exact to 1e-4."""

Estimate = tuple[float, float, float]
"""A value and the ends of its 95 % interval."""


@dataclass(frozen=True)
class Judged:
    """One stratum: ``size`` videos, of which ``judged`` were judged and ``faulty`` should be dropped."""

    dropped: bool
    size: int
    judged: float
    faulty: float


@dataclass(frozen=True)
class FilterEstimate:
    """``precision``: share of the dropped that should be; ``recall``: share of what should be dropped that is.

    ``None`` where nothing was judged in a stratum that it needs, or where nothing of the kind is there.
    """

    precision: Estimate | None
    recall: Estimate | None


def estimate(strata: Sequence[Judged]) -> FilterEstimate:
    """Both numbers of one filter. Raises :class:`ValueError` for counts that cannot be."""
    for each in strata:
        if not 0 <= each.faulty <= each.judged <= each.size:
            raise ValueError(f"expected 0 <= faulty <= judged <= size, found {each}")
    dropped, kept = ([each for each in strata if each.dropped is side and each.size] for side in (True, False))
    if any(not each.judged for each in dropped):
        return FilterEstimate(None, None)
    hits = _total(dropped)
    count = sum(each.size for each in dropped)
    precision = (hits[0] / count, hits[1] / count, hits[2] / count) if count else None
    if any(not each.judged for each in kept):
        return FilterEstimate(precision, None)
    return FilterEstimate(precision, _recall(hits, _total(kept)))


def _total(strata: Sequence[Judged]) -> Estimate:
    """How many videos of all strata should be dropped."""
    middle = low = high = 0.0
    for each in strata:
        share = each.faulty / each.judged
        below, above = _share_limits(each)
        middle += each.size * share
        low += (each.size * (share - below)) ** 2
        high += (each.size * (above - share)) ** 2
    return middle, max(0.0, middle - low**0.5), min(sum(each.size for each in strata), middle + high**0.5)


def _share_limits(each: Judged) -> tuple[float, float]:
    """Clopper & Pearson's limits; a stratum that was judged whole has no doubt left."""
    from scipy.stats import beta  # half a second to import

    correction = (each.size - each.judged) / (each.size - 1) if each.size > 1 else 0.0
    if correction <= 0:
        return each.faulty / each.judged, each.faulty / each.judged
    count, good = each.judged / correction, each.faulty / correction
    low = float(beta.ppf(0.025, good, count - good + 1)) if good > 0 else 0.0
    high = float(beta.ppf(0.975, good + 1, count - good)) if good < count else 1.0
    # What was judged is known: neither fewer nor more can be there.
    return max(low, each.faulty / each.size), min(high, 1 - (each.judged - each.faulty) / each.size)


def _recall(hits: Estimate, misses: Estimate) -> Estimate | None:
    """hits / (hits + misses): the recalls r at which (1 - r) hits - r misses may be zero."""
    if hits[0] + misses[0] <= 0:
        return None
    lever, rest = 1 - _GRID, _GRID
    middle = lever * hits[0] - rest * misses[0]
    below = np.hypot(lever * (hits[0] - hits[1]), rest * (misses[2] - misses[0]))
    above = np.hypot(lever * (hits[2] - hits[0]), rest * (misses[0] - misses[1]))
    value = hits[0] / (hits[0] + misses[0])
    possible = [value, *_GRID[(middle <= below) & (middle >= -above)]]
    return value, float(min(possible)), float(max(possible))


def needed(strata: Sequence[Judged], width: float) -> tuple[int | None, int | None]:
    """How many videos have to be judged in all until the intervals of precision and recall are ``width`` wide at most.

    Strata grow at one rate, shares stay as they are now (half a video is added on either side, so that a share of
    nothing is not taken for certain). ``None`` where there is no estimate yet.
    """
    if not 0 < width < 1:
        raise ValueError(f"expected a width between 0 and 1, found {width}")
    now = estimate(strata)

    def enough(pick: Callable[[FilterEstimate], Estimate | None], rate: float) -> bool:
        found = pick(estimate([_grown(each, rate) for each in strata]))
        return found is None or found[2] - found[1] <= width

    def least(pick: Callable[[FilterEstimate], Estimate | None]) -> int | None:
        if pick(now) is None:
            return None
        low, high = 0.0, max(each.size / each.judged for each in strata if each.judged)
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if enough(pick, middle) else (middle, high)
        return sum(_judged_at(each, high) for each in strata)

    return least(lambda found: found.precision), least(lambda found: found.recall)


def _judged_at(each: Judged, rate: float) -> int:
    return min(each.size, max(1, round(each.judged * rate))) if each.judged else 0


def _grown(each: Judged, rate: float) -> Judged:
    judged = _judged_at(each, rate)
    share = (each.faulty + 0.5) / (each.judged + 1)
    return Judged(each.dropped, each.size, judged, share * judged)
