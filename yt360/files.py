"""Writes that are whole or not there: complete and flushed before the final name appears."""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import uuid
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from yt360 import process_tag
from yt360.errors import DiskFullError, ItemError, UsageError

OUT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers of a file system that is full, or full for this user."""


def raise_if_disk_full(error: BaseException, path: Path) -> None:
    """Turn "no room" in any disguise (errno, or a tool's last words) into :class:`DiskFullError`."""
    full = isinstance(error, OSError) and error.errno in OUT_OF_ROOM
    if isinstance(error, ItemError):
        full = error.kind == "disk-full" or "No space left on device" in str(error)
    if full:
        raise DiskFullError(
            f"{path}: no room left on the device; free some space and run again: finished work is kept"
        ) from error


def require_no_folder(path: Path) -> None:
    """Raise :class:`UsageError` where a folder has the name that a file is to get."""
    if path.is_dir() and not path.is_symlink():
        raise UsageError(f"{path}: expected a file or nothing, found a folder; move it away and give the command again")


def fsync_path(path: Path) -> None:
    """Flush a file or a folder's entries to the device."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def atomic_write(path: Path, write: Callable[[Path], object], *, named: Callable[[], Path] | None = None) -> None:
    """Let ``write`` fill a neighbour of ``path``, flush it and give it the name in one step.

    ``named`` gives another name in the same folder, where that is known only when all is written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{process_tag.mark()}.partial")
    try:
        write(partial)
        fsync_path(partial)
        os.replace(partial, named() if named is not None else path)
        fsync_path(path.parent)
    except IsADirectoryError:
        require_no_folder(path)
        raise
    except OSError as error:
        raise_if_disk_full(error, path)
        raise
    finally:
        partial.unlink(missing_ok=True)


PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}(~.+~)?\.partial")
"""Names that :func:`atomic_write` gives to a file until it is whole."""


def leftovers_of(path: Path) -> list[Path]:
    """What writes of a file that were cut short have left beside it."""
    found = path.parent.glob(f".{glob.escape(path.name)}.*.partial")
    return sorted(left for left in found if PARTIAL.fullmatch(left.name) and left.is_file())


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises :class:`ValueError` for what is none, however deep it is nested."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None


def with_checksum(value: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with a checksum of its entries beside them."""
    return {**value, "checksum": _checksum(value)}


def require_checksum(value: Mapping[str, Any]) -> None:
    """Raise :class:`ValueError` where entries are not those of :func:`with_checksum`; without one, nothing is known."""
    if "checksum" in value and value["checksum"] != _checksum(value):
        raise ValueError("its checksum is another one")


def _checksum(value: Mapping[str, Any]) -> str:
    held = {name: entry for name, entry in value.items() if name != "checksum"}
    return f"{zlib.crc32(json.dumps(held, sort_keys=True).encode()):08x}"


def atomic_write_text(path: Path, text: str) -> None:
    atomic_write(path, lambda partial: partial.write_text(text, encoding="utf-8"))
