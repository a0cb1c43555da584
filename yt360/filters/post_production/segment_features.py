"""A sound as a list of segments, each a vector of numbers that a classifier can weigh.

All numbers are ratios, so level does not matter. For each band: where what comes and goes is, where what
stands out is, where the rest is (covariances over that of W), and how far the first two stand out. For each
segment: what is heard in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import W, X, Y, Z
from yt360.filters.post_production.audio_tagging import CLASSES, AudioTagger
from yt360.filters.post_production.covariance_differences import BAND_EDGES_HZ, Observer, Tiles, measure_tiles
from yt360.filters.post_production.spectral_salience import SpectralSalience

BANDS = len(BAND_EDGES_HZ) - 1
"""Number of frequency bands."""

_PAIRS = ((W, X), (W, Y), (W, Z), (X, X), (Y, Y), (Z, Z), (X, Y), (X, Z), (Y, Z))
"""Entries of a covariance that are used, relative to the power of W."""

_ODD_IN_Y = (1, 6, 8)
"""Places among the pairs that change their sign when left and right are exchanged."""

PER_COVARIANCE = len(_PAIRS) + 2
"""Numbers that describe one covariance: its entries, and the directed and the vertical energy over that of W."""

PER_BAND = 3 * PER_COVARIANCE + 4
"""Numbers that describe one band of a segment."""

COLUMNS = BANDS * PER_BAND + len(CLASSES)
"""Numbers that describe a segment: all bands, and what is heard."""


@dataclass(frozen=True)
class Segments:
    """``vectors`` ``(segments, COLUMNS)`` float32; ``loud`` ``(segments,)`` whether there is sound; ``tiles``."""

    vectors: NDArray[np.float32]
    loud: NDArray[np.bool_]
    tiles: Tiles
    heard: NDArray[np.float64]


def measure_segments(
    blocks: Iterable[NDArray[np.float32]], silence_db: float = -65.0, observers: tuple[Observer, ...] = ()
) -> Segments:
    """Segments of a sound that comes in blocks ``(4, n)`` of any length at 24 kHz."""
    standout, listening = SpectralSalience(), AudioTagger()
    loud: list[NDArray[np.bool_]] = []
    watching = [standout.observe, listening.observe, lambda block: loud.append(block.loud), *observers]
    tiles = measure_tiles(blocks, silence_db, watching)
    out, rest = standout.covariances()
    heard = listening.per_segment()
    return Segments(
        _vectors(tiles, out, rest, heard), np.concatenate(loud) if loud else np.zeros(0, bool), tiles, heard
    )


def mirrored(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same segments with left and right exchanged."""
    flipped = vectors.copy()
    bands = flipped[:, : BANDS * PER_BAND].reshape(-1, BANDS, PER_BAND)
    for covariance in range(3):
        for place in _ODD_IN_Y:
            bands[:, :, covariance * PER_COVARIANCE + place] *= -1
    return flipped


def _vectors(
    tiles: Tiles, out: NDArray[np.float64], rest: NDArray[np.float64], heard: NDArray[np.float64]
) -> NDArray[np.float32]:
    count = len(out)
    goes = np.zeros((count, BANDS, 4, 4))
    excess = np.zeros((count, BANDS))
    goes[tiles.segment, tiles.band] = tiles.difference
    excess[tiles.segment, tiles.band] = tiles.excess_db / 20
    above = np.trace(out, axis1=2, axis2=3) / np.maximum(np.trace(rest, axis1=2, axis2=3), 1e-20)
    level = np.log10(np.maximum(np.trace(rest, axis1=2, axis2=3), 1e-20))
    columns = [
        _ratios(goes),
        _ratios(out),
        _ratios(rest),
        excess[..., None],
        (excess > 0)[..., None],
        np.clip(np.log10(np.maximum(above, 1e-3)), -1, 3)[..., None],
        np.clip(level - level.max(axis=1, keepdims=True, initial=-20), -5, 0)[..., None],
    ]
    banded = np.concatenate(columns, axis=2).reshape(count, BANDS * PER_BAND)
    return np.concatenate([banded, heard], axis=1).astype(np.float32)


def _ratios(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariances ``(..., 4, 4)`` over that of W, and the ratio of directed to omni and of z to omni as logarithms."""
    omni = np.maximum(covariance[..., W, W], 1e-20)
    pairs = np.stack([covariance[..., i, j] / omni for i, j in _PAIRS], axis=-1)
    directed = pairs[..., 3] + pairs[..., 4] + pairs[..., 5]
    logs = [np.clip(np.log10(np.maximum(part, 1e-4)), -3, 1) for part in (directed, pairs[..., 5])]
    silent = covariance[..., W, W] <= 0
    found = np.concatenate([np.clip(pairs, -2, 2), np.stack(logs, axis=-1)], axis=-1)
    found[silent] = 0
    return found
