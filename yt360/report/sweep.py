"""The page of `yt360 filters sweep`: a precision-recall curve for each score, with today's threshold on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yt360.files import atomic_write_text
from yt360.filters.evaluation.against_labels import Curve
from yt360.filters.evaluation.precision_recall import wilson
from yt360.report.charts import precision_recall
from yt360.report.page import escape, page

SWEEP = "sweep.html"


def write_sweep(curves: Sequence[Curve], path: Path) -> Path:
    """Write the page; curves without a labelled case are not in it."""
    body = [
        "<h1>Thresholds</h1>",
        '<p class="soft">Precision against recall of each score by itself, on the labelled videos that reached its '
        "filter. The dot is today's threshold; brackets are 95 % Wilson intervals.</p>",
        '<div class="grid">',
        *(_card(curve) for curve in curves),
        "</div>",
    ]
    atomic_write_text(path, page("yt360 filters sweep", body))
    return path


def _card(curve: Curve) -> str:
    counts = curve.today
    points = [(counts.recall, counts.precision) for _, counts in curve.points]
    start = [(0.0, points[0][1])] if points else []
    drawing = precision_recall(
        start + points, (counts.recall, counts.precision), f"precision and recall of {curve.score.name}"
    )
    low, high = wilson(counts.hits, counts.hits + counts.misses)
    below, above = wilson(counts.hits, counts.hits + counts.alarms)
    return (
        f'<div class="card"><h4>{escape(curve.score.stage)}: {escape(curve.score.name)}</h4>'
        f'<p class="why">{escape(curve.score.words)}</p>{drawing}'
        f"<p>at {curve.threshold:.3g}: recall {counts.recall:.3f} [{low:.3f}, {high:.3f}], precision "
        f"{counts.precision:.3f} [{below:.3f}, {above:.3f}]; area under the curve {curve.area:.3f}; "
        f"{counts.hits + counts.misses} to drop, {counts.alarms + counts.passed} to keep</p></div>"
    )
