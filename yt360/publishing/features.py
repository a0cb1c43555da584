"""Tables of features that were gathered of a root: written, remembered, and rid of what is taken down."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.files import atomic_write_text, parse_json
from yt360.inference.features_table import about_of, index_files, read_features, write_features
from yt360.stages.embed import Embed

_STATE = "features.json"
"""Below ``state``: where tables of this root were written."""


def gather(catalog: DatasetState, out: Path) -> int:
    """Write the features of all clips that have some, in order of their ids, to ``out``; how many rows.

    Raises :class:`UsageError` where no clip has any.
    """
    records = catalog.passing(Embed.name)
    planned = catalog.entries(Embed.name)
    paths = [catalog.root.local(records[clip].outputs["features"].uri) for clip in sorted(records) if clip in planned]
    if not paths:
        raise UsageError(f"{catalog.root.url}: expected clips with features, found none; `yt360 status` says why")
    rows = write_features(out, (read_features(path)[0] for path in paths), about_of(paths[0]))
    _remember(catalog.root, out)
    return rows


def tables(root: Root) -> list[Path]:
    """Tables that were gathered of a root and are still where they were written."""
    return [path for path in map(Path, _remembered(root)) if path.is_file()]


def naming(root: Root, clips: Collection[str]) -> list[Path]:
    """The tables of :func:`tables` that hold rows of some clips, and the indices that were made of them."""
    found = []
    for path in tables(root):
        if _holds(path, clips):
            found += [path, *index_files(path)]
    return found


def forget(root: Root, clips: Collection[str]) -> None:
    """Take the rows of some clips out of all tables; their indices go, to be made anew."""
    for path in tables(root):
        if not _holds(path, clips):
            continue
        for index in index_files(path):
            index.unlink(missing_ok=True)
        table, about = read_features(path)
        kept = table.filter(pc.invert(pc.is_in(table["source"], value_set=pa.array(sorted(clips), pa.string()))))
        write_features(path, [kept], about)


def _holds(path: Path, clips: Collection[str]) -> bool:
    try:
        sources = pq.read_table(path, columns=["source"])["source"].unique().to_pylist()
    except (OSError, pa.ArrowException, KeyError):
        return False  # something else lies there by now
    return bool(set(clips).intersection(sources))


def _remembered(root: Root) -> list[str]:
    try:
        value = parse_json((root.state / _STATE).read_text(encoding="utf-8"))
        return [path for path in value["tables"] if isinstance(path, str)]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []


def _remember(root: Root, out: Path) -> None:
    known = _remembered(root)
    path = str(out.absolute())
    if path not in known:
        atomic_write_text(root.state / _STATE, json.dumps({"tables": sorted([*known, path])}, indent=1) + "\n")
