"""``shards/index.json``: the shards with their digests, for readers without Parquet; written last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yt360.engine.storage import Root
from yt360.files import atomic_write_text, parse_json
from yt360.stages.shard import MEMBERS, Shard


def path(root: Root) -> Path:
    """Where the index of a root lies."""
    return root.path / Shard.mirrored[0]


def text(shards: Sequence[Mapping[str, Any]]) -> str:
    """The index of some shards: equal rows give equal text."""
    index = {"format": "yt360-shards", "version": 1, "members": MEMBERS, "shards": list(shards)}
    return json.dumps(index, indent=1, sort_keys=True) + "\n"


def write(root: Root, shards: Sequence[Mapping[str, Any]]) -> None:
    """Bring the index in line with the shards; one that is right already is not touched."""
    made, file = text(shards), path(root)
    if not file.is_file() or file.read_bytes() != made.encode():
        atomic_write_text(file, made)


def named(root: Root) -> set[str]:
    """The shards that the index on disk names, as far as it can be read."""
    try:
        rows = parse_json(path(root).read_text(encoding="utf-8"))["shards"]
        return {str(row["shard"]) for row in rows}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return set()
