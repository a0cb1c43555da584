"""WAVE files (RIFF, RF64, BW64): the ambisonic sub-format of WAVE-EX (``.amb``, FuMa order and weights), the audio
definition model, and the promised size.

Sources: R. Dobson, "The AMB Ambisonic File Format" (2000); EBU Tech 3306 (RF64); ITU-R BS.2088 (BW64).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from yt360.media.containers.adm import AudioModel, apply_model, read_axml, read_chna
from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import FUMA_ORDERING, ContainerMetadata, SoundMetadata, StreamGroup

_AMBISONIC_GUIDS = (
    bytes.fromhex("010000002107d3118644c8c1ca000000"),
    bytes.fromhex("030000002107d3118644c8c1ca000000"),
)
"""Subformats of B-format files (``.amb``): integers and floats."""

_MAX_CHUNKS = 1000
"""Chunks that are read of one file, which may be hostile."""

_FLAT = (3, 5, 7)
"""Channels of B-format without height: W X Y, then the horizontal components of the orders above."""

_ELSEWHERE = 0xFFFFFFFF
"""Size of a chunk that is stated in ``ds64``, or by nobody."""


def read_riff(file: BinaryIO, file_size: int) -> ContainerMetadata:
    """Read what stands beside the samples; one sound track is reported."""
    found = ContainerMetadata(container="wav", sounds=[SoundMetadata()])
    window, model = Window(file, 0, file_size), AudioModel()
    offset, long_size = 12, 0
    try:
        for _ in range(_MAX_CHUNKS):
            if offset + 8 > file_size:
                break
            kind = window.read(offset, 4)
            (size,) = struct.unpack("<I", window.read(offset + 4, 4))
            if kind == b"ds64":
                (long_size,) = struct.unpack("<Q", window.read(offset + 8 + 8, 8))
            if kind == b"data" and size == _ELSEWHERE:
                if not long_size:
                    break
                size = long_size
            content = Window(file, offset + 8, min(offset + 8 + size, file_size))
            if kind == b"fmt ":
                _read_format(content, found)
            elif kind == b"chna":
                read_chna(content, model)
            elif kind == b"axml":
                read_axml(content, model)
            elif kind == b"data":
                found.promised_size = offset + 8 + size
            offset += 8 + size + (size & 1)
    except MalformedError as error:
        found.problems.append(f"wav: {error}")
    apply_model(model, found.sounds[0])
    return found


def _read_format(content: Window, found: ContainerMetadata) -> None:
    sound = found.sounds[0]
    sound.channels = int.from_bytes(content.read(2, 2), "little")
    if content.size >= 40 and content.read(24, 16) in _AMBISONIC_GUIDS:
        sound.order = 1
        sound.channel_ordering = FUMA_ORDERING
        if sound.channels in _FLAT:
            rows = tuple(tuple(float(row == k and row < 3) for k in range(sound.channels)) for row in range(4))
            found.groups.append(StreamGroup(0, 1, (0,), 4, rows, f"B-format without height, {sound.channels} channels"))
