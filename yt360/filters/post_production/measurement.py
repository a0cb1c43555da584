"""Everything that is measured about sound laid over a recording, in one pass over it.

The scores weigh the classifier's log odds and four kinds of shares: the classifier misses few and is
fooled by microphones it has not heard; shares of tiles (:mod:`yt360.filters.post_production.evidence`) are hardly ever
fooled and miss what never pauses; where partials stand (:mod:`yt360.filters.post_production.tonal_peaks`) needs no
pauses and misses what has no lone tones; where swells stand (:mod:`yt360.filters.post_production.transients`) misses
what is always alike; where all bins stand (:mod:`yt360.filters.post_production.bin_statistics`) misses what sounds in
few bands. A layer is speech or music: what places alone would call one (engines all around, a shore in front) counts
less where neither is heard. The timeline says when.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.filters.post_production import classifier, covariance_differences, evidence
from yt360.filters.post_production.audio_tagging import CLASSES
from yt360.filters.post_production.field_timeline import WINDOW_S, FieldTimeline
from yt360.filters.post_production.high_resolution import HighResolutionStatistics
from yt360.filters.post_production.segment_features import Segments, measure_segments
from yt360.filters.post_production.settings import TileRules


def measure(
    blocks: Iterable[NDArray[np.float32]], silence_db: float = -65.0, rules: TileRules | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures, and their course over time, of a sound that comes in blocks ``(4, n)`` at 24 kHz.

    ``scores`` are probabilities by kind (:data:`yt360.filters.post_production.classifier.KINDS`), ``network`` those of
    the classifier alone, ``evidence`` the shares of tiles, ``partials`` and ``swells`` those of their points, ``bins``
    how far all bins are beyond chance; ``heard`` the mean probability of speech, singing and music by kind, in the
    segments that speak for that kind.
    """
    field, fine = FieldTimeline(), HighResolutionStatistics()
    segments = measure_segments(blocks, silence_db, (field.observe, fine.observe))
    shares = {"evidence": evidence.weigh(segments.tiles, rules).to_json()}
    shares |= {name: each.to_json() for name, each in fine.shares().items()}
    shares["bins"] = fine.excess().to_json()
    logits = classifier.fitted().video(segments.vectors, segments.loud)
    each = _probability(classifier.fitted().segments(segments.vectors)) * segments.loud[:, None]
    heard = {kind: _heard(segments, each[:, column]) for column, kind in enumerate(classifier.KINDS)}
    places = weigh(dict(zip(classifier.KINDS, logits.tolist(), strict=True)), shares)
    measures = {
        "scores": {kind: round(score * audible(heard[kind]), 5) for kind, score in places.items()},
        "network": _named(_probability(logits)),
        "heard": heard,
        "segments": len(segments.loud),
        "loud": int(np.count_nonzero(segments.loud)),
        "level_db": field.level_db(),
        "height_db": field.height_db(),
        "syllables": field.syllables(),
        "omni_syllables": field.omni_syllables(),
        **shares,
    }
    timeline = {
        "segment_s": covariance_differences.SEGMENT_S,
        "scores": {kind: _rounded(each[:, column]) for column, kind in enumerate(classifier.KINDS)},
        "heard": {name: _rounded(segments.heard[:, column]) for column, name in enumerate(CLASSES)},
        "segments": evidence.per_segment(segments.tiles, rules),
        "window_s": WINDOW_S,
        "windows": field.columns(),
    }
    return measures, timeline


@dataclass(frozen=True)
class _Weights:
    """How log odds of one kind are made: ``bias``, ``network`` for each unit of the classifier's log odds (between -8
    and 8), and for each kind of share that from which on it says all it can, and the log odds that it then adds."""

    bias: float
    network: float
    shares: Mapping[str, tuple[float, float]]


MOST_LOGIT = 8.0
"""Log odds of the classifier beyond which it is taken as no more certain."""

SHARES = {
    "omni": ("evidence", "partials", "swells", "bins"),
    "front": ("evidence", "partials", "swells"),
    "bed": ("evidence", "partials", "swells", "bins"),
}
"""What is weighed by kind."""

_WEIGHTS = {
    "omni": _Weights(
        -1.06, 0.29, {"evidence": (0.2, 0.56), "partials": (0.014, 2.12), "swells": (0.01, 1.31), "bins": (0.375, 3.96)}
    ),
    "front": _Weights(-4.02, 0.15, {"evidence": (0.1, 1.54), "partials": (0.006, 2.99), "swells": (0.012, 4.78)}),
    "bed": _Weights(
        -0.27,
        0.36,
        {"evidence": (0.05, 2.22), "partials": (0.005, 0.84), "swells": (0.02, 0.05), "bins": (0.25, 4.0)},
    ),
}
"""Fitted by ``fitting/evidence.py`` (it says on what), on scenes and recordings of their own."""

_BED_WITHOUT_Z = _Weights(-1.91, 0.19, {"partials": (0.005, 0.59), "swells": (0.03, 1.4), "bins": (0.35, 4.3)})
"""The same of sound without Z: sources above the horizon stand inside the unit circle there, as a pair does, so all
evidence of one counts less."""


_LEAST_HEARD = 0.06
"""Mean probability of speech, singing or music from which on a layer may be either: the least of all layers that are
found among 152 stereo beds on the side of fitting. A quarter of the clean scenes there have less."""


def audible(heard: Mapping[str, float]) -> float:
    """Share of a probability that is left, 0 to 1, where speech, singing and music are ``heard`` by name."""
    return min(1.0, max(heard.values()) / _LEAST_HEARD) ** 2


def weigh(network: Mapping[str, float], shares: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Probability of each kind by its places, from the classifier's log odds and the shares by name (:data:`SHARES`)
    and kind.

    ``bins`` says besides whether the sound is ``without_z``.
    """
    scores = {}
    for kind, usual in _WEIGHTS.items():
        weights = _BED_WITHOUT_Z if kind == "bed" and shares["bins"].get("without_z") else usual
        logit = weights.bias + weights.network * min(MOST_LOGIT, max(-MOST_LOGIT, network[kind]))
        for name, (full, odds) in weights.shares.items():
            logit += odds * min(1.0, shares[name][kind] / full) ** 2
        scores[kind] = round(1 / (1 + math.exp(-logit)), 5)
    return scores


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
