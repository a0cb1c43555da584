"""Do picture and sound agree? Where it moves should be where it sounds.

Motion on the sphere is correlated with the sound-energy map of the same moment, over all headings
and with left and right exchanged. The best heading tells whether the two are turned against each
other, a better mirror image that a sign is wrong. It is evidence, not a gate: what sounds need not
move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics, sphere

HEIGHT, WIDTH = 36, 72
_LEAST = 1e-9


@dataclass(frozen=True)
class Agreement:
    """``score`` is the correlation in [-1, 1] as the file stands, ``best_score`` that at the best heading.

    ``yaw_offset_deg``: turn the sound by this much to the left for the best fit. ``mirrored_score`` is
    the best with left and right exchanged. ``confidence`` is how far the best heading stands out among
    all (in standard deviations). ``moments`` is how many pairs of picture and sound were used.
    """

    score: float
    best_score: float
    yaw_offset_deg: float
    mirrored_score: float
    confidence: float
    moments: int

    def to_json(self) -> dict[str, float | int]:
        return {
            "score": round(self.score, 4),
            "best_score": round(self.best_score, 4),
            "yaw_offset_deg": round(self.yaw_offset_deg, 2),
            "mirrored_score": round(self.mirrored_score, 4),
            "confidence": round(self.confidence, 3),
            "moments": self.moments,
        }


def motion_map(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much each place changes between two gray equirectangular frames ``(HEIGHT, WIDTH)``."""
    return np.abs(after.astype(np.float64) - before.astype(np.float64))


def _normalised(field: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Zero mean and unit power on the sphere; None for a field without any shape."""
    field = field - (field * weight).sum() / weight.sum()
    power = float((field**2 * weight).sum())
    return field / np.sqrt(power) if power > _LEAST else None


def agree(motions: Sequence[NDArray[np.float64]], sounds: Sequence[NDArray[np.float32]]) -> Agreement | None:
    """Compare ``motions`` ``(HEIGHT, WIDTH)`` with the AmbiX sound ``(4, n)`` of the same moments.

    None where nothing moves or nothing has a direction.
    """
    weight = np.broadcast_to(sphere.row_solid_angles(HEIGHT, WIDTH)[:, None], (HEIGHT, WIDTH))
    plain, mirrored = np.zeros(WIDTH), np.zeros(WIDTH)
    used = 0
    for motion, foa in zip(motions, sounds, strict=True):
        seen = _normalised(motion, weight)
        energy = ambisonics.energy_map(foa, HEIGHT, WIDTH)
        heard = _normalised(energy / max(_LEAST, float(energy.max())), weight)
        if seen is None or heard is None:
            continue
        used += 1
        for field, total in ((heard, plain), (heard[:, ::-1], mirrored)):
            spectrum = np.fft.rfft(seen * weight, axis=1) * np.conj(np.fft.rfft(field, axis=1))
            total += np.fft.irfft(spectrum, WIDTH, axis=1).sum(axis=0)
    if used == 0:
        return None
    plain, mirrored = plain / used, mirrored / used
    best = int(plain.argmax())
    spread = float(plain.std())
    # A shift to the right by k columns turns the sound by -k columns of azimuth.
    offset = float(np.degrees(sphere.wrap_angle(-best * 2 * np.pi / WIDTH)))
    return Agreement(
        score=float(plain[0]),
        best_score=float(plain[best]),
        yaw_offset_deg=offset,
        mirrored_score=float(mirrored.max()),
        confidence=float((plain[best] - plain.mean()) / spread) if spread > _LEAST else 0.0,
        moments=used,
    )
