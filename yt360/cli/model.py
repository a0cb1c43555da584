"""``yt360 model …``: what is done with model folders."""

from __future__ import annotations

from pathlib import Path

import click

from yt360.cli.groups import CommandGroup
from yt360.cli.train import needs_torch


@click.group("model", cls=CommandGroup, short_help="Model folders: convert a published checkpoint.")
def model_group() -> None:
    """Model folders, as `yt360 train` leaves them in OUT/model."""


@model_group.command("convert", short_help="Turn a checkpoint of the paper's authors into a yt360 model folder.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the model.")
@click.option(
    "--statistics", type=click.Path(path_type=Path), help="The released .npz of log-mel means and deviations."
)
def convert_command(checkpoint: Path, out: Path, statistics: Path | None) -> None:
    """Turn a CHECKPOINT that the paper's authors released into a yt360 model folder.

    `yt360.models.load_encoders(OUT)` reads it, and a recipe's start_from may name it.
    """
    try:
        from yt360.models.published import convert
    except ImportError as error:
        raise needs_torch(error) from error
    description, translates = convert(checkpoint, out, statistics=statistics)
    translators = description.model.translator.kind if translates else "none"
    click.echo(f"wrote {out}: R(2+1)D-{description.model.depth}, translators: {translators}")
    if statistics is None:
        click.echo("without --statistics: normalise log-mel spectrograms yourself before the sound encoder", err=True)
