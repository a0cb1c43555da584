"""Does the sound field turn when the picture turns?

The intensity of each band at each moment points somewhere. Where picture and sound share a frame of reference, these
directions lie closest together when the turn of the picture is taken out of them; where the picture was turned (or
kept upright, or looks to the north) and the sound was not, when nothing is taken out. So the turn is taken out times
a gain, and the gain that concentrates the directions most says which it is: 1, 0, or -1 where left and right are
changed over. Works for several sources and for the slant of a diffuse field, and needs nothing to be seen sounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

GAINS = np.round(np.arange(-1.5, 1.51, 0.125), 3)
LEAST_WINDOW_DEG = 10.0
"""A stretch in which the picture turns less says nothing."""

_SHARPNESS, _WAVES = 6.0, 6
"""Concentration of the kernel by which directions count as near (von Mises), and Fourier coefficients of it."""

_LOUDEST = 4.0
"""A moment counts at most as much as this many times the usual energy of its band."""

_TINY = 1e-15


@dataclass(frozen=True)
class TurningEvidence:
    """How close directions lie together, 0 to 1, when the picture's turn is taken out of the sound once (``follows``),
    not at all (``stays``), and the wrong way round (``mirrored``); ``gain``: what does best.

    ``turned_deg``: range of the picture's heading in the stretch where it turns most.
    """

    turned_deg: float
    follows: float
    stays: float
    mirrored: float
    gain: float

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def turning_evidence(
    stretches: Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]],
) -> TurningEvidence | None:
    """From stretches of vectors ``(n, bands, 4)`` (intensity x, y, z, and energy) and headings ``(n,)`` in radians.

    ``None`` where the picture turns nowhere.
    """
    found = [(vectors, heading) for vectors, heading in stretches if _range_deg(heading) >= LEAST_WINDOW_DEG]
    if not found:
        return None
    from scipy.special import ive  # here: who only asks where a root stands does not wait for it

    near, most = np.zeros(len(GAINS)), 0.0
    for vectors, heading in found:
        azimuth = np.arctan2(vectors[..., 1], vectors[..., 0])
        direct = np.hypot(vectors[..., 0], vectors[..., 1]) / (vectors[..., 3] + _TINY)
        energy = vectors[..., 3] / (vectors[..., 3].mean(axis=0) + _TINY)
        weight = np.sqrt(np.minimum(energy, _LOUDEST)) * np.minimum(direct, 1.0)
        for wave in range(1, _WAVES + 1):
            share = float(ive(wave, _SHARPNESS))
            angles = azimuth[None] - GAINS[:, None, None] * heading[None, :, None]
            near += share * np.square(np.abs((weight * np.exp(1j * wave * angles)).sum(axis=1))).sum(axis=1)
            most += share * float(np.square(weight.sum(axis=0)).sum())
    if most <= 0:
        return None
    near /= most
    at = {gain: float(near[int(np.argmin(np.abs(GAINS - gain)))]) for gain in (-1, 0, 1)}
    return TurningEvidence(
        max(_range_deg(heading) for _, heading in found), at[1], at[0], at[-1], float(GAINS[int(np.argmax(near))])
    )


def _range_deg(heading: NDArray[np.floating]) -> float:
    return float(np.degrees(np.ptp(heading))) if len(heading) else 0.0
