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
from typing import Protocol

from yt360.errors import UsageError
from yt360.files import atomic_write_text, parse_json

MARKER = "yt360-root.json"
FORMAT = "yt360-root"

OWN_FOLDERS = frozenset(("ledger", "data", "manifests", "shards", "report", "state", "logs", "tmp"))
"""Entries of a root that yt360 makes."""

TAKEDOWNS = "removed.jsonl"
"""Entry of ``state``: what was taken down."""

MOVED_BETWEEN = ("data", "shards", "tmp")
"""Those between which outputs are moved in one step."""

_NOBODYS = frozenset(("lost+found", ".DS_Store", ".Trash-0", ".nfs"))
"""What a file system or a desktop puts into an empty folder by itself."""

_LOCK = re.compile(rb"\Z|process \d+ on ")
"""What the lock of a run says; one that a kill cut short says nothing."""

_LARGEST_RECIPE = 1 << 22

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
    atomic_write_text(folder / MARKER, _new_mark())


class Objects(Protocol):
    """What is needed of a store; see :class:`yt360.engine.object_store.ObjectStore`."""

    url: str

    def read(self, name: str) -> bytes: ...

    def top(self) -> list[str]: ...

    def create(self, data: bytes, name: str) -> bool: ...


def claim_store(store: Objects) -> None:
    """The same for a prefix of a store. Only names directly below it are listed."""
    try:
        if not _is_ours(store.read(MARKER)) and not _has_recipe(store, store.top()):
            raise UsageError(f"{store.url}/{MARKER}: expected the mark of a dataset's root, found something else")
        return
    except FileNotFoundError:
        found = store.top()
    others = sorted(name for name in found if name not in OWN_FOLDERS)
    if others and "ledger" not in found and not _has_recipe(store, found):
        raise UsageError(
            f"{store.url}: expected a new or empty prefix, or the root of a dataset, found other objects below it "
            f"({', '.join(map(repr, others[:3]))}{' …' if len(others) > 3 else ''}); give another --root"
        )
    store.create(_new_mark().encode(), MARKER)


def _has_recipe(store: Objects, found: list[str]) -> bool:
    return "recipe.json" in found and _is_recipe(store.read("recipe.json"))


def _new_mark() -> str:
    return json.dumps({"format": FORMAT, "version": 1, "id": uuid.uuid4().hex}, indent=1) + "\n"


def _is_ours(data: bytes) -> bool:
    try:
        value = parse_json(data[:4096])
    except ValueError:
        return False
    return isinstance(value, dict) and value.get("format") == FORMAT


def _is_earlier(folder: Path) -> bool:
    """A root from before there was a mark: a ledger, and beside it the recipe of a root or the lock of a run."""
    return (folder / "ledger").is_dir() and (
        _begins(folder / "state" / "lock", _LOCK) or _is_recipe(_read(folder / "recipe.json"))
    )


def _is_recipe(data: bytes) -> bool:
    """Whether this is what a run writes down of its stages; others have recipes, too."""
    try:
        value = parse_json(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("stages"), dict)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= _LARGEST_RECIPE else b""
    except OSError:
        return b""


def _begins(path: Path, with_: re.Pattern[bytes]) -> bool:
    try:
        with path.open("rb") as stream:
            return with_.match(stream.read(200)) is not None
    except OSError:
        return False


def _require_ours(path: Path) -> None:
    try:
        ours = _is_ours(path.read_bytes())
    except OSError:
        ours = False
    if not ours and not _is_earlier(path.parent):
        raise UsageError(
            f"{path}: expected the mark of a dataset's root (JSON), found something else; if this folder is a root, "
            "delete that file and run again; if not, give another --root"
        )
