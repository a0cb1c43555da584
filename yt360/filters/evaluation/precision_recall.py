"""How good a detector is: precision and recall at every threshold, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z95 = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


def wilson(good: int, count: int, z: float = _Z95) -> tuple[float, float]:
    """The interval of a proportion that holds it with 95 % confidence (Wilson 1927); (0, 1) without a trial."""
    if not 0 <= good <= count:
        raise ValueError(f"expected 0 <= good <= count, found {good} of {count}")
    if count == 0:
        return 0.0, 1.0
    share = good / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


@dataclass(frozen=True)
class Counts:
    """Verdicts against labels: ``hits`` (rightly dropped), ``misses``, ``alarms`` (wrongly dropped), ``passed``."""

    hits: int
    misses: int
    alarms: int
    passed: int

    @property
    def recall(self) -> float:
        """Part of what is to be dropped that is dropped; 0 where nothing is."""
        return self.hits / max(1, self.hits + self.misses)

    @property
    def precision(self) -> float:
        """Part of what is dropped that was to be; 1 where nothing is dropped."""
        dropped = self.hits + self.alarms
        return self.hits / dropped if dropped else 1.0

    @property
    def false_alarms(self) -> float:
        """Part of what is to be kept that is dropped."""
        return self.alarms / max(1, self.alarms + self.passed)


def count(dropped: Sequence[bool] | NDArray[np.bool_], wanted: Sequence[bool] | NDArray[np.bool_]) -> Counts:
    """Verdicts ``(n,)`` against labels ``(n,)``."""
    is_dropped, is_wanted = np.asarray(dropped, bool), np.asarray(wanted, bool)
    return Counts(
        int(np.sum(is_dropped & is_wanted)),
        int(np.sum(~is_dropped & is_wanted)),
        int(np.sum(is_dropped & ~is_wanted)),
        int(np.sum(~is_dropped & ~is_wanted)),
    )


def sweep(
    scores: Sequence[float] | NDArray[np.floating], wanted: Sequence[bool] | NDArray[np.bool_]
) -> list[tuple[float, Counts]]:
    """(threshold, counts) for dropping at ``score >= threshold``, at every score that occurs, the highest first."""
    values, labels = np.asarray(scores, float), np.asarray(wanted, bool)
    order = np.argsort(-values, kind="stable")
    hits, alarms = np.cumsum(labels[order]), np.cumsum(~labels[order])
    ends = np.flatnonzero(np.diff(values[order], append=-np.inf))
    total, others = int(labels.sum()), int((~labels).sum())
    return [
        (
            float(values[order][end]),
            Counts(int(hits[end]), total - int(hits[end]), int(alarms[end]), others - int(alarms[end])),
        )
        for end in ends
    ]


def average_precision(points: Sequence[tuple[float, Counts]]) -> float:
    """Area under the precision-recall curve: the sum of precision times the step in recall."""
    area, before = 0.0, 0.0
    for _, counts in points:
        area += counts.precision * (counts.recall - before)
        before = counts.recall
    return area
