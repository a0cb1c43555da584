"""Zooming and shifting of a flat picture, as slide shows do it: what an editor does to a photograph, no camera does.

A slide show that zooms scales the equirectangular picture as if it were flat. A camera that moves scales what lies
ahead, shrinks what lies behind and leaves the sides to run past, so no scaling of the whole picture explains it. What
grows by half a percent a second is seen over two seconds, not from one sample to the next: :func:`slow`.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]

_CORNERS, _APART_PX, _LEAST_QUALITY = 200, 6, 0.01
"""Most corners that are followed, their least distance, and how much weaker than the strongest they may be."""

_WINDOW_PX, _LEVELS = 15, 3
"""Window and pyramid levels of the optical flow (B. D. Lucas and T. Kanade, 1981)."""

_CLOSE_PX = 1.0
"""How far from where the scaling takes it a corner may come to lie."""

_FEWEST, _LEAST_SHARE = 20, 0.6
"""Corners that must be found again, and the share of them that one scaling must explain."""

SLOW_STEPS = 4
"""Steps over which a slow scaling is sought."""

_LEAST_SLOW, _LEAST_SLOW_PX = 0.003, 1.0
"""Over these steps: least change of size (a natural logarithm) and of the corners; a shift alone is no scaling."""

_IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def estimate(first: FloatImage, second: FloatImage) -> NDArray[np.float64] | None:
    """The similarity ``(2, 3)`` of the flat picture that carries the gray ``first`` into ``second``.

    ``None`` where too few corners follow one.
    """
    before, after = (np.clip(picture, 0, 255).astype(np.uint8) for picture in (first, second))
    corners: Any = cv2.goodFeaturesToTrack(before, _CORNERS, _LEAST_QUALITY, _APART_PX)
    if corners is None or len(corners) < _FEWEST:
        return None
    size = (_WINDOW_PX, _WINDOW_PX)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, corners.copy(), winSize=size, maxLevel=_LEVELS)
    there = found.ravel() == 1
    if np.count_nonzero(there) < _FEWEST:
        return None
    matrix, inliers = cv2.estimateAffinePartial2D(
        corners[there], moved[there], method=cv2.RANSAC, ransacReprojThreshold=_CLOSE_PX
    )
    if matrix is None or np.count_nonzero(inliers) < _LEAST_SHARE * np.count_nonzero(there):
        return None
    return np.asarray(matrix, np.float64)


def apply(picture: FloatImage, matrix: NDArray[np.float64]) -> tuple[FloatImage, NDArray[np.bool_]]:
    """``picture`` ``(H, W)`` scaled and shifted, and where that came from inside of it."""
    height, width = picture.shape
    warped = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones_like(picture), matrix, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.float32), np.asarray(inside > 0.99)


def slow(first: FloatImage, last: FloatImage) -> NDArray[np.float64] | None:
    """The scaling ``(2, 3)`` of each of the :data:`SLOW_STEPS` steps from the gray ``first`` to ``last``, if it is one.

    Every step scales and shifts alike, so each is the fourth root of the whole.
    """
    whole = estimate(first, last)
    if whole is None or size(whole) < _LEAST_SLOW or reach_px(whole, *first.shape) < _LEAST_SLOW_PX:
        return None
    # A similarity of the plane is one complex factor and a shift: z -> a z + b; steps add up as a geometric series.
    factor, shift = complex(whole[0, 0], whole[1, 0]), complex(whole[0, 2], whole[1, 2])
    root = factor ** (1 / SLOW_STEPS)
    part = shift / sum(root**k for k in range(SLOW_STEPS))
    return np.array([[root.real, -root.imag, part.real], [root.imag, root.real, part.imag]])


def compose(matrices: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """One matrix ``(2, 3)`` for several, applied in order."""
    whole = np.eye(3)
    for matrix in matrices:
        whole = np.vstack([matrix, [0.0, 0.0, 1.0]]) @ whole
    return whole[:2]


def identity() -> NDArray[np.float64]:
    """The matrix ``(2, 3)`` that leaves a picture as it is."""
    return _IDENTITY.copy()


def size(matrix: NDArray[np.float64]) -> float:
    """Natural logarithm of the scale, without sign."""
    return abs(float(np.log(max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6))))


def reach_px(matrix: NDArray[np.float64], height: int, width: int) -> float:
    """How far the corner that moves most is carried, in pixels."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    return float(np.max(np.linalg.norm(corners @ matrix.T - corners[:, :2], axis=1)))
