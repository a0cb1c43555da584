"""``shards/shards.json``: the shards with their digests, for readers without Parquet; written last.

It was called ``index.json``, which litdata and mosaicml-streaming take for an index of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yt360.engine.storage import Root
from yt360.files import atomic_write_text, parse_json
from yt360.stages.shard import MEMBERS, Shard

_FORMAT = "yt360-shards"


def path(root: Root) -> Path:
    """Where the index of a root lies."""
    return root.path / Shard.mirrored[0]


def _former(root: Root) -> Path:
    return root.path / Shard.mirrored[1]


def text(shards: Sequence[Mapping[str, Any]]) -> str:
    """The index of some shards: equal rows give equal text."""
    index = {"format": _FORMAT, "version": 1, "members": MEMBERS, "shards": list(shards)}
    return json.dumps(index, indent=1, sort_keys=True) + "\n"


def write(root: Root, shards: Sequence[Mapping[str, Any]]) -> None:
    """Bring the index in line with the shards; one that is right already is not touched."""
    made, file = text(shards), path(root)
    if not file.is_file() or file.read_bytes() != made.encode():
        atomic_write_text(file, made)
    if _rows(_former(root)) is not None:  # an index of another tool's is left alone
        _former(root).unlink()


def problem(root: Root, shards: Sequence[Mapping[str, Any]]) -> str | None:
    """What is wrong with the index, in words; one of the former name is as good until the next run."""
    file = path(root)
    if not file.is_file() and _rows(_former(root)) is not None:
        file = _former(root)
    try:
        if file.read_bytes() == text(shards).encode():
            return None
        return f"{file}: expected the index that the ledger gives, found another"
    except OSError as error:
        return f"{file}: expected an index of {len(shards)} shards, found: {error.strerror}"


def named(root: Root) -> set[str]:
    """The shards that the index on disk names, as far as it can be read."""
    return (_rows(path(root)) or set()) | (_rows(_former(root)) or set())


def _rows(file: Path) -> set[str] | None:
    """The shards that an index of ours names; ``None`` for anything else."""
    try:
        index = parse_json(file.read_text(encoding="utf-8"))
        return {str(row["shard"]) for row in index["shards"]} if index["format"] == _FORMAT else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
