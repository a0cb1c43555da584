"""Everything that is measured about sound laid over a recording, in one pass over it.

The scores come from the classifier; shares of cells (:mod:`yt360.filters.post_production`) say in words what it may
have gone by; the timeline says when.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.filters import classifier, increments, post_production
from yt360.filters.field import WINDOW_S, FieldTimeline
from yt360.filters.listening import CLASSES
from yt360.filters.segments import Segments, measure_segments


def measure(
    blocks: Iterable[NDArray[np.float32]], silence_db: float = -65.0, rules: post_production.CellRules | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures, and their course over time, of a sound that comes in blocks ``(4, n)`` at 24 kHz.

    ``scores`` are probabilities by kind (:data:`yt360.filters.classifier.KINDS`); ``heard`` the mean probability of
    speech, singing and music by kind, in the segments that speak for that kind.
    """
    field = FieldTimeline()
    segments = measure_segments(blocks, silence_db, (field.observe,))
    whole = _probability(classifier.fitted().video(segments.vectors, segments.loud))
    each = _probability(classifier.fitted().segments(segments.vectors)) * segments.loud[:, None]
    measures = {
        "scores": _named(whole),
        "heard": {kind: _heard(segments, each[:, column]) for column, kind in enumerate(classifier.KINDS)},
        "segments": len(segments.loud),
        "loud": int(np.count_nonzero(segments.loud)),
        "level_db": field.level_db(),
        "height_db": field.height_db(),
        "syllables": field.syllables(),
        "omni_syllables": field.omni_syllables(),
        "evidence": post_production.weigh(segments.cells, rules).to_json(),
    }
    timeline = {
        "segment_s": increments.SEGMENT_S,
        "scores": {kind: _rounded(each[:, column]) for column, kind in enumerate(classifier.KINDS)},
        "heard": {name: _rounded(segments.heard[:, column]) for column, name in enumerate(CLASSES)},
        "segments": post_production.per_segment(segments.cells, rules),
        "window_s": WINDOW_S,
        "windows": field.columns(),
    }
    return measures, timeline


def _probability(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 1 / (1 + np.exp(-logits))
    return found


def _named(values: NDArray[np.float64]) -> dict[str, float]:
    return {kind: round(float(value), 5) for kind, value in zip(classifier.KINDS, values, strict=True)}


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 3) for value in values]


def _heard(segments: Segments, weights: NDArray[np.float64]) -> dict[str, float]:
    total = float(weights.sum())
    mean = weights @ segments.heard / total if total > 0 else np.zeros(len(CLASSES))
    return {name: round(float(value), 4) for name, value in zip(CLASSES, mean, strict=True)}
