"""How the picture turns from frame to frame, as rotations of the whole sphere.

Corners are followed by pyramidal Lucas-Kanade flow (Bouguet 2000) from a reference picture to the next one, which is
first turned back by what is known already, so that the flow stays small wherever the camera looks and however it is
tilted. Corners become directions, and the rotation between both sets is the one on which most of them agree (Fischler
and Bolles 1981), refined by least squares (Kabsch 1976). The reference is kept as long as enough corners agree, so
errors do not add up from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere

Rotation = NDArray[np.float64]

_WRAP = 24
"""Columns repeated on either side, so that flow crosses the back seam."""

_POLAR_SHARE = 0.125
"""Share of the rows left out at either pole: stretched, and where tripods, logos and black caps are."""

_MOST_CORNERS, _QUALITY, _DISTANCE_PX, _BLOCK_PX = 160, 0.005, 5, 5
_BANDS = 8
"""Sectors of azimuth that get corners of their own, so that one busy object is never all there is to see."""

_WINDOW, _LEVELS = (11, 11), 3
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.02)
_PAIRS = 96
"""Pairs of corners whose rotation is tried."""

_AGREE = np.radians(1.2)
"""Angle within which a corner agrees with a rotation: less than a pixel of 256 columns."""

_SETTLED = np.radians(1.0)
"""A correction larger than this is looked at once more, from nearer."""

_MOST_LOOKS = 3
LEAST_CORNERS, LEAST_AGREEING = 12, 0.3
"""Corners, and the share of them that must agree, for a rotation to be believed."""

_KEEP_AGREEING = 0.55
"""A reference with a smaller share is replaced by the picture before."""


@dataclass(frozen=True)
class PictureTurn:
    """What was in direction v in the first picture is in ``rotation @ v`` in this one.

    ``agreeing`` is the share of corners that say so, 0 to 1; 0 where nothing could be followed, and ``rotation`` is
    then the last one known.
    """

    rotation: Rotation
    agreeing: float


class RotationTracker:
    """Takes gray equirectangular pictures ``(height, width)`` one after the other."""

    def __init__(self) -> None:
        self._reference: _Reference | None = None
        self._before: NDArray[np.uint8] | None = None
        self._turn = np.eye(3)

    def push(self, gray: NDArray[np.uint8]) -> PictureTurn:
        """The turn of a picture against the first one."""
        if self._reference is None or self._before is None:
            self._reference, self._before = _Reference(gray, self._turn), gray
            return PictureTurn(self._turn, 1.0)
        found = self._reference.turn_of(gray, self._turn)
        if found.agreeing < _KEEP_AGREEING:
            nearer = _Reference(self._before, self._turn)
            again = nearer.turn_of(gray, self._turn)
            if again.agreeing >= found.agreeing:
                self._reference, found = nearer, again
        if found.agreeing >= LEAST_AGREEING:
            self._turn = found.rotation
        else:
            # Nothing is known of the turn in between: what follows is measured from here.
            self._reference, found = _Reference(gray, self._turn), PictureTurn(self._turn, 0.0)
        self._before = gray
        return found


class _Reference:
    """A picture, the turn that it has, and the directions of its corners."""

    def __init__(self, gray: NDArray[np.uint8], turn: Rotation) -> None:
        self._turn = turn
        self._wrapped = _wrapped(gray)
        self._corners = _corners(self._wrapped)
        self._directions = _directions(self._corners, *gray.shape)

    def turn_of(self, gray: NDArray[np.uint8], near: Rotation) -> PictureTurn:
        """The turn of another picture, looked for around ``near``."""
        if len(self._corners) < LEAST_CORNERS:
            return PictureTurn(near, 0.0)
        between = near @ self._turn.T
        agreeing = 0.0
        for _ in range(_MOST_LOOKS):
            back = gray if np.allclose(between, np.eye(3), atol=1e-4) else sphere.rotate_small_picture(gray, between.T)
            moved, tracked, _ = cv2.calcOpticalFlowPyrLK(
                self._wrapped,
                _wrapped(back),
                self._corners,
                np.zeros_like(self._corners),
                winSize=_WINDOW,
                maxLevel=_LEVELS,
                criteria=_STOP,
            )
            there = tracked[:, 0] > 0
            if int(there.sum()) < LEAST_CORNERS:
                return PictureTurn(near, 0.0)
            seen = _directions(np.asarray(moved, np.float32)[there], *gray.shape)
            correction, inside = agreed_rotation(self._directions[there], seen)
            agreeing = inside * float(there.mean())
            between = between @ correction
            if _angle(correction) < _SETTLED:
                break
        return PictureTurn(between @ self._turn, agreeing)


def agreed_rotation(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[Rotation, float]:
    """The rotation ``(3, 3)`` that sends most directions ``(n, 3)`` of ``one`` to those of ``other``, and their share.

    >>> directions = np.eye(3)
    >>> rotation, share = agreed_rotation(directions, directions @ sphere.yaw_rotation(0.2).T)
    >>> bool(np.allclose(rotation, sphere.yaw_rotation(0.2))), share
    (True, 1.0)
    """
    count = len(one)
    rng = np.random.default_rng(0)
    first = rng.integers(count, size=_PAIRS)
    second = (first + rng.integers(1, count, size=_PAIRS)) % count
    tried = np.concatenate(
        [_frames(other[first], other[second]) @ _frames(one[first], one[second]).mT, np.eye(3)[None]]
    )
    least = np.cos(_AGREE)
    likeness = np.einsum("nj,hij,ni->hn", one, tried, other)
    best = int(np.argmax((likeness >= least).sum(axis=1)))
    rotation, inside = tried[best], likeness[best] >= least
    for _ in range(3):
        if int(inside.sum()) < 2:
            break
        rotation = _kabsch(one[inside], other[inside])
        inside = np.einsum("nj,ij,ni->n", one, rotation, other) >= least
    return rotation, float(inside.mean())


def _kabsch(one: NDArray[np.float64], other: NDArray[np.float64]) -> Rotation:
    left, _, right = np.linalg.svd(other.T @ one)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return np.asarray(left @ flip @ right)


def _frames(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal frames ``(n, 3, 3)`` whose columns are made of two directions each."""
    normal = np.cross(a, b)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return np.stack([a, normal, np.cross(a, normal)], axis=2)


def _angle(rotation: Rotation) -> float:
    return float(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))


def _wrapped(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.concatenate([gray[:, -_WRAP:], gray, gray[:, :_WRAP]], axis=1))


def _corners(wrapped: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = wrapped.shape
    top = round(_POLAR_SHARE * height)
    found = []
    for band in range(_BANDS):
        left = _WRAP + band * (width - 2 * _WRAP) // _BANDS
        right = _WRAP + (band + 1) * (width - 2 * _WRAP) // _BANDS
        part = wrapped[top : height - top, left:right]
        corners = cv2.goodFeaturesToTrack(
            np.ascontiguousarray(part), _MOST_CORNERS // _BANDS, _QUALITY, _DISTANCE_PX, blockSize=_BLOCK_PX
        )
        if corners is not None:
            found.append(np.asarray(corners, np.float32) + np.array([left, top], np.float32))
    return np.concatenate(found) if found else np.zeros((0, 1, 2), np.float32)


def _directions(points: NDArray[np.float32], height: int, width: int) -> NDArray[np.float64]:
    """Unit vectors ``(n, 3)`` of points (column, row) in a wrapped picture."""
    at = points.reshape(-1, 2).astype(np.float64)
    azimuth = np.pi - 2 * np.pi * (at[:, 0] - _WRAP + 0.5) / width
    elevation = np.pi / 2 - np.pi * (at[:, 1] + 0.5) / height
    return sphere.unit_vector(azimuth, elevation)
