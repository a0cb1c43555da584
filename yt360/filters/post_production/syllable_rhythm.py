"""Is it like speech: how strongly energy comes and goes at the rate of syllables, without a model.

Speech rises and falls three to eight times a second in all bands; music and noise spread their
modulation elsewhere (Houtgast and Steeneken 1985; Scheirer and Slaney 1997 use it as the 4 Hz feature).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SYLLABLES_HZ = (2.5, 8.0)
"""Rates of modulation at which syllables come."""

_ALL_HZ = (0.4, 20.0)
"""Rates of modulation that are counted in all."""


def syllable_share(energies: NDArray[np.floating], frame_rate_hz: float) -> float:
    """Share in [0, 1] of the modulation of band energies ``(frames, bands)`` that lies at the rate of syllables.

    Square roots of the energies are taken as envelopes; each band counts by its modulation, so bands
    in which nothing happens have no say. Under two seconds or in silence it is 0.
    """
    frames = len(energies)
    if frames < 2 * frame_rate_hz:
        return 0.0
    envelopes = np.sqrt(np.maximum(energies, 0))
    envelopes = envelopes / (envelopes.mean(axis=0) + 1e-12)
    spectrum = np.abs(np.fft.rfft((envelopes - envelopes.mean(axis=0)) * np.hanning(frames)[:, None], axis=0)) ** 2
    rates = np.fft.rfftfreq(frames, 1 / frame_rate_hz)
    inside = (rates >= SYLLABLES_HZ[0]) & (rates <= SYLLABLES_HZ[1])
    counted = (rates >= _ALL_HZ[0]) & (rates <= _ALL_HZ[1])
    total = float(spectrum[counted].sum())
    return float(spectrum[inside].sum() / total) if total > 0 else 0.0
