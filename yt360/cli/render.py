"""`yt360 render`: a view of a clip or a file as an ordinary video with sound for two ears."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yt360.cli.groups import ItemCommand
from yt360.cli.looker import Looker, naming_the_sound_beside
from yt360.cli.plain_text import clean
from yt360.cli.talk import Steps, doing, talk_options
from yt360.errors import UsageError

if TYPE_CHECKING:
    from yt360.view.sources import Source

_SMALLEST, _LARGEST = 16, 4096


def _size(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """WIDTHxHEIGHT in pixels as (height, width)."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", value)
    if found is None:
        raise click.BadParameter(f"{value!r}: expected WIDTHxHEIGHT, as in 640x360", context, parameter)
    width, height = int(found[1]), int(found[2])
    if not all(_SMALLEST <= side <= _LARGEST and side % 2 == 0 for side in (width, height)):
        words = f"expected even sides of {_SMALLEST} to {_LARGEST} pixels"
        raise click.BadParameter(f"{value!r}: {words}", context, parameter)
    return height, width


@click.command("render", cls=ItemCommand, short_help="A view as a video with sound for two ears.")
@click.argument("what", metavar="CLIP|FILE")
@click.option("--root", metavar="DIR", help="The dataset that holds CLIP: a folder, or a store: s3://bucket/prefix.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The MP4 file to write.")
@click.option("--az", "az_deg", type=float, default=0.0, show_default=True, help="Azimuth in degrees, left positive.")
@click.option(
    "--el", "el_deg", type=click.FloatRange(-90, 90), default=0.0, show_default=True,
    help="Elevation in degrees, up positive.",
)  # fmt: skip
@click.option(
    "--fov", "fov_deg", type=click.FloatRange(1, 170), default=90.0, show_default=True,
    help="Horizontal field of view in degrees.",
)  # fmt: skip
@click.option(
    "--path", "path_file", type=click.Path(path_type=Path), default=None,
    help="CSV of key frames (t_s, az_deg, el_deg, fov_deg) instead of one view.",
)  # fmt: skip
@click.option(
    "--size", metavar="WIDTHxHEIGHT", callback=_size, default="640x360", show_default=True, help="Size of the picture."
)
@click.option("--start", "start_s", type=float, default=None, help="Seconds.  [default: the beginning]")
@click.option(
    "--duration", "duration_s", type=click.FloatRange(0, min_open=True), default=None,
    help="Seconds.  [default: to the end]",
)  # fmt: skip
@click.option("--sound", type=click.Path(path_type=Path), default=None, help="The sound that belongs to FILE.")
@click.option(
    "--convention", type=click.Choice(["ambix", "n3d", "orthonormal", "fuma"]), default=None,
    help="Order and weights of FILE's ambisonics, where you know them and it does not say.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@talk_options
def render_command(
    what: str, root: str | None, out: Path, az_deg: float, el_deg: float, fov_deg: float, path_file: Path | None,
    size: tuple[int, int], start_s: float | None, duration_s: float | None, sound: Path | None,
    convention: str | None, overwrite: bool,
) -> int:  # fmt: skip
    """Write what a viewer sees and hears in a clip of a dataset (with --root), or in a file, as a video.

    Picture and sound are turned by one rotation: what is in the middle of the picture is heard from the front. The
    sound is for headphones.
    """
    from yt360.view.path import KeyFrame, ViewPath, read_path
    from yt360.view.render import render_view

    if out.suffix.lower() != ".mp4":
        raise UsageError(f"{out}: expected a name that ends in .mp4; other formats are not written")
    if out.exists() and not overwrite:
        raise UsageError(f"{out}: is there already; give --overwrite to replace it, or another name")
    keys = [KeyFrame(0.0, az_deg, el_deg, fov_deg)] if path_file is None else read_path(path_file, fov_deg)
    look = ViewPath(keys, size)
    source = _source(what, root, sound, convention or "")
    with Steps("render") as steps:
        written = render_view(
            source, look, size, out, start_s=start_s, duration_s=duration_s,
            said=lambda done, total: steps(done, total, "frames"),
        )  # fmt: skip
    lowered = f"; the sound was lowered by {-written.gain_db:.1f} dB to fit" if written.gain_db else ""
    seconds = f"{written.duration_s:.1f} s, {size[1]}x{size[0]} at {float(source.fps):g} frames/s"
    click.echo(f"wrote {clean(str(out))}: {seconds}{lowered}")
    return 0


def _source(what: str, root: str | None, sound: Path | None, convention: str) -> Source:
    from yt360.view.sources import ClipSource, FileSource

    if root is not None:
        if sound is not None or convention:
            raise click.UsageError("--sound and --convention belong to a FILE, and --root to a CLIP")
        from yt360.dataset.dataset import open_dataset

        with doing("opening the dataset"):
            return ClipSource(open_dataset(root)[what])
    path = Path(what)
    if not path.exists():
        raise UsageError(f"{what}: no such file; for a clip of a dataset, give --root DIR")
    try:
        with doing(f"looking into {clean(what)}"), Looker() as look:
            return FileSource(look(path, convention, sound))
    except UsageError as error:
        raise error if sound is not None else naming_the_sound_beside(path, error) from error
