"""What streams a file holds, as libav sees them.

libav may crash the process on a hostile file (a double free, not an exception): call :func:`probe`
only in a process that may die.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from yt360.errors import ItemError
from yt360.media.container import read_metadata
from yt360.media.ffmpeg import FORMATS
from yt360.media.spatial import ContainerMetadata

_OPUS_FAMILY_AT = 18
"""Byte of an Opus header that holds the channel mapping family (RFC 7845)."""


@dataclass(frozen=True)
class VideoStream:
    """``index`` counts video streams from 0 (``-map 0:v:index``). Times are on the container's clock."""

    index: int
    codec: str
    width: int
    height: int
    fps: float
    start_s: float
    duration_s: float | None


@dataclass(frozen=True)
class AudioStream:
    """``index`` counts audio streams from 0 (``-map 0:a:index``).

    ``layout`` is libav's name for the channels and decides nothing. ``opus_family`` is the channel
    mapping family of an Opus stream (RFC 7845, RFC 8486).
    """

    index: int
    codec: str
    sample_rate_hz: int
    channels: int
    layout: str
    opus_family: int | None
    start_s: float
    duration_s: float | None


@dataclass(frozen=True)
class MediaInfo:
    """A file as libav and our own box parsers see it. ``start_s`` is the earliest time of its clock."""

    path: Path
    container: str
    size: int
    start_s: float
    duration_s: float | None
    videos: tuple[VideoStream, ...]
    audios: tuple[AudioStream, ...]
    metadata: ContainerMetadata = field(compare=False)


class _Masked(io.RawIOBase):
    """A file in which a few bytes read as others.

    libav double-frees on an ``SA3D`` box whose channel map is not the identity; with the box's type
    hidden it opens such files well.
    """

    def __init__(self, path: Path, patches: dict[int, bytes]) -> None:
        self._file = path.open("rb")
        self._patches = patches

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        start = self._file.tell()
        data = bytearray(self._file.read(size))
        for offset, patch in self._patches.items():
            for k, byte in enumerate(patch):
                if start <= offset + k < start + len(data):
                    data[offset + k - start] = byte
        return bytes(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


def open_media(path: Path, metadata: ContainerMetadata | None = None) -> Any:
    """Open ``path`` with PyAV. Raises :class:`ItemError` of kind ``truncated``, ``corrupt`` or ``not-media``."""
    metadata = metadata if metadata is not None else read_metadata(path)
    patches = {sound.type_at: b"free" for sound in metadata.sounds if sound.type_at is not None}
    try:
        source = _Masked(path, patches) if patches else f"file:{path}"
        return av.open(source, mode="r", options={"format_whitelist": FORMATS, "protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError) as error:
        raise _cannot_open(path, metadata, str(error)) from None


def _cannot_open(path: Path, metadata: ContainerMetadata, found: str) -> ItemError:
    size = path.stat().st_size
    if metadata.promised_size is not None and metadata.promised_size > size:
        return ItemError(
            "truncated",
            f"{path}: expected {metadata.promised_size} bytes by its own structure, found {size}; fetch it again",
        )
    if any("no moov" in problem for problem in metadata.problems):
        return ItemError("truncated", f"{path}: an MP4 without its moov box, it was cut off; fetch it again")
    if metadata.container:
        return ItemError("corrupt", f"{path}: begins as {metadata.container} but cannot be opened: {found}")
    return ItemError("not-media", f"{path}: expected audio or video, found something else ({found})")


def probe(path: Path) -> MediaInfo:
    """Look at the headers of a file.

    Streams of a codec that libav does not know are passed over. Raises :class:`ItemError` of kind ``missing``,
    ``unreadable``, ``empty``, ``truncated``, ``corrupt``, ``unknown-codec`` or ``not-media``.
    """
    metadata = read_metadata(path)
    with open_media(path, metadata) as container:
        pictures = [s for s in container.streams if s.type == "video" and not s.disposition & Disposition.attached_pic]
        sounds = [s for s in container.streams if s.type == "audio"]
        videos = [_video(stream, k) for k, stream in enumerate(pictures) if stream.codec_context is not None]
        audios = [_audio(stream, k) for k, stream in enumerate(sounds) if stream.codec_context is not None]
        if not videos and not audios:
            if pictures or sounds:
                raise ItemError("unknown-codec", f"{path}: expected a codec that libav knows, found none in any stream")
            raise _cannot_open(path, metadata, "no audio or video stream")
        starts = [video.start_s for video in videos] + [audio.start_s for audio in audios]
        start_s = container.start_time / av.time_base if container.start_time is not None else min(starts)
        duration_s = container.duration / av.time_base if container.duration else None
        return MediaInfo(
            path=path,
            container=container.format.name,
            size=path.stat().st_size,
            start_s=float(start_s),
            duration_s=duration_s,
            videos=tuple(videos),
            audios=tuple(audios),
            metadata=metadata,
        )


def _seconds(value: int | None, base: Any) -> float | None:
    return float(value * base) if value is not None and base is not None else None


def _video(stream: Any, index: int) -> VideoStream:
    rate = stream.average_rate or stream.guessed_rate
    return VideoStream(
        index=index,
        codec=stream.codec_context.name,
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        fps=round(float(rate), 4) if rate else 0.0,
        start_s=_seconds(stream.start_time, stream.time_base) or 0.0,
        duration_s=_seconds(stream.duration, stream.time_base),
    )


def _audio(stream: Any, index: int) -> AudioStream:
    context = stream.codec_context
    family = None
    if context.name in ("opus", "libopus"):
        header = context.extradata or b""
        family = header[_OPUS_FAMILY_AT] if header[:8] == b"OpusHead" and len(header) > _OPUS_FAMILY_AT else 0
    return AudioStream(
        index=index,
        codec=context.name,
        sample_rate_hz=context.sample_rate or 0,
        channels=context.channels,
        layout=context.layout.name if context.layout is not None else "",
        opus_family=family,
        start_s=_seconds(stream.start_time, stream.time_base) or 0.0,
        duration_s=_seconds(stream.duration, stream.time_base),
    )
