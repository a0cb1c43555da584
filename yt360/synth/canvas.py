"""A small transparent drawing board for the looks of objects.

Coordinates: x to the right, y up, both in [-1, 1]. The picture is RGBA uint8 with *premultiplied*
colour: OpenCV's anti-aliasing blends towards transparent black, which is exactly premultiplication.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = Sequence[float]

_SHIFT = 4


class Canvas:
    """A square picture ``(size, size, 4)`` to draw on."""

    def __init__(self, size: int, *, mirrored: bool = False) -> None:
        self.pixels: NDArray[np.uint8] = np.zeros((size, size, 4), np.uint8)
        self._size = size
        self._sign = -1.0 if mirrored else 1.0

    def _points(self, points: Sequence[tuple[float, float]]) -> NDArray[np.int32]:
        xy = np.asarray(points, float) * [self._sign, -1.0]
        return np.round((xy + 1) / 2 * self._size * (1 << _SHIFT)).astype(np.int32)

    def _length(self, length: float) -> int:
        return max(1, round(length / 2 * self._size * (1 << _SHIFT)))

    @staticmethod
    def _colour(colour: Colour, opacity: float) -> tuple[float, float, float, float]:
        red, green, blue = (float(value) * opacity for value in colour)
        return red, green, blue, 255.0 * opacity

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, *, angle_deg: float = 0.0, opacity: float = 1.0
    ) -> None:
        """A filled ellipse, turned counter-clockwise."""
        centre = self._points([(x, y)])[0]
        axes = (self._length(rx), self._length(ry))
        turn = -angle_deg * self._sign
        fill = self._colour(colour, opacity)
        cv2.ellipse(self.pixels, centre.tolist(), axes, turn, 0, 360, fill, -1, cv2.LINE_AA, _SHIFT)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour, *, opacity: float = 1.0) -> None:
        """A filled polygon."""
        cv2.fillPoly(self.pixels, [self._points(points)], self._colour(colour, opacity), cv2.LINE_AA, _SHIFT)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """A filled rectangle between two corners."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def line(
        self, points: Sequence[tuple[float, float]], width: float, colour: Colour, *, opacity: float = 1.0
    ) -> None:
        """An open line of the given width through points."""
        thickness = max(1, round(width / 2 * self._size))
        fill = self._colour(colour, opacity)
        cv2.polylines(self.pixels, [self._points(points)], False, fill, thickness, cv2.LINE_AA, _SHIFT)
