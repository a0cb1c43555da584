"""Everything that is measured about sound laid over a recording, in one pass over it.

The scores are the classifier's log odds and what two kinds of shares add to them: the classifier misses few and is
fooled by microphones it has not heard; shares of cells (:mod:`yt360.filters.post_production`) are hardly ever fooled
and miss what never pauses; shares of partials (:mod:`yt360.filters.partials`) need no pauses and miss what has no
tones. The timeline says when.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.filters import classifier, increments, post_production
from yt360.filters.field import WINDOW_S, FieldTimeline
from yt360.filters.listening import CLASSES
from yt360.filters.partials import Partials
from yt360.filters.segments import Segments, measure_segments


def measure(
    blocks: Iterable[NDArray[np.float32]], silence_db: float = -65.0, rules: post_production.CellRules | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures, and their course over time, of a sound that comes in blocks ``(4, n)`` at 24 kHz.

    ``scores`` are probabilities by kind (:data:`yt360.filters.classifier.KINDS`), ``network`` those of the classifier
    alone, ``evidence`` the shares of cells and ``partials`` those of partials; ``heard`` the mean probability of
    speech, singing and music by kind, in the segments that speak for that kind.
    """
    field, tones = FieldTimeline(), Partials()
    segments = measure_segments(blocks, silence_db, (field.observe, tones.observe))
    evidence, partials = post_production.weigh(segments.cells, rules).to_json(), tones.shares().to_json()
    logits = classifier.fitted().video(segments.vectors, segments.loud)
    whole = _probability(logits + _support(evidence, _CELLS) + _support(partials, _PARTIALS))
    each = _probability(classifier.fitted().segments(segments.vectors)) * segments.loud[:, None]
    measures = {
        "scores": _named(whole),
        "network": _named(_probability(logits)),
        "heard": {kind: _heard(segments, each[:, column]) for column, kind in enumerate(classifier.KINDS)},
        "segments": len(segments.loud),
        "loud": int(np.count_nonzero(segments.loud)),
        "level_db": field.level_db(),
        "height_db": field.height_db(),
        "syllables": field.syllables(),
        "omni_syllables": field.omni_syllables(),
        "evidence": evidence,
        "partials": partials,
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


_CELLS = {"omni": (0.1, 6.0), "front": (0.2, 6.0), "bed": (0.05, 3.5)}
_PARTIALS = {"omni": (0.04, 10.0), "front": (0.012, 10.0), "bed": (0.025, 10.0)}
"""Share from which on the evidence of a kind is full, and the log odds that it then adds."""


def _support(evidence: dict[str, Any], full: dict[str, tuple[float, float]]) -> NDArray[np.float64]:
    shares = np.array([min(1.0, evidence[kind] / full[kind][0]) for kind in classifier.KINDS])
    return shares**2 * [full[kind][1] for kind in classifier.KINDS]


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
