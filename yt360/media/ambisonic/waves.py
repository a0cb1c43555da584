"""What single waves show of four channels: first wave fronts, the purest moments, and what is left when a sound ends.

A front comes before its echoes. In it, as in every moment that is one wave, channels differ in level and sign only,
and in a sound field W has a fixed share of its power wherever it comes from: half in SN3D, a third with W 3 dB low, a
quarter in N3D. Waves that arrive together and in phase make W stronger, rooms more so the earlier their echoes, so the
mean of whole tiles tells less than the fronts. Of loudspeakers one or two sound in a front, with one sign. When a sound
ends, waves come from everywhere: on average they have the same share of W again, and channels nothing in common.
No number here changes when X, Y and Z change places or signs.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yt360.media.ambisonic.tiles import SHORT_BANDS
from yt360.media.medians import median

_SILENT = 1e-16
"""Power of a tile that counts as silence."""

_LOUD, _FRONT_LOUD = 1e-4, 1e-2
"""Tiles below this part of the loud ones of their band (95th percentile) say nothing; fronts are nearer to these."""

_BEFORE = 8
"""Short spectra (5 ms apart) in front of a tile, without the last one, that it is compared with."""

_RISE, _MOST_RISE, _FALL = 6.0, 1e3, 0.25
"""How many times stronger than any of these a front is (never counted higher than the second), and what a tile of an
end is of the strongest."""

_MOST, _LEAST = 400, 24
"""Fronts that are looked at, at most and at least."""

_RUN, _PURE = 4, 0.04
"""Short spectra (27 ms) that are looked at together for single waves, and which part, the purest, is taken."""

_NEAR_DB = 0.8
"""How near a level must be to that of SN3D, of W 3 dB low or of N3D to count as such."""

_FAR_DB = 30.0
_TINY = 1e-20

_SIGNS = np.array([(1, *signs) for signs in itertools.product((1, -1), repeat=3)], float)
"""All signs that X, Y and Z can have."""

_OF_WAVES = (
    "purity", "level", "low", "high", "at_0", "at_3", "at_5", "above", "spread", "other_spread", "largest", "two",
    "negative",
)  # fmt: skip

NAMES = (
    *(f"front_{name}" for name in _OF_WAVES), "front_rise", "fronts",
    *(f"wave_{name}" for name in _OF_WAVES), "wave_quadrature_low", "wave_quadrature_high",
    "end_balance", "end_balance_high", "end_w_side", "end_side_side", "end_levels", "ends",
)  # fmt: skip
"""Names of the numbers, in the order of :func:`single_waves`."""


def single_waves(windows: Sequence[NDArray[np.complexfloating]]) -> dict[str, float]:
    """Numbers by name (:data:`NAMES`) of windows of short spectra ``(bands, times, 4, lines)``; all 0 without sound.

    Levels are in dB of Y, Z and X together against W, within +-30; shares are in [0, 1].
    """
    windows = [window for window in windows if window.shape[1] > _BEFORE]
    if not windows:
        return dict.fromkeys(NAMES, 0.0)
    spectra = np.concatenate(windows, axis=1)
    energy = sum(np.square(part, dtype=float).sum(axis=(2, 3)) for part in (spectra.real, spectra.imag))
    energy /= spectra.shape[3]
    loud = np.percentile(energy, 95, axis=1, keepdims=True)
    if loud.max() < _SILENT:
        return dict.fromkeys(NAMES, 0.0)
    heard = energy > _LOUD * loud + _SILENT
    ends = np.cumsum([window.shape[1] for window in windows])[:-1]
    before = np.concatenate([_strongest_before(part) for part in np.split(energy, ends, axis=1)], axis=1)
    rise = np.minimum(energy / np.maximum(before, _SILENT), _MOST_RISE)
    found = _fronts(spectra, rise, heard & (energy > _FRONT_LOUD * loud) & np.isfinite(before))
    found |= _pure(spectra, energy * heard)
    found |= _after(
        spectra, energy, heard & np.isfinite(before) & (energy < _FALL * np.where(before < np.inf, before, 0))
    )
    return {name: round(float(np.clip(found[name], -_FAR_DB, _FAR_DB)), 4) for name in NAMES}


def _strongest_before(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy of the strongest of the tiles in front of each one; infinite where a window begins."""
    found = np.full(energy.shape, np.inf)
    views = np.lib.stride_tricks.sliding_window_view(energy, _BEFORE - 1, axis=1)
    found[:, _BEFORE:] = views.max(axis=2)[:, : energy.shape[1] - _BEFORE]
    return found


def _fronts(
    spectra: NDArray[np.complexfloating], rise: NDArray[np.float64], possible: NDArray[np.bool_]
) -> dict[str, float]:
    """First wave fronts: tiles that are much stronger than what was before them."""
    score = np.where(possible, rise, 0.0).ravel()
    count = int(np.clip((score > _RISE).sum(), _LEAST, _MOST))
    chosen = np.argsort(-score, kind="stable")[: min(count, int((score > 0).sum()))]
    found = _of_waves("front", _covariances(spectra.reshape(-1, *spectra.shape[2:])[chosen]).real)
    found["front_rise"] = float(10 * np.log10(median(score[chosen])[0])) if chosen.size else 0.0
    return found | {"fronts": float(np.log10(1 + (score > _RISE).sum()))}


def _covariances(spectra: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
    """``(n, 4, 4)`` of spectra ``(n, 4, lines)``."""
    spectra = spectra.astype(complex)
    found = spectra @ spectra.conj().transpose(0, 2, 1)
    return np.asarray(found / spectra.shape[2], np.complex128)


def _pure(spectra: NDArray[np.complexfloating], energy: NDArray[np.float64]) -> dict[str, float]:
    """The purest of runs of tiles, and how far their channels are from being in phase."""
    bands, times = energy.shape[0], energy.shape[1] // _RUN
    power = energy[:, : times * _RUN].reshape(bands, times, _RUN).sum(axis=2)
    tiles = np.zeros((bands, times, 4, 4), complex)
    for k in range(bands):
        runs = spectra[k, : times * _RUN].reshape(times, _RUN, 4, -1).transpose(0, 2, 1, 3).reshape(times, 4, -1)
        tiles[k] = _covariances(runs)
    total = np.maximum(np.einsum("btii->bt", tiles).real, _TINY)
    complex_purity = (np.abs(tiles) ** 2).sum(axis=(2, 3)) / total**2
    weight = np.minimum(power, np.percentile(power, 90, axis=1, keepdims=True))
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
    purity = (tiles.real**2).sum(axis=(2, 3)) / total**2
    found = _of_waves("wave", tiles.real[_purest(purity, weight)])
    for name, part in (("low", slice(0, 2)), ("high", slice(bands - 3, bands))):
        some = tiles[part][_purest(complex_purity[part], weight[part])]
        aside = (some.imag**2).sum() / max(_TINY, float((np.abs(some) ** 2).sum()))
        found[f"wave_quadrature_{name}"] = float(aside)
    return found


def _purest(purity: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which tiles are the purest that have :data:`_PURE` of the weight."""
    order = np.argsort(-np.where(weight > 0, purity, 0).ravel(), kind="stable")
    reached = np.cumsum(weight.ravel()[order])
    count = max(_LEAST, int(np.searchsorted(reached, _PURE * reached[-1])) + 1)
    found = np.zeros(purity.size, bool)
    found[order[: min(count, int((weight > 0).sum()))]] = True
    return found.reshape(purity.shape)


def _of_waves(name: str, tiles: NDArray[np.float64]) -> dict[str, float]:
    """What tiles ``(n, 4, 4)`` (real parts) say, each taken for one wave."""
    if not len(tiles):
        return {f"{name}_{each}": 0.0 for each in _OF_WAVES}
    total = np.maximum(np.einsum("tii->t", tiles), _TINY)
    values, vectors = np.linalg.eigh(tiles / total[:, None, None])
    wave = vectors[:, :, -1]
    share = wave**2
    level = _db(np.maximum(1 - share, 0), share)
    in_w = level[:, 0]
    low, middle, high = np.percentile(in_w, (15, 50, 85))
    others = np.percentile(level[:, 1:], 85, axis=0) - np.percentile(level[:, 1:], 15, axis=0)
    own = high - low
    ranked = np.sort(share, axis=1)
    pairs = wave[:, :, None] * wave[:, None, :]
    opposite = [np.minimum(pairs * signs[:, None] * signs, 0) ** 2 for signs in _SIGNS]
    found = {
        "purity": values[:, -1].mean(),
        "level": middle,
        "low": low,
        "high": high,
        "above": np.mean(in_w > 1.5),
        "spread": own,
        "other_spread": np.log(others.min() + 0.3) - np.log(own + 0.3),
        "largest": ranked[:, -1].mean(),
        "two": ranked[:, -2:].sum(axis=1).mean(),
        "negative": min(part.sum(axis=(1, 2)).mean() for part in opposite),
    }
    for at, weights_db in (("at_0", 0.0), ("at_3", 3.01), ("at_5", 4.77)):
        found[at] = np.exp(-(((in_w - weights_db) / _NEAR_DB) ** 2)).mean()
    return {f"{name}_{each}": float(value) for each, value in found.items()}


def _after(
    spectra: NDArray[np.complexfloating], energy: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> dict[str, float]:
    """What is left where a sound has ended: each band's mean of what is much weaker than what was before it."""
    mean = np.zeros((SHORT_BANDS, 4, 4))
    for k in range(SHORT_BANDS):
        if chosen[k].any():
            tiles = _covariances(spectra[k, chosen[k]] / np.sqrt(energy[k, chosen[k]])[:, None, None]).real
            mean[k] = tiles.mean(axis=0)
    used = [k for k in range(SHORT_BANDS) if chosen[k].sum() >= _BEFORE]
    found = {"ends": float(np.log10(1 + chosen.sum()))}
    if not used:
        return found | dict.fromkeys(NAMES[-6:-1], 0.0)
    level = _db(np.einsum("bii->b", mean[:, 1:, 1:]), mean[:, 0, 0])
    whole = mean[used].mean(axis=0)
    scale = np.sqrt(np.outer(np.diag(whole), np.diag(whole))) + 1e-12
    together = np.abs(whole) / scale
    powers = 10 * np.log10(np.maximum(np.diag(whole), 1e-6))
    return found | {
        "end_balance": float(level[used].mean()),
        "end_balance_high": float(level[used[-2:]].mean()),
        "end_w_side": float(together[0, 1:].mean()),
        "end_side_side": float(together[1:, 1:][np.triu_indices(3, 1)].mean()),
        "end_levels": float(np.ptp(powers)),
    }


def _db(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(10 * np.log10((above + _TINY) / (below + _TINY)), -_FAR_DB, _FAR_DB))
