"""Spheres with black bars above and below: what is between them is judged, and read, as a picture of its own.

Editors put a picture of 2:1 into a frame of 16:9. A sphere whose poles are black looks alike; it fills a frame of a
usual shape with them, and only where the picture without bars has the usual shape are they taken for bars.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH, PictureGuess, guess_from_measures, measure_picture
from yt360.media.projection.hypotheses import hypotheses

_LEAST_BAR, _MOST_BAR = 0.02, 0.35
"""Height (fraction of the frame) of a bar that is looked for."""

_SAME_SHAPE = 0.04
"""Octaves by which a shape may differ from the usual one: bars are measured to a row of the small picture."""


def guess_projection(frames: NDArray[np.uint8], width: int, height: int, pixel_aspect: float = 1.0) -> PictureGuess:
    """Judge gray ``frames`` ``(n, WORK_HEIGHT, WORK_WIDTH)`` of a picture that is ``width`` x ``height`` as shown.

    ``pixel_aspect`` is how wide the file says that a pixel is for its height.

    ``letterbox`` of the result is the height of the bars where the picture between them is the sphere.
    """
    if len(frames) == 0:
        return PictureGuess("unknown", "mono", "", 0.0, "no frame could be decoded")
    measures = measure_picture(frames, width, height, pixel_aspect)
    whole, bar = guess_from_measures(measures), measures.above
    if not _LEAST_BAR <= bar <= _MOST_BAR:
        return whole
    rows = round(bar * WORK_HEIGHT)
    inner = [
        cv2.resize(frame[rows : WORK_HEIGHT - rows], (WORK_WIDTH, WORK_HEIGHT), interpolation=cv2.INTER_LINEAR)
        for frame in frames
    ]
    inner_height = max(1, round(height * (1 - 2 * rows / WORK_HEIGHT)))
    between = guess_from_measures(measure_picture(np.asarray(inner, np.uint8), width, inner_height, pixel_aspect))
    if between.projection == "equirectangular":
        shape, wide = hypotheses()[between.layout].shapes[0][0], width * pixel_aspect
        if _is_shaped(wide / inner_height, shape) and not _is_shaped(wide / height, shape):
            return replace(between, letterbox=(1 - wide / shape / height) / 2)
    return whole


def _is_shaped(aspect: float, shape: float) -> bool:
    return abs(float(np.log2(aspect / shape))) < _SAME_SHAPE
