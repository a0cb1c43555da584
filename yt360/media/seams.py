"""Which layout does a picture have? Ask whether edges that would meet on the sphere fit together.

In each layout some edges of faces lie far apart in the frame and touch on the sphere: the left and
right edge of an equirectangular picture, eight of the twelve cube edges of an EAC frame. If the
layout is right, stepping over such a seam changes the picture as little as one step inside it; if it
is wrong, two unrelated parts of the picture meet. Nothing is learnt from a seam without texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.media.layouts import Face, Layout

_BLACK = 16
"""Gray level above which a pixel of an edge is lit."""

_NOISE = 1.5
"""Gray levels: steps smaller than this are coding noise."""


@dataclass(frozen=True)
class _Seam:
    """Pixel positions ``(n, 2)`` (row, column): on the edge, one step inside, one step across."""

    edge: NDArray[np.float32]
    inner: NDArray[np.float32]
    across: NDArray[np.float32]
    across_inner: NDArray[np.float32]


@dataclass(frozen=True)
class SeamEvidence:
    """One seam seen over all frames.

    ``step`` is the mean change over the seam and ``inside`` the mean change one step beside it on both
    sides, in gray levels. ``likeness`` is the correlation of what runs along the two sides, slow shading
    taken out; ``detail`` is how much there is of it (root mean square, gray levels). ``lit`` is the share
    of the edge that is not black. ``elsewhere`` is the likeness of the edge to places of the same picture that
    do not meet it: in a landscape of level layers any two columns are alike.
    """

    step: float
    inside: float
    likeness: float
    detail: float
    lit: float = 1.0
    elsewhere: float = 0.0

    @property
    def ratio(self) -> float:
        """About 1 where the seam closes."""
        return (self.step + _NOISE) / (self.inside + _NOISE)


_EDGES = ("left", "right", "top", "bottom")
"""The edges of a face."""


def _edge_points(
    face: Face, edge: str, along: NDArray[np.float64], distance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(s, t) of points at ``distance`` (in s or t units, positive inside) from an edge."""
    fixed = np.full(along.shape, (-1 + distance) if edge in ("left", "top") else (1 - distance))
    return (fixed, along) if edge in ("left", "right") else (along, fixed)


@lru_cache(maxsize=64)
def _seams(layout: Layout, height: int, width: int) -> tuple[_Seam, ...]:
    seams: list[_Seam] = []
    for face in layout.faces:
        face_width, face_height = (face.right - face.left) * width, (face.bottom - face.top) * height
        for edge in _EDGES:
            sideways = edge in ("left", "right")
            count = int(face_height if sideways else face_width)
            step = 2 / (face_width if sideways else face_height)
            along = (np.arange(count) + 0.5) / count * 2 - 1
            inside = [face.frame_position(*_edge_points(face, edge, along, d * step)) for d in (0.5, 1.5)]
            outside = [layout.locate(face.vectors(*_edge_points(face, edge, along, d * step))) for d in (-0.5, -1.5)]
            edge_px, inner_px, across_px, across_inner_px = (
                np.stack([row * height - 0.5, column * width - 0.5], axis=-1) for column, row in inside + outside
            )
            usable = np.isfinite(across_px).all(axis=-1) & np.isfinite(across_inner_px).all(axis=-1)
            far = np.hypot(*(across_px - edge_px).T) > 4
            # At the ends of an edge three faces meet; leave the corners out.
            usable &= far & (np.abs(along) < 0.97)
            if usable.sum() < 0.5 * count:
                continue
            positions = [p[usable].astype(np.float32) for p in (edge_px, inner_px, across_px, across_inner_px)]
            if not any(_same(positions, known) for known in seams):
                seams.append(_Seam(*positions))
    return tuple(seams)


def seam_count(layout: Layout, height: int, width: int) -> int:
    """How many seams a layout has in a frame of that size."""
    return len(_seams(layout, height, width))


def _same(positions: list[NDArray[np.float32]], known: _Seam) -> bool:
    """Whether ``known`` is the same seam seen from the other side."""
    edge, _, across, _ = positions
    middle, other = len(edge) // 2, len(known.edge) // 2
    here = np.hypot(*(edge[middle] - known.across[other]))
    there = np.hypot(*(across[middle] - known.edge[other]))
    return bool(here < 3 and there < 3)


def _read(frame: NDArray[np.float32], positions: NDArray[np.float32]) -> NDArray[np.float32]:
    values = cv2.remap(
        frame, positions[None, :, 1], positions[None, :, 0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(values[0], np.float32)


def _detail(profile: NDArray[np.float32]) -> NDArray[np.float32]:
    """A profile without its slow shading: sky over ground is alike at any two edges."""
    slow = cv2.GaussianBlur(profile[None, :], (0, 0), max(2.0, len(profile) / 12), borderType=cv2.BORDER_REPLICATE)
    fine = cv2.GaussianBlur(profile[None, :], (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray((fine - slow)[0], np.float32)


_APART = (0.25, 0.4, 0.6, 0.75)
"""How far from its left edge columns are taken that have nothing to do with that edge, in widths of the face."""


def _elsewhere(seam: _Seam, layout: Layout, pictures: list[NDArray[np.float32]], width: int) -> float:
    """Mean likeness of the edge of an equirectangular picture to columns far inside it."""
    face_width = (layout.faces[0].right - layout.faces[0].left) * width
    found = []
    for share in _APART:
        inside = seam.edge - np.array([0, np.sign(seam.edge[0, 1] - seam.across[0, 1])]) * share * face_width
        products = np.zeros(3)
        for picture in pictures:
            a, b = _detail(_read(picture, seam.edge)), _detail(_read(picture, inside.astype(np.float32)))
            products += [float((a * b).mean()), float((a * a).mean()), float((b * b).mean())]
        found.append(products[0] / np.sqrt(products[1] * products[2]) if products[1:].min() > 0 else 0.0)
    return float(np.mean(found))


def seam_evidence(frames: NDArray[np.uint8], layout: Layout) -> list[SeamEvidence]:
    """Evidence of every seam of ``layout`` in gray ``frames`` ``(n, height, width)``."""
    found = []
    count, height, width = frames.shape
    pictures = [frame.astype(np.float32) for frame in frames]
    # What is the same along most of a row (the rim of a black pole, a level horizon) is alike at any two columns.
    around = layout.projection == "equirectangular" or layout.cubemap_layout == "6x1"
    varying = [p - np.median(p, axis=1, keepdims=True) if around else p for p in pictures]
    for number, seam in enumerate(_seams(layout, height, width)):
        step = inside = lit = 0.0
        products = np.zeros(3)
        for picture, changing in zip(pictures, varying, strict=True):
            edge, inner = _read(picture, seam.edge), _read(picture, seam.inner)
            across, beyond = _read(picture, seam.across), _read(picture, seam.across_inner)
            step += float(np.abs(edge - across).mean())
            inside += float((np.abs(edge - inner).mean() + np.abs(across - beyond).mean()) / 2)
            lit += float((edge > _BLACK).mean())
            a, b = _detail(_read(changing, seam.edge)), _detail(_read(changing, seam.across))
            products += [float((a * b).mean()), float((a * a).mean()), float((b * b).mean())]
        likeness = products[0] / np.sqrt(products[1] * products[2]) if products[1:].min() > 0 else 0.0
        # A plain side has no details to be alike; then only the step over the seam can speak.
        detail = float(np.sqrt(min(products[1], products[2]) / count))
        most = float(np.sqrt(max(products[1], products[2]) / count))
        if detail < 0.25 * most:
            likeness, detail = 0.0, most
        elsewhere = 0.0
        if layout.projection == "equirectangular" and number == 0:
            elsewhere = _elsewhere(seam, layout, varying, width)
        found.append(SeamEvidence(step / count, inside / count, float(likeness), detail, lit / count, elsewhere))
    return found
