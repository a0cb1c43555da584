"""`yt360 filters`: how good the filters are, against people's labels or the world's truth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from yt360.cli.common import catalog_of, json_option, open_root, print_json, root_option, table
from yt360.cli.groups import CommandGroup
from yt360.cli.outcome import plural
from yt360.cli.plain_text import clean
from yt360.engine.state.dataset_state import DatasetState
from yt360.files import atomic_write_text
from yt360.filters.evaluation.against_labels import Curve, FilterResult, curves, evaluate
from yt360.filters.evaluation.agreement import Agreement, agreements
from yt360.filters.evaluation.label_table import merged as merge
from yt360.filters.evaluation.label_table import read_label_table
from yt360.filters.evaluation.labels import VideoLabels, read_labels
from yt360.filters.evaluation.precision_recall import Counts, wilson

_labels_option = click.option(
    "--labels",
    required=True,
    type=click.Path(path_type=Path),
    help="Tab-separated lines ID<tab>WORD, one video a line, such as dQw4w9WgXcQ<tab>voice-over (keep, still, "
    "voice-over, background-music, duplicate, silent, no-ambisonics, …); or a procedural world.",
)
_ROWS = 9
"""Thresholds of a curve that are printed; the page has the whole curve."""


@click.group(
    "filters", cls=CommandGroup, short_help="How good the filters are: evaluate against labels, sweep thresholds."
)
def filters_group() -> None:
    """How good the filters are, measured on a finished root, and how far people agree. Nothing is decoded."""


def _read(root: str, labels: Path) -> tuple[DatasetState, VideoLabels]:
    return catalog_of(open_root(root)), read_labels(labels)


def _share(good: int, of: int) -> str:
    low, high = wilson(good, of)
    return f"{good / of:.3f} [{low:.3f}, {high:.3f}]" if of else "-"


def _numbers(counts: Counts) -> dict[str, Any]:
    """Counts with shares and their 95 % Wilson intervals; the keys are those of ``--json``."""
    wanted, kept = counts.hits + counts.misses, counts.alarms + counts.passed
    dropped = counts.hits + counts.alarms
    return {
        "hits": counts.hits,
        "misses": counts.misses,
        "alarms": counts.alarms,
        "passed": counts.passed,
        "recall": round(counts.recall, 4) if wanted else None,
        "recall_interval": [round(end, 4) for end in wilson(counts.hits, wanted)],
        "precision": round(counts.precision, 4) if dropped else None,
        "precision_interval": [round(end, 4) for end in wilson(counts.hits, dropped)],
        "false_alarms": round(counts.false_alarms, 4) if kept else None,
        "false_alarms_interval": [round(end, 4) for end in wilson(counts.alarms, kept)],
    }


@filters_group.command("evaluate", short_help="Precision and recall of every filter against labels.")
@root_option
@_labels_option
@json_option
def evaluate_command(root: str, labels: Path, as_json: bool) -> int:
    """Precision, recall and false alarms of every filter, with 95 % Wilson intervals.

    A filter is measured on the labelled videos that reached it. "elsewhere" were dropped by an earlier filter,
    "absent" are not in the root or not decided yet.
    """
    catalog, told = _read(root, labels)
    results = evaluate(catalog, told)
    if as_json:
        print_json(
            {
                "filters": [
                    {"filter": one.name, "stage": one.stage, **_numbers(one.counts)}
                    | {"elsewhere": one.elsewhere, "absent": one.absent}
                    for one in results
                ],
                "labelled": len(told.wanted),
                "unused": told.unused,
            }
        )
        return 0
    click.echo(table([_row(one) for one in results], _HEADER))
    if told.unused:
        words = ", ".join(
            f"{count} {word!r}" for word, count in sorted(told.unused.items(), key=lambda item: -item[1])[:5]
        )
        click.echo(f"{plural(len(told.wanted), 'video')} labelled; rows that say nothing about a filter: {words}")
    return 0


_HEADER = ["filter", "hits", "misses", "alarms", "passed", "recall", "precision", "false alarms", "elsewhere", "absent"]


def _row(one: FilterResult) -> list[Any]:
    counts = one.counts
    return [
        one.name,
        *(counts.hits, counts.misses, counts.alarms, counts.passed),
        _share(counts.hits, counts.hits + counts.misses),
        _share(counts.hits, counts.hits + counts.alarms),
        _share(counts.alarms, counts.alarms + counts.passed),
        *(one.elsewhere, one.absent),
    ]


@filters_group.command("sweep", short_help="Precision and recall at every threshold, and where today's stands.")
@root_option
@_labels_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="The page.  [default: ROOT/report/sweep.html]"
)
@json_option
def sweep_command(root: str, labels: Path, out: Path | None, as_json: bool) -> int:
    """Draw precision against recall for every score, and say where today's threshold stands.

    Each score is swept by itself; a filter that goes by several drops what any of them drops.
    """
    catalog, told = _read(root, labels)
    found = curves(catalog, told)
    if as_json:
        print_json({"scores": [_curve_json(curve) for curve in found]})
        return 0
    from yt360.report.sweep import SWEEP, write_sweep

    for curve in found:
        click.echo(f"{curve.score.stage}: {curve.score.name} (area {curve.area:.3f})")
        click.echo(table([_point(at, counts, at == curve.threshold) for at, counts in _shown(curve)], _POINT_HEADER))
    path = write_sweep(found, out or catalog.root.report / SWEEP)
    click.echo(f"wrote {path}")
    return 0


_POINT_HEADER = ["threshold", "recall", "precision", "false alarms", ""]


def _shown(curve: Curve) -> list[tuple[float, Counts]]:
    """Points spread over the curve, today's among them, in order of thresholds."""
    step = max(1, len(curve.points) // _ROWS)
    points = dict(curve.points[::step]) | {curve.threshold: curve.today}
    return sorted(points.items(), reverse=True)


def _point(at: float, counts: Counts, today: bool) -> list[Any]:
    wanted, kept = counts.hits + counts.misses, counts.alarms + counts.passed
    precision = _share(counts.hits, counts.hits + counts.alarms)
    return [f"{at:.4g}", _share(counts.hits, wanted), precision, _share(counts.alarms, kept), "today" if today else ""]


def _curve_json(curve: Curve) -> dict[str, Any]:
    return {
        "stage": curve.score.stage,
        "score": curve.score.name,
        "threshold": curve.threshold,
        "area": round(curve.area, 4),
        "today": _numbers(curve.today),
        "points": [{"threshold": at, **_numbers(counts)} for at, counts in curve.points],
    }


@filters_group.command("agreement", short_help="How far people agree on labels (Cohen's kappa).")
@click.argument("tables", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--merged",
    type=click.Path(path_type=Path),
    default=None,
    help="Also write the labels of all files into this one; of one person's two labels the newer stands.",
)
@json_option
def agreement_command(tables: tuple[Path, ...], merged: Path | None, as_json: bool) -> int:
    """How far people agree on the videos that they both labelled, with Cohen's kappa.

    TABLES are labels that `yt360 view` wrote, or tab-separated tables of videos and labels (then the name of the file
    stands for the person). One file may hold the labels of several people.
    """
    alike = len({path.stem for path in tables}) < len(tables)
    held = merge([read_label_table(path, str(path) if alike else "") for path in tables])
    found = agreements(held)
    if merged is not None:
        atomic_write_text(merged, held.text())
    if as_json:
        print_json({"people": held.people(), "pairs": [asdict(pair) for pair in found]})
        return 0
    if not found:
        click.echo(f"no video has labels of two people (labels of: {', '.join(map(clean, held.people())) or 'nobody'})")
        return 0
    for pair in found:
        click.echo(_agreement_words(pair))
        for video, one, two in pair.disagreements:
            click.echo(f"  {clean(video)}: {clean(one)} / {clean(two)}")
    return 0


def _agreement_words(pair: Agreement) -> str:
    names = f"{clean(pair.first)} and {clean(pair.second)}"
    share = f"the same label for {pair.observed:.0%} of {pair.videos} video{'' if pair.videos == 1 else 's'}"
    if pair.kappa is None or pair.interval is None:
        return f"{names}: {share}; kappa is not defined while all labels are the same"
    return f"{names}: kappa {pair.kappa:.3f} [{pair.interval[0]:.3f}, {pair.interval[1]:.3f}], {share}"
