"""Where each frame lies in a clip's MP4: the sample table (ISO/IEC 14496-12, 8.5 to 8.7), read without libav.

Opening a clip through libav costs as much as decoding five of its frames, because it decodes some
to guess what the table says. A clip is one that this project wrote (or whose digest the manifest
vouches for), so the table is enough; it is read with every size checked all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MAX_SAMPLES = 1 << 20
_NESTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_SAMPLE_ENTRY_BYTES = 78
"""Bytes of a visual sample entry (12.1.3.2) before the boxes inside it."""


class SampleTableError(ValueError):
    """The bytes are not an MP4 with one H.264 track whose sample table is whole."""


@dataclass(frozen=True)
class SampleTable:
    """Samples in decoding order.

    ``offsets`` and ``sizes`` (samples,) in bytes; ``shown`` (samples,) the place of each in the
    order of presentation, so that frame n is the sample with ``shown == n``, and ``stored`` (samples,)
    the number of that sample; ``keys`` (samples,) whether decoding can start there; ``setup``: the
    decoder's configuration (``avcC``).
    """

    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    shown: NDArray[np.int64]
    stored: NDArray[np.int64]
    keys: NDArray[np.bool_]
    setup: bytes

    def span(self, frames: list[int]) -> range:
        """Samples to decode, from the key frame on, until all of ``frames`` (numbers in order of presentation) are."""
        places = self.stored[frames]
        first, last = int(places.min()), int(places.max())
        before = np.flatnonzero(self.keys[: first + 1])
        if not len(before):
            raise SampleTableError("no key frame before the frames asked for")
        return range(int(before[-1]), last + 1)


def read_sample_table(data: bytes) -> SampleTable:
    """The first H.264 track's table. Raises :class:`SampleTableError`.

    >>> table = read_sample_table(MemberReader(root).video(row))
    >>> len(table.sizes), bool(table.keys[0]), table.span([0])  # the frame that is shown first needs no other
    (32, True, range(0, 1))
    """
    try:
        for kind, start, end in _boxes(data, 0, len(data)):
            if kind == b"moov":
                for inner, track_start, track_end in _boxes(data, start, end):
                    if inner == b"trak":
                        leaves = {name: data[a:b] for name, a, b in _leaves(data, track_start, track_end)}
                        if leaves.get(b"hdlr", b"")[8:12] == b"vide":
                            return _table(leaves, len(data))
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise SampleTableError(str(error) or type(error).__name__) from error
    raise SampleTableError("no video track in moov")


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, first byte, last byte + 1) of the content of each box."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        elif size == 0:
            size = end - start
        if size < header or start + size > end:
            raise SampleTableError(f"box {kind!r} at {start} states {size} bytes, {end - start} are left")
        yield kind, start + header, start + size
        start += size


def _leaves(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for kind, first, last in _boxes(data, start, end):
        if kind in _NESTS:
            yield from _leaves(data, first, last)
        else:
            yield kind, first, last


def _numbers(leaves: dict[bytes, bytes], name: bytes, columns: int, *, width: int = 4) -> NDArray[np.int64]:
    """A full box's table ``(entries, columns)`` of big-endian numbers after version, flags and count."""
    body = leaves.get(name)
    if body is None:
        raise SampleTableError(f"no {name.decode()} box")
    (count,) = struct.unpack_from(">I", body, 4)
    if count > _MAX_SAMPLES:
        raise SampleTableError(f"{name.decode()} states {count} entries, at most {_MAX_SAMPLES}")
    found = np.frombuffer(body, f">u{width}", count * columns, 8)
    return found.astype(np.int64).reshape(count, columns)


def _table(leaves: dict[bytes, bytes], length: int) -> SampleTable:
    sizes = _sizes(leaves.get(b"stsz", b""))
    count = len(sizes)
    offsets = _offsets(leaves, sizes)
    if not count or offsets.min() < 0 or (offsets + sizes).max() > length:
        raise SampleTableError(f"{count} frames, not all of them inside {length} bytes")
    times = _numbers(leaves, b"stts", 2)
    if times[:, 0].sum() != count:
        raise SampleTableError(f"stts times {times[:, 0].sum()} frames of {count}")
    decoded = np.concatenate([[0], np.cumsum(np.repeat(times[:, 1], times[:, 0]))[:-1]])
    if b"ctts" in leaves:
        shifts = _numbers(leaves, b"ctts", 2)
        if shifts[:, 0].sum() != count:
            raise SampleTableError(f"ctts times {shifts[:, 0].sum()} frames of {count}")
        decoded = decoded + np.repeat(shifts[:, 1].astype(np.int32), shifts[:, 0])
    shown = np.empty(count, np.int64)
    stored = np.argsort(decoded, kind="stable")
    shown[stored] = np.arange(count)
    keys = np.ones(count, bool)
    if b"stss" in leaves:
        keys[:] = False
        keys[_numbers(leaves, b"stss", 1)[:, 0] - 1] = True
    return SampleTable(offsets, sizes, shown, stored, keys, _setup(leaves.get(b"stsd", b"")))


def _sizes(body: bytes) -> NDArray[np.int64]:
    every, count = struct.unpack_from(">II", body, 4)
    if count > _MAX_SAMPLES:
        raise SampleTableError(f"stsz states {count} frames, at most {_MAX_SAMPLES}")
    if every:
        return np.full(count, every, np.int64)
    return np.frombuffer(body, ">u4", count, 12).astype(np.int64)


def _offsets(leaves: dict[bytes, bytes], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Samples lie one after another inside their chunk."""
    wide = b"co64" in leaves
    chunks = _numbers(leaves, b"co64" if wide else b"stco", 1, width=8 if wide else 4)[:, 0]
    runs = _numbers(leaves, b"stsc", 3)
    lengths = np.diff(np.append(runs[:, 0] - 1, len(chunks)))
    if lengths.min(initial=0) < 0 or runs[:, 1].max(initial=0) > _MAX_SAMPLES:
        raise SampleTableError("stsc does not rise")
    per_chunk = np.repeat(runs[:, 1], lengths)
    if per_chunk.sum() != len(sizes):
        raise SampleTableError(f"stsc places {per_chunk.sum()} frames of {len(sizes)}")
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    firsts = np.concatenate([[0], np.cumsum(per_chunk)[:-1]])
    offsets: NDArray[np.int64] = np.repeat(chunks - before[firsts], per_chunk) + before
    return offsets


def _setup(body: bytes) -> bytes:
    for kind, first, last in _boxes(body, 8, len(body)):
        if kind in (b"avc1", b"avc3"):
            for inner, start, end in _boxes(body, first + _SAMPLE_ENTRY_BYTES, last):
                if inner == b"avcC":
                    return body[start:end]
        raise SampleTableError(f"the first sample entry is {kind!r}, expected H.264 with its configuration")
    raise SampleTableError("no sample entry")
