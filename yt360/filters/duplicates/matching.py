"""Which videos hold the same recording: fingerprints of many videos against each other, without comparing all pairs.

Pairs of hashes of the audio fingerprints (:mod:`yt360.filters.duplicates.audio_fingerprint`) propose pairs of videos;
enough equal hashes at one offset in time make such a pair a match, unless the pictures at that offset disagree (two
videos under one song). Videos without enough sound are compared by their pictures alone. Sorting takes n log n steps;
of what very many recordings share, only neighbours in an order that is their own propose each other, and who
is found to belong together is compared with all others of the group.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from yt360.filters.duplicates.audio_fingerprint import FRAME_S
from yt360.filters.duplicates.settings import MatchSettings
from yt360.filters.duplicates.visual_fingerprint import similarity

_COMMONEST = 40
"""What occurs at most so often proposes all pairs that have it, whatever else there is."""

_MOST_PAIRS = 10_000_000
"""Pairs that more common keys may propose, the rarer first; beyond, only neighbours propose each other."""

_LARGEST_GROUP = 1000
"""Videos of a group that are compared with all others of it."""

_PROPOSED = 3
"""Keys in common at about one offset that make a pair worth comparing."""

_COARSE_FRAMES = 8
"""Width of a bin of offsets while pairs are proposed, in frames."""

_MOST_KEYS = 30_000_000
"""Keys that are sorted at a time, some 3 GB of memory; of more, a part is taken that is the same for all videos."""

_MIXER = np.int64(0x1E3779B97F4A7C15)
"""Odd factor (from the golden ratio) that spreads keys evenly, before a part of them is taken."""

_OFFSET_FRAMES = 3
"""Width of a bin of offsets: peaks move by a frame when a recording starts elsewhere."""

_FEW_LANDMARKS = 40
"""Videos with fewer hashes of sound are compared by their pictures alone."""

_TURNED_SAME = 0.97
"""Least cosine of two videos that are compared by their pictures alone."""


@dataclass(frozen=True)
class VideoFingerprint:
    """``landmarks`` ``(n, 2)`` hashes and times; ``frames`` ``(m, LENGTH)`` int8, one each ``frame_s`` seconds."""

    landmarks: NDArray[np.int64]
    frames: NDArray[np.int8]
    frame_s: float
    duration_s: float


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


def matches(fingerprints: Sequence[VideoFingerprint], limits: MatchSettings | None = None) -> list[Match]:
    """All pairs that hold the same recording, in order. Which these are does not depend on the order of the list."""
    order = sorted(range(len(fingerprints)), key=lambda place: (_digest(fingerprints[place]), place))
    found = _matches([fingerprints[place] for place in order], limits or MatchSettings())
    placed = [_placed(match, order[match.one], order[match.other]) for match in found]
    return sorted(placed, key=lambda match: (match.one, match.other))


def compare(one: VideoFingerprint, other: VideoFingerprint, limits: MatchSettings | None = None) -> Match | None:
    """The match of two fingerprints that are thought to be of one recording; ``None`` where they are not.

    Unlike :func:`matches` it asks for no pairs of hashes in common, so one of the two may hold a part of its landmarks
    only. Where both have too little sound to tell, the pictures alone decide.
    """
    limits = limits or MatchSettings()
    if max(len(one.landmarks), len(other.landmarks)) < _FEW_LANDMARKS:
        return next(iter(_by_picture_alone([one, other])), None)
    votes, offset = _votes(one.landmarks, other.landmarks)
    times = [np.sort(print_.landmarks[:, 1]) for print_ in (one, other)]
    found = _judged(0, 1, votes, offset, [one, other], times)
    return found if _is_match(found, one.duration_s, limits) else None


def _digest(print_: VideoFingerprint) -> bytes:
    """Puts videos into an order that is their own."""
    parts = (print_.landmarks, print_.frames, np.array([print_.frame_s, print_.duration_s]))
    return hashlib.blake2b(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), digest_size=16).digest()


def _placed(match: Match, one: int, other: int) -> Match:
    """The same match between the videos at two other places."""
    if one < other:
        return replace(match, one=one, other=other)
    swapped = replace(match, one=other, other=one, offset_s=0.0 - match.offset_s)
    return replace(swapped, covered_one=match.covered_other, covered_other=match.covered_one)


def _matches(fingerprints: Sequence[VideoFingerprint], limits: MatchSettings) -> list[Match]:
    times = [np.sort(print_.landmarks[:, 1]) for print_ in fingerprints]
    proposed = set(_proposals(fingerprints))
    found = [match for pair in sorted(proposed) if (match := _compared(pair, fingerprints, times, limits))]
    more = sorted(_within_groups(len(fingerprints), found) - proposed)
    found += [match for pair in more if (match := _compared(pair, fingerprints, times, limits))]
    return [*found, *_by_picture_alone(fingerprints)]


def _compared(
    pair: tuple[int, int],
    fingerprints: Sequence[VideoFingerprint],
    times: Sequence[NDArray[np.int64]],
    limits: MatchSettings,
) -> Match | None:
    one, other = pair
    votes, offset = _votes(fingerprints[one].landmarks, fingerprints[other].landmarks)
    if votes < limits.min_votes:
        return None
    candidate = _judged(one, other, votes, offset, fingerprints, times)
    return candidate if _is_match(candidate, fingerprints[one].duration_s, limits) else None


def _is_match(candidate: Match, duration_s: float, limits: MatchSettings) -> bool:
    """Whether a pair, the first of which lasts ``duration_s``, has enough in common."""
    return (
        candidate.votes >= limits.min_votes
        and candidate.rate >= limits.min_rate
        and (candidate.picture is None or candidate.picture >= limits.min_picture_similarity)
        and candidate.covered_one * duration_s >= limits.min_overlap_s
    )


def _within_groups(count: int, found: Sequence[Match]) -> set[tuple[int, int]]:
    """All pairs of videos that matches connect: of what very many share, not all pairs were proposed."""
    members: dict[int, list[int]] = {}
    for place, group in enumerate(clusters(count, [(match.one, match.other) for match in found])):
        members.setdefault(group, []).append(place)
    return {pair for group in members.values() for pair in itertools.combinations(group[:_LARGEST_GROUP], 2)}


def _proposals(fingerprints: Sequence[VideoFingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs of videos that share a few pairs of hashes at one offset: cheap, and wrong now and then."""
    keys = [_keys(each) for each in fingerprints]
    total = sum(len(each) for each in keys)
    # Of very many the same part everywhere: which keys are looked at depends on the keys alone.
    part = max(1, -(-total // _MOST_KEYS))
    chosen = [each[(each[:, 0] * _MIXER >> 33) % part == 0] for each in keys]
    count = len(fingerprints)
    video = np.repeat(np.arange(count), [len(each) for each in chosen])
    if not video.size:
        return
    everything = np.concatenate(chosen)
    order = np.argsort(everything[:, 0], kind="stable")
    key, time, video = everything[order, 0], everything[order, 1], video[order]
    found, places, rare = [], np.arange(key.size), _rare(key)
    for lag in itertools.count(1):
        places = places[places + lag < key.size]
        places = places[key[places] == key[places + lag]]
        if lag >= _COMMONEST:
            places = places[rare[places]]
        if not places.size:
            break
        one, other = places, places + lag
        apart = video[one] != video[other]
        one, other = one[apart], other[apart]
        swapped = video[one] > video[other]
        one, other = np.where(swapped, other, one), np.where(swapped, one, other)
        pair = (video[one] * count + video[other]) << 24
        found.append(pair + ((time[other] - time[one] + (1 << 23)) // _COARSE_FRAMES))
    if not found:
        return
    bins, votes = np.unique(np.concatenate(found), return_counts=True)
    for pair in np.unique(bins[votes >= _PROPOSED] >> 24).tolist():
        yield pair // count, pair % count


def _rare(key: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of sorted keys ``(n,)``: whether all pairs of places that have the same one are looked at."""
    _, counts = np.unique(key, return_counts=True)
    order = np.argsort(counts, kind="stable")
    pairs = np.where(counts > _COMMONEST, counts * (counts - 1) // 2, 0)
    rare = np.empty(len(counts), bool)
    rare[order] = np.cumsum(pairs[order]) <= _MOST_PAIRS
    return np.repeat(rare, counts)


def _keys(print_: VideoFingerprint) -> NDArray[np.int64]:
    """Pairs of hashes that share their first peak, and its time ``(n, 2)``: strangers hardly share any."""
    marks = print_.landmarks[np.lexsort((print_.landmarks[:, 0], print_.landmarks[:, 1]))]
    same = (marks[1:, 1] == marks[:-1, 1]) & (marks[1:, 0] >> 14 == marks[:-1, 0] >> 14)
    first, second = marks[:-1][same], marks[1:][same]
    return np.stack([(first[:, 0] << 14) | (second[:, 0] & 0x3FFF), first[:, 1]], axis=1)


def _votes(one: NDArray[np.int64], other: NDArray[np.int64]) -> tuple[int, float]:
    """How many equal hashes two fingerprints ``(n, 2)`` have at their best offset, and that offset in frames."""
    other = other[np.argsort(other[:, 0], kind="stable")]
    begin = np.searchsorted(other[:, 0], one[:, 0], "left")
    many = np.searchsorted(other[:, 0], one[:, 0], "right") - begin
    rare = (many > 0) & (many <= _COMMONEST)
    begin, many, time = begin[rare], many[rare], one[rare, 1]
    if not many.size:
        return 0, 0.0
    ends = np.cumsum(many)
    places = np.arange(ends[-1]) - np.repeat(ends - many, many) + np.repeat(begin, many)
    offset = np.sort(other[places, 1] - np.repeat(time, many))
    inside = np.searchsorted(offset, offset + _OFFSET_FRAMES) - np.arange(offset.size)
    best = int(np.argmax(inside))
    return int(inside[best]), float(np.median(offset[best : best + inside[best]]))


def _judged(
    one: int,
    other: int,
    votes: int,
    offset: float,
    fingerprints: Sequence[VideoFingerprint],
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


def _picture(a: VideoFingerprint, b: VideoFingerprint, offset_s: float, begin_s: float, end_s: float) -> float | None:
    """Median likeness of the pictures of ``a`` in the overlap to the best of ``b`` at about the same moment."""
    at_a, at_b = np.arange(len(a.frames)) * a.frame_s, np.arange(len(b.frames)) * b.frame_s
    chosen = np.flatnonzero((at_a >= begin_s - 1e-6) & (at_a <= end_s) & a.frames.any(axis=1))
    if not chosen.size and not b.frames.any():
        return None
    if not chosen.size or not b.frames.any():
        return 0.0  # one is plain, the other is not
    alike = similarity(a.frames[chosen], b.frames)
    near = np.abs(at_a[chosen][:, None] + offset_s - at_b[None]) <= max(a.frame_s, b.frame_s) + 0.5
    near &= np.asarray(b.frames.any(axis=1))[None]
    if not near.any():
        return None
    best = np.where(near, alike, -1.0).max(axis=1)[near.any(axis=1)]
    return round(float(np.median(best)), 4)


def _by_picture_alone(fingerprints: Sequence[VideoFingerprint]) -> list[Match]:
    """Matches among videos that have too little sound to tell: equally long, and alike in all pictures."""
    quiet = [
        place
        for place, each in enumerate(fingerprints)
        if len(each.landmarks) < _FEW_LANDMARKS and each.frames.any() and len(each.frames) > 1
    ]
    if len(quiet) < 2:
        return []
    middle = np.stack([fingerprints[place].frames.mean(axis=0) for place in quiet])
    alike = similarity(middle, middle)
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
