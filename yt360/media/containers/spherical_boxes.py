"""Writes "this is 360°" into an MP4 file: the boxes ``st3d`` and ``sv3d`` of Spherical Video V2.

Source: google/spatial-media, docs/spherical-video-v2-rfc.md.
"""

from __future__ import annotations

import struct
from pathlib import Path

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_VISUAL_ENTRY_BYTES = 86
"""Size and type of a sample entry and the fixed fields of a visual one (ISO/IEC 14496-12, 12.1.3)."""

_STEREO_MODES = {"mono": 0, "top-bottom": 1, "left-right": 2}


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def spherical_boxes(stereo: str) -> bytes:
    """``st3d`` and ``sv3d`` for a whole equirectangular picture without rotation."""
    full = bytes(4)  # version 0, no flags
    header = _box(b"svhd", full + b"yt360\0")
    pose = _box(b"prhd", full + struct.pack(">3i", 0, 0, 0))
    bounds = _box(b"equi", full + struct.pack(">4I", 0, 0, 0, 0))
    return _box(b"st3d", full + bytes([_STEREO_MODES[stereo]])) + _box(b"sv3d", header + _box(b"proj", pose + bounds))


def inject(path: Path, stereo: str = "mono") -> None:
    """Add the boxes to the first video track of an MP4 file whose ``moov`` stands before ``mdat``."""
    data = bytearray(path.read_bytes())
    extra = spherical_boxes(stereo)
    parents: list[int] = []
    entry = _find_visual_entry(data, 0, len(data), parents)
    if entry is None:
        raise ValueError(f"{path}: expected an MP4 file with a video track, found none")
    size = struct.unpack_from(">I", data, entry)[0]
    data[entry + size : entry + size] = extra
    for start in [*parents, entry]:
        struct.pack_into(">I", data, start, struct.unpack_from(">I", data, start)[0] + len(extra))
    _shift_chunk_offsets(data, 0, len(data), len(extra))
    path.write_bytes(data)


def _boxes(data: bytearray, start: int, end: int) -> list[tuple[int, int, bytes]]:
    found = []
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8:
            break
        found.append((start, size, kind))
        start += size
    return found


def _find_visual_entry(data: bytearray, start: int, end: int, parents: list[int]) -> int | None:
    for position, size, kind in _boxes(data, start, end):
        if kind == b"stsd":
            entry = position + 16
            if bytes(data[entry + 4 : entry + 8]) in (b"avc1", b"hvc1", b"hev1") and size > 16 + _VISUAL_ENTRY_BYTES:
                parents.append(position)
                return entry
        elif kind in _CONTAINERS:
            parents.append(position)
            found = _find_visual_entry(data, position + 8, position + size, parents)
            if found is not None:
                return found
            parents.pop()
    return None


def _shift_chunk_offsets(data: bytearray, start: int, end: int, by: int) -> None:
    """The media data moved back by ``by`` bytes."""
    for position, size, kind in _boxes(data, start, end):
        if kind == b"stco":
            count = struct.unpack_from(">I", data, position + 12)[0]
            for index in range(count):
                place = position + 16 + 4 * index
                struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + by)
        elif kind in _CONTAINERS:
            _shift_chunk_offsets(data, position + 8, position + size, by)
