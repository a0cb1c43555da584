"""Read the spatial metadata of any file: finds out which container it is by its first bytes."""

from __future__ import annotations

from pathlib import Path

from yt360.errors import ItemError
from yt360.media.containers.chunked import read_aiff, read_caf
from yt360.media.containers.flac import MAGIC as FLAC_MAGIC
from yt360.media.containers.flac import read_flac
from yt360.media.containers.iamf import MAGIC, read_iamf
from yt360.media.containers.matroska import read_matroska
from yt360.media.containers.mp4 import read_mp4
from yt360.media.containers.riff import read_riff
from yt360.media.containers.spatial import ContainerMetadata

_MP4_FIRST = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"pnot"})
"""Types of box that an MP4 or QuickTime file may begin with."""

_IAMF_SEQUENCE = 31
"""Type of the first unit of an IAMF file."""


def read_metadata(path: Path) -> ContainerMetadata:
    """Spatial metadata of ``path``; empty for a container that carries none.

    Raises :class:`ItemError` (``missing``, ``empty``) when there is nothing to read.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ItemError("missing", f"{path}: expected a file, found something else")
        with path.open("rb") as file:
            head = file.read(16)
            if not head:
                raise ItemError("empty", f"{path}: expected media, found an empty file; fetch it again")
            if head[4:8] in _MP4_FIRST:
                return read_mp4(file, size)
            if head[:4] == b"\x1a\x45\xdf\xa3":
                return read_matroska(file, size)
            if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
                return read_riff(file, size)
            if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
                return ContainerMetadata(container="avi", never_finished=head[4:8] in (bytes(4), b"\xff" * 4))
            if head[:4] == FLAC_MAGIC:
                return read_flac(file, size)
            if head[:4] == b"caff":
                return read_caf(file, size)
            if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
                return read_aiff(file, size)
            if head[2:6] == MAGIC and head[0] >> 3 == _IAMF_SEQUENCE:
                return read_iamf(file, size)
    except FileNotFoundError:
        raise ItemError("missing", f"{path}: expected a file, found none; check the path") from None
    except PermissionError:
        raise ItemError("unreadable", f"{path}: no permission to read it; change its mode") from None
    return ContainerMetadata()
