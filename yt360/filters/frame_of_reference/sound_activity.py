"""Where and when something sounds: energy that arrives over azimuth, from the intensity of each time and frequency.

Each bin of a short-time Fourier transform has an active intensity, the product of pressure and velocity (Pulkki 2007);
where one source dominates a bin, which for most sounds is most of the time, it points to that source. Directions of
bins are gathered by how much energy arrives from there and how little of it is diffuse.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.filters.frame_of_reference.visual_activity import SECTORS

SAMPLE_RATE_HZ = 16000
_WINDOW = 1024
_BAND_HZ = (150.0, 5000.0)
BANDS = 12
"""Bands of equal width on a logarithmic scale, for :attr:`SoundActivity.vectors`."""

_EPSILON = 1e-12


def activity(
    sound: NDArray[np.floating], times_s: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Energy over azimuth ``(n, SECTORS)`` and intensity vectors of bands ``(n, BANDS, 4)`` around moments.

    ``sound`` is ``(4, samples)`` AmbiX at :data:`SAMPLE_RATE_HZ` from time 0 on. The last axis of the second is the
    intensity x, y, z and the energy. Moments too near the ends are silent.
    """
    half = _WINDOW // 2
    frequency = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE_HZ)
    inside = (frequency >= _BAND_HZ[0]) & (frequency <= _BAND_HZ[1])
    edges = np.geomspace(*_BAND_HZ, BANDS + 1)
    band = np.clip(np.searchsorted(edges, frequency[inside], side="right") - 1, 0, BANDS - 1)
    taper = np.hanning(_WINDOW)
    arriving = np.zeros((len(times_s), SECTORS), np.float32)
    vectors = np.zeros((len(times_s), BANDS, 4), np.float32)
    for row, time_s in enumerate(times_s):
        middle = round(time_s * SAMPLE_RATE_HZ)
        if middle < half or middle + half > sound.shape[1]:
            continue
        spectrum = np.fft.rfft(sound[:, middle - half : middle + half] * taper, axis=1)[:, inside] / _WINDOW
        intensity = np.real(np.conj(spectrum[ambisonics.W]) * spectrum[ambisonics.XYZ])
        energy = np.square(np.abs(spectrum)).sum(axis=0) / 2
        length = np.hypot(intensity[0], intensity[1])
        direct = np.minimum(length / np.maximum(energy, _EPSILON), 1.0)
        place = (np.pi - np.arctan2(intensity[1], intensity[0])) * SECTORS / (2 * np.pi) - 0.5
        low = np.floor(place)
        share = place - low
        weight = length * direct
        for index, part in ((low, 1 - share), (low + 1, share)):
            arriving[row] += np.bincount(index.astype(int) % SECTORS, weight * part, SECTORS).astype(np.float32)
        for axis in range(3):
            vectors[row, :, axis] = np.bincount(band, intensity[axis], BANDS)
        vectors[row, :, 3] = np.bincount(band, energy, BANDS)
    return arriving, vectors


def gathered(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Blocks ``(4, n)`` of sound as one."""
    parts = list(blocks)
    return np.concatenate(parts, axis=1) if parts else np.zeros((4, 0), np.float32)
