"""Opus of channel mapping family 3 (RFC 8486): ambisonics behind a matrix, which libav neither decodes nor applies.

Its packets are those of family 255; what they decode to, multiplied by the matrix in the header, is the ambisonics.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from yt360.errors import ItemError

_FAMILY, _UNMAPPED = 3, 255
_CHANNELS_AT, _FAMILY_AT, _STREAMS_AT, _COUPLED_AT, _MATRIX_AT = 9, 18, 19, 20, 21
"""Bytes of an ``OpusHead``: number of channels, mapping family, streams, those of two channels, the matrix."""

_BOX_FAMILY_AT = 10
"""The mapping family in a ``dOps`` box; from there on it is as in an ``OpusHead``."""

_Q15 = 1 << 15


@dataclass(frozen=True)
class OpusProjection:
    """``matrix`` ``(channels, coded channels)`` and the header by which libav decodes the coded channels."""

    matrix: tuple[tuple[float, ...], ...]
    header: bytes


def masks(header: bytes, at: int) -> tuple[tuple[int, bytes], ...]:
    """What must stand at which place of a file, instead of a header that begins at ``at``, for libav to find packets.

    Its parsers of Matroska and MP4 hand over nothing of a family that its decoder does not know.
    """
    projection = read_projection(header)
    return () if projection is None else ((at, projection.header),)


def header_of_box(box: bytes) -> bytes:
    """The ``OpusHead`` that says what the content of a ``dOps`` box does ("Opus in ISOBMFF", section 4.3.2)."""
    _, channels, skip, rate, gain = struct.unpack_from(">BBHIh", box)
    return b"OpusHead" + struct.pack("<BBHIh", 1, channels, skip, rate, gain) + box[_BOX_FAMILY_AT:]


def box_masks(box: bytes, at: int) -> tuple[tuple[int, bytes], ...]:
    """The same as :func:`masks` for a ``dOps`` box whose content begins at ``at``."""
    projection = read_projection(header_of_box(box))
    if projection is None:
        return ()
    header, moved = projection.header, at + _BOX_FAMILY_AT - _FAMILY_AT
    return ((at + 1, header[_CHANNELS_AT : _CHANNELS_AT + 1]), (moved + _FAMILY_AT, header[_FAMILY_AT:]))


def read_projection(header: bytes) -> OpusProjection | None:
    """The projection of an ``OpusHead``; None for other families.

    Raises :class:`ItemError` (``corrupt``) where the header states a family 3 that cannot be.
    """
    if header[:8] != b"OpusHead" or len(header) < _MATRIX_AT or header[_FAMILY_AT] != _FAMILY:
        return None
    channels, streams, coupled = header[_CHANNELS_AT], header[_STREAMS_AT], header[_COUPLED_AT]
    coded = streams + coupled
    stated = header[_MATRIX_AT : _MATRIX_AT + 2 * channels * coded]
    if not channels or not streams or coupled > streams or coded > _UNMAPPED or len(stated) != 2 * channels * coded:
        raise ItemError(
            "corrupt",
            f"an Opus header of mapping family 3 with {channels} channels, {streams} streams ({coupled} of two "
            f"channels) and {len(header) - _MATRIX_AT} bytes of matrix, expected {2 * channels * coded}",
        )
    head = bytearray(header[:_MATRIX_AT])
    head[_CHANNELS_AT], head[_FAMILY_AT] = coded, _UNMAPPED
    # The coefficients are stored column by column (RFC 8486, section 3.2).
    gains = [gain / _Q15 for gain in struct.unpack(f"<{channels * coded}h", stated)]
    rows = tuple(tuple(gains[channel::channels]) for channel in range(channels))
    return OpusProjection(rows, bytes(head) + bytes(range(coded)))
