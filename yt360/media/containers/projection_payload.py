"""The payloads of ``equi``, ``cbmp`` and ``mshp``: the same in MP4 boxes and in Matroska's ProjectionPrivate.

Source: Spherical Video V2 RFC. A payload starts with the version and flags of its FullBox.
"""

from __future__ import annotations

from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import Bounds, PictureMetadata

_FULL = float(1 << 32)
"""The whole picture in the 0.32 fixed-point numbers of a bounding box."""


def read_equirectangular(window: Window, picture: PictureMetadata) -> None:
    """``equi``: top, bottom, left, right crop as 0.32 fixed point."""
    top, bottom, left, right = (value / _FULL for value in window.unpack("IIII", 4))
    bounds = Bounds(left=left, top=top, right=right, bottom=bottom)
    picture.projection = "equirectangular"
    if bounds.width <= 0 or bounds.height <= 0:
        picture.problems.append(
            f"projection bounds leave no picture (width {bounds.width:.3f}, height {bounds.height:.3f})"
        )
        return
    picture.bounds = bounds


def read_cubemap(window: Window, picture: PictureMetadata) -> None:
    """``cbmp``: layout and padding in pixels."""
    layout, padding = window.unpack("II", 4)
    picture.projection = "cubemap"
    picture.cubemap_layout, picture.cubemap_padding = layout, padding


def read_mesh(window: Window, picture: PictureMetadata) -> None:
    """``mshp``: only its place is noted; :mod:`yt360.media.mesh` decodes it."""
    picture.projection = "mesh"
    picture.mesh = window.range()


_READERS = {b"equi": read_equirectangular, b"cbmp": read_cubemap, b"mshp": read_mesh}
"""Projection box to what reads it."""

PROJECTION_BOXES = frozenset(_READERS)
"""Types of box that say the projection."""


def read_projection(kind: bytes, window: Window, picture: PictureMetadata) -> None:
    """Read one projection payload into ``picture``; a malformed one is noted as a problem."""
    try:
        _READERS[kind](window, picture)
    except MalformedError as error:
        picture.problems.append(f"{kind.decode()}: {error}")
