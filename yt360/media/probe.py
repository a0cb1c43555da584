"""What streams a file holds, as libav sees them.

libav may crash the process on a hostile file (a double free, not an exception): call :func:`probe`
only in a process that may die.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import av
from av.stream import Disposition

from yt360.errors import ItemError
from yt360.media.containers.metadata import read_metadata
from yt360.media.containers.opus_projection import read_projection
from yt360.media.containers.spatial import ContainerMetadata, StreamGroup
from yt360.media.ffmpeg import FORMATS
from yt360.media.opus_start import opus_late_s

_OPUS_FAMILY_AT = 18
"""Byte of an Opus header that holds the channel mapping family (RFC 7845)."""

_LONGEST_NAME = 200
"""Characters of a track's name that are kept."""

_MOST_DATA_TRACKS = 16
"""Tracks of data whose names are kept."""

_PROJECTION_FAMILY, _OPUS_HZ = 3, 48_000

_KNOWN_SOUND = {
    "apac": "APAC (Apple Positional Audio Codec)",
    "ac-4": "AC-4",
    "mha1": "MPEG-H 3D Audio",
    "mhm1": "MPEG-H 3D Audio",
    "iamf": "IAMF (Eclipsa Audio)",
    "dtsx": "DTS-UHD",
}
"""Sample entries of sound that libav knows at most by name."""

_NO_NAME = "?"
"""Of a codec of which nobody says what it is."""

_STILL_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""First bytes of JPEG and PNG files."""


_WIDEST_PIXEL = 4.0
"""Beyond that, or beyond its inverse, what is stated of the shape of pixels is a mistake."""


@dataclass(frozen=True)
class VideoStream:
    """``index`` counts video streams without attached pictures from 0 (``-map 0:V:index``).

    Times are on the container's clock. ``handler`` is the name that its writer gave the track. ``views`` counts the
    pictures that are coded in layers (MV-HEVC), of which the first is decoded. ``pixel_aspect`` is how wide a pixel is
    shown for its height.
    """

    index: int
    codec: str
    width: int
    height: int
    fps: float
    start_s: float
    duration_s: float | None
    handler: str = ""
    views: int = 1
    pixel_aspect: float = 1.0

    @property
    def coded_as(self) -> str:
        """The codec as a report names it."""
        return "mv-hevc" if self.views > 1 else self.codec


@dataclass(frozen=True)
class AudioStream:
    """``index`` counts audio streams from 0 (``-map 0:a:index``).

    ``layout`` is libav's name for the channels and decides nothing. ``opus_family`` is the channel
    mapping family of an Opus stream (RFC 7845, RFC 8486). A sound that is spread over several streams has their numbers
    in ``parts`` and the number of the first as its ``index``; ``matrix`` makes its channels out of what they hold.
    ``name`` is what its writer called the track.
    ``opus_header`` (hexadecimal) is that by which it is decoded, where libav cannot go by the file's own.
    ``tick_s`` is the unit of its time stamps, 0 where it is not known.
    """

    index: int
    codec: str
    sample_rate_hz: int
    channels: int
    layout: str
    opus_family: int | None
    start_s: float
    duration_s: float | None
    parts: tuple[int, ...] = ()
    matrix: tuple[tuple[float, ...], ...] = ()
    name: str = ""
    opus_header: str = ""
    tick_s: float = 0.0


@dataclass(frozen=True)
class Undecodable:
    """A stream that is there and cannot be decoded: its ``kind`` (``video``, ``audio``), a code, and what is known."""

    kind: str
    code: str
    words: str


@dataclass(frozen=True)
class MediaInfo:
    """A file as libav and our own box parsers see it. ``start_s`` is the earliest time of its clock.

    ``undecodable`` are the streams of which libav knows that they are there and nothing else; ``tags`` are
    what the container says about itself (make of the camera, brands).
    """

    path: Path
    container: str
    size: int
    start_s: float
    duration_s: float | None
    videos: tuple[VideoStream, ...]
    audios: tuple[AudioStream, ...]
    metadata: ContainerMetadata = field(compare=False)
    undecodable: tuple[Undecodable, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


class _Masked(io.RawIOBase):
    """A file in which a few bytes read as others.

    libav derives a channel layout of its own from an ``SA3D`` box whose channel map is not the identity, and from
    ``chan`` and ``chnl``; PyAV frees it twice. With the boxes' types hidden it opens such files well.
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


def open_media(
    path: Path, metadata: ContainerMetadata | None = None, *, options: Mapping[str, str] | None = None
) -> Any:
    """Open ``path`` with PyAV, with further ``options`` of libav's.

    Raises :class:`ItemError` of kind ``truncated``, ``corrupt`` or ``not-media``.
    """
    metadata = metadata if metadata is not None else read_metadata(path)
    patches = {at: b"free" for sound in metadata.sounds for at in sound.masked_at}
    patches |= {at: data for sound in metadata.sounds for at, data in sound.masks}
    try:
        source = _Masked(path, patches) if patches else f"file:{path}"
        allowed = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        return av.open(source, mode="r", options={**(options or {}), **allowed})
    except (av.FFmpegError, ValueError) as error:
        raise _cannot_open(path, metadata, str(error)) from None


def stream_at(container: Any, kind: Literal["video", "audio"], index: int) -> Any:
    """Stream ``index`` of a kind, as :class:`VideoStream` and :class:`AudioStream` count them."""
    streams = [s for s in container.streams if s.type == kind and not s.disposition & Disposition.attached_pic]
    return streams[index]


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
    with path.open("rb") as file:
        if file.read(max(map(len, _STILL_PICTURES))).startswith(_STILL_PICTURES):
            return ItemError("not-media", f"{path}: a still picture, expected a video or sound file")
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
        videos = [
            _video(stream, k, metadata)
            for k, stream in enumerate(pictures)
            if stream.codec_context is not None and stream.codec_context.width and stream.codec_context.height
        ]
        audios = [
            _audio(stream, k, metadata)
            for k, stream in enumerate(sounds)
            if stream.codec_context is not None and _tells_sound(stream.codec_context)
        ]
        undecodable = [
            *(_undecodable(s, metadata, k) for k, s in enumerate(pictures) if all(v.index != k for v in videos)),
            *(_undecodable(s, metadata, k) for k, s in enumerate(sounds) if all(a.index != k for a in audios)),
        ]
        audios, refused = put_together(audios, metadata.groups)
        undecodable += refused
        if not videos and not audios and all(one.code != "no-ambisonics" for one in undecodable):
            if undecodable:
                raise ItemError(undecodable[0].code, f"{path}: {'; '.join(one.words for one in undecodable)}")
            raise _cannot_open(path, metadata, "no audio or video stream")
        starts = [video.start_s for video in videos] + [audio.start_s for audio in audios] or [0.0]
        start_s = container.start_time / av.time_base if container.start_time is not None else min(starts)
        duration_s = container.duration / av.time_base if container.duration else None
        found = container.format.name, _tags(container)
        if late_s := opus_late_s(container):
            start_s -= late_s
            audios = [replace(audio, start_s=max(start_s, audio.start_s - late_s)) for audio in audios]
        return MediaInfo(
            path=path,
            container=found[0],
            size=path.stat().st_size,
            start_s=float(start_s),
            duration_s=duration_s,
            videos=tuple(videos),
            audios=tuple(audios),
            metadata=metadata,
            undecodable=tuple(undecodable),
            tags=found[1],
        )


def _tags(container: Any) -> tuple[tuple[str, str], ...]:
    """What the container says about itself, and the names of its tracks of data: cameras write such."""
    own = [(str(key).lower(), str(value)) for key, value in container.metadata.items()]
    data = [stream for stream in container.streams if stream.type not in ("video", "audio")][:_MOST_DATA_TRACKS]
    named = [("handler_name", str(stream.metadata.get("handler_name", ""))[:_LONGEST_NAME]) for stream in data]
    return tuple(own + [one for one in named if one[1]])


def put_together(
    streams: list[AudioStream], groups: Sequence[StreamGroup]
) -> tuple[list[AudioStream], list[Undecodable]]:
    """The sounds that ``streams`` are once those that belong together are one, and what no sound can be made of."""
    sounds, refused = list(streams), []
    for group in groups:
        inside = range(group.first, group.first + group.streams)
        sounds = [sound for sound in sounds if sound.index not in inside]
        parts = [stream for stream in streams for k in group.used if stream.index == group.first + k]
        parts.sort(key=lambda stream: group.used.index(stream.index - group.first))
        columns = len(group.matrix[0]) if group.matrix else group.channels
        if group.refused:
            words = f"the sound is {group.refused}, expected first-order ambisonics or more"
            refused.append(Undecodable("audio", "no-ambisonics", words))
        elif len(parts) != len(group.used) or sum(part.channels for part in parts) != columns:
            words = "the sound is spread over several streams of which not all can be decoded; export it as PCM or Opus"
            refused.append(Undecodable("audio", "unknown-codec", words))
        else:
            first = min(parts, key=lambda part: part.index)
            numbers = tuple(part.index for part in parts)
            sounds.append(
                replace(
                    first,
                    channels=group.channels,
                    layout=group.name,
                    opus_family=None,
                    parts=numbers,
                    matrix=group.matrix,
                )
            )
    return sorted(sounds, key=lambda sound: sound.index), refused


def _tells_sound(context: Any) -> bool:
    """Whether the channels and the sample rate are known."""
    return bool(context.channels and context.sample_rate) or _is_projection(context)


def _is_projection(context: Any) -> bool:
    return context.name in ("opus", "libopus") and _opus_family(context.extradata or b"") == _PROJECTION_FAMILY


def _seconds(value: int | None, base: Any) -> float | None:
    return float(value * base) if value is not None and base is not None else None


def _video(stream: Any, index: int, metadata: ContainerMetadata) -> VideoStream:
    rate = stream.average_rate or stream.guessed_rate
    return VideoStream(
        index=index,
        codec=_codec_name(stream.codec_context),
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        fps=round(float(rate), 4) if rate else 0.0,
        start_s=_seconds(stream.start_time, stream.time_base) or 0.0,
        duration_s=_seconds(stream.duration, stream.time_base),
        handler=str(stream.metadata.get("handler_name", "")),
        views=metadata.picture(index).views,
        pixel_aspect=_pixel_aspect(stream),
    )


def _pixel_aspect(stream: Any) -> float:
    stated = float(stream.sample_aspect_ratio or 1)
    return round(stated, 6) if 1 / _WIDEST_PIXEL <= stated <= _WIDEST_PIXEL else 1.0


def _undecodable(stream: Any, metadata: ContainerMetadata, index: int) -> Undecodable:
    code = "unknown-codec" if stream.codec_context is None else "unknown-parameters"
    return Undecodable(stream.type, code, _undecodable_words(stream, metadata, index))


def _undecodable_words(stream: Any, metadata: ContainerMetadata, index: int) -> str:
    """What is known of a stream that cannot be decoded, and what to do."""
    context = stream.codec_context
    if stream.type == "audio":
        stated = metadata.sound(index)
        codec = stated.fourcc or (context.name if context is not None else _NO_NAME)
        if context is not None and context.name in ("opus", "libopus"):
            family = _opus_family(context.extradata or b"")
            if family not in (0, 1, 2, 255):
                return f"the sound is Opus of channel mapping family {family}, which nobody knows; encode it anew"
            return (
                "the channels of the Opus sound cannot be told: the stream states no mapping that libav knows (in "
                "MPEG-TS ambisonics has none); encode it anew to Matroska or WebM"
            )
        name = _KNOWN_SOUND.get(codec.lower(), codec)
        many = f"{stated.channels}-channel " if stated.channels else ""
        if context is not None:
            return f"the channels and sample rate of the {name} sound cannot be told; convert it to FLAC or WAV"
        if name == _NO_NAME:
            return "there is a sound of a codec that libav does not know; convert it to FLAC or WAV"
        return f"the {many}sound is {name}, which libav cannot decode; convert it to FLAC or WAV"
    if context is not None:
        return f"the size of the {context.name} picture cannot be told from the stream; remux it"
    return "there is a picture of a codec that libav does not know; convert it"


def _opus_family(header: bytes) -> int:
    return header[_OPUS_FAMILY_AT] if header[:8] == b"OpusHead" and len(header) > _OPUS_FAMILY_AT else 0


def _codec_name(context: Any) -> str:
    """The name of the codec, not of the library that decodes it."""
    name = str(context.name)
    return str(context.codec.canonical_name) if name.startswith("lib") else name


def _name(stream: Any) -> str:
    """What the writer of a file called a track; names that a muxer gives to every track say nothing."""
    for key in ("title", "name", "track_name", "handler_name"):
        name = str(stream.metadata.get(key, ""))[:_LONGEST_NAME]
        if name and name != "SoundHandler":
            return name
    return ""


def _audio(stream: Any, index: int, metadata: ContainerMetadata) -> AudioStream:
    context = stream.codec_context
    stated = metadata.sound(index)
    header = stated.opus_header or context.extradata or b""
    family = None
    if context.name in ("opus", "libopus"):
        family = _opus_family(header)
    channels = context.channels
    layout = stated.speakers or (context.layout.name if context.layout is not None else "")
    projection = read_projection(header) if family == _PROJECTION_FAMILY else None
    if projection is not None:
        channels, layout = len(projection.matrix), ""
    return AudioStream(
        index=index,
        codec=_codec_name(context),
        sample_rate_hz=_OPUS_HZ if projection else context.sample_rate or 0,
        channels=channels,
        layout=layout,
        opus_family=family,
        name=_name(stream),
        start_s=_seconds(stream.start_time, stream.time_base) or 0.0,
        duration_s=_seconds(stream.duration, stream.time_base),
        matrix=projection.matrix if projection else (),
        opus_header=projection.header.hex() if projection else "",
        tick_s=float(stream.time_base) if stream.time_base is not None else 0.0,
    )
