"""Spatial metadata in Matroska and WebM: ``Projection`` and ``StereoMode`` of the video tracks.

Only the EBML headers up to the tracks are read, never a cluster. Sizes, depth and counts are bounded.
Source: RFC 8794 (EBML), RFC 9559 (Matroska) section 5.1.4.1.28.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from yt360.errors import ItemError
from yt360.media.containers.opus_projection import masks
from yt360.media.containers.projection_payload import read_projection
from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import ContainerMetadata, PictureMetadata, SoundMetadata, Stereo

_SEGMENT, _CLUSTER, _TRACKS, _TRACK, _TYPE, _VIDEO = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0x83, 0xE0
"""Element ids on the way to a video track (RFC 9559)."""

_CODEC_PRIVATE, _LONGEST_PRIVATE = 0x63A2, 4096
"""Element id of a codec's header, and the longest that is looked into."""

_STEREO_MODE, _PROJECTION = 0x53B8, 0x7670
"""Element ids of a video track."""

_PROJECTION_TYPE, _PRIVATE, _YAW, _PITCH, _ROLL = 0x7671, 0x7672, 0x7673, 0x7674, 0x7675
"""Element ids of a projection."""

_MAX_ELEMENTS = 20_000
"""Elements that are read of one file, which may be hostile."""

_KINDS = {1: b"equi", 2: b"cbmp", 3: b"mshp"}
"""Projection type to the box of the spherical metadata that it carries."""

_STEREO: dict[int, tuple[Stereo, bool]] = {
    0: ("mono", False),
    1: ("left-right", False),
    2: ("top-bottom", True),
    3: ("top-bottom", False),
    11: ("left-right", True),
}
"""Stereo mode to layout, and whether the right eye comes first."""


class _Elements:
    def __init__(self) -> None:
        self.left = _MAX_ELEMENTS

    def read(self, window: Window) -> Iterator[tuple[int, Window, int | None]]:
        """(id, content, stated end in the file or None where the size is unknown) of each element."""
        offset = 0
        while offset + 2 <= window.size:
            self.left -= 1
            if self.left < 0:
                raise MalformedError(f"more than {_MAX_ELEMENTS} elements")
            identifier, id_size = _variable_integer(window, offset, keep_marker=True, longest=4)
            size, size_size = _variable_integer(window, offset + id_size, keep_marker=False, longest=8)
            content = offset + id_size + size_size
            unknown = size == (1 << (7 * size_size)) - 1
            stated = None if unknown else window.start + content + size
            end = window.end if stated is None else min(stated, window.end)
            yield identifier, Window(window.file, window.start + content, end), stated
            if stated is None:
                return
            offset = content + size


def _variable_integer(window: Window, offset: int, *, keep_marker: bool, longest: int) -> tuple[int, int]:
    (first,) = window.unpack("B", offset)
    length = 9 - first.bit_length()
    if length > longest:
        raise MalformedError(f"an EBML number at {window.start + offset} is longer than {longest} bytes")
    value = int.from_bytes(window.read(offset, length), "big")
    return (value if keep_marker else value & ((1 << (7 * length)) - 1)), length


def _unsigned(window: Window) -> int:
    if window.size > 8:
        raise MalformedError(f"an unsigned integer of {window.size} bytes")
    return int.from_bytes(window.all(), "big")


def _float(window: Window) -> float:
    layout = {0: "", 4: ">f", 8: ">d"}.get(window.size)
    if layout is None:
        raise MalformedError(f"a float of {window.size} bytes")
    value = float(struct.unpack(layout, window.all())[0]) if layout else 0.0
    if not -360 <= value <= 360:
        raise MalformedError(f"an angle of {value}°")
    return value


def read_matroska(file: BinaryIO, file_size: int) -> ContainerMetadata:
    """Read the spatial metadata of all tracks and the size that the segment promises."""
    found = ContainerMetadata(container="matroska")
    elements = _Elements()
    try:
        for identifier, segment, stated in elements.read(Window(file, 0, file_size)):
            if identifier != _SEGMENT:
                continue
            found.promised_size = stated
            for inner, content, _ in elements.read(segment):
                if inner == _TRACKS:
                    for kind, track, _ in elements.read(content):
                        if kind == _TRACK:
                            _read_track(elements, track, found)
                    return found
                if inner == _CLUSTER:
                    break
            break
    except MalformedError as error:
        found.problems.append(f"matroska: {error}")
    return found


def _read_track(elements: _Elements, track: Window, found: ContainerMetadata) -> None:
    picture, sound = PictureMetadata(), SoundMetadata()
    kind = 0
    for identifier, content, _ in elements.read(track):
        if identifier == _TYPE:
            kind = _unsigned(content)
        elif identifier == _CODEC_PRIVATE and content.size <= _LONGEST_PRIVATE:
            _read_opus(content, sound)
        elif identifier == _VIDEO:
            try:
                _read_video(elements, content, picture)
            except MalformedError as error:
                picture.problems.append(f"matroska: {error}")
    if kind == 1:
        found.pictures.append(picture)
    elif kind == 2:
        found.sounds.append(sound)


def _read_opus(private: Window, sound: SoundMetadata) -> None:
    header = private.all()
    try:
        sound.masks = masks(header, private.start)
    except ItemError as error:
        sound.problems.append(f"matroska: {error}")
    if sound.masks:
        sound.opus_header = header


def _read_video(elements: _Elements, video: Window, picture: PictureMetadata) -> None:
    for identifier, content, _ in elements.read(video):
        if identifier == _STEREO_MODE:
            mode = _unsigned(content)
            if mode in _STEREO:
                picture.stereo, picture.right_eye_first = _STEREO[mode]
                picture.sources.append("StereoMode")
            else:
                picture.problems.append(f"StereoMode {mode}, expected one of {sorted(_STEREO)}")
        elif identifier == _PROJECTION:
            _read_projection(elements, content, picture)


def _read_projection(elements: _Elements, projection: Window, picture: PictureMetadata) -> None:
    kind = 0
    private: Window | None = None
    for identifier, content, _ in elements.read(projection):
        if identifier == _PROJECTION_TYPE:
            kind = _unsigned(content)
        elif identifier == _PRIVATE:
            private = content
        elif identifier in (_YAW, _PITCH, _ROLL):
            name = {_YAW: "yaw_deg", _PITCH: "pitch_deg", _ROLL: "roll_deg"}[identifier]
            setattr(picture, name, _float(content))
    if kind == 0:
        return
    picture.sources.append("Projection")
    if kind not in _KINDS:
        picture.problems.append(f"ProjectionType {kind}, expected 0 to 3")
    elif private is not None:
        read_projection(_KINDS[kind], private, picture)
    elif kind == 1:
        picture.projection = "equirectangular"
    else:
        picture.projection = "cubemap" if kind == 2 else "mesh"
        if kind == 3:
            picture.problems.append("ProjectionType 3 (mesh) without ProjectionPrivate")
