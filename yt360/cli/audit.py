"""`yt360 audit`: precision and recall of every filter on a whole dataset, from a sample that a person judges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from yt360.cli.common import catalog_of, json_option, open_root, print_json, require_not_own, root_option, table
from yt360.cli.talk import doing, talk_options
from yt360.errors import UsageError
from yt360.filters.audit import audit, sheet
from yt360.filters.audit.audit import Audited
from yt360.filters.audit.drawing import draw
from yt360.filters.audit.estimates import Estimate
from yt360.filters.audit.strata import strata
from yt360.filters.evaluation.labels import FILTERS, read_labels
from yt360.report.cards import told_of

_HEADER = ["filter", "dropped", "kept", "judged", "precision", "recall", "for precision", "for recall"]


@click.command("audit", short_help="Precision and recall of every filter, from a sample that you judge.")
@root_option
@click.option(
    "--sample",
    type=click.IntRange(10, 100_000),
    default=200,
    show_default=True,
    help="Questions in all, shared out over the filters. A larger number later keeps what was answered.",
)
@click.option(
    "--sheet",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("audit.tsv"),
    show_default=True,
    help="The table of questions: written here, filled in by you, read again.",
)
@click.option(
    "--filter", "chosen", multiple=True, type=click.Choice(list(FILTERS)), help="Only this filter; may be repeated."
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    default=None,
    help="Also take answers from labels (ID<tab>WORD), as `yt360 filters evaluate` reads them.",
)
@click.option("--seed", type=click.IntRange(0, 10**9), default=None, help="Of the draw.  [default: the sheet's, or 0]")
@click.option(
    "--width",
    type=click.FloatRange(0.005, 0.9),
    default=0.1,
    show_default=True,
    help="Wished width of the 95 % intervals; how many videos that takes is printed.",
)
@json_option
@talk_options
def audit_command(
    root: str,
    sample: int,
    path: Path,
    chosen: tuple[str, ...],
    labels: Path | None,
    seed: int | None,
    width: float,
    as_json: bool,
) -> int:
    """Draw dropped and kept videos, let a person judge them, and estimate precision and recall of every filter.

    The first call writes a sheet of questions. Fill in the column answer (yes, no, ?), in any order and as far as you
    get, and call again: answers are kept, estimates are printed. The sheet does not show what the filters decided.

    Videos close to a threshold are drawn more densely, and weighed by how many they stand for.
    """
    require_not_own(root, path, "--sheet")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: expected a file or nothing, found something else; name another with --sheet")
    before = sheet.read(path) if path.is_file() else None
    if before is not None and seed is not None and seed != before.seed:
        raise UsageError(
            f"{path}: this sheet was drawn with seed {before.seed}, found --seed {seed}; leave --seed away, or name "
            "another file with --sheet"
        )
    seed = before.seed if before is not None else seed or 0
    with doing("reading the records"):
        catalog = catalog_of(open_root(root))
        drawn = draw(strata(catalog, chosen), sample, seed)
        videos = sorted({video for _, chosen_ones in drawn for video in chosen_ones})
        told = {video: told_of(catalog, video) for video in videos}
    if not drawn:
        raise UsageError(
            f"{catalog.root.url}: expected videos that a filter has decided on ({', '.join(chosen or FILTERS)}), found "
            "none; `yt360 status` says how far the root is"
        )
    now = sheet.merged(before, seed, audit.questions(drawn, told, seed))
    if before is None or len(now.lines) > len(before.lines):
        sheet.write(path, now)
    answers = now.answers()
    if labels is not None:
        answers = audit.answers_of_labels(read_labels(labels).wanted, drawn) | answers
    found = audit.audited(drawn, answers, width)
    asked, judged = sum(one.asked for one in found), sum(one.judged for one in found)
    if as_json:
        print_json(
            {
                "sheet": str(path),
                "seed": seed,
                "asked": asked,
                "judged": judged,
                "unclear": now.unclear(),
                "width": width,
                "filters": [_json(one) for one in found],
            }
        )
        return 0
    new = len(now.lines) - (len(before.lines) if before else 0)
    if new:
        click.echo(f"wrote {path}: {new} {'question' if new == 1 else 'questions'}{' more' if before else ''}")
    if judged:
        click.echo(table([_row(one) for one in found], _HEADER))
        click.echo(
            f"95 % intervals; the last columns: videos to judge in all until an interval is at most {width:g} wide"
        )
    if judged < asked:
        click.echo(
            f"{judged} of {asked} answered: fill in the column answer of {path} (yes, no, ?) and call this again"
        )
    return 0


def _row(one: Audited) -> list[Any]:
    found = one.estimate
    numbers = ["-" if count is None else str(count) for count in one.needed]
    judged = f"{one.judged} of {one.asked}"
    return [one.name, one.dropped, one.kept, judged, _words(found.precision), _words(found.recall), *numbers]


def _words(value: Estimate | None) -> str:
    return "-" if value is None else f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"


def _json(one: Audited) -> dict[str, Any]:
    def number(value: Estimate | None) -> float | None:
        return None if value is None else round(value[0], 4)

    def interval(value: Estimate | None) -> list[float] | None:
        return None if value is None else [round(end, 4) for end in value[1:]]

    precision, recall = one.estimate.precision, one.estimate.recall
    return {
        "filter": one.name,
        "dropped": one.dropped,
        "kept": one.kept,
        "asked": one.asked,
        "judged": one.judged,
        "precision": number(precision),
        "precision_interval": interval(precision),
        "recall": number(recall),
        "recall_interval": interval(recall),
        "needed_for_precision": one.needed[0],
        "needed_for_recall": one.needed[1],
        "strata": [
            {
                "name": stratum.name,
                "dropped": stratum.dropped,
                "videos": counts.size,
                "judged": int(counts.judged),
                "faulty": int(counts.faulty),
            }
            for stratum, counts in one.strata
        ],
    }
