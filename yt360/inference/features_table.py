"""``features.parquet``: one row for each moment, direction and kind of feature of a recording.

Importing this does not import torch.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from yt360.errors import UsageError
from yt360.files import atomic_write, parse_json

if TYPE_CHECKING:
    from yt360.models.avsa_model import Features

MODALITIES = (
    "video",
    "sound",
    "video_embedding",
    "sound_embedding",
    "predicted_video_embedding",
    "predicted_sound_embedding",
    "video_from_sound",
    "sound_from_video",
)
"""Kinds of features, as :class:`yt360.models.avsa_model.Features` names them."""

USUAL = MODALITIES[:4]

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("start_s", pa.float64()),
        ("azimuth_deg", pa.float32()),
        ("elevation_deg", pa.float32()),
        ("modality", pa.dictionary(pa.int8(), pa.string())),
        ("vector", pa.list_(pa.float32())),
    ]
)
"""Columns. ``source``: the file as it was named, or the id of the clip; ``start_s``: where a moment's sound begins."""

_ABOUT = b"yt360.features"

INDEX_SUFFIX = ".faiss"


def rows_of(
    source: str,
    starts_s: Sequence[float],
    directions_deg: Sequence[tuple[float, float]],
    features: Features,
    modalities: Sequence[str],
) -> pa.Table:
    """The rows of some moments: by moment, then direction, then kind.

    Raises :class:`UsageError` for a kind that the model does not have.
    """
    kinds = []
    for name in modalities:
        tensor = getattr(features, name)
        if tensor is None:
            raise UsageError(f"{name}: expected a model with translation networks, found one without; leave it out")
        kinds.append(tensor.cpu().numpy())
    vectors, columns = [], []
    for k, start_s in enumerate(starts_s):
        for j, (azimuth_deg, elevation_deg) in enumerate(directions_deg):
            for name, values in zip(modalities, kinds, strict=True):
                columns.append((source, float(start_s), float(azimuth_deg), float(elevation_deg), name))
                vectors.append(values[k, j])
    lists = [list(column) for column in zip(*columns, strict=True)]
    places = np.concatenate([[0], np.cumsum([len(vector) for vector in vectors])]).astype(np.int32)
    joined = pa.ListArray.from_arrays(pa.array(places), pa.array(np.concatenate(vectors), pa.float32()))
    words = pa.array(lists[4], pa.string()).dictionary_encode().cast(SCHEMA.field("modality").type)
    plain = [pa.array(lists[number], SCHEMA.field(number).type) for number in range(4)]
    return pa.Table.from_arrays([*plain, words, joined], schema=SCHEMA)


def write_features(path: Path, tables: Iterable[pa.Table], about: Mapping[str, Any]) -> int:
    """Write all rows in one step; how many. ``about``: the model and the settings, kept in the file's metadata."""
    schema = SCHEMA.with_metadata({_ABOUT: json.dumps(dict(about), sort_keys=True).encode()})
    count = 0

    def write(partial: Path) -> None:
        nonlocal count
        with pq.ParquetWriter(partial, schema, compression="zstd") as out:
            for table in tables:
                out.write_table(table.replace_schema_metadata(schema.metadata))
                count += len(table)

    atomic_write(path, write)
    return count


def read_features(path: Path, columns: Sequence[str] | None = None) -> tuple[pa.Table, dict[str, Any]]:
    """All rows (of some ``columns``), and what is said of them.

    Raises :class:`UsageError` for a file that is something else.
    """
    about = about_of(path)
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns)), about
    except (OSError, pa.ArrowException) as error:
        raise _not_features(path, error) from error


def about_of(path: Path) -> dict[str, Any]:
    """What a table of features says of itself: the model's digest, its input, what was asked for.

    Raises :class:`UsageError` for a file that is something else.
    """
    try:
        schema = pq.read_schema(path)
        about = parse_json((schema.metadata or {})[_ABOUT])
    except (OSError, pa.ArrowException, KeyError, ValueError, RecursionError) as error:
        raise _not_features(path, error) from error
    if not schema.equals(SCHEMA, check_metadata=False) or not isinstance(about, dict):
        wanted, found = (", ".join(each.names) for each in (SCHEMA, schema))
        raise UsageError(f"{path}: expected the columns {wanted}, found {found}")
    return about


def require_replaceable(path: Path) -> None:
    """Raise :class:`UsageError` where something other than features lies at ``path``: it would be lost."""
    if os.path.lexists(path):
        try:
            about_of(path)
        except UsageError as error:
            raise UsageError(f"{error}; it would be lost: name another file, or move it away") from error


def index_files(path: Path) -> list[Path]:
    """Indices for searching that lie beside a table (see :mod:`yt360.inference.search`)."""
    return sorted(path.parent.glob(f"{glob.escape(path.name)}.*{INDEX_SUFFIX}"))


def _not_features(path: Path, error: Exception) -> UsageError:
    return UsageError(f"{path}: expected features of `yt360 embed`, found something else ({error})")
