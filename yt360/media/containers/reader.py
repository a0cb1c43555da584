"""Bounded reading of a file from outside: nothing is read that was not asked for, nothing past the end."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from yt360.media.containers.spatial import ByteRange

MAX_PAYLOAD = 16 << 20
"""No metadata payload that we read is longer than this; a longer one is a hostile size."""


class MalformedError(ValueError):
    """A structure contradicts itself or is larger than any honest one."""


@dataclass
class Window:
    """A stretch ``[start, end)`` of a file that reads as big-endian fields."""

    file: BinaryIO
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes in the window."""
        return self.end - self.start

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes at ``offset`` from the start. Raises :class:`MalformedError` where they do not exist."""
        if size < 0 or size > MAX_PAYLOAD or offset < 0 or self.start + offset + size > self.end:
            raise MalformedError(f"{size} bytes at {self.start + offset} do not fit before {self.end}")
        self.file.seek(self.start + offset)
        data = self.file.read(size)
        if len(data) != size:
            raise MalformedError(f"the file ends inside {size} bytes at {self.start + offset}")
        return data

    def all(self) -> bytes:
        """The whole window."""
        return self.read(0, self.size)

    def unpack(self, layout: str, offset: int = 0) -> tuple[int, ...]:
        """Integers of a :mod:`struct` layout, big-endian."""
        layout = ">" + layout
        return struct.unpack(layout, self.read(offset, struct.calcsize(layout)))

    def range(self, offset: int = 0) -> ByteRange:
        """Where the rest of the window from ``offset`` lies in the file."""
        return ByteRange(self.start + offset, max(0, self.size - offset))
