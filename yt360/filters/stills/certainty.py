"""How surely a video is a still: by how much the limits would have to be moved for another verdict.

Every limit of :class:`yt360.filters.stills.thresholds.StillsThresholds` makes more or fewer videos stills. Moved
together, each by one factor in the direction that drops more or fewer, they make one score of all of them: the share
of factors at which a video is dropped. A logistic curve through it gives a probability (``fitting/stills.py`` fits it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from yt360.filters.stills.decision import judge
from yt360.filters.stills.frame_differences import Columns, FrameComparison
from yt360.filters.stills.frame_differences import columns as by_column
from yt360.filters.stills.thresholds import StillsThresholds

FACTORS = tuple(2 ** (step / 2) for step in range(-5, 6))
"""By how much limits are moved: from a sixth to nearly six times, eleven steps."""

_RAISED = (
    "moving_share", "turning_share", "drift_share", "weak_strength", "weak_peak", "steady_motion", "steady_ratio",
    "daylight_share", "lively_departure", "lively_share", "busy_elsewhere", "stirring_levels", "title_extent",
)  # fmt: skip
"""Limits that make more stills when they are raised."""

_LOWERED = (
    "flicker_levels", "pulse_levels", "pulse_ratio", "slide_share", "turning_departure", "overlay_flatness",
    "far_stretch", "far_flatness", "busy_motion", "large_busy_motion", "busy_ratio", "busy_sharpness", "title_quiet",
    "title_held", "title_levels",
)  # fmt: skip
"""Limits that make more stills when they are lowered."""

_REST = ("quiet_share", "flicker_quiet_share")
"""Shares of which what is missing to 1 is moved."""

_SHARES = ("_share", "_extent", "_quiet")
"""Ends of the names of limits that are at most 1."""

BIAS, SLOPE = -2.7, 6.6
"""Log odds of a score of 0, and what a score of 1 adds (``fitting/stills.py``)."""


def moved(limits: StillsThresholds, factor: float) -> StillsThresholds:
    """The limits with all of them moved by a factor: above 1 more videos are stills."""
    told = limits.model_dump()
    shares = {
        name
        for name, field in type(limits).model_fields.items()
        if any(getattr(each, "le", None) == 1 for each in field.metadata)
    }
    for name, by in (*((name, factor) for name in _RAISED), *((name, 1 / factor) for name in _LOWERED)):
        told[name] = min(told[name] * by, 1.0) if name in shares else told[name] * by
    for name in _REST:
        told[name] = max(0.0, 1 - (1 - told[name]) * factor)
    return type(limits)(**told)


def score(steps: Sequence[FrameComparison] | Columns, limits: StillsThresholds) -> float:
    """Share of :data:`FACTORS` at which a video is a still, 0 to 1."""
    columns = by_column(steps)
    return sum(judge(columns, moved(limits, factor)) is not None for factor in FACTORS) / len(FACTORS)


def probability(steps: Sequence[FrameComparison] | Columns, limits: StillsThresholds) -> float:
    """Probability that a video is a still, where as many are as are not."""
    return 1 / (1 + math.exp(-(BIAS + SLOPE * score(steps, limits))))
