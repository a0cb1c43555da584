"""The mark by which a folder is known as the root of a dataset: a file with an id of its own.

A folder is taken for a root when it is new, empty, or a root already. Anything else is somebody's own, and refused:
a run clears, replaces and removes files below its root.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from pathlib import Path

from yt360.errors import UsageError
from yt360.files import atomic_write_text, parse_json

MARKER = "yt360-root.json"
FORMAT = "yt360-root"

OWN_FOLDERS = frozenset(("ledger", "data", "manifests", "shards", "report", "state", "logs", "tmp"))
"""Entries of a root that yt360 makes."""

MOVED_BETWEEN = ("data", "shards", "tmp")
"""Those between which outputs are moved in one step."""

_NOBODYS = frozenset(("lost+found", ".DS_Store", ".Trash-0", ".nfs"))
"""What a file system or a desktop puts into an empty folder by itself."""

_PARTIAL = re.compile(re.escape(f".{MARKER}.") + r".*\.partial")


def is_root(folder: Path) -> bool:
    """Whether a folder is a dataset's root: marked, or made by a version that set no mark."""
    return (folder / MARKER).is_file() or _is_earlier(folder)


def claim(folder: Path) -> None:
    """Mark a folder as a root. Raises :class:`UsageError` when it is neither new, empty nor a root.

    The mark comes first: a kill behind it leaves a root with little in it, never an unmarked folder with files of ours.
    """
    if (folder / MARKER).is_file():
        _require_ours(folder / MARKER)
        return
    if folder.is_dir() and not _is_earlier(folder):
        others = sorted(name for name in os.listdir(folder) if name not in _NOBODYS and not _PARTIAL.fullmatch(name))
        if others:
            raise UsageError(
                f"{folder}: expected a new or empty folder, or the root of a dataset, found a folder with other files "
                f"in it ({', '.join(map(repr, others[:3]))}{' …' if len(others) > 3 else ''}); give another --root"
            )
    value = {"format": FORMAT, "version": 1, "id": uuid.uuid4().hex}
    atomic_write_text(folder / MARKER, json.dumps(value, indent=1) + "\n")


def _is_earlier(folder: Path) -> bool:
    """A root from before there was a mark: a ledger, and beside it a recipe or the lock of a run."""
    return (folder / "ledger").is_dir() and (
        (folder / "recipe.json").is_file() or (folder / "state" / "lock").is_file()
    )


def _require_ours(path: Path) -> None:
    try:
        value = parse_json(path.read_bytes()[:4096])
        ours = isinstance(value, dict) and value.get("format") == FORMAT
    except (OSError, ValueError, RecursionError):
        ours = False
    if not ours and not _is_earlier(path.parent):
        raise UsageError(
            f"{path}: expected the mark of a dataset's root (JSON), found something else; if this folder is a root, "
            "delete that file and run again; if not, give another --root"
        )
