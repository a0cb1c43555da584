"""Projection, packing and turn that the picture's own stream states: supplemental messages of H.264 and HEVC.

Some encoders write them where the container says nothing; libav skips them. AV1 has no such messages.
Source: ITU-T H.265 and H.264, annex D ("Omnidirectional video", "Frame packing arrangement").
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import av

from yt360.media.containers.reader import MalformedError
from yt360.media.containers.spatial import PictureMetadata, Stereo
from yt360.media.probe import MediaInfo, open_media, stream_at

_FRAME_PACKING, _ORIENTATION = 45, 47
_EQUIRECTANGULAR, _CUBEMAP, _FISHEYE, _ROTATION, _PACKING = 150, 151, 152, 154, 155
"""Types of message."""

_MOST_UNITS, _MOST_MESSAGES, _LONGEST_UNIT = 200, 64, 4096
"""What is read of a packet, which may be hostile."""

_MOST_PACKETS = 200
"""Packets that are read in search of the first one of each picture."""

_DEGREE = 65536.0
_PACKED: dict[int, Stereo] = {3: "left-right", 4: "top-bottom"}
"""Frame packing to layout."""

_RIGHT_FIRST = 2


def note_messages(info: MediaInfo) -> None:
    """Fill in what streams state: whether pictures are turned, and what they are where the container does not say."""
    coded = [video for video in info.videos if video.codec in ("h264", "hevc")]
    if not coded:
        return
    with open_media(info.path, info.metadata) as container:
        streams = {stream_at(container, "video", video.index).index: video for video in coded}
        try:
            for count, packet in enumerate(container.demux([container.streams[k] for k in streams])):
                video = streams.pop(packet.stream.index, None)
                if video is not None:
                    while len(info.metadata.pictures) <= video.index:
                        info.metadata.pictures.append(PictureMetadata())
                    extradata = packet.stream.codec_context.extradata or b""
                    read_messages(video.codec, extradata, bytes(packet), info.metadata.pictures[video.index])
                if not streams or count > _MOST_PACKETS:
                    break
        except (av.FFmpegError, ValueError):
            pass  # what cannot be read is judged by those who decode it


def read_messages(codec: str, extradata: bytes, packet: bytes, picture: PictureMetadata) -> None:
    """Read the messages in front of the first coded picture. Malformed ones are noted as a problem."""
    messages: dict[int, bytes] = {}
    try:
        units = [*_header_units(codec, extradata), *_units(codec, extradata, packet)]
        for unit in units:
            for kind, payload in _messages(unit[1 if codec == "h264" else 2 :]):
                messages.setdefault(kind, payload)
        _apply(messages, picture)
    except (MalformedError, IndexError, struct.error) as error:
        picture.problems.append(f"supplemental messages: {error}")


def _is_message(codec: str, first: int) -> bool:
    return first & 0x1F == 6 if codec == "h264" else first >> 1 & 0x3F == 39


def _is_picture(codec: str, first: int) -> bool:
    return 1 <= first & 0x1F <= 5 if codec == "h264" else first >> 1 & 0x3F < 32


def _header_units(codec: str, extradata: bytes) -> Iterator[bytes]:
    """Messages that the decoder configuration of HEVC carries."""
    if codec != "hevc" or len(extradata) < 23 or extradata[0] != 1:
        return
    at, left = 23, _MOST_UNITS
    for _ in range(extradata[22]):
        kind, count = extradata[at] & 0x3F, int.from_bytes(extradata[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            left -= 1
            size = int.from_bytes(extradata[at : at + 2], "big")
            if left < 0 or at + 2 + size > len(extradata):
                raise MalformedError("a decoder configuration that ends inside a unit")
            if kind == 39 and 2 < size <= _LONGEST_UNIT:
                yield extradata[at + 2 : at + 2 + size]
            at += 2 + size


def _units(codec: str, extradata: bytes, packet: bytes) -> Iterator[bytes]:
    """Message units in front of the first coded picture, with their lengths or start codes taken off."""
    stated_at = 4 if codec == "h264" else 21
    configured = extradata[:1] == b"\1" and len(extradata) > stated_at + 1
    width = (extradata[stated_at] & 3) + 1 if configured else 0
    at = 0
    for _ in range(_MOST_UNITS):
        if width:
            size = int.from_bytes(packet[at : at + width], "big")
            begin = at + width
            end = min(begin + size, len(packet))
        else:
            code = packet.find(b"\0\0\1", at)
            begin = code + 3
            following = packet.find(b"\0\0\1", begin, begin + _LONGEST_UNIT + 4) if code >= 0 else -1
            if code < 0:
                return
            end = following if following >= 0 else len(packet)
        if begin >= len(packet) or end <= begin or _is_picture(codec, packet[begin]):
            return
        if _is_message(codec, packet[begin]) and end - begin <= _LONGEST_UNIT:
            yield packet[begin:end]
        at = end


def _messages(coded: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of each message of a unit whose header is taken off."""
    data = coded.replace(b"\0\0\3", b"\0\0")
    at = 0
    for _ in range(_MOST_MESSAGES):
        if at + 2 > len(data) or data[at] == 0x80:
            return
        numbers = []
        for _ in range(2):
            value = 0
            while data[at] == 0xFF:
                value, at = value + 255, at + 1
            numbers.append(value + data[at])
            at += 1
        kind, size = numbers
        if at + size > len(data):
            raise MalformedError(f"message {kind} of {size} bytes, {len(data) - at} are there")
        yield kind, data[at : at + size]
        at += size


def _apply(messages: dict[int, bytes], picture: PictureMetadata) -> None:
    live = {kind: payload for kind, payload in messages.items() if payload and not payload[0] & 0x80}
    picture.oriented = _ORIENTATION in live
    if picture.projection is not None:
        return
    if _FISHEYE in live:
        picture.projection, picture.named = "fisheye", "a fisheye picture (message 152 of the stream)"
    elif _CUBEMAP in live:
        picture.projection, picture.named = "cubemap", "a cubemap (message 151 of the stream)"
    elif _EQUIRECTANGULAR in live:
        picture.projection = "equirectangular"
        if live[_EQUIRECTANGULAR][0] & 0x20:
            picture.named = "an equirectangular picture with guard bands (message 150 of the stream)"
    else:
        return
    picture.sources.append("SEI")
    if _PACKING in live:
        picture.named = f"a {picture.projection} picture packed by regions (message 155 of the stream)"
    if _ROTATION in live:
        _, yaw, pitch, roll = struct.unpack_from(">Biii", live[_ROTATION])
        # Angles grow clockwise as seen along x (front), y (left) and z (up); ours of pitch and roll the other way.
        picture.yaw_deg, picture.pitch_deg, picture.roll_deg = yaw / _DEGREE, -pitch / _DEGREE, -roll / _DEGREE
    if _FRAME_PACKING in messages and picture.stereo is None:
        _read_frame_packing(messages[_FRAME_PACKING], picture)


def _read_frame_packing(payload: bytes, picture: PictureMetadata) -> None:
    bits = int.from_bytes(payload, "big") << 128
    length = 8 * len(payload) + 128
    zeros = 0
    while not bits >> (length - 1 - zeros) & 1:  # an identifier in Exp-Golomb code
        zeros += 1
        if zeros > 32:
            raise MalformedError("an identifier of frame packing that does not end")
    at = 2 * zeros + 1

    def take(count: int) -> int:
        nonlocal at
        at += count
        return bits >> (length - at) & ((1 << count) - 1)

    if take(1):
        return
    kind = take(7)
    take(1)
    if kind in _PACKED:
        picture.stereo = _PACKED[kind]
        picture.right_eye_first = take(6) == _RIGHT_FIRST
