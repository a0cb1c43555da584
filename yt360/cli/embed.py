"""`yt360 embed`: features of files and datasets by a trained model, as one Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yt360.cli.common import engine_options, require_not_own
from yt360.cli.inference_options import convention_option, device_option, fov_option, model_option, torch_device
from yt360.cli.looker import Looker
from yt360.cli.plain_text import clean
from yt360.cli.stage_help import EngineCommand
from yt360.cli.talk import Steps, doing, talk_options
from yt360.errors import UsageError

if TYPE_CHECKING:
    from yt360.inference.embedding import Embedder, Source
    from yt360.inference.processor import AVSAProcessor


class Direction(click.ParamType[tuple[float, float]]):
    """Two angles in degrees: AZIMUTH,ELEVATION."""

    name = "azimuth,elevation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        try:
            azimuth, elevation = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"expected two angles in degrees such as 90,0 (left, horizon), found {value!r}", param, ctx)
        return azimuth, elevation


@click.command("embed", cls=EngineCommand, short_help="Features of files or a dataset by a trained model.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--root", metavar="DIR", default=None, help="All clips of a finished dataset instead of files.")
@click.option("--split", default=None, help="With --root: only this split (train, test).")
@model_option
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The Parquet file.")
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0, 3600, min_open=True),
    default=1.0,
    show_default=True,
    help="Seconds from one moment to the next.",
)
@click.option(
    "--direction",
    "directions_deg",
    type=Direction(),
    multiple=True,
    help="A direction to look in, in degrees: counter-clockwise from the front, up. May be repeated.  "
    "[default: 0,0 90,0 180,0 -90,0]",
)
@fov_option
@click.option(
    "--modality",
    "modalities",
    multiple=True,
    help="video, sound, video_embedding, sound_embedding, predicted_video_embedding, predicted_sound_embedding, "
    "video_from_sound, sound_from_video. May be repeated.  [default: the first four]",
)
@convention_option
@click.option(
    "--batch",
    type=click.IntRange(1, 1024),
    default=4,
    show_default=True,
    help="Moments at a time; does not change the results.",
)
@device_option
@engine_options
@talk_options
def embed_command(
    files: tuple[Path, ...],
    root: str | None,
    split: str | None,
    name: str,
    out: Path,
    every_s: float,
    directions_deg: tuple[tuple[float, float], ...],
    fov_deg: float | None,
    modalities: tuple[str, ...],
    convention: str | None,
    batch: int,
    device: str,
    **engine: Any,
) -> int:
    """Write features of FILES, or of all clips of a dataset, to one Parquet file.

    A row for each moment, direction and kind of feature: source, start_s, azimuth_deg, elevation_deg, modality, vector.
    An interrupted call goes on where it was. Exit code 0: all were read; 1: some were not, and are named.

    With --root, clips are worked on as by a stage of a recipe: by several workers, on Ray or SLURM; what is done stays
    in the dataset until model or options change.
    """
    if bool(files) == (root is not None):
        raise UsageError("expected files, or --root DIR, found " + ("both" if files else "neither"))
    try:
        with doing("loading torch"):
            from yt360.inference.embedding import Embedder
            from yt360.inference.embedding_settings import AROUND_DEG, EmbeddingSettings
            from yt360.inference.features_table import MODALITIES, USUAL, require_replaceable
    except ImportError as error:
        raise UsageError(f"a model needs torch and safetensors ({error}): pip install 'yt360[train]'") from error
    require_replaceable(out)
    if root is not None:
        require_not_own(root, out, "--out")
    unknown = [each for each in modalities if each not in MODALITIES]
    if unknown:
        raise UsageError(f"--modality: expected some of {', '.join(MODALITIES)}, found {', '.join(unknown)}")
    settings = EmbeddingSettings(every_s, directions_deg or AROUND_DEG, fov_deg, modalities or USUAL, batch)
    embedder = Embedder.load(name, settings, device=torch_device(device))
    if root is not None:
        from yt360.cli.embed_dataset import built_here, embed_dataset

        folder = built_here(root)
        if folder is not None:
            return embed_dataset(folder, embedder, name, device, split or "", out, engine)
    _refuse_engine(engine, root)
    with Looker() as looker:
        if root is None:
            sources = [_of_file(path, embedder.processor, convention or "", looker) for path in files]
        else:
            sources = list(_of_clips(root, split, embedder.processor))
        return _in_this_process(sources, embedder, out)


def _refuse_engine(engine: dict[str, Any], root: str | None) -> None:
    """Options of stages mean nothing to files, and to a dataset that can only be read."""
    found = "files" if root is None else f"{root}, which has no recipe or cannot be written"
    given = {"--engine": engine["engine"] != "local", "--dry-run": engine["dry_run"], "--retry": engine["retry"]}
    for option in (option for option, used in given.items() if used):
        raise UsageError(f"{option}: expected --root with a dataset that was built here, found {found}")


def _in_this_process(sources: list[Source], embedder: Embedder, out: Path) -> int:
    from yt360.inference.embedding import embed

    with Steps("embed") as steps:
        done = 0

        def said(source: str, moments: int) -> None:
            nonlocal done
            done += 1
            steps(done, len(sources), f"{clean(source, 60)}: {moments} moments")

        found = embed(sources, embedder, out, said=said)
    for source, message in found.failed[:20]:
        click.echo(f"left out: {clean(source)}: {clean(message)}", err=True)
    if len(found.failed) > 20:
        click.echo(f"and {len(found.failed) - 20} more", err=True)
    if found.rows:
        click.echo(f"wrote {out}: {found.rows} rows of {len(sources) - len(found.failed)} recordings")
    return 1 if found.failed else 0


def _of_file(path: Path, processor: AVSAProcessor, convention: str, look: Callable[[Path, str], Any]) -> Source:
    from yt360.inference.embedding import Source
    from yt360.inference.recording import FileRecording, Recording

    def opened() -> Recording:
        return FileRecording(look(path, convention), processor.settings)

    try:
        stamp = path.stat()
        identity = [stamp.st_size, stamp.st_mtime_ns, convention]
    except OSError:
        identity = []
    return Source(str(path), identity, opened)


def _of_clips(root: str, split: str | None, processor: AVSAProcessor) -> Iterator[Source]:
    from yt360.dataset.dataset import open_dataset
    from yt360.inference.embedding import Source

    data = open_dataset(root)
    found = False
    for clip in data:
        if split is None or clip.split == split:
            found = True
            digests = [clip.row.video_digest, clip.row.foa_digest]
            yield Source(clip.id, digests, lambda clip=clip: processor.open(clip))  # type: ignore[misc]
    if not found:
        raise UsageError(f"{root}: expected clips{f' of the split {split!r}' if split else ''}, found none")
