"""Which videos hold the same recording: fingerprints of many videos against each other, without comparing all pairs.

Pairs of hashes of the audio fingerprints (:mod:`yt360.filters.duplicates.audio_fingerprint`) propose pairs of videos,
and so do views that look alike (:mod:`yt360.filters.duplicates.pictures`). Enough equal hashes along one line in time
(:mod:`yt360.filters.duplicates.alignment`) make such a pair copies, or, where the pictures there disagree, two videos
with the same sound. Where the sounds have nothing in common and the pictures change in the same way, two videos have
the same picture. Sorting takes n log n steps; of what very many recordings share, only neighbours in an order that is
their own propose each other, and who is found to belong together is compared with all others of the group.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from yt360.filters.duplicates import alignment, pictures, visual_fingerprint
from yt360.filters.duplicates.fingerprints import COPY, SAME_PICTURE, SAME_SOUND, Match, VideoFingerprint
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

_FEW_LANDMARKS = 40
"""Videos with fewer hashes of sound are compared by their pictures alone."""

_MIRRORED_SAME = 0.85
"""Least cosine of two pictures of which one is mirrored: of 78 pairs of strangers the most was 0.78."""

_SAME_PLACE = 0.9
"""Least cosine of two videos of which only the picture is the same."""

_TURNED_SAME = 0.97
"""Least cosine of two videos that are compared by their pictures alone."""


def matches(fingerprints: Sequence[VideoFingerprint], limits: MatchSettings | None = None) -> list[Match]:
    """All pairs that hold the same recording, in order. Which these are does not depend on the order of the list."""
    order = sorted(range(len(fingerprints)), key=lambda place: (_digest(fingerprints[place]), place))
    found = _matches([fingerprints[place] for place in order], limits or MatchSettings())
    placed = [_placed(match, order[match.one], order[match.other]) for match in found]
    return sorted(placed, key=lambda match: (match.one, match.other))


def compare(one: VideoFingerprint, other: VideoFingerprint, limits: MatchSettings | None = None) -> Match | None:
    """The match of two fingerprints that are thought to be of one recording; ``None`` where they are not.

    Unlike :func:`matches` it asks for no pairs of hashes in common, so one of the two may hold a part of its landmarks
    only, and a mirrored, faster or slower copy is none. Where both have too little sound to tell, the pictures alone
    decide.
    """
    limits = limits or MatchSettings()
    if max(len(one.landmarks), len(other.landmarks)) < _FEW_LANDMARKS:
        return next(iter(_by_picture_alone([one, other])), None)
    found = _by_sound(0, 1, [one, other], limits, pitches=False)
    as_it_is = found is not None and found.kind == COPY and found.speed == 1.0 and not found.mirrored
    return found if as_it_is else None


def _digest(print_: VideoFingerprint) -> bytes:
    """Puts videos into an order that is their own."""
    parts = (print_.landmarks, print_.frames, np.array([print_.frame_s, print_.duration_s]))
    return hashlib.blake2b(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), digest_size=16).digest()


def _placed(match: Match, one: int, other: int) -> Match:
    """The same match between the videos at two other places."""
    if one < other:
        return replace(match, one=one, other=other)
    speed = 1 / match.speed
    swapped = replace(match, one=other, other=one, offset_s=round(0.0 - match.offset_s * speed, 3))
    swapped = replace(swapped, speed=round(speed, 4) if match.speed != 1.0 else 1.0)
    return replace(swapped, covered_one=match.covered_other, covered_other=match.covered_one)


def _matches(fingerprints: Sequence[VideoFingerprint], limits: MatchSettings) -> list[Match]:
    heard, seen = set(_proposals(fingerprints)), set(pictures.proposals(fingerprints))
    quiet = [len(each.landmarks) < _FEW_LANDMARKS for each in fingerprints]
    found = []
    for one, other in sorted(heard | seen):
        match = _by_sound(one, other, fingerprints, limits, pitches=(one, other) in seen)
        if match is None and (one, other) in seen and not (quiet[one] and quiet[other]):
            match = _by_picture(one, other, fingerprints, limits)
        if match is not None:
            found.append(match)
    copies = [match for match in found if match.kind == COPY]
    more = sorted(_within_groups(len(fingerprints), copies) - heard - seen)
    found += [match for pair in more if (match := _by_sound(*pair, fingerprints, limits, pitches=False))]
    return [*found, *_by_picture_alone(fingerprints)]


def _within_groups(count: int, found: Sequence[Match]) -> set[tuple[int, int]]:
    """All pairs of videos that matches connect: of what very many share, not all pairs were proposed."""
    members: dict[int, list[int]] = {}
    for place, group in enumerate(clusters(count, [(match.one, match.other) for match in found])):
        members.setdefault(group, []).append(place)
    return {pair for group in members.values() for pair in itertools.combinations(group[:_LARGEST_GROUP], 2)}


def _by_sound(
    one: int, other: int, fingerprints: Sequence[VideoFingerprint], limits: MatchSettings, *, pitches: bool
) -> Match | None:
    """A match of two sounds, if there is one: copies, or the same sound under two pictures."""
    a, b = fingerprints[one], fingerprints[other]
    line = alignment.align(a, b, limits.min_votes, pitches=pitches)
    if line.votes < limits.min_votes:
        return None
    begin_s, end_s, shared_s = alignment.shared_s(line, a, b)
    inside = min(len(a.landmarks), len(b.landmarks))
    if end_s - begin_s > 0:
        inside = min(alignment.heard(a, begin_s, end_s), alignment.heard(b, *line.there(begin_s, end_s)))
    rate = line.votes / max(1, inside)
    # Of a compilation only what the other holds counts.
    rate = rate if shared_s <= 0 else min(1.0, rate * (end_s - begin_s) / shared_s)
    if rate < limits.min_rate or shared_s < limits.min_overlap_s:
        return None
    picture, flipped = pictures.likeness(a, b, line.speed, line.offset_s, begin_s, end_s)
    least = max(limits.min_picture_similarity, _MIRRORED_SAME if flipped else -1.0)
    alike = picture is None or picture >= least
    return Match(
        one,
        other,
        line.votes,
        round(rate, 4),
        round(line.offset_s, 3),
        picture,
        round(min(1.0, shared_s / max(a.duration_s, 1e-6)), 4),
        round(min(1.0, shared_s * line.speed / max(b.duration_s, 1e-6)), 4),
        round(line.speed, 4),
        flipped and alike,
        COPY if alike else SAME_SOUND,
    )


def _by_picture(one: int, other: int, fingerprints: Sequence[VideoFingerprint], limits: MatchSettings) -> Match | None:
    """Two videos with the same picture and other sound, if they are."""
    a, b = fingerprints[one], fingerprints[other]
    line = pictures.align(a, b, limits.min_overlap_s)
    if line is None:
        return None
    begin_s = max(0.0, -line.offset_s / line.speed)
    end_s = min(a.duration_s, (b.duration_s - line.offset_s) / line.speed)
    picture, flipped = pictures.likeness(a, b, line.speed, line.offset_s, begin_s, end_s)
    if picture is None or picture < _SAME_PLACE or flipped != line.mirrored:
        return None
    overlap_s = end_s - begin_s
    return Match(
        one,
        other,
        0,
        0.0,
        round(line.offset_s, 3),
        picture,
        round(min(1.0, overlap_s / max(a.duration_s, 1e-6)), 4),
        round(min(1.0, overlap_s * line.speed / max(b.duration_s, 1e-6)), 4),
        line.speed,
        line.mirrored,
        SAME_PICTURE,
    )


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
    alike = np.maximum(similarity(middle, middle), similarity(middle, visual_fingerprint.mirrored(middle)))
    found = []
    for i, j in zip(*np.nonzero(np.triu(alike > _TURNED_SAME, 1)), strict=True):
        one, other = quiet[int(i)], quiet[int(j)]
        a, b = fingerprints[one], fingerprints[other]
        if abs(a.duration_s - b.duration_s) > 0.02 * max(a.duration_s, b.duration_s) + 0.5:
            continue
        picture, flipped = pictures.likeness(a, b, 1.0, 0.0, 0.0, min(a.duration_s, b.duration_s))
        if picture is not None and picture >= _TURNED_SAME:
            found.append(Match(one, other, 0, 0.0, 0.0, picture, 1.0, 1.0, mirrored=flipped))
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
