"""Apple's projected media in MP4 and QuickTime: ``vexu`` with ``proj``/``prji``, ``pack``/``pkin`` and ``eyes``.

Source: Apple, "ISO Base Media File Format and Apple HEVC Stereo Video" (2023) and "Apple Projected Media Profile"
(2025). What Google's boxes beside it say goes before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import Bounds, PictureMetadata

Boxes = Callable[[Window, int], Iterator[tuple[bytes, Window, int]]]
"""Walks the boxes of a window at a depth: (type, content, stated size)."""

_HALF = Bounds(left=0.25, right=0.25)
"""180° of the horizon."""

_ODD = {
    b"rect": ("flat", "a rectilinear picture (Apple's prji: rect)"),
    b"fish": ("fisheye", "a fisheye picture (Apple's prji: fish)"),
    b"prim": ("unknown", "Apple Immersive Video (prji: prim), whose lens only Apple's software knows"),
}
"""Kinds of projection that are no equirectangular picture: what they are, and in words."""

_BOTH_EYES, _REVERSED = 0x3, 0x8
"""Bits of ``stri``: the left and the right view are there; the right one comes first."""


def read_vexu(boxes: Boxes, window: Window, depth: int) -> PictureMetadata:
    """What ``vexu`` says. Raises :class:`MalformedError`."""
    found = PictureMetadata(sources=["vexu"])
    eyes = 0

    def visit(part: Window, level: int) -> None:
        nonlocal eyes
        for kind, content, _ in boxes(part, level):
            if kind in (b"proj", b"pack", b"eyes"):
                visit(content, level + 1)
            elif kind == b"prji":
                _read_kind(content.read(4, 4), found)
            elif kind == b"pkin":
                _read_packing(content.read(4, 4), found)
            elif kind == b"stri":
                (eyes,) = content.unpack("B", 4)

    visit(window, depth)
    found.right_eye_first = found.stereo in ("left-right", "top-bottom") and bool(eyes & _REVERSED)
    return found


def _read_kind(kind: bytes, found: PictureMetadata) -> None:
    if kind in (b"equi", b"hequ"):
        found.projection = "equirectangular"
        found.bounds = Bounds() if kind == b"equi" else _HALF
    elif kind in _ODD:
        projection, found.named = _ODD[kind]
        found.projection = projection  # type: ignore[assignment]
    else:
        raise MalformedError(f"prji {kind!r}, expected equi, hequ, rect, fish or prim")


def _read_packing(kind: bytes, found: PictureMetadata) -> None:
    if kind in (b"side", b"over"):
        found.stereo = "left-right" if kind == b"side" else "top-bottom"
    elif kind not in (b"none", bytes(4)):
        found.problems.append(f"pkin {kind!r}, expected side or over")


def fill_in(picture: PictureMetadata, other: PictureMetadata | None) -> None:
    """Take from ``other`` what ``picture`` does not say itself."""
    if other is None:
        return
    used = False
    if picture.projection is None and other.projection is not None:
        picture.projection, picture.bounds, picture.named = other.projection, other.bounds, other.named
        used = True
    if picture.stereo is None and other.stereo is not None:
        picture.stereo, picture.right_eye_first = other.stereo, other.right_eye_first
        used = True
    picture.problems += other.problems
    picture.sources += other.sources if used else []
