"""Pictures of two videos against each other: how alike they are, which pairs may be copies, and where they align.

The description of a picture does not know where the camera looks (:mod:`yt360.filters.duplicates.visual_fingerprint`);
seen in a mirror, half of its numbers change their sign. Two takes at one place look alike and change differently: what
aligns two pictures without their sound is how they change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.duplicates.visual_fingerprint import LENGTH, mirrored, similarity

_BITS, _TABLES = 24, 40
"""Signs of random projections in a key, and keys of each description: pictures with a cosine of 0.97 share a key in
998 of 1000 cases, of 0.4 in one of 1700 (M. Charikar, "Similarity estimation techniques from rounding algorithms",
2002)."""

_BUCKET = 40
"""Of more descriptions with one key only neighbours are compared."""

_DIFFERENT, _MOST_VIEWS = 0.9, 24
"""Cosine below which a picture counts as another view, and how many views of a video are looked up."""

_PROPOSED = 0.9
"""Least cosine of two views that make a pair worth comparing."""

_CLEARLY = 0.05
"""How much more alike mirrored pictures must be for two to count as mirrored: rooms are nearly symmetrical."""

_SPEEDS = (1.0, 0.96, 0.97, 0.98, 0.99, 1.01, 1.02, 1.03, 1.04)
_STEPS = 4
"""Offsets tried from one frame to the next."""

_FEWEST_FRAMES = 6
"""Frames that must overlap to align pictures."""

_LEAST_CHANGE = 1e-3
"""Least part of a description's power that changes over time: less is the noise of codecs."""

_LEAST_CORRELATION = 0.6
"""Least correlation of the changes of two pictures that are the same one."""


@dataclass(frozen=True)
class PictureAlignment:
    """What is at t in one is at t * ``speed`` + ``offset_s`` in the other, ``mirrored`` or not."""

    speed: float
    offset_s: float
    mirrored: bool
    correlation: float


def likeness(
    a: VideoFingerprint, b: VideoFingerprint, speed: float, offset_s: float, begin_s: float, end_s: float
) -> tuple[float | None, bool]:
    """Median likeness of the pictures of ``a`` in the overlap to the best of ``b`` at about the same moment.

    And whether it is that of the mirrored pictures. ``None`` where there are none to compare.
    """
    at_a, at_b = np.arange(len(a.frames)) * a.frame_s, np.arange(len(b.frames)) * b.frame_s
    chosen = np.flatnonzero((at_a >= begin_s - 1e-6) & (at_a <= end_s) & a.frames.any(axis=1))
    if not chosen.size and not b.frames.any():
        return None, False
    if not chosen.size or not b.frames.any():
        return 0.0, False  # one is plain, the other is not
    near = np.abs(at_a[chosen][:, None] * speed + offset_s - at_b[None]) <= max(a.frame_s, b.frame_s) + 0.5
    near &= np.asarray(b.frames.any(axis=1))[None]
    if not near.any():
        return None, False
    found = []
    for frames in (b.frames, mirrored(b.frames)):
        alike = similarity(a.frames[chosen], frames)
        best = np.where(near, alike, -1.0).max(axis=1)[near.any(axis=1)]
        found.append(round(float(np.median(best)), 4))
    flipped = found[1] > found[0] + _CLEARLY
    return found[1] if flipped else found[0], flipped


def proposals(fingerprints: Sequence[VideoFingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs of videos that share a view, mirrored or not, in order; n log n steps."""
    views = [_views(each.frames) for each in fingerprints]
    count = sum(len(each) for each in views)
    if not count:
        return
    owner = np.tile(np.repeat(np.arange(len(views)), [len(each) for each in views]), 2)
    plain = np.concatenate(views).astype(np.float32)
    both = np.concatenate([plain, mirrored(np.concatenate(views)).astype(np.float32)])
    both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-9)
    rng = np.random.default_rng(20)
    powers, pairs = (1 << np.arange(_BITS)).astype(np.int64), []
    for _ in range(_TABLES):
        keys = (both @ rng.standard_normal((LENGTH, _BITS)).astype(np.float32) > 0) @ powers
        order = np.argsort(keys, kind="stable")
        places = np.arange(len(order))
        for lag in range(1, _BUCKET):
            places = places[places + lag < len(order)]
            places = places[keys[order[places]] == keys[order[places + lag]]]
            if not places.size:
                break
            one, other = order[places], order[places + lag]
            # Two in the mirror are the same two without it; nobody is compared with himself.
            new = (owner[one] != owner[other]) & ((one < count) | (other < count))
            pairs.append(np.stack([one[new], other[new]], axis=1))
    candidates = np.unique(np.concatenate(pairs), axis=0) if pairs else np.zeros((0, 2), int)
    alike = np.einsum("nd,nd->n", both[candidates[:, 0]], both[candidates[:, 1]]) >= _PROPOSED
    found = np.unique(np.sort(owner[candidates[alike]], axis=1), axis=0)
    yield from ((int(one), int(other)) for one, other in found)


def _views(frames: NDArray[np.int8]) -> NDArray[np.int8]:
    """Descriptions ``(n, LENGTH)`` that differ from the one before, at most :data:`_MOST_VIEWS` of them."""
    seen = frames[frames.any(axis=1)]
    if not len(seen):
        return seen
    kept = [0]
    for place in range(1, len(seen)):
        if similarity(seen[place : place + 1], seen[kept[-1] : kept[-1] + 1])[0, 0] < _DIFFERENT:
            kept.append(place)
    if len(kept) > _MOST_VIEWS:
        kept = [kept[round(at)] for at in np.linspace(0, len(kept) - 1, _MOST_VIEWS)]
    return seen[kept]


def align(a: VideoFingerprint, b: VideoFingerprint, least_s: float) -> PictureAlignment | None:
    """Where the changes of two pictures are the same for ``least_s`` seconds or more, or ``None``."""
    changes_a, power_a = _changes(a.frames)
    if power_a < _LEAST_CHANGE:
        return None
    best: PictureAlignment | None = None
    for flipped in (False, True):
        changes_b, power_b = _changes(mirrored(b.frames) if flipped else b.frames)
        if power_b < _LEAST_CHANGE:
            return None
        products = changes_a @ changes_b.T
        squares = np.sum(changes_a**2, axis=1), np.sum(changes_b**2, axis=1)
        for speed in _SPEEDS:
            found = _best_offset(products, squares, a, b, speed, least_s)
            if found is not None and found[0] > (best.correlation if best else _LEAST_CORRELATION):
                best = PictureAlignment(speed, found[1], flipped, found[0])
    return best


def _changes(frames: NDArray[np.int8]) -> tuple[NDArray[np.float64], float]:
    """Descriptions without their mean over time, and the part of their power that this leaves."""
    seen = frames.astype(np.float64)
    if not len(seen):
        return seen, 0.0
    changes = seen - seen.mean(axis=0)
    return changes, float(np.sum(changes**2) / max(1e-9, np.sum(seen**2)))


def _best_offset(
    products: NDArray[np.float64],
    squares: tuple[NDArray[np.float64], NDArray[np.float64]],
    a: VideoFingerprint,
    b: VideoFingerprint,
    speed: float,
    least_s: float,
) -> tuple[float, float] | None:
    """(correlation, offset in seconds) of the best line through the products of changes ``(n, m)``."""
    times = np.arange(len(a.frames)) * a.frame_s
    step = b.frame_s / _STEPS
    offsets = np.arange(-speed * times[-1], (len(b.frames) - 1) * b.frame_s + step, step)
    at = (times[None] * speed + offsets[:, None]) / b.frame_s
    inside = (at >= 0) & (at <= len(b.frames) - 1)
    low = np.clip(np.floor(at).astype(int), 0, len(b.frames) - 1)
    high, share = np.minimum(low + 1, len(b.frames) - 1), at - np.floor(at)
    rows = np.arange(len(times))[None]
    joined = (1 - share) * products[rows, low] + share * products[rows, high]
    other = (1 - share) * squares[1][low] + share * squares[1][high]
    one = np.broadcast_to(squares[0][None], other.shape)
    total = np.sum(joined * inside, axis=1)
    scale = np.sqrt(np.sum(one * inside, axis=1) * np.sum(other * inside, axis=1))
    enough = (inside.sum(axis=1) >= _FEWEST_FRAMES) & (inside.sum(axis=1) * a.frame_s >= least_s)
    if not enough.any():
        return None
    correlation = np.where(enough, total / np.maximum(scale, 1e-9), -1.0)
    top = int(np.argmax(correlation))
    return float(correlation[top]), float(offsets[top])
