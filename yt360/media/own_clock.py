"""Containers in which ffmpeg starts the clock with the streams that are read, and not with the file.

Picture and sound are read one by one. In formats that may be discontinuous (``AVFMT_TS_DISCONT``) ffmpeg corrects the
start of the file to that of the streams in use, so that each of them would begin at 0, whichever is late.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import av

from yt360.media.opus_start import opus_late_s, skip_late_s
from yt360.media.probe import open_media, stream_at

_TS_PACKETS, _TS_SYNC = (188, 192, 204), 0x47
"""Lengths of a packet of MPEG-TS (plain, with a time code before it, with parity), and the byte that begins each."""

_MATROSKA = b"\x1a\x45\xdf\xa3"
"""How files of Matroska and WebM begin."""

_OTHERS = (b"OggS", b"\x00\x00\x01\xba")
"""How files of Ogg and MPEG-PS begin."""


def starts_with_streams(path: Path) -> bool:
    """Whether this is such a container, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(4 + 2 * max(_TS_PACKETS))
    if head.startswith(_OTHERS):
        return True
    return any(
        all(head[first + k * size : first + k * size + 1] == bytes([_TS_SYNC]) for k in (0, 1))
        for size in _TS_PACKETS
        for first in (0, 4)
    )


def late_s(path: Path, kind: Literal["video", "audio"], index: int) -> float:
    """Seconds from the start of the file to that of a stream, where ffmpeg does not count them by itself; else 0."""
    if not starts_with_streams(path):
        return 0.0
    with open_media(path) as container:
        stream = stream_at(container, kind, index)
        if stream.start_time is None or container.start_time is None:
            return 0.0
        begin_s = float(stream.start_time * stream.time_base)
        return max(0.0, begin_s - float(container.start_time / av.time_base))


def opus_clock_late_s(path: Path) -> float:
    """Seconds by which the clock that ffmpeg shows of a file begins too late (:mod:`yt360.media.opus_start`)."""
    state = path.stat()
    return _opus_clock_late_s(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _opus_clock_late_s(path: Path, _size: int, _changed_ns: int) -> float:
    if not _is_matroska(path):
        return 0.0
    with open_media(path) as container:
        return opus_late_s(container)


def sought_late_s(path: Path, index: int) -> float:
    """Seconds by which ffmpeg takes sound stream ``index`` to be later after a seek than its time stamps say."""
    state = path.stat()
    return _sought_late_s(path, index, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _sought_late_s(path: Path, index: int, _size: int, _changed_ns: int) -> float:
    if not _is_matroska(path):
        return 0.0
    with open_media(path) as container:
        return skip_late_s(container, stream_at(container, "audio", index))


def _is_matroska(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MATROSKA)) == _MATROSKA
