"""Statistics of four channels that tell whether they are first-order ambisonics, without any threshold.

A plane wave has the same power in W as in X, Y and Z together, whatever its direction (SN3D), and so
has any sum of uncorrelated waves. Channels that are something else (loudspeaker feeds, copies, a
mono programme) break that balance, or keep it only on average while it swings from moment to moment
and from band to band. :mod:`yt360.media.validity` judges by what is measured here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.media.moments import balance_over_time_and_bands, opposed_share, share_moments

_BAND_HZ = (200.0, 4000.0)
"""Range of frequencies that is measured: below, microphones are omnidirectional; above, they are not coincident."""

_BANDS = 6
"""Bands in this range."""

_TILE_S = 0.5
"""Seconds in a tile of time and band."""

_TINY = 1e-20
"""Power that keeps logarithms and divisions finite."""

FLOOR_DB = -200.0
"""Level of digital silence."""


@dataclass(frozen=True)
class Candidate:
    """One way to read four channels as W Y Z X: ``ambix[k] = gains[k] * channel[order[k]]``."""

    name: str
    order: tuple[int, int, int, int]
    gains: tuple[float, float, float, float]
    words: str


_ROOT2, _ROOT3 = 2**0.5, 3**0.5
"""Gains between weightings of ambisonics."""

CANDIDATES: dict[str, Candidate] = {
    c.name: c
    for c in (
        Candidate("ambix", (0, 1, 2, 3), (1.0, 1.0, 1.0, 1.0), "W Y Z X, SN3D"),
        Candidate("fuma", (0, 2, 3, 1), (_ROOT2, 1.0, 1.0, 1.0), "FuMa: W X Y Z with W 3 dB low"),
        Candidate("n3d", (0, 1, 2, 3), (1.0, 1 / _ROOT3, 1 / _ROOT3, 1 / _ROOT3), "N3D weights"),
        Candidate("xywz", (2, 1, 3, 0), (1.0, 1.0, _ROOT2, 1.0), "order X Y W Z with Z 3 dB low, as a 5.1 to 4.0 mix"),
    )
}
"""Readings that are tried. The first is what a stream is taken for when nothing is known."""

_CAPSULES = 0.5 * np.array([[1.0, 1, 1, 1], *_ROOT3 * np.array([[1, -1, 1, -1], [1, -1, -1, 1], [1, 1, -1, -1]])])
"""Four cardioid capsules of a tetrahedral microphone (A-format) as W and three axes; the order of the
capsules only turns and mirrors the axes."""


@dataclass
class _Sums:
    """Running sums over windows: spectra products in the band and tiles of (time, band)."""

    cross: NDArray[np.complex128] = field(default_factory=lambda: np.zeros((4, 4), complex))
    covariance: NDArray[np.float64] = field(default_factory=lambda: np.zeros((4, 4)))
    samples: int = 0
    bad: int = 0
    clipped: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    peak: float = 0.0
    tiles: list[NDArray[np.float64]] = field(default_factory=list)
    window_db: list[float] = field(default_factory=list)


def _db(power: float) -> float:
    return max(FLOOR_DB, float(10 * np.log10(power + _TINY)))


def measure_ambisonics(windows: Sequence[NDArray[np.float32]], sample_rate_hz: int) -> dict[str, Any]:
    """Statistics of four channels over ``windows`` of ``(4, n)``, as decoded and in their own order.

    All values are JSON-safe: levels have a floor of -200 dB, what cannot be computed is absent.
    Per candidate reading: ``balance_db`` (power of X, Y, Z against W), ``channel_db`` (the strongest
    of them against W), ``vector`` (length of the mean intensity against W's power), ``out_of_phase``
    (its imaginary part), ``swing_db`` (how much the balance swings in time within a band) and ``spread_db``
    (how unlike it is between bands).
    """
    sums = _Sums()
    for window in windows:
        _add_window(sums, window, sample_rate_hz)
    seconds = sums.samples / max(1, sample_rate_hz)
    total = max(1, sums.samples)
    power = np.diag(sums.covariance) / total
    measures: dict[str, Any] = {
        "seconds": round(seconds, 3),
        "windows": len(windows),
        "not_finite": sums.bad,
        "peak": round(sums.peak, 4),
        "clipped": round(float((sums.clipped / total).max(initial=0.0)), 6),
        "level_db": [round(_db(p), 2) for p in power],
        "silent_share": _silent_share(sums.window_db),
        "correlation": _correlations(sums.covariance),
        "gain_db": _pair_gains(power),
    }
    eigenvalues = np.linalg.eigvalsh(sums.covariance / total)[::-1]
    spread_db = [_db(float(value)) for value in np.maximum(eigenvalues, 0)]
    measures["eigenvalue_db"] = [round(value - spread_db[0], 2) for value in spread_db]
    tiles = np.concatenate(sums.tiles, axis=1) if sums.tiles else np.zeros((_BANDS, 0, 4, 4))
    measures["readings"] = {name: _reading(_matrix(c), sums.cross, tiles) for name, c in CANDIDATES.items()}
    measures["moments"] = share_moments(tiles) | {"opposed": opposed_share(tiles)}
    measures["capsules"] = _reading(_CAPSULES, sums.cross, tiles)
    # How steady the balance is with each channel in the place of W: of true ambisonics one stands out.
    turns = [np.roll(np.eye(4), -k, axis=0) for k in range(4)]
    measures["swing_by_w_db"] = [_reading(turn, sums.cross, tiles).get("swing_db", 99.0) for turn in turns]
    return measures


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
    level = np.abs(x).max(axis=1, keepdims=True)
    flat = (np.abs(x[:, 1:]) >= 0.999 * level) & (np.abs(np.diff(x, axis=1)) < 1e-6) & (level > 0.5)
    sums.clipped += flat.sum(axis=1)
    part = max(1, rate // 2)
    for start in range(0, max(1, x.shape[1] - part // 2), part):
        sums.window_db.append(_db(float((x[:, start : start + part] ** 2).mean(axis=1).max(initial=0.0))))
    size = max(64, round(1024 * rate / 24000))
    if x.shape[1] < size:
        return
    frequency, spectra = _spectra(x, rate, size)
    band = (frequency >= _BAND_HZ[0]) & (frequency <= _BAND_HZ[1])
    spectra, frequency = spectra[:, band], frequency[band]
    flat_spectra = spectra.reshape(4, -1)
    sums.cross += flat_spectra @ flat_spectra.conj().T
    sums.tiles.append(_tiles(spectra, frequency, max(1, round(_TILE_S * rate / (size // 2)))))


def _spectra(x: NDArray[np.float64], rate: int, size: int) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Frequencies in Hz and short-time spectra ``(channels, frequencies, times)``: Hann windows, half overlapped."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    parts = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, :: size // 2]
    spectra = np.fft.rfft(parts * (window / window.sum()), axis=2)
    return np.asarray(np.arange(size // 2 + 1) * (rate / size), np.float64), spectra.transpose(0, 2, 1)


def _tiles(spectra: NDArray[np.complex128], frequency: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Covariances of the channels in tiles of half a second by a sixth of the band: ``(bands, times, 4, 4)``."""
    edges = np.geomspace(_BAND_HZ[0], _BAND_HZ[1] + 1, _BANDS + 1)
    band = np.clip(np.searchsorted(edges, frequency, side="right") - 1, 0, _BANDS - 1)
    times = spectra.shape[2] // frames
    parts = spectra[:, :, : times * frames].reshape(4, len(frequency), times, frames)
    found = np.zeros((_BANDS, times, 4, 4))
    for k in range(_BANDS):
        inside = band == k
        part = parts[:, inside].transpose(2, 0, 1, 3).reshape(times, 4, int(inside.sum()) * frames)
        found[k] = (part @ part.conj().transpose(0, 2, 1)).real
    return found


def _silent_share(window_db: list[float]) -> float:
    if not window_db:
        return 1.0
    return round(float(np.mean(np.asarray(window_db) < -70.0)), 4)


def _correlations(covariance: NDArray[np.float64]) -> list[float]:
    """Correlations of the pairs 01, 02, 03, 12, 13, 23."""
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    values = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > _TINY)
    return [round(float(values[i, j]), 5) for i in range(4) for j in range(i + 1, 4)]


def _pair_gains(power: NDArray[np.float64]) -> list[float]:
    level = [_db(float(p)) for p in power]
    return [round(level[j] - level[i], 2) for i in range(4) for j in range(i + 1, 4)]


def _matrix(candidate: Candidate) -> NDArray[np.float64]:
    matrix = np.zeros((4, 4))
    matrix[range(4), candidate.order] = candidate.gains
    return matrix


def _reading(
    matrix: NDArray[np.float64], cross: NDArray[np.complex128], tiles: NDArray[np.float64]
) -> dict[str, float]:
    """Statistics of ``matrix @ channels`` taken as W and three axes; empty where that W is silent."""
    c = matrix @ cross @ matrix.T
    w = float(c[0, 0].real)
    if w <= _TINY * 1e3:
        return {}
    vector = c[0, 1:] / w
    powers = np.maximum(np.diag(c)[1:].real / w, 0)
    found = {
        "balance_db": round(_db(float(powers.sum())), 3),
        "channel_db": round(_db(float(powers.max())), 3),
        "vector": round(float(np.linalg.norm(vector.real)), 4),
        "out_of_phase": round(float(np.linalg.norm(vector.imag)), 4),
    }
    return found | balance_over_time_and_bands(matrix, tiles)
