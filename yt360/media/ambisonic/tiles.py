"""Covariances of channels in tiles of time and frequency; short spectra, in which single waves are looked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BAND_HZ = (150.0, 5000.0)
"""Range of frequencies that is measured: below, microphones are omnidirectional; above, they are not coincident."""

BANDS = 8
"""Bands in this range, equally wide on a logarithmic scale."""

_LINES_OF, _LINES_AT_HZ = 1024, 24_000
"""Samples of a spectrum at this rate: 43 ms, lines 23.4 Hz apart."""

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
    """Samples of a spectrum (43 ms) of :func:`line_spectra`."""
    return max(64, round(_LINES_OF * rate_hz / _LINES_AT_HZ))


def lines_hz() -> float:
    """How far apart the lines of :func:`line_spectra` are."""
    return _LINES_AT_HZ / _LINES_OF


def spectra_per_second() -> float:
    """How many of them there are: they overlap by half."""
    return 2 * lines_hz()


def _lines_of(rate_hz: int) -> NDArray[np.float64]:
    """Frequencies of all lines of a spectrum."""
    size = spectrum_size(rate_hz)
    return np.asarray(np.arange(size // 2 + 1) * (rate_hz / size), np.float64)


def _inside(frequency: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (frequency >= BAND_HZ[0]) & (frequency <= BAND_HZ[1])


def line_spectra(x: NDArray[np.float64], rate_hz: int) -> NDArray[np.complex128]:
    """Spectra of channels ``(4, n)`` between 150 and 5000 Hz: ``(4, lines, times)``; Hann windows, half overlapped.

    ``n`` must be a spectrum (43 ms) at least.
    """
    size = spectrum_size(rate_hz)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    parts = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, :: size // 2]
    inside = _inside(_lines_of(rate_hz))
    return np.fft.rfft(parts * (window / window.sum()), axis=2)[:, :, inside].transpose(0, 2, 1)


def covariance_tiles(spectra: NDArray[np.complex128], rate_hz: int) -> NDArray[np.complex128]:
    """Mean covariances of spectra ``(4, lines, times)`` in tiles of band and time: ``(bands, tiles, 4, 4)``.

    ``spectra`` are those of :func:`line_spectra` at this rate.
    """
    frequency = _lines_of(rate_hz)
    edges = np.geomspace(BAND_HZ[0], BAND_HZ[1] + 1, BANDS + 1)
    band = np.clip(np.searchsorted(edges, frequency[_inside(frequency)], side="right") - 1, 0, BANDS - 1)
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
