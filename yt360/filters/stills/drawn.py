"""Is what stands out of a picture drawn or filmed?

What an editor draws has few gray levels, plain areas and borders steeper than a lens leaves any; it swaps one gray
level for another, and nothing happens beside it. What lives has many, and a camera's noise is everywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_BESIDE_PX = 8
"""How far around a place belongs to it: as far as blocks of an encoder reach."""

_LEAST_BESIDE = 500
"""Fewest pixels beside the place for anything to be said of them."""

_PLAIN = 1.0
"""Gray levels per pixel below which a place is plain."""

_STEEPEST, _STEEP = 0.98, 0.5
"""Share of the place that is less steep than its steepest borders, and the part of those that counts as steep."""

_MOST = 0.99
"""Share of what lies beside the place that departs, or is steep, less."""

_DEPARTS = 0.4
"""Part of the departure of the place as a whole from which a pixel shows what was laid over it."""

_LEVELS = 8
"""Gray levels that count as one."""

_FEWEST = 50
"""Fewest such pixels, over all frames."""


class Drawn(NamedTuple):
    """``plain``, ``steep`` and ``common`` in [0, 1]: shares of the place that are plain and that are steep, and of what
    it shows that has one of its two most common gray levels. ``edges``: how steep its borders are against those of
    the picture beside it. ``variety``: entropy of the gray levels that it shows, in nats. ``tails``: kurtosis over time
    of a pixel in the place, 1 where it has two looks. ``beside_half`` and ``beside_most``: root mean square departure
    beside the place, in gray levels: half of it departs by less, and a hundredth by more. All 0 where nothing
    stands out.
    """

    plain: float = 0.0
    steep: float = 0.0
    common: float = 0.0
    edges: float = 0.0
    variety: float = 0.0
    tails: float = 0.0
    beside_half: float = 0.0
    beside_most: float = 0.0


NOTHING = Drawn()


def measure(
    stack: NDArray[np.float32], apart: NDArray[np.float32], spread: NDArray[np.float32], place: NDArray[np.bool_]
) -> Drawn:
    """Of gray frames ``(n, h, w)``, their departures from the usual picture, the root mean square of those ``(h, w)``,
    and where the place is.
    """
    around = np.ones((2 * _BESIDE_PX + 1, 2 * _BESIDE_PX + 1), np.uint8)
    beside = cv2.dilate(place.astype(np.uint8), around) == 0
    if np.count_nonzero(beside) < _LEAST_BESIDE:
        return NOTHING
    picture = stack[0] - apart[0]
    steepness = np.stack([_steepness(frame)[place] for frame in stack[::2]])
    steepest = float(np.quantile(steepness, _STEEPEST))
    departures = apart[:, place]
    even = departures - departures.mean(axis=0)
    variance = np.square(even).mean(axis=0) + 0.25
    level = float(spread[place].max())
    shown = stack[:, place][np.abs(departures) > _DEPARTS * level]
    common, variety = 0.0, 0.0
    if len(shown) >= _FEWEST:
        parts = np.bincount(np.clip(shown / _LEVELS, 0, 255 // _LEVELS).astype(int)) / len(shown)
        common = float(np.sort(parts)[-2:].sum())
        variety = float(-(parts[parts > 0] * np.log(parts[parts > 0])).sum())
    return Drawn(
        plain=float(np.mean(steepness < _PLAIN)),
        steep=float(np.mean(steepness > _STEEP * steepest)),
        common=common,
        edges=steepest / (float(np.quantile(_steepness(picture)[beside], _MOST)) + 0.1),
        variety=variety,
        tails=float(np.median((even**4).mean(axis=0) / variance**2)),
        beside_half=float(np.median(spread[beside])),
        beside_most=float(np.quantile(spread[beside], _MOST)),
    )


def _steepness(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gray levels per pixel ``(h, w)``."""
    across, down = (cv2.Sobel(picture, cv2.CV_32F, *axis, scale=0.125) for axis in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(across, down), np.float32)
