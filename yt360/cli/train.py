"""``yt360 train``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from yt360 import shipped
from yt360.cli.completion import complete_recipes
from yt360.cli.recipes import list_option
from yt360.cli.talk import doing, quiet, talk_options
from yt360.errors import UsageError


@click.command("train", short_help="Train a model on the shards of a dataset.")
@click.argument("recipe", shell_complete=complete_recipes("train"))
@list_option("train")
@click.option("--root", required=True, help="Folder or URL that holds manifests/ and shards/.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where log, checkpoints and model go.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change one value of the recipe.")
@talk_options
def train_command(recipe: str, root: str, out: Path, assignments: tuple[str, ...]) -> None:
    """Train the model of RECIPE on the shards below ROOT.

    RECIPE is a YAML file, or the name of one that comes with yt360 (--list).

    Run it again to go on after an interruption. The same command under torchrun uses several
    processes. Exit code 0: trained; 1: stopped by an error; 2: usage error; 130: interrupted, with a
    checkpoint to go on from.
    """
    try:
        with doing("loading torch"):
            from yt360.training.loop import train
            from yt360.training.recipe import load_recipe, override
    except ImportError as error:
        raise needs_torch(error) from error
    summary = train(
        override(load_recipe(shipped.recipe("train", recipe)), list(assignments)), root, out, progress=not quiet()
    )
    if summary.interrupted:
        click.echo(f"interrupted after {summary.steps} steps; run the same command to go on", err=True)
        sys.exit(130)
    for phase, measures in summary.evaluations.items():
        click.echo(
            f"{phase}: test loss {measures['loss']:.3f}, AVC accuracy {measures['avc_accuracy']:.3f} "
            f"(chance {measures['avc_chance']:.3f}), AVSA accuracy {measures['avsa_accuracy']:.3f} "
            f"(chance {measures['avsa_chance']:.3f})"
        )
    click.echo(f"{summary.steps} steps, {summary.bad} of {summary.seen} samples bad, model in {summary.model}")


def needs_torch(error: ImportError) -> UsageError:
    return UsageError(f"training needs torch and safetensors ({error}): pip install 'yt360[train]'")
