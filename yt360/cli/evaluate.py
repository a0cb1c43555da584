"""``yt360 evaluate``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click

from yt360 import shipped
from yt360.cli.completion import complete_evaluations
from yt360.cli.plain_text import clean
from yt360.cli.recipes import list_option
from yt360.cli.talk import Steps, doing, talk_options
from yt360.errors import UsageError

_LOG = logging.getLogger("yt360.cli")


@click.command("evaluate", short_help="Measure a trained model.")
@click.argument("what", shell_complete=complete_evaluations)
@list_option("evaluate")
@click.option(
    "--root", required=True, help="Folder or URL of the dataset; for actions, the folder of UCF-101 or HMDB-51."
)
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), help="Output folder of yt360 train or yt360 model convert."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Run folder: results, features, pictures.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change one value of the recipe.")
@talk_options
def evaluate_command(what: str, root: str, checkpoint: Path | None, out: Path, assignments: tuple[str, ...]) -> None:
    """Measure a trained model.

    WHAT is a recipe (a YAML file, or the name of one that comes with yt360: --list) or a task with its defaults:
    avc-bin, avsa-bin, segmentation, action, localise, retrieval, probe, knn.

    Run it again to go on after an interruption; what is finished is not done again. The same command under
    torchrun uses several processes and gives the same numbers. Exit code 0: measured; 1: stopped by an error;
    2: usage error, something missing; 130: interrupted.
    """
    try:
        with doing("loading torch"):
            from yt360.evaluation.recipe import TASKS, load_evaluation, override
            from yt360.evaluation.runner import evaluate, results_in
    except ImportError as error:
        raise UsageError(f"evaluating needs torch and safetensors ({error}): pip install 'yt360[train]'") from error
    recipe = override(
        load_evaluation(what if what in TASKS else str(shipped.recipe("evaluate", what, TASKS))), list(assignments)
    )
    with Steps(what) as steps:

        def said(text: str, done: int, total: int) -> None:
            if total:
                steps(done, total, text)
            else:
                _LOG.info(text)

        summary = evaluate(recipe, root, checkpoint, out, said=said)
    for result in results_in(summary):
        click.echo(f"{result['row']}  {result['name']}")
        for name, value in result["measures"].items():
            click.echo(f"  {name} {_shown(value)}")
        for bad in result.get("unreadable", [])[:5]:
            click.echo(f"  left out: {clean(bad['clip'])}: {clean(bad['error'])}", err=True)
    if summary.interrupted:
        click.echo("interrupted; run the same command to go on", err=True)
        sys.exit(130)


def _shown(value: dict[str, Any]) -> str:
    if value["value"] is None:
        return "not measurable (no samples)"
    between = "" if value["low"] is None else f" [{value['low']:.2f}, {value['high']:.2f}]"
    return f"{value['value']:.2f}{between}, n={value['n']}"
