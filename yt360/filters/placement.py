"""Where clips are cut: the most sound in clips that start at whole seconds and do not overlap.

The shape is that of the published segments: integer starts, at least the length of a clip apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.filters.silence import STEP_S

_SLACK_S = 1e-6
"""Slack for rounding when times, and shares of steps, are compared."""


@dataclass(frozen=True)
class Placement:
    """A clip to cut: ``start_s`` on the container's timeline, ``duration_s`` nominal."""

    start_s: float
    duration_s: float


def place_clips(
    active: Sequence[bool] | NDArray[np.bool_],
    start_s: float,
    end_s: float,
    *,
    clip_s: float,
    min_clip_s: float,
    min_active_share: float,
) -> list[Placement]:
    """Clips in [start_s, end_s) that together hold the most steps with sound; of equally good ones the earliest.

    ``active[k]`` says whether step k (of :data:`~yt360.filters.silence.STEP_S`) of the timeline has sound. At
    least ``min_active_share`` of each clip has. The last clip may be as short as ``min_clip_s``, and where a stream
    begins a little late, the first clip may start before it, as long as ``min_clip_s`` of it is there.
    """
    sums = np.concatenate([[0], np.cumsum(np.asarray(active, dtype=np.int64))])
    first = max(0, math.ceil(start_s - max(0.0, clip_s - min_clip_s) - _SLACK_S))
    last = math.floor(end_s - min_clip_s + _SLACK_S)
    gains: dict[int, tuple[int, float]] = {}
    for second in range(first, last + 1):
        duration = min(clip_s, end_s - second)
        covered = min(second + duration, end_s) - max(second, start_s)
        if covered < min_clip_s - _SLACK_S:
            continue
        begin, end = (min(round(at / STEP_S), sums.size - 1) for at in (second, second + duration))
        gain = int(sums[end] - sums[begin])
        if end > begin and gain >= min_active_share * (end - begin) - _SLACK_S:
            gains[second] = (gain, duration)
    return _best(gains, first, last)


def _best(gains: dict[int, tuple[int, float]], first: int, last: int) -> list[Placement]:
    """The set of starts with the largest sum of gains; dynamic programming from the end."""
    value: dict[int, int] = {}
    for second in range(last, first - 1, -1):
        skip = value.get(second + 1, 0)
        take = -1
        if second in gains:
            gain, duration = gains[second]
            take = gain + value.get(second + math.ceil(duration - _SLACK_S), 0)
        value[second] = max(skip, take)
    found, second = [], first
    while second <= last:
        if second in gains:
            gain, duration = gains[second]
            step = math.ceil(duration - _SLACK_S)
            if gain > 0 and gain + value.get(second + step, 0) == value[second]:
                found.append(Placement(float(second), duration))
                second += step
                continue
        second += 1
    return found
