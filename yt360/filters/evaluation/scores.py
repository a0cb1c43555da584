"""The scores of all filters, read from records: what decides, and where its threshold stands.

A score is a number per video; a filter drops at one end of it. Records hold measures, not thresholds, so this
works on any finished root and decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from yt360.engine.stage import Stage
from yt360.engine.state.ledger import Record
from yt360.filters.stills import certainty, frame_differences
from yt360.media.ambisonic.validity import field_probability

Measures = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """``value`` reads it from a stage's measures (``None``: not measured); ``threshold`` from the stage.

    ``drops_above`` says on which side of the threshold a video is dropped; ``span`` is the range to draw.
    ``reasons`` are those of the verdicts that go by it; ``applied`` is the threshold for one video, where it depends on
    what else was measured. ``setting`` is the name of the threshold among the stage's thresholds (``a.b`` for one
    inside another); empty where a parameter stands for it, which nothing decides again. ``probability`` reads how
    probable what the score says is, where half of all videos are so.
    """

    stage: str
    name: str
    words: str
    value: Callable[[Measures], float | None]
    threshold: Callable[[Stage], float]
    span: tuple[float, float]
    reasons: tuple[str, ...]
    drops_above: bool = True
    applied: Callable[[Measures, Stage], float] | None = None
    setting: str = ""
    probability: Callable[[Measures, Stage], float | None] | None = None

    def limit(self, measures: Measures, stage: Stage) -> float:
        """The threshold for one video, where it depends on what else was measured."""
        return self.threshold(stage) if self.applied is None else self.applied(measures, stage)

    def margin(self, measures: Measures, stage: Stage) -> float | None:
        """How far beyond its threshold a video is, as a part of the range; negative on the side that is kept."""
        value = self.value(measures)
        return None if value is None else self.margin_of(value, measures, stage)

    def margin_of(self, value: float, measures: Measures, stage: Stage) -> float:
        """:meth:`margin` for a value that was read already: reading some of them is long work."""
        low, high = self.span
        away = (value - self.limit(measures, stage)) / (high - low)
        return away if self.drops_above else -away


def _ambisonic(measures: Measures) -> float | None:
    measured = measures.get("ambisonics")
    if not measured:
        return None
    return field_probability(measured, declared=measures["stated"], picture=measures["with_picture"])


def _overlaid(kind: str) -> Callable[[Measures], float | None]:
    return lambda measures: float(measures["scores"][kind]) if "scores" in measures else None


def _head_locked(measures: Measures) -> float | None:
    pair = measures.get("head_locked")
    return float(pair["active"]) if pair else None


def _still(measures: Measures) -> float | None:
    if "comparisons" not in measures:
        return None
    return certainty.probability(frame_differences.unpack(measures["comparisons"]))


def _added(kind: str) -> Callable[[Measures, Stage], float | None]:
    """The score is a probability."""
    return lambda measures, stage: _overlaid(kind)(measures)


def _silent(measures: Measures) -> float | None:
    duration_s = measures.get("duration_s")
    return float(measures["silent_s"]) / float(duration_s) if duration_s and "silent_s" in measures else None


_POST = ("voice-over", "background-music")
"""Reasons for which ``voiceover`` drops a video."""

_INVALID = ("invalid-ambisonics", "uncertain-ambisonics")
"""Reasons for which ``validate`` drops sound that is no ambisonics."""

SCORES: tuple[Score, ...] = (
    Score(
        "validate", "first-order ambisonics", "probability that the four channels are W Y Z X, by what they sound like",
        _ambisonic, lambda stage: float(stage.thresholds.ambisonics.valid_probability),
        (0.0, 1.0), _INVALID, drops_above=False,
        setting="ambisonics.valid_probability", probability=lambda measures, stage: _ambisonic(measures),
    ),
    Score(
        "stills", "a still", "probability that the picture is none that a camera filmed for most of the time",
        _still, lambda stage: float(stage.thresholds.still_probability), (0.0, 1.0), ("still",),
        setting="still_probability", probability=lambda measures, stage: _still(measures),
    ),
    Score(
        "voiceover", "added to W", "probability that speech or music was added to W alone, without a direction",
        _overlaid("omni"), lambda stage: float(stage.thresholds.omni), (0.0, 1.0), _POST, setting="omni",
        probability=_added("omni"),
    ),
    Score(
        "voiceover", "added in front", "probability that speech or music without room was added exactly in front",
        _overlaid("front"), lambda stage: float(stage.thresholds.front), (0.0, 1.0), _POST, setting="front",
        probability=_added("front"),
    ),
    Score(
        "voiceover", "added as stereo", "probability that a stereo mix was added, spread to both sides",
        _overlaid("bed"), lambda stage: float(stage.thresholds.bed), (0.0, 1.0), _POST, setting="bed",
        probability=_added("bed"),
    ),
    Score(
        "voiceover", "head-locked stereo", "share of the time in which the separate head-locked stereo track sounds",
        _head_locked, lambda stage: float(stage.thresholds.head_locked_active), (0.0, 1.0), _POST,
        setting="head_locked_active",
    ),
    Score(
        "chunk", "silent share", "share of the time without sound",
        _silent, lambda stage: 1 - float(stage.params.min_active_share), (0.0, 1.0), ("silent",),
    ),
)  # fmt: skip
"""Every score, in pipeline order."""


def scores_of(stage: str) -> Iterable[Score]:
    """The scores of one stage."""
    return (score for score in SCORES if score.stage == stage)


def combined(stage: Stage, record: Record) -> float | None:
    """The largest margin among a stage's scores: how clearly it drops a video, or how narrowly it keeps it.

    ``None`` where a video was dropped for something else than a score.
    """
    scores = [score for score in scores_of(stage.name) if not record.reason or record.reason in score.reasons]
    margins = [score.margin(record.measures, stage) for score in scores]
    known = [margin for margin in margins if margin is not None and np.isfinite(margin)]
    if not known or (record.status == "filtered" and max(known) < 0):
        return None
    return max(known)
