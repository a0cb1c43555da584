"""The head-locked pair that some videos carry beside the ambisonics: post-production by definition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.filters.post_production.covariance_differences import FRAME, FRAME_RATE_HZ, HOP
from yt360.filters.post_production.syllable_rhythm import syllable_share

_FLOOR_DB = -120.0
"""Level of silence, in dBFS."""

_WINDOW_FRAMES = 23
"""Frames in a window whose level says whether the pair is active: half a second."""

_FILTER_BINS = slice(9, 150)
"""200 Hz to 3.5 kHz in a frame of 1024 samples at 24 kHz."""


@dataclass(frozen=True)
class HeadLocked:
    """``level_db``: mean dBFS; ``active``: share of half seconds above the floor; ``syllables`` in [0, 1]."""

    level_db: float
    active: float
    syllables: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_head_locked(blocks: Iterable[NDArray[np.float32]], floor_db: float) -> HeadLocked | None:
    """Measure a pair that comes in blocks ``(2, n)`` at 24 kHz; ``None`` where there is none."""
    powers: list[NDArray[np.float64]] = []
    energies: list[NDArray[np.float64]] = []
    for block in blocks:
        if block.shape[1] < FRAME:
            continue
        frames = np.lib.stride_tricks.sliding_window_view(block, FRAME, axis=1)[:, ::HOP]
        powers.append(np.mean(np.square(frames, dtype=np.float64), axis=(0, 2)))
        spectra = np.abs(np.fft.rfft(frames.sum(axis=0) * np.hanning(FRAME), axis=-1)) ** 2
        bands = np.array_split(spectra[:, _FILTER_BINS], 6, axis=1)
        energies.append(np.stack([band.sum(axis=1) for band in bands], axis=1))
    if not powers:
        return None
    power = np.concatenate(powers)
    parts = np.array_split(power, max(1, len(power) // _WINDOW_FRAMES))
    active = [float(part.mean()) > 10 ** (floor_db / 10) for part in parts]
    shares = [(syllable_share(part, FRAME_RATE_HZ), float(part.sum())) for part in energies]
    total = sum(weight for _, weight in shares)
    mean = float(power.mean())
    return HeadLocked(
        level_db=round(10 * np.log10(mean), 2) if mean > 1e-12 else _FLOOR_DB,
        active=round(float(np.mean(active)), 4),
        syllables=round(sum(share * weight for share, weight in shares) / total, 4) if total > 0 else 0.0,
    )
