"""How sure a heading or a lag is: probabilities from the evidence, by logistic regression.

Fitted by ``fitting/frame_of_reference.py``; what it was judged on is another thing (``docs/results.md``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_CORRELATION_FLOOR = 0.05
_LEAST_CHANCE, _MOST_CHANCE = 0.5, 20.0
_HEADING_CHANCE = (-1.0, 5.0)

HEADING_WEIGHTS = (-4.101, 7.277, 1.198, 0.054, 0.515, 1.019, -0.357)
LAG_WEIGHTS = (-3.893, 13.838, 2.507, 0.273, 2.043)
"""Constant first, then one for each of what :func:`heading_columns` and :func:`lag_columns` give."""


def heading_columns(evidence: Mapping[str, float]) -> list[float]:
    """What the probability of a heading goes by, from the JSON form of a ``HeadingEvidence``."""
    mirrored = np.log((evidence["correlation"] + _CORRELATION_FLOOR) / (evidence["mirrored"] + _CORRELATION_FLOOR))
    chance = float(np.clip(evidence["above_chance"], *_HEADING_CHANCE))
    return [
        evidence["correlation"],
        float(mirrored),
        evidence["margin"],
        chance,
        evidence["agreeing"],
        min(evidence["range_deg"], 40.0) / 10,
    ]


def lag_columns(evidence: Mapping[str, float]) -> list[float]:
    """What the probability of a lag goes by, from the JSON form of a ``LagEvidence``."""
    chance = float(np.clip(evidence["above_chance"], _LEAST_CHANCE, _MOST_CHANCE))
    return [evidence["correlation"], evidence["margin"], float(np.log(chance)), evidence["agreeing"]]


def heading_probability(evidence: Mapping[str, float] | None) -> float:
    """Probability that ``yaw_deg`` is right within 15°; 0 without evidence."""
    return 0.0 if evidence is None else _logistic(HEADING_WEIGHTS, heading_columns(evidence))


def lag_probability(evidence: Mapping[str, float] | None, heading: Mapping[str, float] | None) -> float:
    """Probability that ``lag_s`` is right within 60 ms, which it is not where the heading is wrong."""
    if evidence is None:
        return 0.0
    return min(_logistic(LAG_WEIGHTS, lag_columns(evidence)), heading_probability(heading))


def _logistic(weights: tuple[float, ...], columns: list[float]) -> float:
    return float(1 / (1 + np.exp(-(weights[0] + np.dot(weights[1:], columns)))))
