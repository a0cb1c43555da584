"""An audio fingerprint that survives encoding, level and another start: pairs of spectral peaks.

Peaks of the spectrogram of W that stand above all around them are where codecs put their bits; a pair of them
(two frequencies and the time between) makes a hash that does not depend on when the recording starts (Wang,
"An industrial-strength audio search algorithm", ISMIR 2003). W does not change when the sound field is turned.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
"""Sample rate of the sound that is fingerprinted."""

FRAME, HOP = 1024, 256
"""Samples in a frame of the spectrogram, and from one to the next."""

FRAME_S = HOP / RATE_HZ
"""Time between two frames, the unit of a landmark's time."""

_BINS = slice(12, 440)
"""100 Hz to 3.4 kHz: kept by every codec and every rate."""

_AROUND = (9, 15)
"""Frames and bins over which a peak is the largest."""

_PEAKS_PER_S = 12
"""Spectral peaks that are kept, per second on average."""

_PARTNERS = 4
"""Later peaks that each peak is paired with at most."""

_AHEAD = (6, 62)
"""Frames ahead, 0.2 to 2 s, in which the partners of a peak lie."""

_MOST_BINS_APART = 63
"""Largest difference in frequency of such a pair, in bins: it fits into six bits of a hash, with its sign."""

_STRETCH = 30 * RATE_HZ // HOP * HOP
"""Samples of which peaks are looked for at a time: half a minute."""

_LOUDEST_S = 1800
"""Longest stretch that is fingerprinted: half an hour."""


class PeakFinder:
    """Takes mono sound at :data:`RATE_HZ` in blocks ``(samples,)`` of any length and keeps its spectral peaks."""

    def __init__(self) -> None:
        self._found: list[NDArray[np.int64]] = []
        self._kept: list[NDArray[np.float32]] = []
        self._held = self._first = 0

    def push(self, block: NDArray[np.float32]) -> None:
        """The next block."""
        if not self._wanted:
            return
        self._kept.append(block)
        self._held += block.size
        # Stretches of half a minute, each overlapping the next by a frame.
        while self._held >= _STRETCH + FRAME and self._wanted:
            joined = np.concatenate(self._kept)
            self._found.append(_peaks(joined[: _STRETCH + FRAME - HOP], self._first))
            self._kept, self._held = [joined[_STRETCH:]], joined.size - _STRETCH
            self._first += _STRETCH // HOP

    def finish(self) -> NDArray[np.int64]:
        """Frames (of :data:`FRAME_S`) and bins ``(n, 2)`` of the peaks of all blocks, in order of time."""
        if self._held >= FRAME and self._wanted:
            self._found.append(_peaks(np.concatenate(self._kept), self._first))
            self._held = 0
        found = [each for each in self._found if each.size]
        return np.concatenate(found) if found else np.zeros((0, 2), np.int64)

    @property
    def _wanted(self) -> bool:
        return self._first * HOP < _LOUDEST_S * RATE_HZ


def peaks(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.int64]:
    """Frames (of :data:`FRAME_S`) and bins ``(n, 2)`` of the spectral peaks of mono sound at 8 kHz, in order of time.

    It comes in blocks ``(samples,)`` of any length. Silence has none.
    """
    finder = PeakFinder()
    for block in blocks:
        finder.push(block)
    return finder.finish()


def hashes(found: NDArray[np.int64], pitch: float = 1.0) -> NDArray[np.int64]:
    """Hashes and times ``(n, 2)`` of peaks; of a recording played ``pitch`` times as fast, higher and shorter by that.

    Times are in units of :data:`FRAME_S`, of the faster recording.
    """
    if pitch != 1.0 and found.size:
        time, place = found[:, 0] / pitch, (found[:, 1] + _BINS.start) * pitch - _BINS.start
        found = np.rint(np.stack([time, place], axis=1)).astype(np.int64)
        found = found[(found[:, 1] >= 0) & (found[:, 1] < _BINS.stop - _BINS.start)]
    return _pairs(found) if found.size else np.zeros((0, 2), np.int64)


def landmarks(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.int64]:
    """Hashes and times ``(n, 2)`` of mono sound at 8 kHz: :func:`hashes` of its :func:`peaks`."""
    return hashes(peaks(blocks))


def _peaks(samples: NDArray[np.float32], first: int) -> NDArray[np.int64]:
    """Frames and bins ``(n, 2)`` of the strongest peaks, in order of time."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME).astype(np.float32), axis=1))[:, _BINS] ** 2
    level = np.log(power + 1e-12)
    if float(power.max(initial=0.0)) < 1e-7:
        return np.zeros((0, 2), np.int64)
    # Above the usual level of its bin: a steady hum has no moment to be recognised by.
    prominent = level - np.median(level, axis=0)
    around = np.ones((2 * _AROUND[0] + 1, 2 * _AROUND[1] + 1), np.uint8)
    top = (level == cv2.dilate(level, around)) & (prominent > 0.7)
    row, column = np.nonzero(top)
    wanted = round(_PEAKS_PER_S * len(level) * FRAME_S)
    strongest = np.sort(np.argsort(-prominent[row, column], kind="stable")[:wanted])
    return np.stack([row[strongest] + first, column[strongest]], axis=1).astype(np.int64)


def _pairs(found_peaks: NDArray[np.int64]) -> NDArray[np.int64]:
    ordered = found_peaks[np.lexsort((found_peaks[:, 1], found_peaks[:, 0]))]
    time, place = ordered[:, 0], ordered[:, 1]
    begin = np.searchsorted(time, time + _AHEAD[0])
    end = np.searchsorted(time, time + _AHEAD[1])
    found = []
    taken = np.zeros(len(ordered), int)
    for ahead in range(int((end - begin).max(initial=0))):
        partner = begin + ahead
        inside = np.flatnonzero((partner < end) & (taken < _PARTNERS))
        inside = inside[np.abs(place[partner[inside]] - place[inside]) <= _MOST_BINS_APART]
        other = partner[inside]
        taken[inside] += 1
        apart = place[other] - place[inside] + _MOST_BINS_APART
        # Half the resolution: a peak moves by one bin or frame when the recording starts elsewhere.
        digest = ((place[inside] // 2) << 14) | ((apart // 2) << 7) | ((time[other] - time[inside]) // 2)
        found.append(np.stack([digest, time[inside]], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)
