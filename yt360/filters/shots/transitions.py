"""Where a video goes from one place to another: cuts, dissolves and fades, found while its frames pass by once.

A camera that turns, shakes or walks, lights that change and things that move leave most of a place recognisable
from one second to the next (:mod:`yt360.filters.shots.tracking`); only where that fails is the second looked at more
closely. A cut is a pair of neighbouring frames that nothing bridges: neither the frames around a flash nor a turn of
the whole sphere. In a dissolve neighbours agree, but two places lie over each other, which takes fine contrast from
both: half and half leaves 1/sqrt(2). A moving camera leaves contrast as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from yt360.filters.shots.blending import Blend, blend
from yt360.filters.shots.settings import ShotSettings
from yt360.filters.shots.tracking import Panorama, found_again, heading_change

_GRID = (16, 32)
"""Rows and columns at which every frame is looked at."""

_JUMP_LEVELS, _JUMP_FACTOR = 10.0, 4.0
"""A change between two frames this large, and so many times the usual one, is looked at whatever lies around it."""

_UNIFORM_LEVELS, _UNIFORM_SHARE = 12, 0.1
"""Brightest less darkest point of a picture of one colour, and as a share of the most within a second of it: the noise
of a codec stays where a picture fades."""

_BRIDGES_S = ((0.0, 0.0), (0.0, 0.12), (0.06, 0.0), (0.0, 0.3), (0.18, 0.06), (0.06, 0.55), (0.36, 0.24))
"""Seconds before and after a supposed cut whose pictures are compared."""

_BLEND_SPANS_S = (0.3, 0.7, 1.3)
"""Half lengths of the stretches in which a dissolve is looked for."""

_BELOW_BOTH = 0.97
"""A dissolve's contrast also falls below that of the plainer of the two pictures, to this share at least."""

_BACK = 0.6
"""Share of the corners that must be found one way which must be found the other way at least."""

_ALIGNED_FACTOR = 1.5
"""So many times more corners must be found again where a picture was first turned, or its light evened out, to fit."""

_BESIDE = 0.85
"""A dissolve or fade begins and ends where contrast has this share of the way to what it is beside it."""

_LEAST_MIXED, _EXPLAINED = 0.3, 0.8
"""Least share of either place in the middle of a dissolve that is told by its mixture, and of what they explain."""

_PLAINER = 0.75
"""Contrast of the plainer side over that of the other up to which a dissolve need not dip below both."""

_FADED = 0.2
"""Share of the brightness of either side below which darkness is a fade, and not dimmed light."""

_GROUP_S = 0.25
_STEADY_S = 0.12
_COLOUR_S, _COLOUR_FACTOR = 0.5, 4.0


@dataclass(frozen=True)
class Transition:
    """From frame ``begin``, the last of one shot, to frame ``end``, the first of the next."""

    begin: int
    end: int
    kind: Literal["cut", "dissolve", "black"]


class ShotDetector:
    """Takes the frames of a video one after the other and tells where its shots end.

    ``transitions`` are in frames since the first one, in order. None that begins before frame ``settled`` will come
    any more. The last :attr:`lookahead` frames or so are held.
    """

    def __init__(self, fps: float, settings: ShotSettings | None = None) -> None:
        self.transitions: list[Transition] = []
        self.settled = 0
        self._looked = 0
        self._settings = settings or ShotSettings()
        self._fps = fps
        self._span = max(2, round(fps))
        self._reach = round((_BLEND_SPANS_S[-1] + _GROUP_S) * fps) + 1
        self._frames: list[NDArray[np.uint8]] = []
        self._grids: list[NDArray[np.float32]] = []
        self._ranges: list[float] = []
        self._changes: list[float] = []
        self._panoramas: dict[int, Panorama] = {}
        self._shares: dict[tuple[int, int, int, bool], float] = {}
        self._first = 0
        self._in_black = False

    @property
    def lookahead(self) -> int:
        """Most frames by which ``settled`` stays behind what was pushed."""
        return self._span + 2 * self._reach + 1

    @property
    def _end(self) -> int:
        return self._first + len(self._frames)

    def push(self, frame: NDArray[np.uint8]) -> None:
        """The next frame ``(height, width, 3)`` RGB, which nobody changes afterwards."""
        rows, columns = max(1, frame.shape[0] // _GRID[0]), max(1, frame.shape[1] // _GRID[1])
        grid = frame[rows // 2 :: rows, columns // 2 :: columns][: _GRID[0], : _GRID[1]]
        self._frames.append(frame)
        self._grids.append(grid.astype(np.float32))
        self._ranges.append(_spread(self._grids[-1]))
        if len(self._grids) > 1:
            self._changes.append(float(np.abs(self._grids[-1] - self._grids[-2]).mean()))
        if self._end - self._looked > self._span + self._reach:
            self._look(self._looked, self._looked + self._span)

    def finish(self) -> None:
        """No frame comes any more."""
        while self._looked < self._end - 1:
            self._look(self._looked, min(self._looked + self._span, self._end - 1))
        self.settled = self._end

    def _look(self, begin: int, end: int) -> None:
        """Look at the frames from ``begin`` to ``end``."""
        found = self._blacks(begin, end)
        same = not found and self._same_in_any_heading(begin, end)
        if same:
            breaks = [k for k in range(begin, end) if self._jumps(k) and not self._same(k, k + 1)]
        else:
            breaks = self._breaks(begin, end)
        breaks = [k for k in breaks if not self._uniform(k) and not self._uniform(k + 1)]
        for group in _groups(breaks, round(_GROUP_S * self._fps)):
            if self._parted(group[0], group[-1] + 1):
                found.append(Transition(group[0], group[-1] + 1, "cut"))
        # Half a slow dissolve leaves much of the first place in view: two seconds are compared as well.
        if not found and not (same and self._same_in_any_heading(self._inside(begin - self._span), end)):
            found += self._dissolves(begin, end)
        for transition in sorted(found, key=lambda one: one.begin):
            if not self.transitions or transition.begin >= self.transitions[-1].end:
                self.transitions.append(transition)
        self._looked = end
        self.settled = max(self.settled, end - self._reach)
        self._forget(end - self._reach)

    def _forget(self, before: int) -> None:
        drop = max(0, before - self._first)
        del self._frames[:drop], self._grids[:drop], self._ranges[:drop], self._changes[:drop]
        self._first += drop
        self._panoramas = {k: seen for k, seen in self._panoramas.items() if k >= self._first}
        self._shares = {pair: share for pair, share in self._shares.items() if min(pair[:2]) >= self._first}

    def _panorama(self, index: int) -> Panorama:
        if index not in self._panoramas:
            self._panoramas[index] = Panorama(self._frames[index - self._first])
        return self._panoramas[index]

    def _grid(self, index: int) -> NDArray[np.float32]:
        return self._grids[index - self._first]

    def _inside(self, index: int) -> int:
        return min(max(index, self._first), self._end - 1)

    def _share(self, one: int, other: int, turn: int = 0, *, evenly_lit: bool = False) -> float:
        """Share of the corners of one frame that are found again in the other; each pair is asked for several times."""
        pair = one, other, turn, evenly_lit
        if pair not in self._shares:
            self._shares[pair] = found_again(self._shown(one, evenly_lit), self._shown(other, evenly_lit), turn=turn)
        return self._shares[pair]

    def _shown(self, index: int, evenly_lit: bool) -> Panorama:
        return self._panorama(index).evenly_lit if evenly_lit else self._panorama(index)

    def _same(self, one: int, other: int) -> bool:
        """Whether corners of one frame are found in the other and, where they are few, the other way round as well."""
        share, least = self._share(one, other), self._settings.same_place_share
        return share >= 2 * least or (share >= least and self._both_ways(share, self._share(other, one)))

    def _both_ways(self, there: float, back: float) -> bool:
        """Whether shares of corners that are found one way and the other way are those of one place."""
        least = self._settings.same_place_share
        return there + back >= 2 * least and min(there, back) >= _BACK * least

    def _same_in_any_heading(self, one: int, other: int) -> bool:
        if self._same(one, other):
            return True
        turn = heading_change(self._panorama(one), self._panorama(other))
        return self._same_aligned(one, other, turn, evenly_lit=False)

    def _same_aligned(self, one: int, other: int, turn: int, *, evenly_lit: bool) -> bool:
        """Whether corners are found again, and both ways, where the second picture is turned by some columns."""
        least = self._settings.same_place_share
        share = self._share(one, other, turn, evenly_lit=evenly_lit)
        return share >= _ALIGNED_FACTOR * least and (
            self._share(other, one, -turn, evenly_lit=evenly_lit) >= _BACK * least
        )

    def _breaks(self, begin: int, end: int) -> list[int]:
        """Frames whose next one does not show the same place, where frame ``end`` is far from ``begin``."""
        if end - begin == 1:
            return [begin]
        middle = (begin + end) // 2
        halves = ((begin, middle), (middle, end))
        return [k for first, last in halves if not self._same(first, last) for k in self._breaks(first, last)]

    def _jumps(self, index: int) -> bool:
        """Whether much more changes after a frame than usual."""
        change = self._change(index)
        if change < _JUMP_LEVELS:
            return False
        around = range(self._inside(index - self._span), self._inside(index + self._span))
        return change > _JUMP_FACTOR * float(np.median([self._change(k) for k in around]))

    def _change(self, index: int) -> float:
        return self._changes[index - self._first]

    def _uniform(self, index: int) -> bool:
        """Whether a frame is of one colour: black between two shots, or white."""
        at = index - self._first
        around = self._ranges[max(0, at - self._span) : at + self._span + 1]
        return self._ranges[at] < max(_UNIFORM_LEVELS, _UNIFORM_SHARE * max(around))

    def _parted(self, last: int, first: int) -> bool:
        """Whether two frames with a gap of matching between them show different places."""
        steady = round(_STEADY_S * self._fps)
        before, after = self._share(self._inside(last - steady), last), self._share(first, self._inside(first + steady))
        if min(before, after) < self._settings.same_place_share:
            return self._recoloured(last, first)
        return not self._bridged(last, first)

    def _bridged(self, last: int, first: int) -> bool:
        """Whether some picture before and some picture after show the same place, in whatever heading and light.

        All pairs are asked what is quickly answered before any is asked what is not.
        """
        pairs = dict.fromkeys(
            (self._inside(last - round(back * self._fps)), self._inside(first + round(ahead * self._fps)))
            for back, ahead in _BRIDGES_S
        )
        questions = self._same, self._same_in_any_heading, self._same_back, self._same_in_other_light
        return any(same(one, other) for same in questions for one, other in pairs)

    def _same_back(self, one: int, other: int) -> bool:
        """Whether corners of both frames are found in the other, in the mean and either way.

        A plain picture finds a quarter of its few straight edges at many a place, and nothing of that is found in it.
        """
        there = self._share(one, other)
        return there >= _BACK * self._settings.same_place_share and self._both_ways(there, self._share(other, one))

    def _same_in_other_light(self, one: int, other: int) -> bool:
        turn = heading_change(self._panorama(one).evenly_lit, self._panorama(other).evenly_lit)
        return any(self._same_aligned(one, other, columns, evenly_lit=True) for columns in {0, turn})

    def _recoloured(self, last: int, first: int) -> bool:
        """Whether the colours of each latitude change far more than around the place. They are blind to heading."""
        span = max(1, round(_COLOUR_S * self._fps))
        before = [self._latitudes(k) for k in range(self._inside(last - span), last + 1)]
        after = [self._latitudes(k) for k in range(first, self._inside(first + span) + 1)]
        across = _distance(np.mean(before[-3:], axis=0), np.mean(after[:3], axis=0))
        within = [_distance(side[k], side[k + 1]) for side in (before, after) for k in range(len(side) - 1)]
        drift = max(_distance(side[0], side[-1]) for side in (before, after))
        usual = max(float(np.max(within, initial=0.0)), drift / _COLOUR_FACTOR)
        return across > max(self._settings.colour_jump_levels, _COLOUR_FACTOR * usual)

    def _latitudes(self, index: int) -> NDArray[np.float32]:
        grid = self._grid(index)
        return np.asarray(np.concatenate([grid.mean(axis=1), grid.std(axis=1)]), np.float32)

    def _blacks(self, begin: int, end: int) -> list[Transition]:
        """The ends of stretches of one colour."""
        found = []
        for k in range(begin, end):
            if self._in_black:
                if not self._uniform(k + 1):
                    found.append(Transition(k, self._risen(k + 1), "black"))
                    self._in_black = False
            elif not self._uniform(k) and self._uniform(k + 1):
                until = next((n for n in range(k + 2, self._end) if not self._uniform(n)), None)
                if until is None or (until - k - 1) / self._fps > self._settings.longest_black_s:
                    found.append(Transition(self._fallen(k), k + 1, "black"))
                    self._in_black = True
                elif not self._bridged(self._fallen(k), self._risen(until)):
                    found.append(Transition(self._fallen(k), self._risen(until), "black"))
        return found

    def _fallen(self, index: int) -> int:
        """The last frame before the contrast began to fall towards frame ``index``."""
        return self._clear(index, -1, self._inside(index - self._reach))

    def _risen(self, index: int) -> int:
        """The first frame after ``index`` at which the contrast no longer rises."""
        return self._clear(index, 1, self._inside(index + self._reach))

    def _clear(self, index: int, step: int, last: int) -> int:
        """The first frame from ``index`` on in that direction, ``last`` at most, whose contrast is that of ``last``."""
        low, high = self._panorama(index).contrast, self._panorama(last).contrast
        for k in range(index, last, step):
            if self._panorama(k).contrast >= low + _BESIDE * (high - low):
                return k
        return last

    def _dissolves(self, begin: int, end: int) -> list[Transition]:
        """One place laid over another, between two pictures of different places.

        Either contrast dips, or, between a plain place and a rich one, where it only rises, the picture is a mixture of
        both.
        """
        found = self._dip(begin, end)
        by_contrast = found is not None
        found = found or self._mixture(begin, end)
        if found is None:
            return []
        middle, span = found
        first, last = self._inside(middle - span), self._inside(middle + span)
        # A walk is bridged at the first pair or so, and all of its neighbours match: this order is the cheaper one.
        if self._is_cut(first, last) or self._bridged(first, last):
            return []
        if any(not self._same(k, k + 1) for k in range(first, last)):
            return []
        if by_contrast:
            return [Transition(self._clear(middle, -1, first), self._clear(middle, 1, last), "dissolve")]
        shares = [self._blend(first, k, last).share for k in range(first, last + 1)]
        pure = [k for k in range(middle - first) if shares[k] <= 1 - _BESIDE]
        other = [k for k in range(middle - first, len(shares)) if shares[k] >= _BESIDE]
        return [Transition(first + max(pure, default=0), first + min(other, default=len(shares) - 1), "dissolve")]

    def _is_cut(self, first: int, last: int) -> bool:
        """Whether a cut between two frames is known: its neighbours do not match, that need not be asked again."""
        return any(known.kind == "cut" and first <= known.begin < last for known in self.transitions)

    def _spans(self) -> list[int]:
        return sorted({max(2, round(seconds * self._fps)) for seconds in _BLEND_SPANS_S})

    def _dip(self, begin: int, end: int) -> tuple[int, int] | None:
        """The frame where contrast is lowest against both sides, and the half length over which it is."""
        best: tuple[float, int, int] | None = None
        for span in self._spans():
            for middle in range(begin, end):
                before, after = (self._panorama(self._inside(middle + offset)) for offset in (-span, span))
                sides = before.contrast, after.contrast
                here = self._panorama(middle).contrast / self._dimmed(before, self._panorama(middle), after)
                dip = here / max(1e-3, 0.5 * sum(sides))
                if here < _BELOW_BOTH * min(sides) and (best is None or dip < best[0]):
                    best = (dip, middle, span)
        return None if best is None or best[0] > self._settings.dissolve_contrast else best[1:]

    def _dimmed(self, before: Panorama, middle: Panorama, after: Panorama) -> float:
        """Share of the light that is left in the middle, 1 where it is as bright as either side, as in a dissolve.

        Where the light of one place goes down, so does its contrast.
        """
        share = middle.brightness / max(1e-3, min(before.brightness, after.brightness))
        return share if _FADED < share < 1 else 1.0

    def _mixture(self, begin: int, end: int) -> tuple[int, int] | None:
        """The frame that is best explained by those on either side, and how far these are, if it is a mixture.

        Long spans first: where those on either side are mixtures themselves, all three are alike.
        """
        for span in reversed(self._spans()):
            best: tuple[float, int] | None = None
            for middle in range(begin, end):
                first, last = self._inside(middle - span), self._inside(middle + span)
                low, high = sorted(self._panorama(k).contrast for k in (first, last))
                if low > _PLAINER * high:
                    continue
                made = self._blend(first, middle, last)
                mixed = _LEAST_MIXED <= made.share <= 1 - _LEAST_MIXED
                if mixed and made.explained >= _EXPLAINED and (best is None or made.explained > best[0]):
                    best = (made.explained, middle)
            if best is not None:
                return best[1], span
        return None

    def _blend(self, first: int, middle: int, last: int) -> Blend:
        return blend(self._panorama(first), self._panorama(middle), self._panorama(last))


def _spread(grid: NDArray[np.floating]) -> float:
    """Brightest less darkest point of a grid, apart from its poles."""
    return float(np.ptp(grid[1:-1].mean(axis=2)))


def _distance(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return float(np.abs(one - other).mean())


def _groups(indices: Sequence[int], gap: int) -> list[list[int]]:
    """Ascending indices, those no more than ``gap`` apart together."""
    groups: list[list[int]] = []
    for index in indices:
        if groups and index - groups[-1][-1] <= gap:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
