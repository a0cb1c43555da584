"""Single waves: what the purest of many small tiles of time and frequency say of the channels.

Where a sound begins, before its echoes come, a small tile holds one wave, and its channels differ in level and sign
only. In a sound field W has a fixed share of such a wave, wherever it comes from: half of its power in SN3D, a third
with W 3 dB low, a quarter in N3D. Waves that arrive together and in phase make W stronger, never weaker: where the
sides are the stronger ones, W is not what SN3D has it to be. Nothing here changes when X, Y and Z change places or
signs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BAND_HZ = (200.0, 6000.0)
_BANDS = 24
"""Bands in this range, equally wide on a logarithmic scale."""

_SPECTRUM, _OF_RATE_HZ = 512, 24_000
"""Samples of a spectrum at this rate: 21 ms."""

_FRAMES = 4
"""Spectra in a tile, half overlapped (53 ms)."""

_LOUD, _SILENT = 1e-4, 1e-16
"""Tiles below this part of the loud ones of their band (95th percentile), or below this power, say nothing."""

_SHARE, _LEAST = 0.03, 30
"""Part of all tiles, the purest, that count as those of single waves, and how many are taken at least."""

_FAR_DB = 30.0
"""Most that a level says."""

_TINY = 1e-20


def wave_tiles(x: NDArray[np.float64], rate_hz: int) -> NDArray[np.complex128]:
    """Mean covariances of channels ``(4, n)`` in small tiles: ``(bands, times, 4, 4)``; no times where ``n`` is short.

    A band in which there is no line of the spectrum is silent.
    """
    size = max(64, round(_SPECTRUM * rate_hz / _OF_RATE_HZ))
    step = size // 2
    times = max(0, (x.shape[1] - size) // step + 1) // _FRAMES
    found = np.zeros((_BANDS, times, 4, 4), complex)
    if not times:
        return found
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    parts = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, ::step][:, : times * _FRAMES]
    spectra = np.fft.rfft(parts * (window / window.sum()), axis=2)
    edges = np.geomspace(*_BAND_HZ, _BANDS + 1) * size / rate_hz
    lines = np.arange(spectra.shape[2])
    for k in range(_BANDS):
        inside = (lines >= edges[k]) & (lines < edges[k + 1])
        if inside.any():
            part = spectra[:, :, inside].reshape(4, times, -1).transpose(1, 0, 2)
            found[k] = part @ part.conj().transpose(0, 2, 1) / part.shape[2]
    return found


def single_waves(tiles: NDArray[np.complex128]) -> dict[str, float]:
    """What the purest of :func:`wave_tiles` say; empty where there is no sound.

    ``purity`` is the part of their power that is one wave, ``quadrature`` 0 where its channels are in phase or opposed
    and up to 1 where they are a quarter of a period apart; ``median_db`` and ``high_db`` (95 %) are levels of Y, Z and
    X together against W.
    """
    energy = np.maximum(np.einsum("btii->bt", tiles).real, 0)
    if not energy.size:
        return {}
    chosen = energy > _LOUD * np.percentile(energy, 95, axis=1, keepdims=True) + _SILENT
    if not chosen.any():
        return {}
    capped = np.minimum(energy, np.percentile(energy, 90, axis=1, keepdims=True)) * chosen
    weight = (capped / (capped.sum(axis=1, keepdims=True) + _TINY))[chosen]
    values, vectors = np.linalg.eigh(tiles[chosen] / energy[chosen][:, None, None])
    order = np.argsort(-values[:, -1], kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    pure = order[: max(_LEAST, int(np.searchsorted(reached, _SHARE)))]
    wave = vectors[pure, :, -1]
    in_w = np.minimum(np.abs(_in_phase(wave)[:, 0]) ** 2, 1)
    level = np.clip(10 * np.log10((1 - in_w + _TINY) / (in_w + _TINY)), -_FAR_DB, _FAR_DB)
    found = {
        "purity": values[pure, -1].mean(),
        "quadrature": (1 - np.abs((wave**2).sum(axis=1))).mean(),
        "median_db": np.median(level),
        "high_db": np.percentile(level, 95),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def _in_phase(vectors: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Real parts ``(n, 4)`` after the turn of phase by which most of each vector is real, of length 1."""
    turn = np.exp(-0.5j * np.angle((vectors**2).sum(axis=1, keepdims=True)))
    real = (vectors * turn).real
    return np.asarray(real / np.linalg.norm(real, axis=1, keepdims=True))
