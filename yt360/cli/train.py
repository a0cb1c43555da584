"""``yt360 train`` and ``yt360 convert``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from yt360.errors import UsageError


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--root", required=True, help="Folder or URL that holds manifests/ and shards/.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where log, checkpoints and model go.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change one value of the recipe.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train_command(recipe: Path, root: str, out: Path, assignments: tuple[str, ...], quiet: bool) -> None:
    """Train the model of RECIPE on the shards below ROOT.

    Run it again to go on after an interruption. The same command under torchrun uses several
    processes. Exit code 0: trained; 1: stopped by an error; 2: wrong use; 130: interrupted, with a
    checkpoint to go on from.
    """
    try:
        from yt360.training.loop import train
        from yt360.training.recipe import load_recipe, override
    except ImportError as error:
        raise _needs_torch(error) from error
    summary = train(override(load_recipe(recipe), list(assignments)), root, out, progress=not quiet)
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


@click.command("convert")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the model.")
@click.option(
    "--statistics", type=click.Path(path_type=Path), help="The released .npz of log-mel means and deviations."
)
def convert_command(checkpoint: Path, out: Path, statistics: Path | None) -> None:
    """Turn a CHECKPOINT that the paper's authors released into a model of ours.

    `yt360.training.load_encoders(OUT)` reads it, and a recipe's start_from may name it.
    """
    try:
        from yt360.models.published import convert
    except ImportError as error:
        raise _needs_torch(error) from error
    recipe = convert(checkpoint, out, statistics=statistics)
    translators = recipe.model.translator.kind if recipe.phases[0].translators else "none"
    click.echo(f"wrote {out}: R(2+1)D-{recipe.model.depth}, translators: {translators}")
    if statistics is None:
        click.echo("without --statistics: normalise log-mel spectrograms yourself before the sound encoder", err=True)


def _needs_torch(error: ImportError) -> UsageError:
    return UsageError(f"training needs torch and safetensors ({error}): pip install 'yt360[train]'")
