"""Fine spectra of a sound, looked at once for all that needs them: partials, swells, and all bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import W
from yt360.filters.post_production import bin_statistics, tonal_peaks, transients
from yt360.filters.post_production.covariance_differences import SAMPLE_RATE_HZ, CovarianceBlock
from yt360.filters.post_production.velocity_ratios import VelocityRatios, VelocityShares

FRAME = 4096
"""Samples in a frame: 171 ms, bins 5.9 Hz wide."""

HOP = 4096
"""Samples from one frame to the next: frames do not overlap."""

BINS_FRAME, BINS_HOP = 8192, 4096
"""The same for the statistics of all bins: 341 ms, bins 2.9 Hz wide, half over the one before. The finer they are, the
more of them one sound has for itself; of clean scenes no more are taken for a layer."""

LOWEST_HZ, HIGHEST_HZ = 100.0, 8000.0
"""Range of frequencies that is looked at."""


class HighResolutionStatistics:
    """Gathers the gains; ``observe`` is for
    :func:`yt360.filters.post_production.covariance_differences.measure_tiles`.
    """

    def __init__(self) -> None:
        self._partials = VelocityRatios(tonal_peaks.FAINT_DB, tonal_peaks.LEAST_PER_S)
        self._swells = VelocityRatios(transients.FAINT_DB, transients.LEAST_PER_S)
        self._bins = bin_statistics.BinStatistics()
        self._power: list[NDArray[np.float32]] = []

    def observe(self, block: CovarianceBlock) -> None:
        """Take in the next block."""
        if block.samples.shape[1] < FRAME:
            return
        low, high = (round(hz * FRAME / SAMPLE_RATE_HZ) for hz in (LOWEST_HZ, HIGHEST_HZ))
        margin = tonal_peaks.MARGIN
        spectra = _spectra(block.samples, FRAME, HOP)[:, :, low - margin : high + margin]
        power = np.square(np.abs(spectra[W])).astype(np.float32)
        inner = slice(margin, -margin)
        hz = np.arange(low, high) * (SAMPLE_RATE_HZ / FRAME)
        total = power.sum(axis=1)
        self._partials.add(spectra[:, :, inner], tonal_peaks.tonal_peaks_of(power), hz, total)
        self._swells.add(spectra[:, :, inner], transients.swells(power[:, inner]), hz, total)
        self._power.append(total)
        self._observe_bins(block.samples)

    def _observe_bins(self, samples: NDArray[np.float32]) -> None:
        if samples.shape[1] < BINS_FRAME:
            return
        low, high = (round(hz * BINS_FRAME / SAMPLE_RATE_HZ) for hz in (bin_statistics.LOWEST_HZ, HIGHEST_HZ))
        spectra = _spectra(samples, BINS_FRAME, BINS_HOP)[:, :, low:high]
        power = np.square(np.abs(spectra[W])).astype(np.float32)
        hz = np.arange(low, high) * (SAMPLE_RATE_HZ / BINS_FRAME)
        self._bins.add(spectra, power, hz, power.sum(axis=1))

    def shares(self) -> dict[str, VelocityShares]:
        """What ``partials`` and ``swells`` say of everything that was taken in."""
        power = np.concatenate(self._power) if self._power else np.zeros(0)
        found = {"partials": self._partials, "swells": self._swells}
        return {name: gains.shares(power, HOP / SAMPLE_RATE_HZ) for name, gains in found.items()}

    def excess(self) -> bin_statistics.BinExcess:
        """What all bins of everything that was taken in say."""
        return self._bins.excess(BINS_HOP / SAMPLE_RATE_HZ)


def _spectra(samples: NDArray[np.float32], frame: int, hop: int) -> NDArray[np.complex64]:
    """Spectra ``(channels, frames, bins)`` of a sound ``(channels, n)``, under a Hann window."""
    import scipy.fft  # here: who only asks where a root stands does not wait for it

    window = np.hanning(frame + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, frame, axis=1)[:, ::hop]
    return np.asarray(scipy.fft.rfft(frames * window, axis=-1), np.complex64)
