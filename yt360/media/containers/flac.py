"""FLAC files that say they are ambisonics: the comments of our clips, written and read.

FLAC has no field for ambisonics. A comment can state that no channel is a loudspeaker (mask 0, RFC 9639, 8.6.2), which
libav passes over, and comments of our own say what the channels are, in words that people and programs can read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import FUMA_ORDERING, ContainerMetadata, SoundMetadata

MAGIC = b"fLaC"
_PADDING, _COMMENT = 1, 4
"""Types of metadata blocks (RFC 9639, 8.1)."""

_LAST, _LONGEST, _MOST_BLOCKS, _MOST_COMMENTS = 0x80, (1 << 24) - 1, 1000, 1000
_VENDOR = b"yt360"

AMBIX = {
    "AMBISONIC_CHANNEL_ORDERING": "ACN",
    "AMBISONIC_NORMALIZATION": "SN3D",
    "AMBISONIC_ORDER": "1",
    "CHANNELS": "W Y Z X",
    "WAVEFORMATEXTENSIBLE_CHANNEL_MASK": "0x0",
}
"""Comments of first-order AmbiX."""

_ORDERINGS = {"acn": 0, "fuma": FUMA_ORDERING}
_NORMALIZATIONS = {"sn3d": 0, "n3d": 1, "fuma": 0}


def write_comments(path: Path, comments: Mapping[str, str]) -> None:
    """Replace the comments of a FLAC file, in the order given; padding goes, the sound stays as it is.

    Raises ``ValueError`` for a file that is not FLAC, for names that are not printable ASCII without ``=``, and where
    they take more than 16 MB.
    """
    for name in comments:
        if not name or not all(" " <= letter <= "}" and letter != "=" for letter in name):
            raise ValueError(f"{name!r}: expected the name of a comment in printable ASCII without '='")
    data = path.read_bytes()
    if data[:4] != MAGIC:
        raise ValueError(f"{path}: expected a FLAC file, found something else")
    kept, at, last = [], 4, False
    while not last:
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        last = bool(kind & _LAST)
        if kind & ~_LAST not in (_PADDING, _COMMENT):
            kept.append((kind & ~_LAST, data[at + 4 : at + 4 + size]))
        at += 4 + size
    texts = [f"{name}={value}".encode() for name, value in comments.items()]
    body = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    comment = struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", len(texts)) + body
    if len(comment) > _LONGEST:
        raise ValueError(f"{path}: expected comments of at most {_LONGEST} bytes, found {len(comment)}")
    blocks = [*((kind, block) for kind, block in kept), (_LAST | _COMMENT, comment)]
    head = b"".join(bytes([kind]) + len(block).to_bytes(3, "big") + block for kind, block in blocks)
    path.write_bytes(MAGIC + head + data[at:])


def read_flac(file: BinaryIO, file_size: int) -> ContainerMetadata:
    """Read what the comments say of ambisonics; one sound track is reported."""
    sound = SoundMetadata()
    found = ContainerMetadata(container="flac", sounds=[sound])
    try:
        said = {name.upper(): value.strip().lower() for name, value in _comments(Window(file, 0, file_size))}
    except MalformedError as error:
        found.problems.append(f"flac: {error}")
        return found
    ordering = _ORDERINGS.get(said.get("AMBISONIC_CHANNEL_ORDERING", ""))
    normalization = _NORMALIZATIONS.get(said.get("AMBISONIC_NORMALIZATION", ""))
    if ordering is not None and normalization is not None and said.get("AMBISONIC_ORDER") in ("1", "2", "3"):
        sound.order = int(said["AMBISONIC_ORDER"])
        sound.channel_ordering, sound.normalization = ordering, normalization
        if ordering == 0:
            sound.channel_map = tuple(range((sound.order + 1) ** 2))
    return found


def _comments(window: Window) -> Iterator[tuple[str, str]]:
    at = 4
    for _ in range(_MOST_BLOCKS):
        (kind,) = window.read(at, 1)
        size = int.from_bytes(window.read(at + 1, 3), "big")
        if kind & ~_LAST == _COMMENT:
            yield from _entries(window.read(at + 4, size))
        at += 4 + size
        if kind & _LAST:
            return


def _entries(block: bytes) -> Iterator[tuple[str, str]]:
    try:
        (vendor,) = struct.unpack_from("<I", block, 0)
        (count,) = struct.unpack_from("<I", block, 4 + vendor)
        at = 8 + vendor
        for _ in range(min(count, _MOST_COMMENTS)):
            (size,) = struct.unpack_from("<I", block, at)
            name, _, value = block[at + 4 : at + 4 + size].decode("utf-8", "replace").partition("=")
            yield name, value
            at += 4 + size
    except struct.error:
        raise MalformedError(f"comments do not fit into their block of {len(block)} bytes") from None
