"""`yt360 doa`: sound event localisation and detection on the frozen features of a model."""

from __future__ import annotations

import json
from pathlib import Path

import click

from yt360.cli.groups import CommandGroup
from yt360.cli.inference_options import device_option, model_option, torch_device
from yt360.cli.talk import Steps, doing, talk_options
from yt360.errors import UsageError
from yt360.files import atomic_write_text

_DATA = click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder in the layout of STARSS23: foa_dev/, metadata_dev/, video_dev/.",
)


@click.group("doa", cls=CommandGroup, short_help="Sound events and their directions: train a head on frozen features.")
def doa_group() -> None:
    """Sound event localisation and detection (DCASE, task 3) on the frozen features of a model."""


@doa_group.command("train", short_help="Train a head on labelled recordings.")
@model_option
@_DATA
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the head and its features.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change one setting of the head.")
@device_option
@talk_options
def train_command(name: str, data: Path, out: Path, assignments: tuple[str, ...], device: str) -> None:
    """Train a head that says what sounds where, on the split `train` of DATA.

    The model stays as it is; its features are kept in OUT/features and used again.
    """
    try:
        with doing("loading torch"):
            from yt360.evaluation.doa.learning import train_head
            from yt360.evaluation.doa.settings import DoaSettings, override
            from yt360.models.avsa_model import AVSAModel
    except ImportError as error:
        raise _needs_torch(error) from error
    settings = override(DoaSettings(), assignments)
    model = AVSAModel.from_pretrained(name, device=torch_device(device))
    with Steps("doa") as steps:
        trained = train_head(model, data, out, settings, said=lambda text, done, total: steps(done, total, text))
    click.echo(f"trained on {trained.classes} classes, head in {out}")


@doa_group.command("evaluate", short_help="Measure a head with DCASE's scores.")
@model_option
@click.option("--head", "folder", required=True, type=click.Path(path_type=Path), help="OUT of `yt360 doa train`.")
@_DATA
@click.option("--split", default="test", show_default=True, help="train, test or val: dev-train…, dev-test…, dev-val…")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for what was found, as DCASE's CSV, and scores.")
@device_option
@talk_options
def evaluate_command(name: str, folder: Path, data: Path, split: str, out: Path | None, device: str) -> None:
    """Measure a head: F20°, ER20°, localisation error and localisation recall, as DCASE defines them."""
    try:
        with doing("loading torch"):
            from yt360.evaluation.doa import learning
            from yt360.models.avsa_model import AVSAModel
    except ImportError as error:
        raise _needs_torch(error) from error
    model = AVSAModel.from_pretrained(name, device=torch_device(device))
    trained = learning.read_head(folder, model)
    with Steps("doa") as steps:
        result = learning.evaluate_head(
            model,
            trained,
            data,
            split=split,
            cache=folder / learning.FEATURES,
            said=lambda text, done, total: steps(done, total, text),
        )
    if out is not None:
        for recording, frames in result.found.items():
            learning.write_estimates(out / f"{recording}.csv", frames)
        atomic_write_text(out / "scores.json", json.dumps(learning.scores_json(result), indent=1) + "\n")
    scores = result.scores
    click.echo(
        f"{result.recordings} recordings: F20 {scores.f20:.3f}, ER20 {scores.er20:.3f}, LE {scores.le_deg:.1f}°, "
        f"LR {scores.lr:.3f}"
    )


def _needs_torch(error: ImportError) -> UsageError:
    return UsageError(f"a model needs torch and safetensors ({error}): pip install 'yt360[train]'")
