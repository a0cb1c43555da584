"""Where and when something moves in a picture: change from frame to frame over azimuth, the camera's turn taken out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere

SECTORS = 72
"""Sectors of azimuth, 5° each; the first lies left of the back seam, as the first column of a picture."""

_NOISE_LEVELS = 3.0
"""Change of a smoothed pixel, in levels of 255, that codecs and grain make."""

_HIGHEST = np.radians(60.0)
"""Elevation up to which the picture counts: near the poles little area covers all azimuths."""

_SMOOTH_PX = 1.0

_LEAST_TURN = 1e-3
"""Turn between two pictures, in radians, that is not undone: a twentieth of a pixel of 256 columns changes nothing."""


class ActivityMeter:
    """Takes gray pictures ``(height, width)`` one after the other and keeps how much changed in each sector."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._weights: NDArray[np.float32] | None = None

    def push(self, gray: NDArray[np.uint8], turn: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        """Change ``(SECTORS,)`` in levels of 255 since the picture before, of which ``turn`` is the rotation since.

        What all sectors share is taken off: a key frame of the codec, a change of exposure. Zeros for the first one.
        """
        smooth = cv2.GaussianBlur(gray, (0, 0), _SMOOTH_PX).astype(np.float32)
        before, self._before = self._before, smooth
        if before is None:
            return np.zeros(SECTORS, np.float32)
        if turn is not None and float(np.abs(turn - np.eye(3)).max()) > _LEAST_TURN:
            before = sphere.rotate_small_picture(before, turn)
        change = np.maximum(np.abs(smooth - before) - _NOISE_LEVELS, 0) * self._row_weights(*gray.shape)
        by_column = change.sum(axis=0, keepdims=True)
        sectors = cv2.resize(by_column, (SECTORS, 1), interpolation=cv2.INTER_AREA)[0]
        return np.asarray(np.maximum(sectors - np.median(sectors), 0), np.float32)

    def _row_weights(self, height: int, width: int) -> NDArray[np.float32]:
        if self._weights is None:
            elevation = sphere.row_elevations(height)
            weights = np.cos(elevation) * (np.abs(elevation) <= _HIGHEST)
            self._weights = np.asarray(weights / weights.sum(), np.float32)[:, None]
        return self._weights
