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
LAG_WEIGHTS = (-4.402, 0.803, 1.529, 0.496, 1.418, 0.653)
"""Constant first, then one for each of what :func:`heading_columns` and :func:`lag_columns` give."""

LAG_STEEPER_FROM, LAG_SHAPE = 0.6, (-0.208, 0.872, 2.739)
"""Log odds of a lag from which on they grow faster, and constant and slopes below and above it: where all evidence
agrees it is worth more than the sum of its parts."""

_MOST_HEADING_LOGIT = 4.0


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


def lag_columns(evidence: Mapping[str, float], heading: Mapping[str, float]) -> list[float]:
    """What the probability of a lag goes by, from the JSON forms of a ``LagEvidence`` and a ``HeadingEvidence``.

    A lag is read in the direction of the heading: where that is doubtful so is the lag, however well it fits.
    """
    chance = float(np.clip(evidence["above_chance"], _LEAST_CHANCE, _MOST_CHANCE))
    sure = float(np.clip(_logit(HEADING_WEIGHTS, heading_columns(heading)), -_MOST_HEADING_LOGIT, _MOST_HEADING_LOGIT))
    return [evidence["correlation"], evidence["margin"], float(np.log(chance)), evidence["agreeing"], sure]


def heading_probability(evidence: Mapping[str, float] | None) -> float:
    """Probability that ``yaw_deg`` is right within 15°; 0 without evidence."""
    return 0.0 if evidence is None else _probability(_logit(HEADING_WEIGHTS, heading_columns(evidence)))


def lag_probability(evidence: Mapping[str, float] | None, heading: Mapping[str, float] | None) -> float:
    """Probability that ``lag_s`` is right within 60 ms, which it is not where the heading is wrong."""
    if evidence is None or heading is None:
        return 0.0
    logit = _logit(LAG_WEIGHTS, lag_columns(evidence, heading))
    shaped = _logit(LAG_SHAPE, [logit, max(0.0, logit - LAG_STEEPER_FROM)])
    return min(_probability(shaped), heading_probability(heading))


def _logit(weights: tuple[float, ...], columns: list[float]) -> float:
    return float(weights[0] + np.dot(weights[1:], columns))


def _probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
