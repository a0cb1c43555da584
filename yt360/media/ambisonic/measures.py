"""What is measured of four channels to tell whether they are first-order ambisonics; nothing here decides.

:mod:`yt360.media.ambisonic.features` and :mod:`yt360.media.ambisonic.waves` turn covariances in tiles of time and
frequency into the numbers that :mod:`yt360.media.ambisonic.validity` judges by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.media.ambisonic import features as covariances
from yt360.media.ambisonic import lags, waves
from yt360.media.ambisonic.features import features
from yt360.media.ambisonic.tiles import BANDS, covariance_tiles, line_spectra, short_spectra, spectrum_size
from yt360.media.ambisonic.waves import single_waves

NAMES = (*covariances.NAMES, *waves.NAMES, *lags.NAMES)
"""Names of the numbers that the model judges by."""

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
    short: list[NDArray[np.complex64]] = field(default_factory=list)
    lines: list[NDArray[np.complex128]] = field(default_factory=list)
    window_db: list[float] = field(default_factory=list)


def _db(power: float) -> float:
    return max(FLOOR_DB, float(10 * np.log10(power + _TINY)))


def measure_ambisonics(windows: Sequence[NDArray[np.float32]], sample_rate_hz: int) -> dict[str, Any]:
    """Statistics of four channels over ``windows`` of ``(4, n)``, in the order and weights they are to be judged in.

    All values are JSON-safe: levels in dBFS have a floor of -200, ``features`` (:data:`NAMES`) is empty where there is
    too little sound.
    """
    sums = _Sums()
    for window in windows:
        _add_window(sums, window, sample_rate_hz)
    total = max(1, sums.samples)
    power = np.diag(sums.covariance) / total
    level_db = [round(_db(float(p)), 2) for p in power]
    tiles = np.concatenate(sums.tiles, axis=1) if sums.tiles else np.zeros((BANDS, 0, 4, 4), complex)
    return {
        "seconds": round(sums.samples / max(1, sample_rate_hz), 3),
        "windows": len(windows),
        "not_finite": sums.bad,
        "peak": round(sums.peak, 4),
        "clipped": round(float((sums.clipped / total).max(initial=0.0)), 6),
        "level_db": level_db,
        "silent_share": round(float(np.mean(np.asarray(sums.window_db) < _SILENT_DB)), 4) if sums.window_db else 1.0,
        "correlation": _correlations(sums.covariance),
        "features": all_features(tiles, sums.short, sums.lines, absent_channels(level_db)) if tiles.size else {},
    }


def all_features(
    tiles: NDArray[np.complex128],
    short: Sequence[NDArray[np.complexfloating]],
    lines: Sequence[NDArray[np.complexfloating]],
    silent: Sequence[bool],
) -> dict[str, float]:
    """Numbers by name (:data:`NAMES`) of covariances ``(bands, times, 4, 4)``, of windows of short spectra, and of
    windows of covariances of lines ``(blocks, lines, 4, 4)``.

    ``silent`` says which of the four channels are. Empty where no band has sound.
    """
    found = features(tiles, silent)
    return found | single_waves(short) | lags.lags(lines) if found else {}


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
    if x.shape[1] >= spectrum_size(rate):
        spectra = line_spectra(x, rate)
        sums.tiles.append(covariance_tiles(spectra, rate))
        sums.lines.append(lags.line_covariances(spectra))
        sums.short.append(short_spectra(x, rate))


def _correlations(covariance: NDArray[np.float64]) -> list[float]:
    """Correlations of the pairs 01, 02, 03, 12, 13, 23."""
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    values = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > _TINY)
    return [round(float(values[i, j]), 5) for i in range(4) for j in range(i + 1, 4)]
