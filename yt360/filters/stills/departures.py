"""How far a stretch of video departs from its own median picture: what is usual, and what its liveliest part does.

Comparing two frames cannot tell snow from a codec's blotches: both are weak and everywhere. Over a stretch what a
camera saw departs by many gray levels somewhere, and a picture that turns departs everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere

_LIVELIEST = 0.995
"""Share of the sphere that departs less than ``liveliest``."""

_MEDIAN_OF = 15
"""Frames, spread over the stretch, whose median is its picture."""


class Departures(NamedTuple):
    """Standard deviations over time in gray levels: the median over the sphere, and what 0.5 % of it exceeds."""

    half: float
    liveliest: float


def measure(frames: Sequence[NDArray[np.float32]], polar_mask: float) -> Departures:
    """Of gray frames ``(H, W)`` of 0..255; brightness and contrast of the whole are evened out before."""
    if len(frames) < 2:
        return Departures(0.0, 0.0)
    masked = round(frames[0].shape[0] * polar_mask)
    stack = np.stack(frames)[:, masked : frames[0].shape[0] - masked]
    rows = np.asarray(sphere.row_solid_angles(*frames[0].shape))[masked : masked + stack.shape[1]]
    picture = np.median(stack[:: max(1, len(stack) // _MEDIAN_OF)], axis=0)
    about = picture - picture.mean()
    means = stack.mean(axis=(1, 2), keepdims=True)
    gains = np.mean((stack - means) * about, axis=(1, 2), keepdims=True) / (float(about.var()) + 1e-6)
    deviation = np.sqrt(np.mean((stack - means - np.clip(gains, 0.5, 2) * about) ** 2, axis=0))
    order = np.argsort(deviation, axis=None)
    share = np.cumsum(np.repeat(rows, stack.shape[2])[order])
    half, liveliest = (deviation.ravel()[order[np.searchsorted(share, q * share[-1])]] for q in (0.5, _LIVELIEST))
    return Departures(float(half), float(liveliest))
