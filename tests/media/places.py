"""A sound that is to the left, to the right, behind and above in turn, and where a reading of it hears them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.media_sounds import ambience, source
from yt360 import ambisonics
from yt360.media.inspect import inspect_media
from yt360.media.reading_sound import read_sound

RATE = 48_000
SECONDS = 2
PLACES = {"left": (90.0, 0.0), "right": (-90.0, 0.0), "back": (180.0, 0.0), "up": (0.0, 90.0)}
"""Azimuth and elevation in degrees, in the order in which they sound, two seconds each."""


def scene(seed: int = 3) -> np.ndarray:
    """``(4, 8 s)`` AmbiX at 48 kHz: each place in turn over a quiet diffuse field."""
    rng = np.random.default_rng(seed)
    n = SECONDS * RATE // 2
    foa = 0.1 * ambience(rng, len(PLACES) * n)
    for k, (azimuth, elevation) in enumerate(PLACES.values()):
        foa[:, k * n : (k + 1) * n] += ambisonics.encode(source(rng, n), np.radians(azimuth), np.radians(elevation))
    doubled = np.repeat(foa, 2, axis=1)
    return np.asarray(0.5 * (doubled + np.roll(doubled, 1, axis=1)) / np.abs(doubled).max())


def heard(path: Path) -> list[str]:
    """The nearest of the places in each stretch, or where it is instead. The file must be usable."""
    facts = inspect_media(path).ambisonic
    assert facts is not None, "no sound"
    assert facts.reading is not None, facts.words
    foa = np.concatenate(list(read_sound(path, facts.reading, sample_rate_hz=RATE)), axis=1)
    assert abs(foa.shape[1] - len(PLACES) * SECONDS * RATE) < 0.1 * RATE, foa.shape
    found = []
    for k in range(len(PLACES)):
        part = foa[:, round((k + 0.1) * SECONDS * RATE) : round((k + 0.9) * SECONDS * RATE)]
        direction = ambisonics.sound_direction(part)
        at = ambisonics.encoding_gains(direction.azimuth, direction.elevation)[1:]
        for name, place in PLACES.items():
            if at @ ambisonics.encoding_gains(*np.radians(place))[1:] > np.cos(np.radians(12)):
                found.append(name)
                break
        else:
            azimuth, elevation = np.degrees(direction.azimuth), np.degrees(direction.elevation)
            found.append(f"{azimuth:.0f}, {elevation:.0f}")
    return found


def first_order(order: int, weights: str, foa: np.ndarray, seed: int = 4) -> np.ndarray:
    """Sound of a higher order (``acn/sn3d``, ``acn/n3d``, ``fuma``) whose first order is ``foa`` (AmbiX)."""
    count = (order + 1) ** 2
    rng = np.random.default_rng(seed)
    rest = 0.1 * rng.standard_normal((count - 4, foa.shape[1]))
    w, y, z, x = foa
    if weights == "fuma":
        return np.concatenate([np.stack([w / np.sqrt(2), x, y, z]), rest])
    gain = np.sqrt(3) if weights == "acn/n3d" else 1.0
    return np.concatenate([np.stack([w, gain * y, gain * z, gain * x]), rest])
