"""Graphs of neighbours (HNSW of FAISS) in files beside tables of features.

FAISS trusts what an index file says. So a file is read only if this user's copy of yt360 wrote it: a note in the cache
folder, under the digest of the file, says so, and what it was made of. All others are made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.errors import UsageError
from yt360.files import atomic_write, atomic_write_text, parse_json
from yt360.hashing import digest_file
from yt360.inference.features_table import INDEX_SUFFIX

_NEIGHBOURS, _EF_CONSTRUCTION = 32, 200
"""Edges of a node, and candidates that are looked at for them (Malkov and Yashunin, 2018)."""

_FOOTER_BYTES = 65_536
_MADE_AS = 1
"""Indices that a version before wrote are made again when this is raised."""


def load_or_build(path: Path, kind: str, vectors: NDArray[np.float32], said: Callable[[str], None]) -> Any:
    """The index of the ``vectors`` (n, d) of one ``kind`` in a table, from its file where that is still of them.

    Raises :class:`UsageError` where FAISS is not installed.
    """
    faiss = _library()
    where = path.with_name(f"{path.name}.{kind}{INDEX_SUFFIX}")
    made_of = [_MADE_AS, kind, list(vectors.shape), *_state_of(path)]
    if where.is_file() and _noted(where) == made_of:
        index = faiss.read_index(str(where))
        if (index.ntotal, index.d) == vectors.shape:
            return index
    said(f"making the index {where.name} of {len(vectors)} vectors")
    index = faiss.IndexHNSWFlat(vectors.shape[1], _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _EF_CONSTRUCTION
    index.add(np.ascontiguousarray(vectors))
    try:
        atomic_write(where, lambda partial: faiss.write_index(index, str(partial)))
        _note(where, made_of)
    except OSError as error:
        said(f"{where}: the index cannot be kept ({error.strerror}); the next search makes it again")
    return index


def _library() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise UsageError(
            "this table is too large to compare every row: pip install 'yt360[search]', or give --exact"
        ) from error
    return faiss


def _state_of(path: Path) -> list[Any]:
    """Differs when the table does: its size, when it was written, and its footer."""
    with path.open("rb") as stream:
        stamp = os.fstat(stream.fileno())
        stream.seek(max(0, stamp.st_size - _FOOTER_BYTES))
        footer = hashlib.blake2b(stream.read(), digest_size=20).hexdigest()
    return [stamp.st_size, stamp.st_mtime_ns, footer]


def _note_path(index: Path) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "yt360" / "indices" / f"{digest_file(index)}.json"


def _noted(index: Path) -> Any:
    """What an index was made of, if it was made here; else ``None``."""
    try:
        return parse_json(_note_path(index).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _note(index: Path, made_of: list[Any]) -> None:
    atomic_write_text(_note_path(index), json.dumps(made_of) + "\n")
