"""Poles: there the rows of a sphere are small circles, drawn as wide as the horizon.

So they change less along than across (:func:`pole_stretch`). Where two spheres lie above each other, two poles meet at
half the height of the frame, where a single one has its equator (:func:`inner_poles`).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_NOISE = 1.0
"""Gray levels: smaller differences are coding noise."""

_POLE_DEG, _LEVEL_DEG = (66.0, 86.0), 35.0
"""Elevations of the bands at the poles, and up to which the middle of the picture reaches."""

_COMMON = 0.85
"""Share of changes that count, from the smallest up."""

_INNER_DEG, _EQUATOR_DEG = 6.0, 30.0
"""Distance from the poles at half the height, and half the width of the bands around the equators of two eyes."""


def pole_stretch(eyes: Sequence[NDArray[np.uint8]], coarse: tuple[float, float]) -> list[tuple[float, float]]:
    """How much less pictures ``(n, height, width)`` change along their rows at both poles than in their middle, against
    what they change down their columns: (logarithm of the ratio, change in gray levels) for top and bottom, means
    over all ``eyes``.

    On a sphere a row near a pole is a small circle, drawn as wide as the horizon: whatever is there, tiles too, is
    smeared by the cosine of its elevation.
    """
    return [
        (float(np.mean([pole[0] for pole in found])), float(np.mean([pole[1] for pole in found])))
        for found in zip(*(_stretch(eye, coarse) for eye in eyes), strict=True)
    ]


def _stretch(eye: NDArray[np.uint8], coarse: tuple[float, float]) -> list[tuple[float, float]]:
    _, height, _ = eye.shape
    across, down = max(2, round(2 * coarse[0])), max(2, round(2 * coarse[1]))
    along = _differences(eye[:, :-down, across:], eye[:, :-down, :-across])
    upright = _differences(eye[:, down:], eye[:, :-down])
    elevation = 90 - 180 * (np.arange(height - down) + 0.5 + down / 2) / height

    def ratio(rows: NDArray[np.bool_]) -> tuple[float, float]:
        sideways, upwards = _common(along[:, rows]), _common(upright[:, rows])
        return float(np.log((sideways + _NOISE) / (upwards + _NOISE))), sideways + upwards

    level, _ = ratio(np.abs(elevation) < _LEVEL_DEG)
    poles = [ratio((signed > _POLE_DEG[0]) & (signed < _POLE_DEG[1])) for signed in (elevation, -elevation)]
    return [(value - level, change) for value, change in poles]


def _differences(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.absdiff(np.ascontiguousarray(a), np.ascontiguousarray(b)), np.uint8)


def _common(changes: NDArray[np.uint8]) -> float:
    """Mean of all changes but the largest: joints of tiles run straight to the pole and are no texture."""
    count = cv2.calcHist([changes.reshape(1, -1)], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    kept = np.minimum(count, np.maximum(0, _COMMON * changes.size - (np.cumsum(count) - count)))
    return float((kept * np.arange(256)).sum() / kept.sum())


def inner_poles(frames: NDArray[np.uint8], coarse: tuple[float, float]) -> tuple[float, float]:
    """How much less ``frames`` ``(n, height, width)`` change along the rows around half their height than around a
    quarter and three quarters of it: (logarithm of the ratio, change in gray levels).

    Of two spheres above each other, the lower pole of one and the upper pole of the other meet there, and at the
    quarters lie their equators, which are alike; so the calmer of them counts. In a single sphere the equator lies
    there, and the quarters are halfway up and halfway down, where one may be plain sky.
    """
    half = frames.shape[1] // 2
    degree = half / 180
    near = round(_INNER_DEG * degree)
    first, last = (round((90 + side) * degree) for side in (-_EQUATOR_DEG, _EQUATOR_DEG))
    middle = _along(frames[:, half - near : half + near], coarse)
    equators = min(_along(frames[:, top + first : top + last], coarse) for top in (0, half))
    return float(np.log((middle + _NOISE) / (equators + _NOISE))), middle + equators


def _along(rows: NDArray[np.uint8], coarse: tuple[float, float]) -> float:
    """Mean change along rows. All of it counts: the joints of tiles are what a pole leaves of them."""
    across = max(2, round(2 * coarse[0]))
    return float(_differences(rows[:, :, across:], rows[:, :, :-across]).mean())
