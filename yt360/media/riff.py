"""WAVE files: the ambisonic sub-format of WAVE-EX (``.amb``, FuMa order and weights) and the promised size.

Source: R. Dobson, "The AMB Ambisonic File Format" (2000).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from yt360.media.reader import MalformedError, Window
from yt360.media.spatial import ContainerMetadata, SoundMetadata

FUMA_ORDERING = 255
"""Marks FuMa in :attr:`SoundMetadata.channel_ordering`, where SA3D itself knows only 0 (ACN)."""

_AMBISONIC_GUIDS = (
    bytes.fromhex("010000002107d3118644c8c1ca000000"),
    bytes.fromhex("030000002107d3118644c8c1ca000000"),
)
"""Subformats of B-format files (``.amb``): integers and floats."""

_MAX_CHUNKS = 1000
"""Chunks that are read of one file, which may be hostile."""


def read_riff(file: BinaryIO, file_size: int) -> ContainerMetadata:
    """Read the ``fmt`` chunk; one sound track is reported."""
    found = ContainerMetadata(container="wav", sounds=[SoundMetadata()])
    window = Window(file, 0, file_size)
    offset = 12
    try:
        for _ in range(_MAX_CHUNKS):
            if offset + 8 > file_size:
                break
            kind = window.read(offset, 4)
            (size,) = struct.unpack("<I", window.read(offset + 4, 4))
            if kind == b"fmt " and size >= 40:
                guid = window.read(offset + 8 + 24, 16)
                if guid in _AMBISONIC_GUIDS:
                    found.sounds[0].order = 1
                    found.sounds[0].channel_ordering = FUMA_ORDERING
            if kind == b"data" and size != 0xFFFFFFFF:
                found.promised_size = offset + 8 + size
            offset += 8 + size + (size & 1)
    except MalformedError as error:
        found.problems.append(f"wav: {error}")
    return found
