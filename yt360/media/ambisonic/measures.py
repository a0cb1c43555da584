"""What is measured of four channels to tell whether they are first-order ambisonics; nothing here decides.

:mod:`yt360.media.ambisonic.features` turns covariances in tiles of time and frequency into the numbers that
:mod:`yt360.media.ambisonic.validity` judges by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.media.ambisonic.features import features

_BAND_HZ = (150.0, 5000.0)
"""Range of frequencies that is measured: below, microphones are omnidirectional; above, they are not coincident."""

_BANDS = 8
"""Bands in this range, equally wide on a logarithmic scale."""

_FRAMES, _LEAST_FRAMES = 8, 2
"""Spectra in a tile (0.17 s), and in one of a sound that is shorter than a second."""

_TILES_WANTED = 5
"""Tiles that a window should have at least; a short one has shorter tiles."""

_TINY = 1e-20
"""Power that keeps logarithms and divisions finite."""

_WINDOW_S = 0.5
"""Stretch of time of which a level is taken, to tell how much is silence."""

_SILENT_DB = -70.0
"""Level below which such a stretch is silent."""

ABSENT_DB = -40.0
"""A channel this far below the loudest one is absent: W Y Z X without its third has no height."""

FLOOR_DB = -200.0
"""Level of digital silence."""


@dataclass
class _Sums:
    """Running sums over windows."""

    covariance: NDArray[np.float64] = field(default_factory=lambda: np.zeros((4, 4)))
    samples: int = 0
    bad: int = 0
    clipped: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    peak: float = 0.0
    tiles: list[NDArray[np.complex128]] = field(default_factory=list)
    window_db: list[float] = field(default_factory=list)


def _db(power: float) -> float:
    return max(FLOOR_DB, float(10 * np.log10(power + _TINY)))


def measure_ambisonics(windows: Sequence[NDArray[np.float32]], sample_rate_hz: int) -> dict[str, Any]:
    """Statistics of four channels over ``windows`` of ``(4, n)``, in the order and weights they are to be judged in.

    All values are JSON-safe: levels in dBFS have a floor of -200, ``features``
    (:data:`yt360.media.ambisonic.features.NAMES`) is empty where there is too little sound.
    """
    sums = _Sums()
    for window in windows:
        _add_window(sums, window, sample_rate_hz)
    total = max(1, sums.samples)
    power = np.diag(sums.covariance) / total
    level_db = [round(_db(float(p)), 2) for p in power]
    tiles = np.concatenate(sums.tiles, axis=1) if sums.tiles else np.zeros((_BANDS, 0, 4, 4), complex)
    return {
        "seconds": round(sums.samples / max(1, sample_rate_hz), 3),
        "windows": len(windows),
        "not_finite": sums.bad,
        "peak": round(sums.peak, 4),
        "clipped": round(float((sums.clipped / total).max(initial=0.0)), 6),
        "level_db": level_db,
        "silent_share": round(float(np.mean(np.asarray(sums.window_db) < _SILENT_DB)), 4) if sums.window_db else 1.0,
        "correlation": _correlations(sums.covariance),
        "features": features(tiles, absent_channels(level_db)) if tiles.size else {},
    }


def absent_channels(level_db: Sequence[float], below_db: float = ABSENT_DB) -> list[bool]:
    """Which channels are silent beside the loudest one."""
    return [value < max(level_db) + below_db for value in level_db]


def _add_window(sums: _Sums, window: NDArray[np.float32], rate: int) -> None:
    bad = ~np.isfinite(window)
    if bad.any():
        sums.bad += int(bad.sum())
        window = np.where(bad, 0, window)
    x = window.astype(np.float64)
    sums.samples += x.shape[1]
    sums.covariance += x @ x.T
    sums.peak = max(sums.peak, float(np.abs(x).max(initial=0.0)))
    # Limited at full scale: several samples in a row that stay at one extreme.
    level = np.abs(x).max(axis=1, keepdims=True, initial=0.0)
    flat = (np.abs(x[:, 1:]) >= 0.999 * level) & (np.abs(np.diff(x, axis=1)) < 1e-6) & (level > 0.5)
    sums.clipped += flat.sum(axis=1)
    part = max(1, round(_WINDOW_S * rate))
    for start in range(0, max(1, x.shape[1] - part // 2), part):
        sums.window_db.append(_db(float((x[:, start : start + part] ** 2).mean(axis=1).max(initial=0.0))))
    if x.shape[1] >= _spectrum_size(rate):
        sums.tiles.append(covariance_tiles(x, rate))


def _spectrum_size(rate: int) -> int:
    return max(64, round(1024 * rate / 24000))


def covariance_tiles(x: NDArray[np.float64], rate: int) -> NDArray[np.complex128]:
    """Mean covariances of channels ``(4, n)`` in tiles of band and time: ``(bands, times, 4, 4)``.

    ``n`` must be a spectrum (43 ms) at least. Hann windows, half overlapped.
    """
    size = _spectrum_size(rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    parts = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, :: size // 2]
    frequency = np.arange(size // 2 + 1) * (rate / size)
    inside = (frequency >= _BAND_HZ[0]) & (frequency <= _BAND_HZ[1])
    spectra = np.fft.rfft(parts * (window / window.sum()), axis=2)[:, :, inside].transpose(0, 2, 1)
    edges = np.geomspace(_BAND_HZ[0], _BAND_HZ[1] + 1, _BANDS + 1)
    band = np.clip(np.searchsorted(edges, frequency[inside], side="right") - 1, 0, _BANDS - 1)
    frames = int(np.clip(spectra.shape[2] // _TILES_WANTED, _LEAST_FRAMES, _FRAMES))
    times = spectra.shape[2] // frames
    blocks = spectra[:, :, : times * frames].reshape(4, len(band), times, frames)
    found = np.zeros((_BANDS, times, 4, 4), complex)
    for k in range(_BANDS):
        part = blocks[:, band == k].transpose(2, 0, 1, 3).reshape(times, 4, -1)
        found[k] = part @ part.conj().transpose(0, 2, 1) / max(1, part.shape[2])
    return found


def _correlations(covariance: NDArray[np.float64]) -> list[float]:
    """Correlations of the pairs 01, 02, 03, 12, 13, 23."""
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    values = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > _TINY)
    return [round(float(values[i, j]), 5) for i in range(4) for j in range(i + 1, 4)]
