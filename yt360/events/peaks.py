"""Places on the sphere from which much of a frame's direct sound comes: peaks of its histogram."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # loads a part when it is first used: who only asks where a root stands does not wait for it
from numpy.typing import NDArray

from yt360.events.direct_sound import DirectSound
from yt360.events.settings import EventSettings

_GRID = 1500
"""Places of the histogram, some 5 degrees apart."""

_WIDTH_DEG = 8.0
"""Standard deviation by which the histogram is smoothed."""

_CONE_DEG = 20.0
"""Points this near to a peak belong to it and say where exactly it is."""

_STEPS = 3
"""Steps of the mean shift that says where a peak is."""

_OVER_TIME = np.array([0.3, 0.7, 1.0, 0.7, 0.3])
"""Weights of the frames around the one that is looked at."""


@dataclass(frozen=True)
class Peak:
    """``direction`` unit vector ``(3,)``; ``share`` of the frame's weight within the cone around it, in [0, 1]."""

    direction: NDArray[np.float64]
    share: float


@lru_cache(maxsize=1)
def _grid() -> tuple[NDArray[np.float64], scipy.spatial.cKDTree, NDArray[np.float32]]:
    """Unit vectors ``(places, 3)``, a tree to find the nearest, and what smooths a histogram over them."""
    k = np.arange(_GRID) + 0.5
    z, turn = 1 - 2 * k / _GRID, np.pi * (1 + 5**0.5) * k
    places = np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=1)
    spread = np.exp((places @ places.T - 1) / np.radians(_WIDTH_DEG) ** 2)
    return places, scipy.spatial.cKDTree(places), spread.astype(np.float32)


def frame_peaks(points: DirectSound, settings: EventSettings) -> list[list[Peak]]:
    """The peaks of each frame, the strongest first."""
    places, tree, spread = _grid()
    nearest = tree.query(points.direction)[1] if len(points.frame) else np.zeros(0, np.int64)
    # Of each place the weight of its points, and their weighted sum: a mean is exact, however coarse the grid.
    columns = [points.weight, *(points.weight * axis for axis in points.direction.T)]
    cells = points.frame * _GRID + nearest
    size = points.frames * _GRID
    counted = [np.bincount(cells, column, size) for column in columns]
    # Of no points at all they are integers.
    sums = np.asarray(counted, np.float64).reshape(len(columns), points.frames, _GRID)
    # Loud frames count for more than faint ones around them, but not in proportion.
    total = sums[0].sum(axis=1)
    sums /= np.sqrt(np.maximum(total, 1e-12))[:, None]
    reach = len(_OVER_TIME) // 2
    padded = np.pad(sums, ((0, 0), (reach, reach), (0, 0)))
    around = np.zeros_like(sums)
    for number, weight in enumerate(_OVER_TIME):
        around += weight * padded[:, number : number + points.frames]
    return [
        _peaks(around[0, frame], around[1:, frame].T, places, spread, settings) if total[frame] > 0 else []
        for frame in range(points.frames)
    ]


def _peaks(
    weights: NDArray[np.float64],
    vectors: NDArray[np.float64],
    places: NDArray[np.float64],
    spread: NDArray[np.float32],
    settings: EventSettings,
) -> list[Peak]:
    """``weights`` ``(places,)`` and weighted sums of directions ``(places, 3)`` of a frame and those around it."""
    whole, left, found = float(weights.sum()), weights.copy(), []
    cone, apart = np.cos(np.radians(_CONE_DEG)), np.cos(np.radians(settings.apart_deg))
    for _ in range(settings.tracks + 1):
        top = places[int(np.argmax(spread @ left.astype(np.float32)))]
        for _ in range(_STEPS):
            near = places @ top
            kernel = np.where((near > cone) & (left > 0), np.exp((near - 1) / np.radians(_WIDTH_DEG) ** 2 / 2), 0)
            mean = kernel @ vectors
            if (length := float(np.linalg.norm(mean))) > 0:
                top = mean / length
        share = float(left[places @ top > cone].sum()) / max(whole, 1e-30)
        if share < settings.least_share:
            break
        found.append(Peak(top, share))
        left[places @ top > apart] = 0
    return found
