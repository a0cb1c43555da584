"""`yt360 synth`: the procedural world."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from yt360.cli.common import path_argument
from yt360.errors import UsageError
from yt360.synth import VideoTruth, make_world
from yt360.synth.starss import make_starss_world


@click.command("synth", short_help="The procedural world: 360° videos with known truth.")
@path_argument("directory")
@click.option("--videos", type=click.IntRange(1), required=True, help="How many videos.")
@click.option("--seed", type=int, required=True, help="Same seed, same bytes.")
@click.option("--duration-s", type=click.FloatRange(1), default=12.0, show_default=True, help="Length of a video.")
@click.option("--size", default="224x448", show_default=True, metavar="HxW", help="Height and width of the sphere.")
@click.option("--fps", type=click.FloatRange(1, 120), default=16.0, show_default=True, help="Frames a second.")
@click.option(
    "--defects", default="none", show_default=True, metavar="none|all|A,B,…", help="Plant one of each of these."
)
@click.option(
    "--layout",
    type=click.Choice(["files", "starss23"]),
    default="files",
    show_default=True,
    help="files: as they are delivered, with their truth. starss23: sound, pictures and labels of sound events in the "
    "layout of STARSS23, without defects.",
)
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
def synth_command(
    directory: Path,
    videos: int,
    seed: int,
    duration_s: float,
    size: str,
    fps: float,
    defects: str,
    layout: str,
    workers: int,
) -> int:
    """Render a world into DIRECTORY: media/ (files to crawl), truth/ (what each video really is) and world.json.

    With --layout starss23 it is foa_dev/, video_dev/ and metadata_dev/, a quarter of the videos for the test.
    """
    try:
        height, width = (int(part) for part in size.lower().split("x"))
    except ValueError as error:
        raise UsageError(f"--size {size}: expected HEIGHTxWIDTH, such as 224x448") from error
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory}: expected a folder to write into, found a file")
    if layout == "starss23":
        return _starss(directory, videos, seed, duration_s, (height, width), fps, defects, workers)
    chosen = defects if defects in ("none", "all") else [part.strip() for part in defects.split(",")]
    with tqdm(total=videos, unit="video", desc="synth", disable=None) as bar:

        def advance(truth: VideoTruth) -> None:
            bar.set_postfix_str(truth.name, refresh=False)
            bar.update()

        made = make_world(
            directory,
            videos=videos,
            seed=seed,
            duration_s=duration_s,
            height=height,
            width=width,
            fps=fps,
            defects=chosen,
            workers=workers,
            progress=advance,
        )
    count = f"{len(made)} video" + "s" * (len(made) != 1)
    click.echo(f"{count} in {directory / 'media'}, what they are in {directory / 'truth'}")
    return 0


def _starss(
    directory: Path,
    videos: int,
    seed: int,
    duration_s: float,
    size: tuple[int, int],
    fps: float,
    defects: str,
    workers: int,
) -> int:
    if defects != "none":
        raise UsageError(f"--defects {defects}: --layout starss23 has none")
    if size[1] != 2 * size[0] or size[0] % 16:
        raise UsageError(f"--size: expected twice as wide as high, the height a multiple of 16, found {size}")
    if fps != round(fps):
        raise UsageError(f"--fps {fps:g}: expected a whole number with --layout starss23")
    with tqdm(total=videos, unit="video", desc="synth", disable=None) as bar:

        def advance(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        make_starss_world(
            directory,
            recordings=videos,
            seed=seed,
            duration_s=duration_s,
            size=size,
            fps=round(fps),
            workers=workers,
            progress=advance,
        )
    click.echo(f"{videos} recordings in {directory / 'foa_dev'}, their labels in {directory / 'metadata_dev'}")
    return 0
