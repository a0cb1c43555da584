"""`yt360 search`: which moments and directions of many recordings look or sound like one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yt360.cli.common import json_option, print_json, table
from yt360.cli.embed import Direction
from yt360.cli.inference_options import convention_option, device_option, model_option, torch_device
from yt360.cli.looker import Looker
from yt360.cli.plain_text import clean
from yt360.cli.talk import doing, talk_options
from yt360.errors import UsageError

if TYPE_CHECKING:
    from yt360.inference.search import Vectors

_HALVES = click.Choice(["sound", "video"])


@click.command("search", short_help="Find video by sound, sound by video, or what is alike, in features of a model.")
@model_option
@click.option(
    "--index",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Features to search in: the Parquet file of yt360 embed with the same model.",
)
@click.option("--like", required=True, metavar="FILE", help="A file, or a `source` of the features.")
@click.option("--by", type=_HALVES, default="sound", show_default=True, help="Which half of FILE is given.")
@click.option("--find", type=_HALVES, default="video", show_default=True, help="Which half is looked for.")
@click.option(
    "--at", "at_s", type=click.FloatRange(0), default=None, help="The moment of FILE in seconds.  [default: all]"
)
@click.option(
    "--direction",
    "directions_deg",
    type=Direction(),
    multiple=True,
    help="A direction of FILE in degrees. May be repeated.  [default: those of the features]",
)
@click.option("--top", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many to show.")
@click.option(
    "--per-source",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="At most this many results from one recording; 0: any number.",
)
@click.option("--exact", is_flag=True, help="Compare every row, also of a large table.")
@convention_option
@device_option
@json_option
@talk_options
def search_command(
    name: str,
    index: Path,
    like: str,
    by: str,
    find: str,
    at_s: float | None,
    directions_deg: tuple[tuple[float, float], ...],
    top: int,
    per_source: int,
    exact: bool,
    convention: str | None,
    device: str,
    as_json: bool,
) -> int:
    """Find the moments and directions in the features INDEX that are most like FILE, best first.

    --by sound --find video: what could one see where this is heard? --by video --find sound: what could one hear where
    this is seen? The same half twice: what looks, or sounds, alike. Scores are cosines in [-1, 1].
    """
    from yt360.inference.search import KINDS, directions_of, require_same_model, search

    try:
        with doing("loading torch"):
            from yt360.inference.embedding import Embedder
            from yt360.inference.embedding_settings import EmbeddingSettings
    except ImportError as error:
        raise UsageError(f"a model needs torch and safetensors ({error}): pip install 'yt360[train]'") from error
    asked, stored = KINDS[by, find]
    embedder = Embedder.load(name, EmbeddingSettings(), device=torch_device(device))
    weights, processing = embedder.about["model"], embedder.about["input"]
    about = require_same_model(index, weights, processing, name)
    if Path(like).is_file():
        settings = EmbeddingSettings(
            _number(about.get("every_s"), 1.0),
            directions_of(about, directions_deg),
            _number(about.get("fov_deg"), None),
            (asked,),
        )
        query = _of_file(Embedder(embedder.model, settings), Path(like), convention or "", at_s)
    else:
        query = _of_source(index, asked, like, at_s, directions_deg)
    with doing("searching"):
        hits = search(
            index,
            stored,
            query,
            top=top,
            per_source=per_source,
            exact=exact,
            said=lambda text: click.echo(text, err=True),
        )
    if as_json:
        print_json({"by": by, "find": find, "like": like, "model": weights, "hits": [hit.to_json() for hit in hits]})
        return 0
    rows = [
        [
            f"{hit.score:.4f}",
            clean(hit.found.source, 80),
            f"{hit.found.start_s:.2f}",
            f"{hit.found.azimuth_deg:g},{hit.found.elevation_deg:g}",
            f"{hit.query.start_s:.2f}",
            f"{hit.query.azimuth_deg:g},{hit.query.elevation_deg:g}",
        ]
        for hit in hits
    ]
    click.echo(table(rows, ["score", find, "at s", "direction", f"like {by} at s", "direction"]))
    return 0


def _number(value: Any, default: Any) -> Any:
    return float(value) if isinstance(value, int | float) and value > 0 else default


def _of_file(embedder: Any, path: Path, convention: str, at_s: float | None) -> Vectors:
    from yt360.inference.recording import FileRecording
    from yt360.inference.search import Vectors

    with Looker() as look:
        recording = FileRecording(look(path, convention), embedder.processor.settings)
    with doing(f"reading {path}"):
        rows = embedder.rows(str(path), recording, None if at_s is None else [at_s])
    return Vectors.of(rows, str(path))


def _of_source(
    index: Path, kind: str, source: str, at_s: float | None, directions_deg: tuple[tuple[float, float], ...]
) -> Vectors:
    """The rows that a table itself holds of a recording, those nearest to a moment and directions if some are given."""
    import numpy as np

    from yt360.inference.features_table import read_features
    from yt360.inference.search import Vectors, read_vectors

    if source not in read_features(index, ["source"])[0]["source"].unique().to_pylist():
        raise UsageError(f"--like {clean(source)}: expected a file, or a source of {index}; found neither")
    found = read_vectors(index, kind, source)
    columns = (found.places[name].to_numpy() for name in ("start_s", "azimuth_deg", "elevation_deg"))
    starts, *angles = columns
    kept = np.ones(len(found), bool)
    if at_s is not None:
        kept &= starts == starts[np.abs(starts - at_s).argmin()]
    if directions_deg:
        looks = np.stack(angles, axis=1)
        kept &= (looks[:, None] == np.array(directions_deg, np.float32)).all(axis=2).any(axis=1)
        if not kept.any():
            known = "; ".join(f"{azimuth:g},{elevation:g}" for azimuth, elevation in np.unique(looks, axis=0))
            raise UsageError(f"--direction: expected one of those in {index}: {known}; found others")
    rows = np.flatnonzero(kept)
    return Vectors(found.vectors[rows], found.places.take(rows))
