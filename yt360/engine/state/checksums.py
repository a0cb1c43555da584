"""Checksums of what the ledger is made of: a bit that a disk or a copy gives back wrong is found, not believed.

A line ends with the CRC-32 of what is before it; a Parquet file has the CRC-32 of its content in its name. Files of
earlier versions have neither, and are read as they are.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from yt360.files import parse_json

_MARK = b',"crc":"'
_END = b'"}\n'
_TAIL_BYTES = len(_MARK) + 8 + len(_END)
_IN_NAME = re.compile(r"\.([0-9a-f]{8})\.parquet")
_BLOCK_BYTES = 1 << 22


def sealed(line: bytes) -> bytes:
    """A line that is one JSON object, with its checksum as the last entry."""
    body = line.rstrip(b"\n")[:-1]
    return body + _MARK + b"%08x" % zlib.crc32(body) + _END


def is_sealed(line: bytes) -> bool:
    """Whether a line has a checksum."""
    return line[-_TAIL_BYTES:].startswith(_MARK) and line.endswith(_END)


def is_whole(line: bytes, names: frozenset[str]) -> bool:
    """Whether a line is as it was written. One without a checksum has ``names`` and nothing else."""
    if is_sealed(line):
        return line[-_TAIL_BYTES:][len(_MARK) : -len(_END)] == b"%08x" % zlib.crc32(line[:-_TAIL_BYTES])
    try:
        value = parse_json(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.keys() == names


def named(path: Path, content: Path) -> Path:
    """The name ``….parquet`` with the checksum of a file's content in it."""
    return path.with_name(f"{path.name.removesuffix('.parquet')}.{_of(content):08x}.parquet")


_seen: set[tuple[str, int, int, int]] = set()
"""Files that were whole when this process looked at them."""


def require_whole(path: Path) -> None:
    """Raise :class:`ValueError` where a file's content is not what its name says. A file is read once a process."""
    match = _IN_NAME.search(path.name)
    if match is None:
        return
    status = path.stat()
    stamp = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
    if stamp in _seen:
        return
    found = _of(path)
    if found != int(match[1], 16):
        raise ValueError(f"its content has the checksum {found:08x}")
    _seen.add(stamp)


def _of(path: Path) -> int:
    crc = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            crc = zlib.crc32(block, crc)
    return crc
