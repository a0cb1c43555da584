"""Which videos hold the same recording: fingerprints of many videos against each other, without comparing all pairs.

Equal hashes of the audio fingerprints (:mod:`yt360.filters.landmarks`) propose pairs; enough of them at one offset
in time make a pair a match, unless the pictures at that offset disagree (two videos under one song). Videos
without enough sound are compared by their pictures alone. Sorting the hashes takes n log n steps; hashes that very
many recordings share propose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.filters.landmarks import FRAME_S
from yt360.filters.panorama import similarity

_COMMONEST = 40
"""Hashes with more occurrences than this propose no pairs."""

_OFFSET_FRAMES = 3
"""Width of a bin of offsets: peaks move by a frame when a recording starts elsewhere."""

_FEW_LANDMARKS = 40
_TURNED_SAME = 0.97


@dataclass(frozen=True)
class Fingerprint:
    """``landmarks`` ``(n, 2)`` hashes and times; ``frames`` ``(m, LENGTH)`` int8, one each ``frame_s`` seconds."""

    landmarks: NDArray[np.int64]
    frames: NDArray[np.int8]
    frame_s: float
    duration_s: float


@dataclass(frozen=True)
class MatchLimits:
    """A pair matches with at least ``votes`` equal hashes at one offset that are at least ``rate`` of those in the
    overlap, over ``overlap_s`` seconds or more, and pictures alike by at least ``picture`` (cosine) at that offset.
    """

    votes: int = 10
    rate: float = 0.02
    overlap_s: float = 5.0
    picture: float = 0.5


@dataclass(frozen=True)
class Match:
    """Videos ``one`` < ``other`` (places in the list) hold the same recording.

    What is at t in ``one`` is at t + ``offset_s`` in ``other``. ``picture`` is the cosine of the pictures there
    (``None`` where there are none). ``covered_one`` and ``covered_other`` are the shares of each that the other has.
    """

    one: int
    other: int
    votes: int
    rate: float
    offset_s: float
    picture: float | None
    covered_one: float
    covered_other: float


def matches(fingerprints: Sequence[Fingerprint], limits: MatchLimits | None = None) -> list[Match]:
    """All pairs that hold the same recording, in order."""
    limits = limits or MatchLimits()
    times = [np.sort(print_.landmarks[:, 1]) for print_ in fingerprints]
    found = []
    for one, other, votes, offset in _proposals(fingerprints, limits.votes):
        candidate = _judged(one, other, votes, offset, fingerprints, times)
        alike = candidate.picture is None or candidate.picture >= limits.picture
        long_enough = candidate.covered_one * fingerprints[one].duration_s >= limits.overlap_s
        if candidate.rate >= limits.rate and alike and long_enough:
            found.append(candidate)
    return sorted([*found, *_by_picture_alone(fingerprints)], key=lambda match: (match.one, match.other))


def _proposals(fingerprints: Sequence[Fingerprint], least: int) -> Iterator[tuple[int, int, int, float]]:
    """Pairs of videos with their number of votes at the best offset, and that offset in frames."""
    count = len(fingerprints)
    video = np.repeat(np.arange(count), [len(each.landmarks) for each in fingerprints])
    if not video.size:
        return
    everything = np.concatenate([each.landmarks for each in fingerprints])
    order = np.argsort(everything[:, 0], kind="stable")
    digest, time, video = everything[order, 0], everything[order, 1], video[order]
    _, inverse, sizes = np.unique(digest, return_inverse=True, return_counts=True)
    rare = sizes[inverse] <= _COMMONEST
    digest, time, video = digest[rare], time[rare], video[rare]
    keys, places = [], np.arange(digest.size)
    for lag in range(1, _COMMONEST):
        places = places[places + lag < digest.size]
        places = places[digest[places] == digest[places + lag]]
        if not places.size:
            break
        one, other = places, places + lag
        apart = video[one] != video[other]
        one, other = one[apart], other[apart]
        swapped = video[one] > video[other]
        one, other = np.where(swapped, other, one), np.where(swapped, one, other)
        keys.append(np.stack([video[one] * count + video[other], time[other] - time[one]], axis=1))
    if not keys:
        return
    yield from _best_offsets(np.concatenate(keys), count, least)


def _best_offsets(votes: NDArray[np.int64], count: int, least: int) -> Iterator[tuple[int, int, int, float]]:
    """``votes`` ``(n, 2)``: pair and offset. Pairs with too few votes in all are left out before anything is sorted."""
    _, inverse, totals = np.unique(votes[:, 0], return_inverse=True, return_counts=True)
    votes = votes[(totals >= least)[inverse]]
    order = np.lexsort((votes[:, 1], votes[:, 0]))
    pair, offset = votes[order, 0], votes[order, 1]
    # Votes within the width of a bin from each one on.
    key = pair * (1 << 24) + offset + (1 << 23)
    inside = np.searchsorted(key, key + _OFFSET_FRAMES) - np.arange(key.size)
    for begin, end in _runs(pair):
        best = begin + int(np.argmax(inside[begin:end]))
        if inside[best] >= least:
            middle = float(np.median(offset[best : best + inside[best]]))
            yield int(pair[begin] // count), int(pair[begin] % count), int(inside[best]), middle


def _runs(values: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Begin and end of the stretches of equal values."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [values.size]])
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True) if values.size else ()


def _judged(
    one: int,
    other: int,
    votes: int,
    offset: float,
    fingerprints: Sequence[Fingerprint],
    times: Sequence[NDArray[np.int64]],
) -> Match:
    a, b = fingerprints[one], fingerprints[other]
    offset_s = offset * FRAME_S
    begin_s, end_s = max(0.0, -offset_s), min(a.duration_s, b.duration_s - offset_s)
    inside = [
        int(np.searchsorted(track, (end_s + shift) / FRAME_S) - np.searchsorted(track, (begin_s + shift) / FRAME_S))
        for track, shift in ((times[one], 0.0), (times[other], offset_s))
    ]
    overlap_s = max(0.0, end_s - begin_s)
    return Match(
        one,
        other,
        votes,
        round(votes / max(1, min(inside)), 4),
        round(offset_s, 3),
        _picture(a, b, offset_s, begin_s, end_s),
        round(min(1.0, overlap_s / max(a.duration_s, 1e-6)), 4),
        round(min(1.0, overlap_s / max(b.duration_s, 1e-6)), 4),
    )


def _picture(a: Fingerprint, b: Fingerprint, offset_s: float, begin_s: float, end_s: float) -> float | None:
    """Median likeness of the pictures of ``a`` in the overlap to the best of ``b`` at about the same moment."""
    at_a, at_b = np.arange(len(a.frames)) * a.frame_s, np.arange(len(b.frames)) * b.frame_s
    chosen = np.flatnonzero((at_a >= begin_s - 1e-6) & (at_a <= end_s) & a.frames.any(axis=1))
    if not chosen.size and not b.frames.any():
        return None
    if not chosen.size or not b.frames.any():
        return 0.0  # one is plain, the other is not
    alike = similarity(a.frames[chosen], b.frames)
    near = np.abs(at_a[chosen][:, None] + offset_s - at_b[None]) <= max(a.frame_s, b.frame_s) + 0.5
    near &= b.frames.any(axis=1)[None]
    if not near.any():
        return None
    best = np.where(near, alike, -1.0).max(axis=1)[near.any(axis=1)]
    return round(float(np.median(best)), 4)


def _by_picture_alone(fingerprints: Sequence[Fingerprint]) -> list[Match]:
    """Matches among videos that have too little sound to tell: equally long, and alike in all pictures."""
    quiet = [
        place
        for place, each in enumerate(fingerprints)
        if len(each.landmarks) < _FEW_LANDMARKS and each.frames.any() and len(each.frames) > 1
    ]
    if len(quiet) < 2:
        return []
    middle = np.stack([fingerprints[place].frames.mean(axis=0) for place in quiet])
    alike = similarity(middle, middle)  # type: ignore[arg-type]
    found = []
    for i, j in zip(*np.nonzero(np.triu(alike > _TURNED_SAME, 1)), strict=True):
        one, other = quiet[int(i)], quiet[int(j)]
        a, b = fingerprints[one], fingerprints[other]
        if abs(a.duration_s - b.duration_s) > 0.02 * max(a.duration_s, b.duration_s) + 0.5:
            continue
        picture = _picture(a, b, 0.0, 0.0, min(a.duration_s, b.duration_s))
        if picture is not None and picture >= _TURNED_SAME:
            found.append(Match(one, other, 0, 0.0, 0.0, picture, 1.0, 1.0))
    return found


def clusters(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """The smallest member of each of ``count`` items' connected group."""
    parent = list(range(count))

    def top(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for one, other in pairs:
        a, b = sorted((top(one), top(other)))
        parent[b] = a
    return [top(place) for place in range(count)]
