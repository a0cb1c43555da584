"""Whether two pictures show the same place: corners of one that are found again in the other.

Corners are followed by pyramidal Lucas-Kanade flow (Bouguet 2000) and compared by the normalised correlation of the
patch around them, which does not mind how bright either picture is. On a sphere a turning camera loses nothing from
view: what was in one picture is still somewhere in the next, so a low share means another place, not another heading.
Between pictures of different places one corner in fifty is found by chance, hardly ever one in seven.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 160
"""Size in pixels at which panoramas are compared: 1.1° a pixel."""

_WRAP = 40
"""Columns repeated on either side, so that flow crosses the back seam: 45°."""

_POLAR_ROWS = HEIGHT // 8
"""Rows left out at either pole, where an equirectangular picture is stretched and tripods stand."""

_MOST_CORNERS, _LEAST_CORNERS = 48, 6
_QUALITY, _DISTANCE_PX, _BLOCK_PX = 0.01, 8, 5
_RADIUS_PX = 6
"""Half the side of the patch that is compared: 13 pixels, 15°."""

_FOUND = 0.8
"""Normalised correlation at or above which a corner is found again."""

_LIGHT_PX = 8.0
"""Radius over which light is evened out: 9°."""

_COARSE_PX = 5.0
"""Radius of what is left out of :attr:`Panorama.middle_scales`, in pixels of 2.25°."""

_WINDOW = (2 * _RADIUS_PX + 1, 2 * _RADIUS_PX + 1)
_LEVELS = 3
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)
_OFFSETS = np.arange(-_RADIUS_PX, _RADIUS_PX + 1, dtype=np.float32)


class Panorama:
    """A picture in the form that is compared, from an equirectangular RGB frame ``(height, width, 3)``.

    What costs time is worked out when it is first asked for.
    """

    def __init__(self, frame: NDArray[np.uint8]) -> None:
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)  # first: one channel is shrunk in a third of the time
        self._gray = np.asarray(cv2.resize(gray, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)

    @cached_property
    def evenly_lit(self) -> Panorama:
        """The same with its brightness and contrast evened out, so that flow can follow it through other light."""
        wide = _wrapped(self._gray).astype(np.float32)
        fine = wide - cv2.GaussianBlur(wide, (0, 0), _LIGHT_PX)
        level = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), _LIGHT_PX)) + 1.0
        even = Panorama.__new__(Panorama)
        even._gray = np.clip(128 + 40 * fine / level, 0, 255).astype(np.uint8)[:, _WRAP:-_WRAP]
        return even

    @cached_property
    def wrapped(self) -> NDArray[np.uint8]:
        """``(HEIGHT, WIDTH + 2 * wrap)`` gray; the columns of either edge stand beyond the other one again."""
        return _wrapped(self._gray)

    @cached_property
    def corners(self) -> NDArray[np.float32]:
        """``(n, 1, 2)``: column and row of corners in :attr:`wrapped`, the best first, none near the poles."""
        inside = np.zeros(self.wrapped.shape, np.uint8)
        inside[_POLAR_ROWS:-_POLAR_ROWS, _WRAP:-_WRAP] = 255
        found = cv2.goodFeaturesToTrack(
            self.wrapped, _MOST_CORNERS, _QUALITY, _DISTANCE_PX, mask=inside, blockSize=_BLOCK_PX
        )
        return np.zeros((0, 1, 2), np.float32) if found is None else np.round(found).astype(np.float32)

    @cached_property
    def _half(self) -> NDArray[np.float32]:
        half = cv2.resize(self._gray, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(half, np.float32)

    @cached_property
    def contrast(self) -> float:
        """Standard deviation of what is finer than about 5°, in levels of 255."""
        fine = self._half - cv2.GaussianBlur(self._half, (0, 0), 1.5)
        return float(fine[_POLAR_ROWS // 2 : -_POLAR_ROWS // 2].std())

    @cached_property
    def brightness(self) -> float:
        """Mean level, 0 to 255."""
        return float(self._half.mean())

    @cached_property
    def middle_scales(self) -> NDArray[np.float32]:
        """``(HEIGHT / 2, WIDTH / 2)`` without the poles and what is finer than 2° or coarser than about 11°."""
        even = self._half - cv2.GaussianBlur(self._half, (0, 0), _COARSE_PX)
        return np.asarray(even[_POLAR_ROWS // 2 : -_POLAR_ROWS // 2], np.float32)

    @cached_property
    def spectrum(self) -> NDArray[np.complex64]:
        """Fourier transform of each row along the horizon, for :func:`heading_change`."""
        rows = self._gray[_POLAR_ROWS:-_POLAR_ROWS].astype(np.float32)
        bands = np.asarray(cv2.resize(rows, (WIDTH, rows.shape[0] // 4), interpolation=cv2.INTER_AREA), np.float32)
        return np.asarray(np.fft.rfft(bands - bands.mean(axis=1, keepdims=True), axis=1), np.complex64)

    @cached_property
    def patches(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What lies around each of :attr:`corners`: ``(n, pixels)`` without its mean, and its energy ``(n,)``."""
        around = _patches(self.wrapped, self.corners)
        return around, np.square(around).sum(axis=1)

    @property
    def textured(self) -> bool:
        """Whether there are enough corners to recognise it by."""
        return len(self.corners) >= _LEAST_CORNERS

    def turned(self, columns: int) -> NDArray[np.uint8]:
        """:attr:`wrapped` with the picture moved to the right by some columns."""
        return _wrapped(np.roll(self._gray, columns, axis=1)) if columns else self.wrapped


def _wrapped(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.concatenate([gray[:, -_WRAP:], gray, gray[:, :_WRAP]], axis=1))


def heading_change(first: Panorama, second: Panorama) -> int:
    """Columns by which the second picture must be moved to the right to lie best on the first, within half a turn."""
    product = (first.spectrum * second.spectrum.conj()).sum(axis=0)
    shift = int(np.argmax(np.fft.irfft(product, n=WIDTH)))
    return shift - WIDTH if shift > WIDTH // 2 else shift


def found_again(first: Panorama, second: Panorama, *, turn: int = 0) -> float:
    """Share of the corners of ``first`` that are found in ``second``, 0 to 1; 0 where the first has no texture.

    ``turn`` moves the second picture first, see :func:`heading_change`.
    """
    if not first.textured:
        return 0.0
    image = second.turned(turn)
    nowhere = np.zeros_like(first.corners)
    moved, tracked, _ = cv2.calcOpticalFlowPyrLK(
        first.wrapped, image, first.corners, nowhere, winSize=_WINDOW, maxLevel=_LEVELS, criteria=_STOP
    )
    there = np.asarray(moved, np.float32)
    (one, energy_of_one), other = first.patches, _patches(image, there)
    energy = energy_of_one * np.square(other).sum(axis=1)
    likeness = (one * other).sum(axis=1) / np.sqrt(np.maximum(energy, 1e-3))
    return float(np.mean((likeness >= _FOUND) & (tracked[:, 0] > 0)))


def _patches(gray: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The patch around each point as a row, its mean taken off."""
    at = points.reshape(-1, 2)
    columns = np.broadcast_to(at[:, 0, None, None] + _OFFSETS, (len(at), _OFFSETS.size, _OFFSETS.size))
    rows = np.broadcast_to(at[:, 1, None, None] + _OFFSETS[:, None], columns.shape)
    shape = (-1, _OFFSETS.size)
    values = cv2.remap(
        gray,
        np.ascontiguousarray(columns).reshape(shape),
        np.ascontiguousarray(rows).reshape(shape),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    rows_of_patches = np.asarray(values, np.float32).reshape(len(at), -1)
    return np.asarray(rows_of_patches - rows_of_patches.mean(axis=1, keepdims=True), np.float32)
