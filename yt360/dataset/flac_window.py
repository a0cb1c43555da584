"""A window of a FLAC file without what comes before it (RFC 9639): its blocks are found by their headers.

libsndfile seeks by decoding blocks around the place it is after, through callbacks into Python for
each read; finding the first block costs a few microseconds, and libav decodes the rest in one packet.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext
from av.packet import Packet
from numpy.typing import NDArray

from yt360.dataset.byte_source import ByteSource

_STREAMINFO_BYTES = 34
_SYNC = b"\xff\xf8"
"""Sync code of a block in a stream of fixed block size (section 9.1)."""
_LONGEST_HEADER = 16
_PIECE = 4096
"""Bytes that are read at a time where a block is looked for."""
_FULL_SCALE = {"s16": 1 << 15, "s32": 1 << 31}


def _crc8_table() -> bytes:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value << 1) ^ (0x107 if value & 0x80 else 0)
        table.append(value)
    return bytes(table)


_CRC8 = _crc8_table()


class FlacError(ValueError):
    """The bytes are not a FLAC stream of blocks of one size, or the window is not in it."""


@dataclass(frozen=True)
class FlacStream:
    """What the head of the file says. ``first``: byte of the first block; ``setup``: the STREAMINFO block's content."""

    sample_rate_hz: int
    channels: int
    samples: int
    block: int
    first: int
    setup: bytes


def read_flac_head(data: ByteSource) -> FlacStream:
    """The stream's head (sections 8 and 8.2). Raises :class:`FlacError`.

    >>> head = read_flac_head(MemberReader(root).sound(row))
    >>> head.channels, head.sample_rate_hz, head.samples
    (4, 24000, 48000)
    """
    start = data[: 8 + _STREAMINFO_BYTES]
    if start[:4] != b"fLaC" or len(start) < 8 + _STREAMINFO_BYTES or start[4] & 0x7F:
        raise FlacError("no FLAC stream with its STREAMINFO first")
    position, last = 4, False
    while not last:
        block = data[position : position + 4]
        if len(block) < 4:
            raise FlacError("the metadata blocks do not end")
        last = bool(block[0] & 0x80)
        position += 4 + int.from_bytes(block[1:], "big")
    setup = start[8:]
    least, most = struct.unpack_from(">HH", setup)
    packed = int.from_bytes(setup[10:18], "big")
    if least != most or not most:
        raise FlacError(f"blocks of {least} to {most} samples, expected one size")
    return FlacStream(packed >> 44, (packed >> 41 & 7) + 1, packed & 0xF_FFFF_FFFF, most, position, setup)


def decode_window(
    data: ByteSource, head: FlacStream, start: int, samples: int, room: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """``samples`` from sample ``start`` on, ``(channels, samples)`` in [-1, 1); in ``room``, if given.

    Raises :class:`FlacError` when the window is not inside, and libav's errors for blocks that do not decode.

    >>> flac = MemberReader(root).sound(row)
    >>> decode_window(flac, read_flac_head(flac), start=1000, samples=24000).shape
    (4, 24000)
    """
    if start < 0 or samples < 1 or start + samples > head.samples:
        raise FlacError(f"samples {start} to {start + samples} of {head.samples}")
    number, beyond = start // head.block, -(-(start + samples) // head.block)
    begin = _block_position(data, head, number)
    end = len(data) if beyond * head.block >= head.samples else _block_position(data, head, beyond, begin)
    context = CodecContext.create("flac", "r")
    assert isinstance(context, AudioCodecContext)
    context.extradata = head.setup
    context.options = {"err_detect": "crccheck+explode"}
    frames = [*context.decode(Packet(data[begin:end])), *context.decode(None)]
    place = number * head.block - start
    if place + sum(frame.samples for frame in frames) < samples:
        raise FlacError(f"the blocks from {number} to {beyond} do not hold samples {start} to {start + samples}")
    scale = np.float32(1 / _FULL_SCALE[frames[0].format.name])
    window = np.empty((samples, head.channels), np.float32)
    for frame in frames:
        decoded = _interleaved(frame, head.channels)[max(0, -place) :]
        into = window[max(0, place) :][: len(decoded)]
        np.multiply(decoded[: len(into)], scale, out=into, dtype=np.float32, casting="unsafe")
        place += frame.samples
    return np.asarray(cv2.transpose(window, dst=room), np.float32)


def _interleaved(frame: AudioFrame, channels: int) -> NDArray[Any]:
    """``(samples, channels)`` of a decoded block as they lie in memory."""
    if frame.layout.nb_channels != channels:
        raise FlacError(f"a block of {frame.layout.nb_channels} channels, the head says {channels}")
    kind = np.int16 if frame.format.name == "s16" else np.int32
    return np.frombuffer(memoryview(frame.planes[0]), kind, frame.samples * channels).reshape(-1, channels)


def _block_position(data: ByteSource, head: FlacStream, number: int, low: int | None = None) -> int:
    """The byte at which block ``number`` begins, found by interpolation between blocks already met."""
    below = (0, head.first) if low is None else _header(data, head, low)
    if below[0] == number:
        return below[1]
    above = (-(-head.samples // head.block), len(data))
    for _ in range(64):
        share = (number - below[0]) / (above[0] - below[0])
        # Half a block early, so that the next header is most likely the one looked for.
        margin = (above[1] - below[1]) // (2 * (above[0] - below[0]))
        guess = max(below[1] + 1, below[1] + int(share * (above[1] - below[1])) - margin)
        found = _header(data, head, guess, above[1])
        if found[0] == number:
            return found[1]
        if below[0] < found[0] < number:
            below = found
        elif number < found[0] < above[0]:
            above = found
        else:
            # Nothing lies between the guess and the block above: what is looked for begins before the guess.
            above = (above[0], guess)
        if above[1] - below[1] <= 1:
            break
    raise FlacError(f"block {number} is not there")


def _header(data: ByteSource, head: FlacStream, position: int, end: int | None = None) -> tuple[int, int]:
    """(number, byte) of the first block that begins at ``position`` or later; (-1, end) if none does before ``end``."""
    end = len(data) if end is None else end
    like = data[head.first + 2 : head.first + 4]
    for first in range(position, end, _PIECE):
        piece = data[first : first + _PIECE + _LONGEST_HEADER]  # headers that begin in it are whole
        place, before = -1, min(_PIECE, end - first)
        while (place := piece.find(_SYNC, place + 1, before + len(_SYNC) - 1)) >= 0:
            # All blocks of a stream state the same sizes in these bytes; only the last may be shorter.
            if piece[place + 3 : place + 4] == like[1:] and (number := _number(piece, place)) is not None:
                return number, first + place
    return -1, end


def _number(data: bytes, position: int) -> int | None:
    """A block's number out of its header (section 9.1.5: coded like UTF-8); None where its checksum differs."""
    header = data[position : position + _LONGEST_HEADER]
    if len(header) < 6:
        return None
    lead = header[4]
    follow = 0 if lead < 0x80 else max(0, 7 - (lead ^ 0xFF).bit_length())
    number = lead if lead < 0x80 else lead & (0x3F >> follow)
    for byte in header[5 : 5 + follow]:
        number = number << 6 | byte & 0x3F
    length = 5 + follow + {6: 1, 7: 2}.get(header[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(header[2] & 15, 0)
    if length >= len(header):
        return None
    checksum = 0
    for byte in header[:length]:
        checksum = _CRC8[checksum ^ byte]
    return number if checksum == header[length] else None
