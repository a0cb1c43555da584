"""What tells sound fields from other four-channel sound, in numbers that no exchange of X, Y and Z changes.

The input are covariances of the channels in tiles of time and frequency. A plane wave has the same power in W as in
X, Y and Z together (SN3D), whatever its direction, in phase; so has any sum of uncorrelated waves, and in rooms the
balance wanders around that. Powers cannot tell X, Y and Z apart: every number here stays the same when the three
change places or signs. Channel 0 is taken for W.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yt360.media.medians import median

_TINY = 1e-20
"""Power that keeps divisions finite."""

_LOUD = 1e-4
"""Tiles below this part of the loud ones (95th percentile) say nothing."""

_SILENT = 1e-16
"""Power of a tile that counts as silence."""

_LEAST_TILES = 3
"""Loud tiles that a band needs."""

_LONG = 3
"""Tiles in a long moment."""

_PURE = 0.85
"""Quantile of purity (share of the strongest dimension) from which tiles count as those of a single wave."""

_OPPOSED, _FAR_OPPOSED = -0.15, -0.5
"""Correlations below which two channels are opposed; unrelated channels fall below the second in hardly any tile."""

_FAR_DB = 30.0
"""Most that a number in dB says."""

_EXACT_DB = 0.6
"""How near a balance must be to that of SN3D, of W 3 dB low or of N3D to count as such."""

_SIGNS = np.array([(1, *signs) for signs in itertools.product((1, -1), repeat=3)], float)
"""All signs that X, Y and Z can have."""

_PAIRS = np.triu_indices(4, 1)

NAMES = (
    "balance", "balance_mean", "slope", "roughness", "lowest_band", "highest_band",
    "swing", "swing_long", "w_heavy",
    "vector_50", "vector_90", "vector_98", "active", "reactive", "active_low", "active_high",
    "reactive_low", "reactive_high", "pure_balance", "pure_spread", "purity", "purest",
    "second", "fourth", "whole_second", "whole_third", "whole_fourth",
    "side_second", "side_third", "most_w_side", "most_side_side", "mean_w_side", "mean_side_side",
    "least_coherence_low", "mean_coherence_low", "least_coherence_high", "mean_coherence_high",
    "opposed", "far_opposed", "negative",
    "other_swing", "other_swing_2", "other_balance", "capsule_swing", "capsule_balance",
    "strongest_side", "side_range", "silent_sides", "tiles", "bands",
    "pure_at_0", "pure_at_3", "pure_at_5", "mean_at_0", "mean_at_3", "mean_at_5",
)  # fmt: skip
"""Names of the numbers, in the order of :func:`features`."""


def features(tiles: NDArray[np.complex128], silent: Sequence[bool]) -> dict[str, float]:
    """Numbers by name (:data:`NAMES`) of tiles ``(bands, times, 4, 4)``; empty where no band has sound.

    ``silent`` says which of the four channels are. Levels are in dB, within +-30; shares are in [0, 1].
    """
    power = np.maximum(np.einsum("btii->bti", tiles).real, 0)
    energy = power.sum(axis=2)
    heard = [_heard(each) for each in energy]
    bands = [k for k, chosen in enumerate(heard) if chosen.sum() >= _LEAST_TILES]
    if not bands:
        return {}
    weight = np.zeros_like(energy)
    for k in bands:
        chosen = heard[k]
        capped = np.minimum(energy[k], np.percentile(energy[k, chosen], 90)) * chosen
        weight[k] = capped / capped.sum() / len(bands)
    found = _balance(tiles, power, weight, bands)
    found |= _intensity(tiles, power, weight, bands)
    found |= _dimensions(tiles, energy, weight, bands)
    found |= _other_readings(tiles, power, weight, bands, found["swing_long"])
    live = [level for level, is_silent in zip(_levels(power, weight), silent, strict=True) if not is_silent]
    sides = live[1:] if not silent[0] else live
    found["strongest_side"] = max(sides, default=-_FAR_DB)
    found["side_range"] = max(sides, default=0.0) - min(sides, default=0.0)
    found["silent_sides"] = float(sum(silent[1:]))
    found["tiles"] = float(np.log10(1 + (weight > 0).sum()))
    found["bands"] = len(bands) / len(tiles)
    for name, weights_db in (("0", 0.0), ("3", 3.01), ("5", 4.77)):
        found[f"pure_at_{name}"] = float(np.exp(-(((found["pure_balance"] - weights_db) / _EXACT_DB) ** 2)))
        found[f"mean_at_{name}"] = float(np.exp(-(((found["balance_mean"] - weights_db) / _EXACT_DB) ** 2)))
    return {name: round(float(np.clip(found[name], -_FAR_DB, _FAR_DB)), 4) for name in NAMES}


def _heard(energy: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(energy > _LOUD * np.percentile(energy, 95) + _SILENT)


def _db(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(10 * np.log10((above + _TINY) / (below + _TINY)), -_FAR_DB, _FAR_DB))


def _levels(power: NDArray[np.float64], weight: NDArray[np.float64]) -> list[float]:
    """Level of each channel against the first in dB, every band counting alike."""
    shares = power / (power.sum(axis=2, keepdims=True) + _TINY)
    mean = (shares * weight[..., None]).sum(axis=(0, 1))
    return [float(value) for value in _db(mean, mean[0])]


def _balance(
    tiles: NDArray[np.complex128], power: NDArray[np.float64], weight: NDArray[np.float64], bands: list[int]
) -> dict[str, float]:
    """Power of X, Y and Z against W: in all, over the bands, in time, and in tiles of a single wave."""
    w, sides = power[..., 0], power[..., 1:].sum(axis=2)
    used = weight > 0
    by_band = _db((sides * used).sum(axis=1)[bands], (w * used).sum(axis=1)[bands])
    octave = np.asarray(bands, float) - np.mean(bands)
    slope = float(octave @ by_band / (octave @ octave)) if len(bands) > 1 else 0.0
    level = _db(sides, w)
    return {
        "balance": float(_db((sides * used).sum(), (w * used).sum())),
        "balance_mean": float(by_band.mean()),
        "slope": slope,
        "roughness": float(np.std(by_band - by_band.mean() - slope * octave)),
        "lowest_band": float(by_band[0]),
        "highest_band": float(by_band[-1]),
        "swing": _swing(sides, w, weight, bands),
        "swing_long": _long_swing(sides, w, weight, bands),
        "w_heavy": float(((level < by_band.mean() - 3) * weight).sum()),
    }


def _swing(
    above: NDArray[np.float64], below: NDArray[np.float64], weight: NDArray[np.float64], bands: list[int]
) -> float:
    """Standard deviation in time of a ratio in dB within a band, median over the bands."""
    level = _db(above, below)[bands]
    share = weight[bands] / weight[bands].sum(axis=1, keepdims=True)
    mean = (share * level).sum(axis=1, keepdims=True)
    return float(median(np.sqrt((share * (level - mean) ** 2).sum(axis=1)))[0])


def _long(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over runs of tiles ``(bands, runs)``."""
    runs = values.shape[1] // _LONG
    return np.asarray(values[:, : runs * _LONG].reshape(len(values), runs, _LONG).sum(axis=2))


def _long_swing(
    above: NDArray[np.float64], below: NDArray[np.float64], weight: NDArray[np.float64], bands: list[int]
) -> float:
    used = weight > 0
    longer = _long(weight)
    if longer.shape[1] < _LEAST_TILES or not (longer[bands].sum(axis=1) > 0).all():
        return 0.6 * _swing(above, below, weight, bands)
    return _swing(_long(above * used), _long(below * used), longer, bands)


def _intensity(
    tiles: NDArray[np.complex128], power: NDArray[np.float64], weight: NDArray[np.float64], bands: list[int]
) -> dict[str, float]:
    """Sound intensity: its length against W, and how much of W and the sides is in phase and in quadrature."""
    w, sides = power[..., 0], power[..., 1:].sum(axis=2)
    along = (tiles[..., 0, 1:].real ** 2).sum(axis=2)
    across = (tiles[..., 0, 1:].imag ** 2).sum(axis=2)
    length = _db(along, w**2) / 2
    active = np.clip(along / (w * sides + _TINY**2), 0, 1)
    reactive = np.clip(across / (w * sides + _TINY**2), 0, 1)
    found = {f"vector_{q}": _quantile(length, weight, q / 100) for q in (50, 90, 98)}
    found |= {"active": float((active * weight).sum()), "reactive": float((reactive * weight).sum())}
    for name, part in (("low", bands[:3]), ("high", bands[-3:])):
        share = weight[part] / weight[part].sum()
        found[f"active_{name}"] = float((active[part] * share).sum())
        found[f"reactive_{name}"] = float((reactive[part] * share).sum())
    return found


def _quantile(values: NDArray[np.float64], weight: NDArray[np.float64], share: float) -> float:
    chosen = weight > 0
    order = np.argsort(values[chosen])
    reached = np.cumsum(weight[chosen][order])
    return float(values[chosen][order][min(len(order) - 1, int(np.searchsorted(reached, share * reached[-1])))])


def _dimensions(
    tiles: NDArray[np.complex128], energy: NDArray[np.float64], weight: NDArray[np.float64], bands: list[int]
) -> dict[str, float]:
    """How many independent signals there are in a tile, in a band and in all, and how the channels go together."""
    chosen = weight > 0
    share = weight[chosen]
    part = tiles[chosen] / (energy[chosen][:, None, None] + _TINY)
    spectrum = np.maximum(np.linalg.eigvalsh(part.real)[:, ::-1], 0)
    purity = spectrum[:, 0]
    limit = _quantile(purity, share, _PURE)
    pure = purity >= limit
    w = np.maximum(part[:, 0, 0].real, 0)
    level = _db(1 - w[pure], w[pure])
    of_pure = share[pure] / share[pure].sum()
    middle = float((level * of_pure).sum())
    # Each band counts alike: the mean of normalized tiles.
    mean = np.zeros((len(tiles), 4, 4), complex)
    for k in bands:
        normal = tiles[k] / (energy[k][:, None, None] + _TINY)
        mean[k] = (normal * weight[k][:, None, None]).sum(axis=0) / weight[k].sum()
    whole = mean[bands].mean(axis=0)
    values = np.maximum(np.linalg.eigvalsh(whole.real)[::-1], 0)
    sides = np.maximum(np.linalg.eigvalsh(whole.real[1:, 1:])[::-1], 0)
    found = {
        "pure_balance": middle,
        "pure_spread": float(np.sqrt(((level - middle) ** 2 * of_pure).sum())),
        "purity": float((purity * share).sum()),
        "purest": limit,
        "second": float((spectrum[:, :2].sum(axis=1) * share).sum()),
        "fourth": float((np.sqrt(spectrum[:, 3] + _TINY) * share).sum()),
        "whole_second": float(_db(values[1], values[0])),
        "whole_third": float(_db(values[2], values[0])),
        "whole_fourth": float(_db(values[3], values[0])),
        "side_second": float(_db(sides[1], sides[0])),
        "side_third": float(_db(sides[2], sides[0])),
    }
    with_w, among = _coherences(whole.real)
    found |= {"most_w_side": with_w.max(), "most_side_side": among.max()}
    found |= {"mean_w_side": with_w.mean(), "mean_side_side": among.mean()}
    for name, some in (("low", bands[:2]), ("high", bands[-2:])):
        pairs = np.concatenate([np.concatenate(_coherences(mean[k])) for k in some])
        found |= {f"least_coherence_{name}": pairs.min(), f"mean_coherence_{name}": pairs.mean()}
    return found


def _coherences(matrix: NDArray[np.complexfloating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coherence of W with each side, and of the sides with each other."""
    power = np.maximum(np.diag(matrix).real, 0)
    together = np.abs(matrix) / (np.sqrt(np.outer(power, power)) + 1e-12)
    return together[0, 1:], together[1:, 1:][np.triu_indices(3, 1)]


def _other_readings(
    tiles: NDArray[np.complex128], power: NDArray[np.float64], weight: NDArray[np.float64], bands: list[int],
    own_swing: float,
) -> dict[str, float]:  # fmt: skip
    """How steady the balance is with another channel as W, or with the four as the capsules of a microphone.

    Capsules are tried with all signs, and so is whether no two channels are ever opposed: both are of one sign in
    capsules and in feeds of loudspeakers, while the sides of a field change signs from source to source.
    """
    total = power.sum(axis=2)
    others = sorted(
        (_long_swing(total - power[..., k], power[..., k], weight, bands), float(_db(
            ((total - power[..., k]) * (weight > 0)).sum(), (power[..., k] * (weight > 0)).sum())))
        for k in (1, 2, 3)
    )  # fmt: skip
    own = own_swing + 0.05
    found = {
        "other_swing": float(np.log(others[0][0] + 0.05) - np.log(own)),
        "other_swing_2": float(np.log(others[1][0] + 0.05) - np.log(own)),
        "other_balance": others[0][1],
    }
    real = tiles.real
    tried = []
    for signs in _SIGNS:
        w = np.maximum(np.einsum("i,btij,j->bt", signs, real, signs) / 4, 0)
        sides = 3 * np.maximum(total - w, 0)
        used = weight > 0
        balance = float(_db((sides * used).sum(), (w * used).sum()))
        tried.append((_long_swing(sides, w, weight, bands), balance))
    swing, balance = min(tried)
    found |= {"capsule_swing": float(np.log(swing + 0.05) - np.log(own)), "capsule_balance": balance}
    scale = np.sqrt(power[..., :, None] * power[..., None, :]) + _TINY
    pairs = (real / scale)[..., _PAIRS[0], _PAIRS[1]]
    turned = (_SIGNS[:, :, None] * _SIGNS[:, None, :])[:, _PAIRS[0], _PAIRS[1]]
    lowest = [(pairs * signs).min(axis=2) for signs in turned]
    for name, limit in (("opposed", _OPPOSED), ("far_opposed", _FAR_OPPOSED)):
        found[name] = min(float((weight * (low < limit)).sum()) for low in lowest)
    # How much of what channels have in common is of opposite signs.
    together = np.einsum("bt,btp->p", weight, pairs**2)
    opposite = np.einsum("bt,btp->p", weight, np.minimum(pairs, 0) ** 2)
    shares = [np.where(signs > 0, opposite, together - opposite).sum() for signs in turned]
    found["negative"] = float(min(shares) / (together.sum() + _TINY))
    return found
