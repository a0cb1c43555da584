"""Counts with their Wilson intervals, for the tables of ``benchmarks/filters*.py``."""

from __future__ import annotations

from yt360.filters.evaluation.precision_recall import wilson


def interval(good: int, count: int) -> tuple[float, float]:
    return wilson(good, count)


def row(name: str, good: int, count: int, bar: str = "") -> list[str]:
    """``name``, ``good of count``, the share with its 95 % interval, and the bar."""
    low, high = wilson(good, count)
    share = good / count if count else 0.0
    return [name, f"{good} of {count}", f"{share:.3f} [{low:.3f}, {high:.3f}]", bar]
