"""Tracks through the peaks of frames: births, deaths, and a smoother on the sphere.

Peaks go to the nearest tracks (the best pairs of all, by the Hungarian algorithm); a peak that none takes begins a new
one, and a track without peaks ends after a pause. What is too short or too faint is dropped. Each track is then
smoothed forwards and backwards: a random walk of the direction, observed the more exactly the larger a peak's share is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy  # loads a part when it is first used: who only asks where a root stands does not wait for it
from numpy.typing import NDArray

from yt360.events.peaks import Peak
from yt360.events.settings import FRAME_S, EventSettings

_SURE_DEG, _UNSURE_DEG = 1.5, 12.0
"""Standard error of a peak that has all of a frame's weight, and what is added for all that it lacks."""

_START_DEG = 15.0
_LEAST_MEAN_SHARE = 1.25
"""Times ``least_share``: what a track's peaks must have on average."""


@dataclass
class Track:
    """A sound that goes on: ``frames`` ``(n,)`` without holes, ``directions`` ``(n, 3)``, ``shares`` ``(n,)``.

    Within a pause a share is 0 and the direction that of the smoother.
    """

    frames: NDArray[np.int64]
    directions: NDArray[np.float64]
    shares: NDArray[np.float64]


@dataclass
class _Open:
    """A track that is being followed."""

    direction: NDArray[np.float64]
    variance: float
    last: int
    seen: list[tuple[int, Peak]] = field(default_factory=list)


def follow(peaks: Sequence[Sequence[Peak]], settings: EventSettings) -> list[Track]:
    """Tracks in order of their first frames, at most ``settings.tracks`` in any frame."""
    walk = np.radians(settings.turn_deg_s * FRAME_S) ** 2
    gap = 1 + round(settings.gap_s / FRAME_S)
    alive: list[_Open] = []
    ended: list[_Open] = []
    for number, found in enumerate(peaks):
        ended += [track for track in alive if number - track.last > gap]
        alive = [track for track in alive if number - track.last <= gap]
        for track in alive:
            track.variance += walk
        _take(alive, found, number, settings)
    ended += alive
    tracks = [_smoothed(track, walk) for track in ended if _counts(track, settings)]
    return _strongest(tracks, len(peaks), settings)


def _take(alive: list[_Open], found: Sequence[Peak], number: int, settings: EventSettings) -> None:
    """Give the peaks of a frame to tracks, and begin new ones with those that are left."""
    limit = np.radians(settings.apart_deg)
    left = set(range(len(found)))
    if alive and found:
        angles = np.array([[_angle(track.direction, peak.direction) for peak in found] for track in alive])
        for row, column in zip(*scipy.optimize.linear_sum_assignment(np.minimum(angles, limit)), strict=True):
            if angles[row, column] < limit:
                _update(alive[row], found[column], number)
                left.discard(int(column))
    for column in sorted(left):
        peak = found[column]
        if all(_angle(track.direction, peak.direction) >= limit or track.last != number for track in alive):
            alive.append(_Open(peak.direction, np.radians(_START_DEG) ** 2, number, [(number, peak)]))


def _noise(peak: Peak) -> float:
    """Variance of a peak's direction, radians squared."""
    return float(np.radians(_SURE_DEG + _UNSURE_DEG * (1 - peak.share)) ** 2)


def _update(track: _Open, peak: Peak, number: int) -> None:
    gain = track.variance / (track.variance + _noise(peak))
    moved = (1 - gain) * track.direction + gain * peak.direction
    track.direction = moved / max(float(np.linalg.norm(moved)), 1e-12)
    track.variance *= 1 - gain
    track.last = number
    track.seen.append((number, peak))


def _counts(track: _Open, settings: EventSettings) -> bool:
    shares = [peak.share for _, peak in track.seen]
    long = len(shares) >= round(settings.least_s / FRAME_S)
    return long and float(np.mean(shares)) >= _LEAST_MEAN_SHARE * settings.least_share


def _smoothed(track: _Open, walk: float) -> Track:
    """A Rauch-Tung-Striebel smoother; directions are averaged as vectors, for steps are small."""
    first, last = track.seen[0][0], track.seen[-1][0]
    count = last - first + 1
    seen = dict(track.seen)
    means, variances = np.zeros((count, 3)), np.zeros(count)
    mean, variance = track.seen[0][1].direction, np.radians(_START_DEG) ** 2
    shares = np.zeros(count)
    for number in range(count):
        variance += walk if number else 0.0
        if (peak := seen.get(first + number)) is not None:
            gain = variance / (variance + _noise(peak))
            mean, variance = (1 - gain) * mean + gain * peak.direction, (1 - gain) * variance
            shares[number] = peak.share
        means[number], variances[number] = mean, variance
    for number in range(count - 2, -1, -1):
        back = variances[number] / (variances[number] + walk)
        means[number] += back * (means[number + 1] - means[number])
    lengths = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return Track(np.arange(first, last + 1), means / lengths, shares)


def _strongest(tracks: list[Track], frames: int, settings: EventSettings) -> list[Track]:
    """Leave out whole tracks, the weakest first, until no frame has more than it may."""
    order = sorted(tracks, key=lambda track: (-float(track.shares.sum()), int(track.frames[0])))
    busy, kept = np.zeros(frames, np.int64), []
    for track in order:
        if busy[track.frames].max() < settings.tracks:
            busy[track.frames] += 1
            kept.append(track)
    return sorted(kept, key=lambda track: (int(track.frames[0]), tuple(track.directions[0])))


def _angle(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.arccos(np.clip(a @ b, -1, 1)))
