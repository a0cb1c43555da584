"""How projections lay the sphere out in a frame, as faces that know their own geometry.

One description serves three ends: which frame edges meet on the sphere (:mod:`yt360.media.projection.seams`),
drawing any layout from an equirectangular picture (tests, benchmarks), and checking ``v360``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.media.containers.spatial import Projection, Stereo

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Face:
    """A rectangle of the frame and the part of the sphere it shows.

    ``left``, ``top``, ``right``, ``bottom`` are fractions of the frame. Inside, s runs from -1 (left)
    to 1 (right) and t from -1 (top) to 1 (bottom). ``vectors`` maps (s, t) to directions ``(..., 3)``,
    also a little beyond the edges; ``plane`` maps directions to (s, t) and is NaN where the face cannot see.
    """

    left: float
    top: float
    right: float
    bottom: float
    vectors: Callable[[Array, Array], Array]
    plane: Callable[[Array], tuple[Array, Array]]

    def frame_position(self, s: Array, t: Array) -> tuple[Array, Array]:
        """(column, row) fractions of the frame."""
        return (
            self.left + (s + 1) / 2 * (self.right - self.left),
            self.top + (t + 1) / 2 * (self.bottom - self.top),
        )


@dataclass(frozen=True)
class Layout:
    """A projection with its stereo arrangement. ``faces`` are those of the left eye."""

    name: str
    projection: Projection
    stereo: Stereo
    faces: tuple[Face, ...]
    cubemap_layout: str = "3x2"

    def seen_at(self, column: Array, row: Array) -> Array:
        """Directions ``(n, 3)`` that positions ``(n,)`` (fractions of the frame) show; NaN where there are none.

        The second eye has the arrangement of the first.
        """
        column = column % 0.5 if self.stereo == "left-right" else column
        row = row % 0.5 if self.stereo == "top-bottom" else row
        vectors = np.full((*column.shape, 3), np.nan)
        for face in self.faces:
            inside = (column >= face.left) & (column < face.right) & (row >= face.top) & (row < face.bottom)
            s = 2 * (column[inside] - face.left) / (face.right - face.left) - 1
            t = 2 * (row[inside] - face.top) / (face.bottom - face.top) - 1
            vectors[inside] = face.vectors(s, t)
        return vectors

    def locate(self, vectors: Array) -> tuple[Array, Array]:
        """(column, row) fractions of the frame for directions ``(..., 3)``; NaN where no face shows them."""
        column, row = np.full(vectors.shape[:-1], np.nan), np.full(vectors.shape[:-1], np.nan)
        best = np.full(vectors.shape[:-1], np.inf)
        for face in self.faces:
            s, t = face.plane(vectors)
            distance = np.maximum(np.abs(s), np.abs(t))
            better = distance < best
            c, r = face.frame_position(np.clip(s, -1, 1), np.clip(t, -1, 1))
            column, row = np.where(better, c, column), np.where(better, r, row)
            best = np.where(better, distance, best)
        outside = ~(best <= 1 + 1e-6)
        return np.where(outside, np.nan, column), np.where(outside, np.nan, row)


def _equirectangular_face(left: float, top: float, right: float, bottom: float, *, span: float = 1.0) -> Face:
    """``span`` is the share of the 360° that the face shows, around the front."""

    def vectors(s: Array, t: Array) -> Array:
        return sphere.unit_vector(-np.pi * span * s, -np.pi / 2 * t)

    def plane(v: Array) -> tuple[Array, Array]:
        azimuth, elevation = sphere.direction(v)
        return -azimuth / (np.pi * span), -elevation / (np.pi / 2)

    return Face(left, top, right, bottom, vectors, plane)


def _fisheye_face(left: float, top: float, right: float, bottom: float, *, back: bool, fov: float) -> Face:
    """Equidistant circle of ``fov`` radians that touches the edges of the face."""
    sign = -1.0 if back else 1.0

    def vectors(s: Array, t: Array) -> Array:
        angle = np.hypot(s, t) * fov / 2
        turn = np.arctan2(-t, -s)
        return np.stack(
            [sign * np.cos(angle), sign * np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn)], axis=-1
        )

    def plane(v: Array) -> tuple[Array, Array]:
        angle = np.arctan2(np.hypot(v[..., 1], v[..., 2]), sign * v[..., 0])
        turn = np.arctan2(v[..., 2], sign * v[..., 1])
        radius = angle / (fov / 2)
        outside = radius > 1
        return (
            np.where(outside, np.inf, -radius * np.cos(turn)),
            np.where(outside, np.inf, -radius * np.sin(turn)),
        )

    return Face(left, top, right, bottom, vectors, plane)


_Axes = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
_UP, _DOWN, _FRONT, _BACK, _LEFT, _RIGHT = (0, 0, 1), (0, 0, -1), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)
"""Unit vectors (x front, y left, z up)."""

# (forward, right, down) of each face, row by row, measured from ffmpeg's v360 (a test does it again).
_EAC: tuple[_Axes, ...] = (
    (_LEFT, _FRONT, _DOWN),
    (_FRONT, _RIGHT, _DOWN),
    (_RIGHT, _BACK, _DOWN),
    (_DOWN, _BACK, _LEFT),
    (_BACK, _UP, _LEFT),
    (_UP, _FRONT, _LEFT),
)
"""Faces of YouTube's equi-angular cubemap, row by row: where each looks, and its axes to the right and down."""

_CUBE: tuple[_Axes, ...] = (
    (_RIGHT, _BACK, _DOWN),
    (_LEFT, _FRONT, _DOWN),
    (_UP, _RIGHT, _FRONT),
    (_DOWN, _RIGHT, _BACK),
    (_FRONT, _RIGHT, _DOWN),
    (_BACK, _LEFT, _DOWN),
)
"""Faces of a cubemap, row by row, likewise."""

# Spherical Video V2 RFC, cbmp layout 0: the same order, but the top of "up" is forwards, of "down" backwards.
_CBMP: tuple[_Axes, ...] = (*_CUBE[:2], (_UP, _LEFT, _BACK), (_DOWN, _LEFT, _FRONT), *_CUBE[4:])
"""Faces in the order of the ``cbmp`` box, likewise."""


def _cube_face(rectangle: tuple[float, float, float, float], axes: _Axes, *, equiangular: bool) -> Face:
    forward, right, down = (np.asarray(axis, float) for axis in axes)

    def vectors(s: Array, t: Array) -> Array:
        if equiangular:
            s, t = np.tan(s * np.pi / 4), np.tan(t * np.pi / 4)
        v = forward + s[..., None] * right + t[..., None] * down
        return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))

    def plane(v: Array) -> tuple[Array, Array]:
        depth = v @ forward
        seen = depth > 1e-6
        depth = np.where(seen, depth, 1.0)
        s, t = v @ right / depth, v @ down / depth
        if equiangular:
            s, t = np.arctan(s) * 4 / np.pi, np.arctan(t) * 4 / np.pi
        return np.where(seen, s, np.inf), np.where(seen, t, np.inf)

    return Face(*rectangle, vectors, plane)


def _cube_faces(axes: tuple[_Axes, ...], columns: int, rows: int, *, equiangular: bool) -> tuple[Face, ...]:
    return tuple(
        _cube_face(
            (k % columns / columns, k // columns / rows, (k % columns + 1) / columns, (k // columns + 1) / rows),
            face,
            equiangular=equiangular,
        )
        for k, face in enumerate(axes)
    )


def _stereo_eac_faces() -> tuple[Face, ...]:
    """The left eye of stereo EAC: 3x2 turned by 90° counter-clockwise, in the left half of the frame."""
    faces = []
    for k, (forward, right, down) in enumerate(_EAC):
        column, row = k % 3, k // 3
        # Turned counter-clockwise: what ran right runs up, what ran down runs right.
        rectangle = (row / 4, (2 - column) / 3, (row + 1) / 4, (3 - column) / 3)
        upside = tuple(-x for x in right)
        faces.append(_cube_face(rectangle, (forward, down, upside), equiangular=True))  # type: ignore[arg-type]
    return tuple(faces)


@lru_cache(maxsize=1)
def known_layouts() -> dict[str, Layout]:
    """All layouts that can be told from a picture, by name."""
    whole = (0.0, 0.0, 1.0, 1.0)
    layouts = [
        Layout("equirectangular", "equirectangular", "mono", (_equirectangular_face(*whole),)),
        Layout("equirectangular-tb", "equirectangular", "top-bottom", (_equirectangular_face(0, 0, 1, 0.5),)),
        Layout("equirectangular-lr", "equirectangular", "left-right", (_equirectangular_face(0, 0, 0.5, 1),)),
        Layout("eac", "eac", "mono", _cube_faces(_EAC, 3, 2, equiangular=True)),
        Layout("eac-lr", "eac", "left-right", _stereo_eac_faces()),
        Layout("cubemap-3x2", "cubemap", "mono", _cube_faces(_CUBE, 3, 2, equiangular=False), "3x2"),
        Layout("cubemap-cbmp", "cubemap", "mono", _cube_faces(_CBMP, 3, 2, equiangular=False), "cbmp"),
        Layout("cubemap-6x1", "cubemap", "mono", _cube_faces(_CUBE, 6, 1, equiangular=False), "6x1"),
        Layout("cubemap-1x6", "cubemap", "mono", _cube_faces(_CUBE, 1, 6, equiangular=False), "1x6"),
    ]
    return {layout.name: layout for layout in layouts}


def half_equirectangular(stereo: Stereo) -> Layout:
    """VR180: 180° by 180° an eye."""
    rectangle = {"mono": (0.0, 0.0, 1.0, 1.0), "left-right": (0.0, 0.0, 0.5, 1.0), "top-bottom": (0.0, 0.0, 1.0, 0.5)}
    face = _equirectangular_face(*rectangle[stereo], span=0.5)
    return Layout(f"half-{stereo}", "half_equirectangular", stereo, (face,))


def dual_fisheye(fov_deg: float = 190.0) -> Layout:
    """Two circles side by side: front and back."""
    fov = np.radians(fov_deg)
    faces = (
        _fisheye_face(0.0, 0.0, 0.5, 1.0, back=False, fov=fov),
        _fisheye_face(0.5, 0.0, 1.0, 1.0, back=True, fov=fov),
    )
    return Layout("dual-fisheye", "fisheye", "mono", faces)


def draw(layout: Layout, picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The frame ``(height, width[, C])`` that shows an equirectangular ``picture`` in this layout, left eye only.

    What no face covers stays black.
    """
    rows, columns = np.mgrid[0:height, 0:width]
    x, y = (columns + 0.5) / width, (rows + 0.5) / height
    source_rows = np.full((height, width), -1.0, np.float32)
    source_columns = np.full((height, width), -1.0, np.float32)
    covered = np.zeros((height, width), bool)
    for face in layout.faces:
        inside = (x >= face.left) & (x < face.right) & (y >= face.top) & (y < face.bottom)
        s = 2 * (x[inside] - face.left) / (face.right - face.left) - 1
        t = 2 * (y[inside] - face.top) / (face.bottom - face.top) - 1
        r, c = sphere.to_pixels(*sphere.direction(face.vectors(s, t)), *picture.shape[:2])
        source_rows[inside], source_columns[inside] = r, c
        covered[inside] = np.hypot(s, t) <= 1 if layout.projection == "fisheye" else True
    frame = sphere.sample(picture, np.stack([source_rows, source_columns], axis=-1), "cubic")
    frame[~covered] = 0
    return frame.astype(np.uint8, copy=False)
