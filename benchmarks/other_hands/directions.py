"""Directions and first-order gains, written once more so that nothing rests on the package's own geometry.

x front, y left, z up; azimuth counter-clockwise from the front.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import resample_poly

from benchmarks.other_hands.sources import Array


def towards(vectors: Array) -> Array:
    """Unit vectors ``(n, 3)``."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float64)


def ambix(vectors: Array) -> Array:
    """W Y Z X gains ``(4, n)`` in SN3D of plane waves from the unit ``vectors`` ``(n, 3)``."""
    x, y, z = vectors.T
    return np.stack([np.ones_like(x), y, z, x])


def spiral(count: int) -> Array:
    """``(count, 3)`` unit vectors spread evenly (a Fibonacci spiral)."""
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    return np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=1)


def impulses(delays: Array, gains: Array, taps: int) -> Array:
    """Impulses ``(channels, taps)``: ``gains`` ``(channels, k)`` at ``delays`` ``(k,)``, to a quarter of a sample."""
    fine = np.zeros((gains.shape[0], 4 * taps))
    at = np.round(4 * delays).astype(int)
    inside = at < 4 * taps
    for channel, row in enumerate(gains):
        np.add.at(fine[channel], at[inside], row[inside])
    return np.asarray(4 * resample_poly(fine, 1, 4, axis=1)[:, :taps], np.float64)
