"""Which coded pictures no other picture refers to, by the first bytes of their packets: H.264, HEVC and AV1.

A decoder that never sees them decodes all others to the same samples. VP9 has none: what a frame leaves in the
contexts of its entropy coder and in the motion vectors of the frame before is used by the next one.
Source: ITU-T H.264 and H.265, 7.4 (``nal_ref_idc``, sub-layer non-reference pictures); AV1 specification, 5.5 and 5.9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

_MOST_UNITS = 400
"""Units in a packet, which may be hostile."""

_H264_SLICE, _H264_BESIDE = 1, frozenset({6, 9, 12})
"""A slice of a picture that starts no sequence; messages, delimiters and filling, which the decoder can do without."""

_HEVC_NOT_REFERRED_TO, _HEVC_BESIDE = frozenset({0, 2, 4, 6, 8}), frozenset({35, 38, 39, 40})

_AV1_SEQUENCE, _AV1_HEADER, _AV1_FRAME = 1, 3, 6
_AV1_BESIDE = frozenset({2, 4, 5, 15})
"""Temporal delimiters, groups of tiles, metadata and filling."""

_INTER, _HEADER_BYTES = 1, 24
_CHOSEN_BY_FRAME = 2


@dataclass(frozen=True)
class Referred:
    """Of a packet: its temporal layer, and whether no picture of that layer or a lower one refers to it."""

    layer: int
    not_referred_to: bool


Reader = Callable[[memoryview], Referred]

_KEPT = Referred(0, False)


def reader(codec: str, extradata: bytes) -> Reader | None:
    """What reads the packets of a stream as a container of the MP4 or Matroska kind holds them.

    ``extradata`` is the configuration in front of them. None where nothing can be told.
    """
    if codec in ("h264", "hevc"):
        stated_at = 4 if codec == "h264" else 21
        if extradata[:1] != b"\1" or len(extradata) <= stated_at:
            return None
        size_bytes = (extradata[stated_at] & 3) + 1
        read = _h264 if codec == "h264" else _hevc
        return lambda packet: read(_units(packet, size_bytes))
    if codec == "av1" and len(extradata) > 4:
        try:
            sequences = [bytes(body) for kind, body in _obus(memoryview(extradata)[4:]) if kind == _AV1_SEQUENCE]
            sequence = _sequence(sequences[0]) if sequences else None
        except ValueError:
            return None
        return None if sequence is None else lambda packet: _av1(packet, sequence)
    return None


def _units(packet: memoryview, size_bytes: int) -> Iterator[memoryview]:
    """Units behind their lengths. Raises ``ValueError`` where the lengths do not fill the packet."""
    at = 0
    for _ in range(_MOST_UNITS):
        if at == len(packet):
            return
        begin = at + size_bytes
        at = begin + int.from_bytes(packet[at:begin], "big")
        if at > len(packet) or at < begin + 2:
            break
        yield packet[begin:at]
    raise ValueError("units that do not fill their packet")


def _h264(units: Iterator[memoryview]) -> Referred:
    slices = 0
    for unit in units:
        kind = unit[0] & 0x1F
        if kind == _H264_SLICE and not unit[0] & 0x60:
            slices += 1
        elif kind not in _H264_BESIDE:
            return _KEPT
    return Referred(0, slices > 0)


def _hevc(units: Iterator[memoryview]) -> Referred:
    layer, slices, kept = 0, 0, False
    for unit in units:
        kind = unit[0] >> 1 & 0x3F
        if kind < 32:
            layer = max(layer, (unit[1] & 7) - 1)
            slices += 1
            kept |= kind not in _HEVC_NOT_REFERRED_TO
        else:
            kept |= kind not in _HEVC_BESIDE
    return Referred(layer, slices > 0 and not kept)


class _Bits:
    """Bits of the beginning of ``data``, the first one first. Raises ``ValueError`` behind the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("a header that ends too early")
        return self._value >> self._left & ((1 << count) - 1)


@dataclass(frozen=True)
class _Sequence:
    """What of an AV1 sequence header the head of a frame is laid out by."""

    screen_content: int
    integer_vectors: int
    frame_id_bits: int
    order_bits: int


def _obus(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Type and content of the OBUs of a packet. Raises ``ValueError`` where they do not fill it."""
    at = 0
    for _ in range(_MOST_UNITS):
        if at == len(data):
            return
        kind, extended, sized = data[at] >> 3 & 15, data[at] >> 2 & 1, data[at] >> 1 & 1
        at += 1 + extended
        size = len(data) - at
        if sized:
            size, shift, more = 0, 0, True
            while more:
                if at >= len(data) or shift > 28:
                    raise ValueError("a length without an end")
                size |= (data[at] & 0x7F) << shift
                more, shift, at = bool(data[at] & 0x80), shift + 7, at + 1
        if size < 0 or at + size > len(data):
            break
        yield kind, data[at : at + size]
        at += size
    raise ValueError("OBUs that do not fill their packet")


def _sequence(data: bytes) -> _Sequence | None:
    """A sequence header; None for stills and for streams with a model of their decoder, whose frames say more."""
    bits = _Bits(data)
    bits.take(4)
    if bits.take(1):
        return None
    if bits.take(1):
        return None  # timing: rare, and a model of the decoder may follow
    delayed = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delayed and bits.take(1):
            bits.take(4)
    size_bits = bits.take(4) + bits.take(4) + 2
    bits.take(size_bits)
    frame_id_bits = 0
    if bits.take(1):
        frame_id_bits = bits.take(4) + 2
        frame_id_bits += bits.take(3) + 1
    bits.take(7)
    ordered = bits.take(1)
    if ordered:
        bits.take(2)
    screen_content = _CHOSEN_BY_FRAME if bits.take(1) else bits.take(1)
    integer_vectors = _CHOSEN_BY_FRAME
    if screen_content and not bits.take(1):
        integer_vectors = bits.take(1)
    return _Sequence(screen_content, integer_vectors, frame_id_bits, bits.take(3) + 1 if ordered else 0)


def _av1(packet: memoryview, sequence: _Sequence) -> Referred:
    frames = [(kind, content) for kind, content in _obus(packet) if kind not in _AV1_BESIDE]
    if len(frames) != 1 or frames[0][0] not in (_AV1_HEADER, _AV1_FRAME):
        return _KEPT  # a frame that is not shown is beside it, or a sequence begins
    return Referred(0, _refreshes(_Bits(bytes(frames[0][1][:_HEADER_BYTES])), sequence) == 0)


def _refreshes(bits: _Bits, sequence: _Sequence) -> int:
    """Which of the eight kept frames a frame that is shown replaces, as bits; all of them where that is not told."""
    everything = 0xFF
    if bits.take(1) or bits.take(2) != _INTER or not bits.take(1):
        return everything  # an earlier one is shown; a key frame; one that is not shown
    resilient = bits.take(1)
    bits.take(1)
    screen_content = bits.take(1) if sequence.screen_content == _CHOSEN_BY_FRAME else sequence.screen_content
    if screen_content and sequence.integer_vectors == _CHOSEN_BY_FRAME:
        bits.take(1)
    bits.take(sequence.frame_id_bits + 1 + sequence.order_bits)
    if not resilient:
        bits.take(3)
    return bits.take(8)
