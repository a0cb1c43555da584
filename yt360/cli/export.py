"""`yt360 export`: a trained model as graphs for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from yt360.cli.inference_options import model_option
from yt360.cli.talk import doing, talk_options
from yt360.errors import UsageError

if TYPE_CHECKING:
    from yt360.models.export import Target


@click.command("export", short_help="A trained model as ONNX or torch.export graphs.")
@model_option
@click.option(
    "--to", "target", required=True, type=click.Choice(["onnx", "torch-export"]), help="What runs the graphs later."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the graphs.")
@talk_options
def export_command(name: str, target: str, out: Path) -> None:
    """Write a model's parts as graphs: `video`, `sound` (spectrograms included) and `translators`.

    They take any number of views. Each file says in its metadata what goes in and out, and is compared with the model
    first: one that differs by 1e-5 of an output's standard deviation or more is not written.
    """
    try:
        with doing("loading torch"):
            from yt360.models.avsa_model import AVSAModel
            from yt360.models.export import export_model
    except ImportError as error:
        raise UsageError(f"a model needs torch and safetensors ({error}): pip install 'yt360[train]'") from error
    with doing("exporting"):
        made = export_model(AVSAModel.from_pretrained(name), out, cast("Target", target))
    for file, differences in zip(made.files, made.differences.values(), strict=True):
        click.echo(f"wrote {file}: differs by at most {max(differences.values()):.1e} standard deviations")
