"""What stands out of the rest in time and frequency, and where it is: for sounds that never pause.

The differences of :mod:`yt360.filters.post_production.covariance_differences` need pauses; a held chord has none. But
its partials stand out of the bins beside them, and a voice's harmonics out of an ambience as loud as the voice. In each
segment and band the points (frame, bin) that rise furthest above the band's smooth floor give one covariance, the lower
half another; their difference is that of what stands out.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from yt360.filters.post_production.covariance_differences import PAIRS, CovarianceBlock, band_bins

_HIGH, _LOW = 0.9, 0.5
"""Quantiles above and below which a point stands out, or is part of the floor."""

_FLOOR_BINS = 15
"""Width over which the floor of a block is smooth: 350 Hz, some harmonics of any voice."""


_SAME = [place for place, (i, j) in enumerate(PAIRS) if i == j]
"""Places among the pairs that are a channel with itself: powers."""


class SpectralSalience:
    """Gathers the covariances of what stands out, and of the floor, block by block."""

    def __init__(self) -> None:
        self._high: list[NDArray[np.float64]] = []
        self._low: list[NDArray[np.float64]] = []

    def observe(self, block: CovarianceBlock) -> None:
        """Take in the next block."""
        from scipy.ndimage import median_filter  # here: who only asks where a root stands does not wait for it

        bins = band_bins()
        energy = np.sum(block.products[_SAME], axis=0)
        floor = median_filter(np.median(energy, axis=0), _FLOOR_BINS, mode="nearest")
        rise = energy / np.maximum(floor, 1e-6 * float(floor.max(initial=0.0)) + 1e-20)
        high, low = np.zeros(rise.shape, np.float32), np.zeros(rise.shape, np.float32)
        for begin, end in pairwise(block.edges):
            for first, last in pairwise(bins):
                part = rise[begin:end, first:last]
                upper, middle = quantiles(part)
                for mask, chosen in ((high, part >= upper), (low, part <= middle)):
                    mask[begin:end, first:last] = chosen / np.count_nonzero(chosen)
        for found, mask in ((self._high, high), (self._low, low)):
            out = np.empty((len(block.edges) - 1, len(bins) - 1, 4, 4))
            for (i, j), products in zip(PAIRS, block.products, strict=True):
                banded = np.add.reduceat(products * mask, bins[:-1], axis=1)
                out[:, :, i, j] = out[:, :, j, i] = np.add.reduceat(banded, block.edges[:-1], axis=0)
            found.append(out)

    def covariances(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean covariances ``(segments, bands, 4, 4)``: of what stands out less the floor, and of the floor."""
        if not self._high:
            nothing = np.zeros((0, len(band_bins()) - 1, 4, 4))
            return nothing, nothing
        low = np.concatenate(self._low)
        return np.concatenate(self._high) - low, low


def quantiles(part: NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    """The upper and the lower quantile of points of any shape, as they occur among them.

    As ``np.quantile`` with the method ``lower`` finds them, which takes longer to start than to look.
    """
    values = part.flatten()
    upper, middle = (int((values.size - 1) * share) for share in (_HIGH, _LOW))
    values.partition((middle, upper))
    return values[upper], values[middle]
