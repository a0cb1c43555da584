"""Decoded sound laid by its time stamps: silence where packets are missing, nothing twice where they overlap.

Decoders hand over samples one behind the other, whatever the container says about their time. ffmpeg reports every
change of (time stamp - samples before it) as two numbers in its messages, ahead of the samples that it concerns, so
that sound without a gap costs nothing and stays as it is, to the bit.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from yt360.errors import ItemError

STAMP_FILTER = (
    "asetpts='st(1,T*SR-N);if(eq(N,0)+gt(abs(ld(1)-ld(0)),SR*0.0002),st(0,ld(1));print(N,16);print(ld(1),16));PTS'"
)
"""Prints the number of samples before a frame and its time stamp less that, in samples, where that has changed."""

TOLERANCE_S = 0.001
"""Matroska writes time to a thousandth of a second, and libav rounds twice: starts are known to within that."""

STEP_S = 0.00035
"""Least deviation that is followed. ffmpeg evens out what rounding to a thousandth of a second explains."""

_AHEAD_S = 0.00025
"""It follows a clock that drifts to the edge of that rounding: on average the clock is so much further."""

_DRIFT_STEP_S = 0.0002
"""Steps in which a drift that is known is followed."""

_FIRST_S, _FIRST_ROUNDING_S = 0.1, 0.0006
"""A clock drifts less than this so early: what deviates then is the rounding of the first stamp (Opus in Matroska skips
6.5 ms, a first packet that no whole millisecond fits), and later stamps are held against the ones behind it."""

_BRIDGE_S = 0.002
"""Gaps up to this length are bridged and not silenced: nothing is missing there, a clock drifts."""

_LASTING_S = 0.25
"""A deviation counts when it lasts that long: pages of Ogg and clocks of recorders jitter by one packet."""

_JITTER_S = 0.012
"""At the end of the sound nothing can last: only more than this counts there."""

_LONGEST_GAP_S, _LONGEST_OVERLAP_S = 3600.0, 10.0
_MOST_SPLICES, _MOST_SPLICES_HZ = 100, 10.0
_NUMBER = re.compile(rb"\[Eval @ [^\]]*\] (-?[\d.]+|nan|-nan)\s*$")


@dataclass(frozen=True)
class Splice:
    """Where silence was inserted (``seconds`` > 0) or sound left out (< 0), in seconds on the clock of the file."""

    at_s: float
    seconds: float


@dataclass
class SoundNotes:
    """What reading sound found: splices, and in which tenths of a second (from where reading began) there are samples
    that are no numbers, which are read as 0.

    ``start_s`` is where the first frame sounds, from where reading began.
    """

    splices: list[Splice] = field(default_factory=list)
    not_numbers_s: list[float] = field(default_factory=list)
    start_s: float | None = None

    @property
    def inserted_s(self) -> float:
        """Seconds of silence in all gaps."""
        return sum(splice.seconds for splice in self.splices if splice.seconds > 0)

    @property
    def largest_s(self) -> float:
        """Seconds of silence in the largest gap."""
        return max((splice.seconds for splice in self.splices), default=0.0) if self.inserted_s else 0.0

    @property
    def dropped_s(self) -> float:
        """Seconds of sound that were there twice, or before the start of the clock."""
        return -sum(splice.seconds for splice in self.splices if splice.seconds < 0)


class StampSource(Protocol):
    """Tells the time stamps of decoded sound, ahead of the samples that they concern."""

    def new(self) -> list[tuple[int, int]]:
        """Those that came since the last call, as (samples before, stamp less samples before)."""


class Stamps:
    """The time stamps that ffmpeg wrote among its messages, as (samples before, stamp less samples before)."""

    def __init__(self, said: IO[bytes]) -> None:
        self._said = said
        self._at = 0
        self._rest = b""
        self._first: float | None = None

    def new(self) -> list[tuple[int, int]]:
        """Those that came since the last call."""
        found: list[tuple[int, int]] = []
        while data := os.pread(self._said.fileno(), 1 << 16, self._at):
            self._at += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                number = _NUMBER.match(line)
                if number is None:
                    continue
                value = float(number[1])
                if self._first is None:
                    self._first = value
                    continue
                if np.isfinite(value):
                    found.append((round(self._first), round(value)))
                self._first = None
        return found


def first_number(said: IO[bytes]) -> float | None:
    """The first number that a filter printed among ffmpeg's messages; None where there is none."""
    for line in os.pread(said.fileno(), 1 << 16, 0).split(b"\n"):
        number = _NUMBER.match(line)
        if number is not None and np.isfinite(float(number[1])):
            return float(number[1])
    return None


class Layout:
    """Decides at which sample a stretch of decoded sound begins.

    ``expected`` is where the container says that the stream begins, in samples; it is taken where the first frame
    agrees with it, and None after a seek into the stream. ``rough``: the lengths of packets are not known well enough
    to tell that they contradict their stamps. ``drift_ppm`` is how much longer the clock of the stamps is than that of
    the samples where that is known: then it is followed in small steps, and stamps are held against it.
    """

    def __init__(
        self, name: str, rate_hz: int, expected: int | None, *, notes: SoundNotes | None, rough: bool = False,
        drift_ppm: float = 0.0,
    ) -> None:  # fmt: skip
        self._name, self._rate_hz, self._notes = name, rate_hz, notes
        self._tolerance = round(TOLERANCE_S * rate_hz) + 1
        # What is left of stamps beside a known drift is their rounding.
        self._first_step = round(STEP_S * rate_hz) + 1
        self._step = self._tolerance if drift_ppm else self._first_step
        self._drift, self._drifted = drift_ppm / 1e6, 0
        self._drift_step = max(1, round(_DRIFT_STEP_S * rate_hz))
        self._lasting = round(_LASTING_S * rate_hz)
        self._expected = expected
        self._levels: list[tuple[int, int]] = []
        self._next = 0
        self._shift = 0
        self._splices = 0
        self.bridge = round(_BRIDGE_S * rate_hz)
        self._most_splices_hz = float("inf") if rough else _MOST_SPLICES_HZ
        self.offset: int | None = None

    def add(self, stamps: list[tuple[int, int]]) -> None:
        """New stamps, in the order of their samples."""
        for at, level in stamps:
            if self.offset is None:
                self.offset = self._begin(level)
                if self._notes is not None:
                    self._notes.start_s = self.offset / self._rate_hz
                self._shift = self.offset - level
                self._next = 1
            self._levels.append((at, level + self._shift - round(self._drift * at)))

    def _begin(self, level: int) -> int:
        if self._expected is not None and abs(level - self._expected) <= self._tolerance:
            return self._expected
        return level

    def begin_unstamped(self) -> None:
        """Begin where the container says, though no frame had a stamp."""
        self.offset = self._expected or 0

    def next_splice(self, decoded: int, *, ended: bool) -> tuple[int, int] | None:
        """(samples before it, by how much what follows moves) of the next splice before sample ``decoded``.

        A move of 0 says that nothing moves there, and that whatever follows is to be decided when more is known.
        None: nothing happens before ``decoded``.
        """
        assert self.offset is not None
        levels = self._levels
        while self._next < len(levels) and self._agrees(*levels[self._next]):
            if levels[self._next][0] >= decoded and not ended:
                break
            self._next += 1
        at = levels[self._next][0] if self._next < len(levels) else decoded
        if self._drift and (drifted := self._next_drift(min(at, decoded))) is not None:
            return drifted
        if self._next == len(levels) or (at >= decoded and not ended):
            return None
        if decoded < at + self._lasting and not ended:
            return at, 0
        move = self._move(at, decoded)
        self._next += 1
        if not move:
            return self.next_splice(decoded, ended=ended)
        self._count(at, move)
        self.offset += move
        return at, move

    def _agrees(self, at: int, level: int) -> bool:
        assert self.offset is not None
        first = at < _FIRST_S * self._rate_hz
        return abs(level - self.offset) <= (self._first_step if first else self._step)

    def _next_drift(self, before: int) -> tuple[int, int] | None:
        """Where before that sample the drift is followed next, and by how much: never further off than half a step."""
        move = self._drift_step if self._drift > 0 else -self._drift_step
        at = math.ceil((self._drifted + move / 2) / self._drift)
        if at >= before:
            return None
        self._drifted += move
        return at, move

    def _move(self, at: int, decoded: int) -> int:
        """The least deviation in the time after a stamp, without its rounding; 0 where it goes back to what it was."""
        assert self.offset is not None
        end = min(at + self._lasting, decoded)
        window, lengths = [], []
        for k in range(self._next, len(self._levels)):
            begin, level = self._levels[k]
            if begin >= at + self._lasting:
                break
            window.append(level - self.offset)
            following = self._levels[k + 1][0] if k + 1 < len(self._levels) else end
            lengths.append(max(1, min(following, end) - begin))
        whole = decoded >= at + self._lasting
        if whole and max(map(abs, window)) <= 2 * self._tolerance:
            mean = round(float(np.average(window, weights=lengths)))
            if at < _FIRST_S * self._rate_hz and abs(mean) <= _FIRST_ROUNDING_S * self._rate_hz:
                self._shift -= mean
                self._levels = [(begin, level - mean) for begin, level in self._levels]
                return 0
            ahead = 0 if self._drift else round(math.copysign(_AHEAD_S * self._rate_hz, mean))
            return mean + ahead if abs(mean) > self._step else 0
        sign = 1 if window[0] > 0 else -1
        least = min(sign * deviation for deviation in window)
        if least <= 0:
            return 0
        alike = [sign * deviation for deviation in window if sign * deviation <= least + self._tolerance]
        move = sign * ((least + max(alike)) // 2)
        return move if abs(move) > (self._step if whole else _JITTER_S * self._rate_hz) else 0

    def _count(self, at: int, move: int) -> None:
        assert self.offset is not None
        at_s, seconds = (at + self.offset) / self._rate_hz, move / self._rate_hz
        self._splices += 1
        decoded_s = at / self._rate_hz
        if seconds > _LONGEST_GAP_S or -seconds > _LONGEST_OVERLAP_S:
            raise ItemError(
                "time-stamps",
                f"{self._name}: after {at_s:.3f} s of sound the time stamps go on at {at_s + seconds:.3f} s; expected "
                f"at most {_LONGEST_GAP_S:g} s further or {_LONGEST_OVERLAP_S:g} s back; remux it, or cut it there",
            )
        if self._splices > max(_MOST_SPLICES, self._most_splices_hz * decoded_s):
            raise ItemError(
                "time-stamps",
                f"{self._name}: the time stamps leave its samples {self._splices} times within {decoded_s:.1f} s of "
                f"sound, which they spread over {at_s + seconds:.1f} s: the sample rate of {self._rate_hz} Hz or the "
                "time stamps are wrong; convert it anew from its source",
            )
        if self._notes is not None:
            self._notes.splices.append(Splice(round(at_s, 6), round(seconds, 6)))


def lay(read: Callable[[], NDArray[Any]], stamps: StampSource, layout: Layout, block: int) -> Iterator[NDArray[Any]]:
    """Blocks ``(n, channels)`` of decoded sound on a timeline that begins at sample 0.

    ``read`` gives the next decoded block, empty at the end.
    """
    decoded = 0
    waiting: list[NDArray[Any]] = []
    drop = 0
    last: NDArray[Any] | None = None
    ended = False
    while not ended:
        samples = read()
        ended = len(samples) == 0
        decoded += len(samples)
        first = layout.offset is None
        layout.add(stamps.new())
        if layout.offset is None and (ended or len(samples)):
            layout.begin_unstamped()
        if first and layout.offset is not None:
            yield from _zeros(layout.offset, block, samples)
            drop = max(0, -layout.offset)
        held = sum(len(part) for part in waiting)
        if waiting:
            samples = np.concatenate([*waiting, samples])
            waiting = []
        at = decoded - len(samples)
        assert held <= len(samples)
        while layout.offset is not None and (splice := layout.next_splice(decoded, ended=ended)) is not None:
            place, move = splice
            before, samples = samples[: max(0, place - at)], samples[max(0, place - at) :]
            at = max(at, place)
            drop, out = _without(before, drop)
            if len(out):
                last = out[-1]
                yield out
            if move == 0:
                waiting = [samples]
                samples = samples[:0]
                break
            if move < 0:
                drop -= move
            else:
                gap = max(0, move - drop)
                drop = max(0, drop - move)
                if gap <= layout.bridge and last is not None and len(samples) > drop:
                    yield _bridge(last, samples[drop], gap)
                else:
                    yield from _zeros(gap, block, samples)
        drop, out = _without(samples, drop)
        if len(out):
            last = out[-1]
            yield out


def _without(samples: NDArray[Any], drop: int) -> tuple[int, NDArray[Any]]:
    """What is left to drop, and the samples without what was dropped."""
    taken = min(drop, len(samples))
    return drop - taken, samples[taken:]


def _bridge(before: NDArray[Any], after: NDArray[Any], count: int) -> NDArray[Any]:
    """``count`` samples on the way from one to the next."""
    way = (np.arange(1, count + 1) / (count + 1))[:, None]
    return np.asarray(before + (after - before) * way, before.dtype)


def _zeros(count: int, block: int, like: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for offset in range(0, max(0, count), block):
        yield np.zeros((min(block, count - offset), like.shape[1]), like.dtype)
