"""Where clips are cut: the most sound in clips that start at whole seconds, do not overlap, and hold little silence.

The shape is that of the published segments: integer starts, at least the length of a clip apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.filters.silence import STEP_S

_SLACK_S = 1e-6
"""Slack for rounding when times, and shares of steps, are compared."""

_HALVINGS = 30
"""Times that the price of silence is halved; it is then known to a billionth."""

_HIGHEST_PRICE = 1000.0
"""Steps of sound that a step of silence over the budget costs at most."""


@dataclass(frozen=True)
class Placement:
    """A clip to cut: ``start_s`` on the container's timeline, ``duration_s`` nominal."""

    start_s: float
    duration_s: float


@dataclass(frozen=True)
class _Option:
    """A clip that might be cut: steps with sound, without it, and its length in seconds."""

    sounding: int
    silent: int
    duration_s: float

    def over(self, share: float) -> float:
        """Steps of silence beyond a share of the clip; negative where it has fewer."""
        return self.silent - share * (self.sounding + self.silent)


def place_clips(
    active: Sequence[bool] | NDArray[np.bool_],
    start_s: float,
    end_s: float,
    *,
    clip_s: float,
    min_clip_s: float,
    min_active_share: float,
    max_silent_share: float = 1.0,
    max_lost_share: float = 1.0,
) -> list[Placement]:
    """Clips in [start_s, end_s) that together hold the most steps with sound; of equally good ones the earliest.

    ``active[k]`` says whether step k (of :data:`~yt360.filters.silence.STEP_S`) of the timeline has sound. At
    least ``min_active_share`` of each clip has, and at most ``max_silent_share`` of all clips together is silent,
    unless that would lose more than ``max_lost_share`` of the sound that clips can hold: then as little is silent as
    that loss allows, so a recording that is one clip long is not lost to a pause. The last clip may be as short as
    ``min_clip_s``, and where a stream begins a little late, the first clip may start before it, as long as
    ``min_clip_s`` of it is there.
    """
    sums = np.concatenate([[0], np.cumsum(np.asarray(active, dtype=np.int64))])
    first = max(0, math.ceil(start_s - max(0.0, clip_s - min_clip_s) - _SLACK_S))
    last = math.floor(end_s - min_clip_s + _SLACK_S)
    options: dict[int, _Option] = {}
    for second in range(first, last + 1):
        duration = min(clip_s, end_s - second)
        covered = min(second + duration, end_s) - max(second, start_s)
        if covered < min_clip_s - _SLACK_S:
            continue
        begin, end = (min(round(at / STEP_S), sums.size - 1) for at in (second, second + duration))
        gain = int(sums[end] - sums[begin])
        if end > begin and gain > 0 and gain >= min_active_share * (end - begin) - _SLACK_S:
            options[second] = _Option(gain, end - begin - gain, duration)
    chosen = _within_budget(options, first, last, max_silent_share, max_lost_share)
    return [Placement(float(second), options[second].duration_s) for second in chosen]


def _within_budget(options: Mapping[int, _Option], first: int, last: int, share: float, lost: float) -> list[int]:
    """Starts of the clips with the most sound of which at most a share is silent, by a price for what is over it."""

    def priced(price: float) -> list[int]:
        return _best({at: one.sounding - price * one.over(share) for at, one in options.items()}, options, first, last)

    def over(chosen: Sequence[int]) -> float:
        return sum(options[at].over(share) for at in chosen)

    def sound(chosen: Sequence[int]) -> int:
        return sum(options[at].sounding for at in chosen)

    free = priced(0.0)
    if over(free) <= _SLACK_S:
        return free
    enough = (1 - lost) * sound(free) - _SLACK_S
    low, high = 0.0, _HIGHEST_PRICE
    # Not even the highest price drops a clip that is over the budget by next to nothing: then none is within it.
    dear = priced(high) if over(priced(high)) <= _SLACK_S else []
    cheap = free
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = priced(middle)
        if over(found) <= _SLACK_S:
            high, dear = middle, found
        else:
            low, cheap = middle, found
    # What costs a little less is over the budget: without its worst clips it may still hold more.
    trimmed = sorted(cheap, key=lambda at: options[at].over(share) / options[at].sounding)
    while over(trimmed) > _SLACK_S:
        trimmed.pop()
    fits = max(dear, sorted(trimmed), key=sound)
    if sound(fits) >= enough:
        return fits
    low, high, affordable = 0.0, _HIGHEST_PRICE, free
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = priced(middle)
        if sound(found) >= enough:
            low, affordable = middle, found
        else:
            high = middle
    return affordable


def _best(worth: Mapping[int, float], options: Mapping[int, _Option], first: int, last: int) -> list[int]:
    """The starts with the largest sum of what they are worth; dynamic programming from the end."""
    value: dict[int, float] = {}

    def with_it(second: int) -> tuple[float, int]:
        step = math.ceil(options[second].duration_s - _SLACK_S)
        return worth[second] + value.get(second + step, 0.0), step

    for second in range(last, first - 1, -1):
        skip = value.get(second + 1, 0.0)
        value[second] = max(skip, with_it(second)[0]) if second in worth else skip
    found, second = [], first
    while second <= last:
        if second in worth and worth[second] > 0:
            total, step = with_it(second)
            if total == value[second]:
                found.append(second)
                second += step
                continue
        second += 1
    return found
