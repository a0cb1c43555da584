"""How probable it is that a video is a still, and the verdict: the stage's only threshold stands here.

The rules (:func:`yt360.filters.stills.decision.judge`) say yes or no, by many limits. What is a still even to rules
twice as strict is one, and what lives even to rules twice as lenient lives. What they leave open, a classifier weighs,
by all features together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from yt360.filters.stills import classifier, decision, features
from yt360.filters.stills.frame_differences import Columns, FrameComparison
from yt360.filters.stills.frame_differences import columns as by_column
from yt360.filters.stills.limits import LIMITS, moved
from yt360.filters.stills.thresholds import StillsThresholds
from yt360.filters.stills.verdict import StillVerdict

RULES = {
    "a still by strict rules": moved(LIMITS, 0.5),
    "a still by the rules": LIMITS,
    "a still by lenient rules": moved(LIMITS, 2.0),
}
"""Limits, by the name of what they say among the evidence."""

_AT_LEAST, _AT_MOST = 0.9, 0.4
"""How probable a still is at least where strict rules say so, and at most where not even lenient ones do and the
classifier is sure of it: about as often as that is one on the films of ``fitting/stills.py``."""

_SURE = 0.99
"""No probability is farther from a half: nothing rarer can be known from a few hundred films."""


def evidence(columns: Columns) -> dict[str, float]:
    """What the classifier weighs: the features, and whether the rules call it a still, strict and lenient."""
    ruled = {name: float(decision.judge(columns, limits) is not None) for name, limits in RULES.items()}
    return features.measure(columns) | ruled


def probability(steps: Sequence[FrameComparison] | Columns) -> float:
    """Probability that a video is a still, where as many are as are not; 0 where nothing was seen."""
    columns = by_column(steps)
    if not len(columns["window"]):
        return 0.0
    found = evidence(columns)
    return chance(found, classifier.shipped().logit(np.array(list(found.values()))))


def chance(found: Mapping[str, float], logit: float) -> float:
    """The probability, of the evidence and what the classifier makes of it."""
    strict, usual, lenient = (bool(found[name]) for name in RULES)
    least = _AT_LEAST if strict else 1 - _SURE
    most = _SURE if strict or usual or lenient else _AT_MOST
    return min(most, max(least, 1 / (1 + math.exp(-logit))))


def verdict(steps: Sequence[FrameComparison] | Columns, thresholds: StillsThresholds) -> StillVerdict | None:
    """What kind of still a video is, or ``None`` where a camera filmed it, or may have."""
    columns = by_column(steps)
    # At sunset nothing moves for as long as anybody looks, and only a camera sees one.
    if probability(columns) < thresholds.still_probability or decision.daylight(columns, LIMITS):
        return None
    found = decision.judge(columns, LIMITS)
    if found is not None:
        return found
    moving = 1 - decision.quiet_share(columns)
    return StillVerdict(
        "overlay",
        f"still image with something on top, or blotches of an encoder: {moving:.0%} of the comparisons of two frames "
        "differ, and not as what a camera sees does",
    )
