"""A music bed: a stereo pair laid over the scene, at plus and minus some angle from the front.

Of a pair at ±a the part that follows W reaches x as cos a and z as 0, exactly, whatever left and right play, while y
follows the difference of left and right. No sound of a scene keeps x and z fixed while y moves freely; and what both
sides play (the centre of the pair) stands in front, inside the unit sphere, where no dry source can be. Three
statistics ask for that: time-frequency tiles, single sounds (tonal peaks and transients), and all bins of a fine
spectrum. The last two subtract what a ring around the place holds, which is there by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yt360.filters.post_production.covariance_differences import Tiles
from yt360.filters.post_production.settings import TileRules
from yt360.media.medians import median

TILE_COSINES = (0.0, 0.5, 2**-0.5, 0.75**0.5)
"""Share of a bed that reaches x: mid-side or ±90°, and virtual loudspeakers at ±60°, ±45° and ±30°."""

_POINT_TOLERANCE = 0.05
"""Largest distance of the velocity ratios of a single sound from those of a pair."""
_POINT_COSINES = np.arange(0.0, 0.96, 0.02)
"""Cosines of half angles that are tried for points (tones and transients)."""

_CENTRE_COSINES = np.arange(0.5, 0.93, 0.02)
"""Cosines of pairs whose centre can be told from W alone and from the exact front."""
_POINT_SPREAD = 0.3
"""Least distance of y from its median at which a point counts: a source that stays where it is has one y."""
_POINT_RING = (1.5, 2.5)
"""Radii, in tolerances, of the ring that says how many points are there by chance."""
_POINT_CHANCE = 1.5 / (_POINT_RING[1] ** 2 - _POINT_RING[0] ** 2)
"""Points expected at a cosine for each in its ring: by area, and half as many again, as the middle is denser."""

_RING = (1.5, 2.5)
"""Radii, in tolerances, of the ring around a pair's place that says how many bins are there by chance."""
PAIR_CHANCE = 1.5 / (_RING[1] ** 2 - _RING[0] ** 2)
"""Bins expected at a pair's place for each in its ring: by area, and half as many again, as the middle is denser."""
BIN_COSINES = np.arange(0.0, 0.95, 0.02)
"""Cosines of half angles that are tried for all bins."""

_INSIDE = 0.85
"""Squared length of (x, y) below which no dry source stands there."""
_OUT_OF_PHASE = 0.3
"""Imaginary part of y above which no dry source has it."""
_BIN_SPREAD = 0.25
"""Least distance of y from its median at which a bin counts, in parts of the pair's own."""
_LEAST_CENTRE_COSINE = 0.5
"""Below this cosine the centre of a pair looks like sound in W alone, or like a microphone without direction."""


def bed_tiles(tiles: Tiles, cosine: float, rules: TileRules) -> NDArray[np.bool_]:
    """Cells whose sound is a stereo pair at plus and minus the angle of ``cosine`` ``(n,)``."""
    gains, loose = tiles.gains(), tiles.incoherent()
    leak = np.maximum(loose[:, 0], loose[:, 2])
    fixed = (np.abs(gains[:, 0] - cosine) < rules.bed_tolerance) & (np.abs(gains[:, 2]) < rules.bed_tolerance)
    inside = gains[:, 0] ** 2 + gains[:, 1] ** 2 < 0.98
    side = (loose[:, 1] > rules.bed_side) & (loose[:, 1] > 3 * leak)
    return fixed & inside & side & (leak < rules.bed_leak)


def best_pair(
    x: NDArray[np.complexfloating], y: NDArray[np.complexfloating], z: NDArray[np.complexfloating]
) -> tuple[float, float]:
    """Points that the best stereo pair has in excess of chance, and the cosine of its half angle.

    ``x``, ``y`` and ``z`` ``(n,)`` are complex velocity ratios of single sounds.
    """
    flat = np.abs(z) < _POINT_TOLERANCE
    x, y = x[flat], y[flat]
    best, best_cosine = 0.0, 0.0
    for cosine in _POINT_COSINES:
        off = np.abs(x - cosine)
        pair = off < _POINT_TOLERANCE
        count = np.count_nonzero(pair)
        if count <= best:
            continue
        usual = np.median(y.real[pair]) + 1j * np.median(y.imag[pair])
        spread = np.count_nonzero(np.abs(y[pair] - usual) > _POINT_SPREAD) / count
        chance = (
            np.count_nonzero((off > _POINT_RING[0] * _POINT_TOLERANCE) & (off < _POINT_RING[1] * _POINT_TOLERANCE))
            * _POINT_CHANCE
        )
        more = float(spread * (count - chance))
        if more > best:
            best, best_cosine = more, float(np.clip(np.median(x.real[pair]), 0, 1))
    return best, best_cosine


def best_centre(
    x: NDArray[np.complexfloating],
    y: NDArray[np.complexfloating],
    z: NDArray[np.complexfloating],
    high: NDArray[np.bool_],
    least: float,
) -> tuple[float, float]:
    """Share of points, beyond chance, in the middle of the best pair, and the cosine of its half angle.

    The geometric mean of low and of high points: what makes one source look so in a band does not in the other.
    """
    middle = (np.abs(z) < _POINT_TOLERANCE) & (np.abs(y) < _POINT_TOLERANCE)
    counts = [max(float(np.count_nonzero(part)), least / 2, 1.0) for part in (~high, high)]
    x, high = x[middle], high[middle]
    best, best_cosine = 0.0, 0.0
    for cosine in _CENTRE_COSINES:
        off = np.abs(x - cosine)
        found, around = (
            off < _POINT_TOLERANCE,
            (off > _POINT_RING[0] * _POINT_TOLERANCE) & (off < _POINT_RING[1] * _POINT_TOLERANCE),
        )
        shares = [
            max(0.0, float(np.count_nonzero(found & part) - np.count_nonzero(around & part) * _POINT_CHANCE)) / count
            for part, count in zip((~high, high), counts, strict=True)
        ]
        share = float(np.sqrt(shares[0] * shares[1]))
        if share > best:
            best, best_cosine = share, float(cosine)
    return best, best_cosine


def count_pairs(gains: NDArray[np.complex64], tolerance: float) -> NDArray[np.int64]:
    """Number of bins with ``gains`` ``(3, n)`` of x, y and z at each cosine, and in the ring around it.

    ``(2, cosines)``. ``tolerance`` is the largest distance of x from the cosine of a pair, and of z from 0.
    """
    near = np.flatnonzero((np.abs(gains[2]) < tolerance) & (np.abs(gains[0].imag) < _RING[1] * tolerance))
    near = near[np.argsort(gains[0, near].real)]
    x, y = gains[0, near], gains[1, near]
    across, out_of_phase, middle = np.square(y.real), np.abs(y.imag) > _OUT_OF_PHASE, np.abs(y) < tolerance
    first = np.searchsorted(x.real, BIN_COSINES - _RING[1] * tolerance)
    last = np.searchsorted(x.real, BIN_COSINES + _RING[1] * tolerance)
    parts = np.stack([y.real, y.imag])
    found = np.zeros((2, len(BIN_COSINES)), np.int64)
    for each, (cosine, begin, end) in enumerate(zip(BIN_COSINES, first, last, strict=True)):
        span = slice(begin, end)
        off = np.abs(x[span] - cosine)
        counted = out_of_phase[span] | (across[span] < _INSIDE - cosine**2)
        there = (off < tolerance) & counted
        if not there.any():
            continue
        usual_real, usual_imaginary = median(parts[:, span][:, there])[:, 0]
        usual = usual_real + 1j * usual_imaginary
        apart = np.abs(y[span] - usual) > _BIN_SPREAD * np.sqrt(1 - cosine**2)
        counted &= apart | (middle[span] & (cosine >= _LEAST_CENTRE_COSINE))
        beside = (off > _RING[0] * tolerance) & (off < _RING[1] * tolerance)
        found[0, each] = np.count_nonzero(there & counted)
        found[1, each] = np.count_nonzero(beside & counted)
    return found
