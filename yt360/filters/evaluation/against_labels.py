"""Filters against labels: what each dropped and should have, from the records of a finished root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import Record
from yt360.filters.evaluation.labels import FILTERS, KEEP, VideoLabels
from yt360.filters.evaluation.precision_recall import Counts, average_precision, count, sweep
from yt360.filters.evaluation.scores import Score, scores_of


@dataclass(frozen=True)
class FilterResult:
    """One filter. ``counts`` are of the labelled videos that reached it: those that it is to drop, and those to keep.

    ``elsewhere`` are videos it was to drop that another filter dropped before; ``absent`` were not crawled or are
    not decided yet.
    """

    name: str
    stage: str
    counts: Counts
    elsewhere: int
    absent: int


@dataclass(frozen=True)
class Curve:
    """A score against labels: (threshold, counts), where today's threshold stands, the area under the curve."""

    score: Score
    points: list[tuple[float, Counts]]
    threshold: float
    today: Counts
    area: float


def evaluate(catalog: DatasetState, labels: VideoLabels) -> list[FilterResult]:
    """Every filter that the recipe has and that a label speaks of."""
    found = []
    for name, (stage, reasons) in FILTERS.items():
        if stage not in catalog.stages or name not in labels.wanted.values():
            continue
        seen = dict(_seen(catalog, stage))
        chosen = {video: wanted == name for video, wanted in labels.wanted.items() if wanted in (name, KEEP)}
        here = [video for video in chosen if video in seen]
        dropped = [seen[video].status == "filtered" and seen[video].reason in reasons for video in here]
        gone = _dropped_before(catalog, stage)
        missing = [video for video, wanted in chosen.items() if wanted and video not in seen]
        elsewhere = sum(video in gone for video in missing)
        found.append(
            FilterResult(name, stage, count(dropped, [chosen[v] for v in here]), elsewhere, len(missing) - elsewhere)
        )
    return found


def curves(catalog: DatasetState, labels: VideoLabels) -> list[Curve]:
    """A precision-recall curve for each score of a filter that a label speaks of."""
    found = []
    for name, (stage, _) in FILTERS.items():
        if stage not in catalog.stages or name not in labels.wanted.values():
            continue
        seen = dict(_seen(catalog, stage))
        for score in scores_of(stage):
            values, wanted = [], []
            for video, record in seen.items():
                value = score.value(record.measures) if labels.wanted.get(video) in (name, KEEP) else None
                if value is not None:
                    values.append(value if score.drops_above else -value)
                    wanted.append(labels.wanted[video] == name)
            if not any(wanted):
                continue
            limit = score.threshold(catalog.stages[stage])
            signed = limit if score.drops_above else -limit
            points = sweep(values, wanted)
            today = count([value >= signed for value in values], wanted)
            shown = [(at if score.drops_above else -at, counts) for at, counts in points]
            found.append(Curve(score, shown, limit, today, average_precision(points)))
    return found


def _seen(catalog: DatasetState, stage: str) -> Iterator[tuple[str, Record]]:
    """Videos that reached a stage and were decided there."""
    for video, entry in catalog.entries(stage).items():
        if entry.record is not None and entry.state in ("done", "filtered"):
            yield video, entry.record


def _dropped_before(catalog: DatasetState, stage: str) -> set[str]:
    gone = set()
    for name in catalog.stages:
        if name == stage:
            break
        gone |= {video for video, entry in catalog.entries(name).items() if entry.state == "filtered"}
    return gone
