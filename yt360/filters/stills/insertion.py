"""What stands out of a picture that stands: does it stand as well, where it shows, and how sharp is its border?

Words and cards that an editor lays over a picture come and go; in between they stand to the pixel. What lives hardly
ever looks like half a second before. And what is drawn onto a picture ends at a border: light that flickers fades out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.filters.stills import drawn

_BLUR_PX = 0.7
"""Standard deviation of the blur of departures: as sharp as a lens, or an encoder, leaves a border."""

_STRONGEST = 0.998
"""Share of the picture that departs less than what departs most."""

_LEAST_LEVELS, _LEAST_PART = 2.0, 0.25
"""Gray levels, and part of what departs most, by which the place departs from the usual picture."""

_FEWEST_PIXELS = 20

_FULL = 0.9
"""Share of the frames in which the place departs less than when it shows most."""

_SHOWS, _ALIKE = 0.2, 0.15
"""Parts of that: from the first on the place shows something, and up to the second two frames show the same."""

_STEEPEST = 0.9
"""Share of the place that is less steep than its border."""


class Insertion(NamedTuple):
    """``held`` in [0, 1]: of the frames in which the place shows something else than the usual picture, those that
    look like the one before or after. ``levels``: root mean square of the departures of what departs most, in gray
    levels; ``area`` in [0, 1]: share of the picture that departs by a tenth of that. ``sharpness``: how steep the
    border is, against a slope as long as the place is wide; 1 and less where light fades out. ``drawn`` says more of
    what it shows. All 0 where nothing stands out.
    """

    held: float
    levels: float
    area: float
    sharpness: float
    drawn: drawn.Drawn


NOTHING = Insertion(0.0, 0.0, 0.0, 0.0, drawn.NOTHING)


def measure(frames: Sequence[NDArray[np.float32]], polar_mask: float) -> Insertion:
    """Of gray frames ``(H, W)`` of one window; the usual picture is their median."""
    if len(frames) < 3:
        return NOTHING
    masked = round(frames[0].shape[0] * polar_mask)
    stack = np.stack(frames)[:, masked : frames[0].shape[0] - masked]
    apart = np.asarray(stack - np.median(stack, axis=0), np.float32)
    whole = np.sqrt(np.square(apart).mean(axis=0))
    spread = np.asarray(cv2.GaussianBlur(whole, (0, 0), _BLUR_PX), np.float32)
    levels = float(np.quantile(spread, _STRONGEST))
    place = spread > max(_LEAST_LEVELS, _LEAST_PART * levels)
    if np.count_nonzero(place) < _FEWEST_PIXELS:
        return NOTHING
    shown = apart[:, place]
    departs = np.abs(shown).mean(axis=1)
    full = float(np.quantile(departs, _FULL))
    shows = departs >= _SHOWS * full
    alike = np.abs(np.diff(shown, axis=0)).mean(axis=1) < _ALIKE * full
    stands = np.append(alike, False) | np.append(False, alike)
    steepness = np.hypot(*(cv2.Sobel(spread, cv2.CV_32F, *axis, scale=0.125) for axis in ((1, 0), (0, 1))))
    size = np.sqrt(np.count_nonzero(place))
    return Insertion(
        held=float(np.mean(stands[shows])) if shows.any() else 0.0,
        levels=levels,
        area=float(np.mean(spread > max(_LEAST_LEVELS, 0.1 * levels))),
        sharpness=float(np.quantile(steepness[place], _STEEPEST) / levels * size),
        drawn=drawn.measure(stack, apart, spread, place),
    )
