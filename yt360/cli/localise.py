"""`yt360 localise`: where on the sphere does what one sees sound?"""

from __future__ import annotations

from pathlib import Path

import click

from yt360.cli.inference_options import convention_option, device_option, fov_option, model_option, torch_device
from yt360.cli.looker import Looker, naming_the_sound_beside
from yt360.cli.talk import Steps, doing, talk_options
from yt360.errors import UsageError


@click.command("localise", short_help="Where on the sphere what is seen sounds, by a trained model.")
@click.argument("file", type=click.Path(path_type=Path))
@model_option
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for what is written.",
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0, 3600, min_open=True),
    default=0.5,
    show_default=True,
    help="Seconds from one map to the next.",
)
@click.option(
    "--around", type=click.IntRange(3, 360), default=12, show_default=True, help="Directions in a ring of the grid."
)
@click.option(
    "--elevation",
    "elevations_deg",
    type=click.FloatRange(-90, 90),
    multiple=True,
    default=(-30.0, 0.0, 30.0),
    show_default=True,
    help="Elevation of a ring in degrees. May be repeated.",
)
@fov_option
@click.option("--sound", type=click.Path(path_type=Path), default=None, help="The sound that belongs to FILE.")
@convention_option
@click.option("--video/--no-video", default=True, show_default=True, help="Write the overlay video too.")
@device_option
@talk_options
def localise_command(
    file: Path,
    name: str,
    out: Path,
    every_s: float,
    around: int,
    elevations_deg: tuple[float, ...],
    fov_deg: float | None,
    sound: Path | None,
    convention: str | None,
    video: bool,
    device: str,
) -> int:
    """Map where on the sphere picture and sound of FILE fit, by a trained model, beside the energy of the sound field.

    Writes OUT/localisation.parquet (start_s, azimuth_deg, elevation_deg, match, energy_db), OUT/localisation.png (the
    moment in which the model is surest; the sound's energy alone below it) and OUT/localisation.mp4 (the map over the
    whole recording, as a sphere, with stereo sound).
    """
    try:
        with doing("loading torch"):
            from yt360.inference.localisation import grid_deg, localise, write_table
            from yt360.inference.localisation_pictures import write_picture, write_video
            from yt360.inference.processor import AVSAProcessor
            from yt360.inference.recording import FileRecording
            from yt360.models.avsa_model import AVSAModel
    except ImportError as error:
        raise UsageError(f"a model needs torch and safetensors ({error}): pip install 'yt360[train]'") from error
    model = AVSAModel.from_pretrained(name, device=torch_device(device))
    processor = AVSAProcessor(model.processor_settings)
    try:
        with Looker() as look:
            recording = FileRecording(look(file, convention or "", sound), processor.settings)
    except UsageError as error:
        raise error if sound is not None else naming_the_sound_beside(file, error) from error
    out.mkdir(parents=True, exist_ok=True)
    with Steps("localise") as steps:
        found = localise(
            recording,
            model,
            processor,
            grid_deg(around, elevations_deg),
            every_s=every_s,
            fov_deg=fov_deg,
            said=lambda done, total: steps(done, total, "maps"),
        )
    rows = write_table(out / "localisation.parquet", found)
    write_picture(out / "localisation.png", found, recording)
    if video:
        with doing("writing the video"):
            write_video(out / "localisation.mp4", found, recording, processor.settings.sound_s)
    click.echo(f"wrote {out}: {len(found.starts_s)} maps of {found.match.shape[1]} directions ({rows} rows)")
    return 0
