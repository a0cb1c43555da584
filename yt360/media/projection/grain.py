"""Is what a frame shows drawn out sideways or upright?

Things and textures are about as wide as they are high, and a layout that has more degrees to a pixel in one direction
than in the other makes them change faster along it: two eyes above each other are squeezed down, 180° on a whole frame
are drawn out sideways. It needs no edge, no pole and no second eye.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_NOISE = 1.0
"""Gray levels: smaller changes are coding noise."""

_OUTER = 1 / 6
"""Share of the height at the top and at the bottom that is not looked at: there poles are."""


def grain(frames: NDArray[np.uint8], coarse: tuple[float, float]) -> tuple[float, float]:
    """How much more ``frames`` ``(n, height, width)`` change along rows than down columns: (mean over rows of the
    logarithm of the ratio, change in gray levels).

    What is common to a row, a level horizon, is taken out, and every row counts alike: grass below is no more than sky
    above. ``coarse`` says how many pixels one of the file fills, across and down.
    """
    height = frames.shape[1]
    lag = max(2, round(2 * max(coarse)))
    rows = frames[:, round(_OUTER * height) : round((1 - _OUTER) * height)]
    along = cv2.absdiff(np.ascontiguousarray(rows[:, lag:, lag:]), np.ascontiguousarray(rows[:, lag:, :-lag]))
    down = np.subtract(rows[:, lag:], rows[:, :-lag], dtype=np.float32)
    down -= down.mean(axis=2, keepdims=True)
    across, upright = along.mean(axis=(0, 2)), np.abs(down, out=down).mean(axis=(0, 2))
    ratio = np.log((across + _NOISE) / (upright + _NOISE))
    return float(ratio.mean()), float((across + upright).mean())
