"""CAF and AIFF: the channel layout that they state, and the size that they promise.

Sources: "Apple Core Audio Format Specification"; "Audio Interchange File Format" (Apple, 1989), and its ``CHAN`` chunk.
"""

from __future__ import annotations

from typing import BinaryIO

from yt360.media.containers.channel_statements import read_chan
from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import ContainerMetadata, SoundMetadata

_MAX_CHUNKS = 1000
"""Chunks that are read of one file, which may be hostile."""

_TO_THE_END = -1
"""Size of a chunk of sound that was never closed."""


def read_caf(file: BinaryIO, file_size: int) -> ContainerMetadata:
    """Read ``desc`` and ``chan``; one sound track is reported."""
    found = ContainerMetadata(container="caf", sounds=[SoundMetadata()])
    sound, window, offset = found.sounds[0], Window(file, 0, file_size), 8
    try:
        for _ in range(_MAX_CHUNKS):
            if offset + 12 > file_size:
                break
            kind = window.read(offset, 4)
            (size,) = window.unpack("q", offset + 4)
            if kind == b"data" and size == _TO_THE_END:
                break
            if size < 0:
                raise MalformedError(f"chunk {kind!r} at {offset} states {size} bytes")
            content = Window(file, offset + 12, min(offset + 12 + size, file_size))
            if kind == b"desc":
                (sound.channels,) = content.unpack("I", 24)
            elif kind == b"chan":
                read_chan(content, 0, offset, sound.channels, sound)
            elif kind == b"data":
                found.promised_size = offset + 12 + size
            offset += 12 + size
    except MalformedError as error:
        found.problems.append(f"caf: {error}")
    return found


def read_aiff(file: BinaryIO, file_size: int) -> ContainerMetadata:
    """Read ``COMM`` and ``CHAN``; one sound track is reported."""
    found = ContainerMetadata(container="aiff", sounds=[SoundMetadata()])
    sound, window, offset = found.sounds[0], Window(file, 0, file_size), 12
    try:
        for _ in range(_MAX_CHUNKS):
            if offset + 8 > file_size:
                break
            kind = window.read(offset, 4)
            (size,) = window.unpack("I", offset + 4)
            content = Window(file, offset + 8, min(offset + 8 + size, file_size))
            if kind == b"COMM":
                (sound.channels,) = content.unpack("H")
            elif kind == b"CHAN":
                read_chan(content, 0, offset, sound.channels, sound)
            elif kind == b"SSND":
                found.promised_size = offset + 8 + size
            offset += 8 + size + (size & 1)
    except MalformedError as error:
        found.problems.append(f"aiff: {error}")
    return found
