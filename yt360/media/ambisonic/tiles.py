"""Covariances of channels in tiles of time and frequency; short spectra, in which single waves are looked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BAND_HZ = (150.0, 5000.0)
"""Range of frequencies that is measured: below, microphones are omnidirectional; above, they are not coincident."""

BANDS = 8
"""Bands in this range, equally wide on a logarithmic scale."""

_FRAMES, _LEAST_FRAMES = 8, 2
"""Spectra in a tile (0.17 s), and in one of a sound that is shorter than a second."""

_TILES_WANTED = 5
"""Tiles that a window should have at least; a short one has shorter tiles."""

_SHORT, _OF_RATE_HZ = 256, 24_000
"""Samples of a short spectrum at this rate: 11 ms, lines 94 Hz apart."""

_MOST = 1e30
"""Samples beyond are no sound, and would leave the range of the numbers that are used here."""

SHORT_BANDS, SHORT_LINES, _FIRST_LINE = 6, 8, 3
"""Bands of short spectra, lines in each, and the first of them: 280 to 4700 Hz."""


def spectrum_size(rate_hz: int) -> int:
    """Samples of a spectrum (43 ms) of :func:`covariance_tiles`."""
    return max(64, round(1024 * rate_hz / 24000))


def covariance_tiles(x: NDArray[np.float64], rate: int) -> NDArray[np.complex128]:
    """Mean covariances of channels ``(4, n)`` in tiles of band and time: ``(bands, times, 4, 4)``.

    ``n`` must be a spectrum (43 ms) at least. Hann windows, half overlapped.
    """
    size = spectrum_size(rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    parts = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, :: size // 2]
    frequency = np.arange(size // 2 + 1) * (rate / size)
    inside = (frequency >= _BAND_HZ[0]) & (frequency <= _BAND_HZ[1])
    spectra = np.fft.rfft(parts * (window / window.sum()), axis=2)[:, :, inside].transpose(0, 2, 1)
    edges = np.geomspace(_BAND_HZ[0], _BAND_HZ[1] + 1, BANDS + 1)
    band = np.clip(np.searchsorted(edges, frequency[inside], side="right") - 1, 0, BANDS - 1)
    frames = int(np.clip(spectra.shape[2] // _TILES_WANTED, _LEAST_FRAMES, _FRAMES))
    times = spectra.shape[2] // frames
    blocks = spectra[:, :, : times * frames].reshape(4, len(band), times, frames)
    found = np.zeros((BANDS, times, 4, 4), complex)
    for k in range(BANDS):
        part = blocks[:, band == k].transpose(2, 0, 1, 3).reshape(times, 4, -1)
        found[k] = part @ part.conj().transpose(0, 2, 1) / max(1, part.shape[2])
    return found


def short_spectra(x: NDArray[np.float64], rate_hz: int) -> NDArray[np.complex64]:
    """Short spectra of channels ``(4, n)``: ``(bands, times, 4, lines)``; no times where ``n`` is less than 11 ms.

    Hann windows, half overlapped. Lines above half the rate are 0.
    """
    size = 2 * round(_SHORT * rate_hz / _OF_RATE_HZ / 2)
    times = max(0, (x.shape[1] - size) // (size // 2) + 1)
    found = np.zeros((4, times, SHORT_BANDS * SHORT_LINES), np.complex64)
    if times:
        window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
        bounded = np.clip(x, -_MOST, _MOST).astype(np.float32)
        parts = np.lib.stride_tricks.sliding_window_view(bounded, size, axis=1)[:, :: size // 2]
        spectra = np.fft.rfft(parts * (window / window.sum()), axis=2)[:, :, _FIRST_LINE:]
        lines = min(found.shape[2], spectra.shape[2])
        found[:, :, :lines] = spectra[:, :, :lines]
    return found.reshape(4, times, SHORT_BANDS, SHORT_LINES).transpose(2, 1, 0, 3)
