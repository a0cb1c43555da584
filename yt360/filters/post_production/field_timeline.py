"""How the sound field is over time, in windows of half a second: level, direction, diffuseness, rank.

An observer of :func:`yt360.filters.post_production.covariance_differences.measure_tiles`; all numbers are of the band
200 Hz to 7 kHz. They describe; nothing is decided from them here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.ambisonics import XYZ, W, Z
from yt360.filters.post_production.covariance_differences import FRAME_RATE_HZ, CovarianceBlock
from yt360.filters.post_production.syllable_rhythm import syllable_share

WINDOW_S = 0.5
"""Seconds that one row of the timeline covers."""

_FLOOR_DB = -120.0
"""Level of silence, in dBFS."""

_SPEECH_BANDS = slice(0, 7)
"""Bands in which speech is looked for."""


class FieldTimeline:
    """Gathers the description of a sound field block by block."""

    def __init__(self) -> None:
        self._rows: list[list[float]] = []
        self._syllables: list[tuple[float, float]] = []
        self._omni_syllables: list[tuple[float, float]] = []

    COLUMNS = (
        "level_db",
        "ratio_db",
        "resultant",
        "azimuth_deg",
        "elevation_deg",
        "diffuseness",
        "third_eigenvalue_db",
        "height_db",
    )

    def observe(self, block: CovarianceBlock) -> None:
        """Take in the next block."""
        covariances = block.covariances
        count = max(1, round(len(covariances) / (WINDOW_S * FRAME_RATE_HZ)))
        total = covariances.sum(axis=1)
        for part in np.array_split(total, count):
            self._rows.append(_describe(part.mean(axis=0)))
        omni = covariances[:, _SPEECH_BANDS, W, W]
        directed = np.trace(covariances[:, _SPEECH_BANDS], axis1=2, axis2=3) - omni
        alone = np.maximum(omni - directed, 0)
        self._syllables.append((syllable_share(omni, FRAME_RATE_HZ), float(omni.sum())))
        self._omni_syllables.append((syllable_share(alone, FRAME_RATE_HZ), float(alone.sum())))

    def columns(self) -> dict[str, list[float]]:
        """Values of each window by name; ``resultant`` is |m|, ``height_db`` the level of Z over W."""
        return {name: [row[index] for row in self._rows] for index, name in enumerate(self.COLUMNS)}

    def syllables(self) -> float:
        """How much W is modulated like speech, weighted by its energy, in [0, 1]."""
        return _weighted(self._syllables)

    def omni_syllables(self) -> float:
        """The same of what W has more than x, y and z together."""
        return _weighted(self._omni_syllables)

    def level_db(self) -> float:
        """Mean level of W in dBFS in the band."""
        levels = [row[0] for row in self._rows]
        return round(float(10 * np.log10(np.mean(10 ** (np.array(levels) / 10)))), 2) if levels else _FLOOR_DB

    def height_db(self) -> float:
        """Median level of Z over W in dB, -120 where Z is silent."""
        return round(float(np.median([row[7] for row in self._rows])), 2) if self._rows else _FLOOR_DB


def _weighted(values: list[tuple[float, float]]) -> float:
    total = sum(weight for _, weight in values)
    return round(sum(value * weight for value, weight in values) / total, 4) if total > 0 else 0.0


def _describe(covariance: NDArray[np.float64]) -> list[float]:
    omni = covariance[W, W]
    directed = float(np.trace(covariance) - omni)
    intensity = covariance[W, XYZ]
    strength = float(np.linalg.norm(intensity))
    azimuth, elevation = sphere.direction(intensity)
    eigenvalues = np.linalg.eigvalsh(covariance)
    energy = (omni + directed) / 2
    return [
        _db(omni, 1.0),
        _db(directed, omni),
        round(min(strength / omni, 9.0), 3) if omni > 0 else 0.0,
        round(float(np.rad2deg(azimuth)), 1),
        round(float(np.rad2deg(elevation)), 1),
        round(float(np.clip(1 - strength / energy, 0, 1)), 3) if energy > 0 else 1.0,
        _db(float(eigenvalues[1]), float(eigenvalues[-1])),
        _db(float(covariance[Z, Z]), omni),
    ]


def _db(power: float, reference: float) -> float:
    """Ratio of powers in dB, within -120 and 120, 0 for 0 over 0."""
    if power <= 0:
        return _FLOOR_DB if reference > 0 else 0.0
    if reference <= 0:
        return -_FLOOR_DB
    return round(float(np.clip(10 * np.log10(power / reference), _FLOOR_DB, -_FLOOR_DB)), 1)
