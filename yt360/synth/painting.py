"""Paint a small picture onto the sphere: right at the seam and at the poles.

A sprite is a square RGBA picture (premultiplied) that lies in the plane tangent to the sphere at
its centre, upright (its top points to the zenith). A pixel of the panorama looks up where its ray
meets that plane; nothing is stretched or cut in two-dimensional coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere


@lru_cache(maxsize=4)
def _vectors(height: int, width: int) -> NDArray[np.float32]:
    return sphere.pixel_vectors(height, width).astype(np.float32)


@dataclass(frozen=True)
class Patch:
    """A part of an equirectangular picture: whole rows ``rows`` at columns ``columns`` (wrapping around)."""

    rows: slice
    columns: NDArray[np.intp]

    @property
    def index(self) -> tuple[slice, NDArray[np.intp]]:
        return self.rows, self.columns


def patch_around(height: int, width: int, azimuth: float, elevation: float, radius: float) -> Patch | None:
    """The smallest patch that holds the cap of ``radius`` (radians) around a direction."""
    top, bottom = elevation + radius, elevation - radius
    first = max(0, int(np.floor((np.pi / 2 - top) * height / np.pi - 0.5)))
    last = min(height, int(np.ceil((np.pi / 2 - bottom) * height / np.pi + 0.5)))
    if first >= last:
        return None
    if top >= np.pi / 2 or bottom <= -np.pi / 2:
        columns = np.arange(width)
    else:
        half = np.arcsin(min(1.0, np.sin(radius) / np.cos(elevation)))
        centre = (np.pi - azimuth) * width / (2 * np.pi) - 0.5
        reach = half * width / (2 * np.pi)
        count = min(width, int(np.ceil(2 * reach)) + 3)
        columns = (int(np.floor(centre - reach)) + np.arange(count)) % width
    return Patch(slice(first, last), columns)


def paint(
    picture: NDArray[np.float32],
    sprite: NDArray[np.uint8],
    rotation: NDArray[np.floating],
    half_extent: float,
) -> tuple[Patch, NDArray[np.float32]] | None:
    """Lay ``sprite`` over ``picture`` ``(H, W, 3)`` float32 in place.

    ``rotation`` is the world-to-sprite rotation: its first row is the direction of the sprite's
    centre. ``half_extent`` in radians is the angle from the centre to the middle of an edge.
    Returns the patch touched and the sprite's opacity there in [0, 1], or ``None`` if nothing was.
    """
    height, width = picture.shape[:2]
    tangent = float(np.tan(half_extent))
    azimuth, elevation = sphere.direction(rotation[0])
    patch = patch_around(height, width, float(azimuth), float(elevation), float(np.arctan(tangent * 2**0.5)))
    if patch is None:
        return None
    local = _vectors(height, width)[patch.index] @ rotation.T.astype(np.float32)
    depth = local[..., 0]
    in_front = depth > 1e-3
    scale = np.float32(sprite.shape[0] / (2 * tangent)) / np.where(in_front, depth, 1)
    middle = np.float32(sprite.shape[0] / 2 - 0.5)
    columns = np.where(in_front, middle - local[..., 1] * scale, -9)
    rows = np.where(in_front, middle - local[..., 2] * scale, -9)
    seen = cv2.remap(sprite, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    colour = seen.astype(np.float32)
    opacity = colour[..., 3] / np.float32(255)
    picture[patch.index] = picture[patch.index] * (1 - opacity[..., None]) + colour[..., :3]
    return patch, opacity
