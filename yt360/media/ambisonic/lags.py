"""At which delays channels are alike: microphones that are apart, and what late sound makes of loudspeaker feeds.

Channels of a sound field are heard in one place: what two of them have in common they have at the same time. Between
microphones that are apart a sound lies up to a millisecond or two away, between delayed copies further. Short tiles
hardly show it, so whole seconds are taken together here, line by line, and all lines count alike, as a delay turns
their phases and leaves their coherence. No number here changes when X, Y and Z change places or signs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from yt360.media.ambisonic.tiles import BAND_HZ, lines_hz, spectra_per_second

LINES = 207
"""Lines (23.4 Hz apart) that are measured: 150 to 5000 Hz."""

_BLOCK_S = 1.0
"""Stretch of time whose covariances are taken together."""

_WEAK = 1e-3
"""Power of a channel below this part of the mean line counts as this much: silence is alike with nothing."""

_QUIET = 1e-4
"""Seconds in which a line is weaker than this part of its loud ones (95th percentile) say nothing about it."""

_ORDER = 8192
"""Size of the inverse transform: a step is 5.2 µs."""

_SAME_S, _NEAR_S, _FAR_S = 0.00006, (0.00012, 0.0015), (0.0015, 0.02)
"""Delays that count as none, those between microphones, and those of copies and echoes."""

_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_LEAST_LINES = 16
_TINY = 1e-20

NAMES = (
    *(f"lag_{where}_{pairs}_{kind}" for where in ("none", "near", "far") for pairs in ("w", "side")
      for kind in ("most", "mean")),
    "lag_near_above", "lag_far_above", "lag_second", "lag_third", "lag_fourth", "lag_quadrature", "lag_at",
)  # fmt: skip
"""Names of the numbers, in the order of :func:`lags`."""


def line_covariances(spectra: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Mean covariances ``(blocks, LINES, 4, 4)`` of about a second each, of spectra ``(4, lines, times)``, times > 0.

    ``spectra`` are those of :func:`~yt360.media.ambisonic.tiles.line_spectra`. Lines above half the rate are 0.
    """
    blocks = max(1, round(spectra.shape[2] / (_BLOCK_S * spectra_per_second())))
    found = np.zeros((blocks, LINES, 4, 4), complex)
    lines = min(LINES, spectra.shape[1])
    for k, part in enumerate(np.array_split(spectra[:, :lines], blocks, axis=2)):
        part = part.transpose(1, 0, 2)
        found[k, :lines] = part @ part.conj().transpose(0, 2, 1) / part.shape[2]
    return found


def lags(windows: Sequence[NDArray[np.complexfloating]]) -> dict[str, float]:
    """Numbers by name (:data:`NAMES`) of windows of covariances ``(blocks, LINES, 4, 4)``; all 0 without sound.

    ``lag_none``, ``lag_near`` and ``lag_far``: likeness in [0, 1] of two channels at the best delay of that range, of
    pairs with W and of pairs of sides. ``above``: how much likelier the best pair is to be that far apart than nearer.
    ``lag_second`` to ``lag_fourth``: shares of the further dimensions in a line; ``lag_quadrature``: what is a quarter
    of a period off; ``lag_at``: where pairs are most alike, logarithm of 10 µs.
    """
    covariance = np.concatenate(list(windows)).astype(complex) if len(windows) else np.zeros((0, LINES, 4, 4), complex)
    power = np.einsum("tlii->tl", covariance).real
    if not power.size or power.max() < _TINY:
        return dict.fromkeys(NAMES, 0.0)
    # Every second counts alike and every line of it does: what is loud is no better heard.
    loud = power.mean(axis=1, keepdims=True)
    weight = (loud > _QUIET * np.percentile(loud, 95)) / np.maximum(power, _WEAK * loud + _TINY)
    mean = np.einsum("tlij,tl->lij", covariance, weight)
    own = np.einsum("lii->li", mean).real
    used = own.sum(axis=1) > 0
    if used.sum() < _LEAST_LINES:
        return dict.fromkeys(NAMES, 0.0)
    floor = _WEAK * own.sum(axis=1).mean()
    scale = np.sqrt(np.maximum(own, floor))
    alike = np.where(used[:, None, None], mean / (scale[:, :, None] * scale[:, None, :] + _TINY), 0)
    found = _delays(alike, int(used.sum())) | _dimensions(alike[used])
    return {name: round(float(found[name]), 4) for name in NAMES}


def _delays(alike: NDArray[np.complex128], used: int) -> dict[str, float]:
    spacing = lines_hz()
    spectrum = np.zeros((len(_PAIRS), _ORDER // 2 + 1), complex)
    first = int(np.ceil(BAND_HZ[0] / spacing))
    for k, (i, j) in enumerate(_PAIRS):
        spectrum[k, first : first + LINES] = alike[:, i, j]
    likeness = np.abs(np.fft.irfft(spectrum, _ORDER, axis=1)) * (_ORDER / 2 / used)
    delay_s = np.abs(np.fft.fftfreq(_ORDER, 1 / _ORDER)) / (_ORDER * spacing)
    none = likeness[:, delay_s <= _SAME_S].max(axis=1)
    near = likeness[:, (delay_s > _NEAR_S[0]) & (delay_s <= _NEAR_S[1])].max(axis=1)
    far = likeness[:, (delay_s > _FAR_S[0]) & (delay_s <= _FAR_S[1])].max(axis=1)
    found = {}
    for where, values in (("none", none), ("near", near), ("far", far)):
        for pairs, part in (("w", values[:3]), ("side", values[3:])):
            found[f"lag_{where}_{pairs}_most"] = part.max()
            found[f"lag_{where}_{pairs}_mean"] = part.mean()
    peak = delay_s[np.where(delay_s <= _FAR_S[1], likeness, 0).argmax(axis=1)]
    return found | {
        "lag_near_above": (near - none).max(), "lag_far_above": (far - np.maximum(near, none)).max(),
        "lag_at": float(np.log10(peak.clip(1e-5, _FAR_S[1]) * 1e5).mean()),
    }  # fmt: skip


def _dimensions(alike: NDArray[np.complex128]) -> dict[str, float]:
    """How many signals there are in a line, and how far the channels are from being in phase."""
    values = np.maximum(np.linalg.eigvalsh(alike)[:, ::-1], 0)
    share = (values / np.maximum(values.sum(axis=1, keepdims=True), _TINY)).mean(axis=0)
    pairs = alike[:, *np.triu_indices(4, 1)]
    aside = (pairs.imag**2).sum() / max(_TINY, float((np.abs(pairs) ** 2).sum()))
    return {
        "lag_second": share[1], "lag_third": share[2], "lag_fourth": np.sqrt(share[3]), "lag_quadrature": aside
    }  # fmt: skip
