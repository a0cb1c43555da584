"""Where one sound lies in another: equal hashes along one line in time, also where one was played faster or slower.

Played faster as a tape is, a recording is higher as well: its peaks are scaled and hashed anew. Played faster at the
same pitch, its hashes stay nearly the same, and their times lie along a line that is not at 45 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.filters.duplicates.audio_fingerprint import FRAME_S, hashes
from yt360.filters.duplicates.fingerprints import VideoFingerprint

_COMMONEST = 40
"""What occurs more often than this in one video says nothing about where."""

_OFFSET_FRAMES = 3
"""Width of a bin of offsets: peaks move by a frame when a recording starts elsewhere."""

_SPEEDS = tuple(float(speed) for speed in np.round(np.arange(0.954, 1.0461, 0.002), 3))
"""Speeds at the same pitch."""

_PITCHES = tuple(float(pitch) for pitch in np.round(np.arange(0.955, 1.0451, 0.005), 3) if pitch != 1.0)
_AROUND = (0.996, 0.998, 1.0, 1.002, 1.004)
"""Speeds of a tape, and how exactly each is met."""

_TRIED = 3.0
"""Times the votes of the usual speed that another must have: of many that are tried one is lucky."""

_CELL_S = 5.0
"""Sound is compared in cells of this length to see how much of it is shared."""

_HEARD = 8
"""Hashes in a cell that must be there for it to say that nothing in it is shared."""


@dataclass(frozen=True)
class Alignment:
    """What is at t (seconds) in one is at t * ``speed`` + ``offset_s`` in the other; ``times_s`` of equal hashes."""

    votes: int
    speed: float
    offset_s: float
    times_s: NDArray[np.float64]

    def there(self, begin_s: float, end_s: float) -> tuple[float, float]:
        """A stretch of one in the time of the other."""
        return begin_s * self.speed + self.offset_s, end_s * self.speed + self.offset_s


def heard(one: VideoFingerprint, begin_s: float, end_s: float) -> int:
    """Hashes in a stretch."""
    times = one.landmarks[:, 1] * FRAME_S
    return int(np.count_nonzero((times >= begin_s) & (times < end_s)))


def align(one: VideoFingerprint, other: VideoFingerprint, least: int, *, pitches: bool) -> Alignment:
    """The line with the most votes; other speeds count where the usual one has fewer than ``least`` or far fewer.

    ``pitches`` looks for tapes as well, which takes a second.
    """
    pairs = _equal(one.landmarks, other.landmarks)
    usual = _line(*pairs, (1.0,))
    best = usual
    if pairs[0].size:
        best = _better(best, _line(*pairs, _SPEEDS), usual, least)
    if pitches and (best is not usual or best.votes < 3 * least) and one.peaks.size and other.peaks.size:
        for pitch in _PITCHES:
            # ``one`` played ``pitch`` times as fast, as the other may be.
            faster = _equal(hashes(one.peaks, pitch), other.landmarks)
            found = _line(*faster, _AROUND)
            there = Alignment(found.votes, found.speed / pitch, found.offset_s, found.times_s * pitch)
            best = _better(best, there, usual, least)
    return best


def _better(best: Alignment, found: Alignment, usual: Alignment, least: int) -> Alignment:
    enough = found.votes >= max(2 * least, _TRIED * usual.votes)
    return found if enough and found.votes > best.votes else best


def _equal(one: NDArray[np.int64], other: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times, in both, of the hashes that two fingerprints ``(n, 2)`` share."""
    other = other[np.argsort(other[:, 0], kind="stable")]
    begin = np.searchsorted(other[:, 0], one[:, 0], "left")
    many = np.searchsorted(other[:, 0], one[:, 0], "right") - begin
    rare = (many > 0) & (many <= _COMMONEST)
    begin, many, time = begin[rare], many[rare], one[rare, 1]
    if not many.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    ends = np.cumsum(many)
    places = np.arange(ends[-1]) - np.repeat(ends - many, many) + np.repeat(begin, many)
    return np.repeat(time, many), other[places, 1]


def _line(one: NDArray[np.int64], other: NDArray[np.int64], speeds: tuple[float, ...]) -> Alignment:
    """The line through most pairs of times, over some speeds."""
    best = Alignment(0, 1.0, 0.0, np.zeros(0))
    for speed in speeds if one.size else ():
        apart = other - speed * one
        order = np.argsort(apart, kind="stable")
        offset = apart[order]
        inside = np.searchsorted(offset, offset + _OFFSET_FRAMES) - np.arange(offset.size)
        top = int(np.argmax(inside))
        if inside[top] > best.votes:
            there = slice(top, top + int(inside[top]))
            middle = float(np.median(offset[there])) * FRAME_S
            best = Alignment(int(inside[top]), speed, middle, np.asarray(one[order[there]] * FRAME_S, np.float64))
    return best


def shared_s(found: Alignment, one: VideoFingerprint, other: VideoFingerprint) -> tuple[float, float, float]:
    """(first, last second of the overlap in ``one``, seconds of it that nothing speaks against).

    A cell full of hashes of which none is shared belongs to something else: a compilation holds a part of each.
    """
    begin_s = max(0.0, -found.offset_s / found.speed)
    end_s = min(one.duration_s, (other.duration_s - found.offset_s) / found.speed)
    if end_s <= begin_s:
        return begin_s, begin_s, 0.0
    edges = np.linspace(begin_s, end_s, max(2, round((end_s - begin_s) / _CELL_S) + 1))
    votes = np.histogram(found.times_s, edges)[0]
    heard_one = np.histogram(one.landmarks[:, 1] * FRAME_S, edges)[0]
    heard_other = np.histogram(other.landmarks[:, 1] * FRAME_S, edges * found.speed + found.offset_s)[0]
    against = (votes == 0) & (np.maximum(heard_one, heard_other) >= _HEARD)
    return begin_s, end_s, float(np.diff(edges)[~against].sum())
