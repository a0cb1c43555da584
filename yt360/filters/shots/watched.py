"""Frames read once, each handed on when it is known whether a shot has ended before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from yt360.filters.shots.transitions import ShotDetector, Transition


class WatchedFrames:
    """Frames by their number, in ascending order, and the transitions among them.

    No frame before the last one that was asked for can be had again; at most about :attr:`ShotDetector.lookahead`
    frames are held.
    """

    def __init__(self, frames: Iterator[NDArray[np.uint8]], detector: ShotDetector) -> None:
        self.first = 0
        """Number of the first frame that can still be had."""
        self._frames = frames
        self._detector = detector
        self._held: deque[NDArray[np.uint8]] = deque()
        self._over = False

    def at(self, number: int) -> NDArray[np.uint8] | None:
        """A frame; every transition that begins before it is known then. None after the last one."""
        if number < self.first:
            raise ValueError(f"frame {number} was given back, the first one held is {self.first}")
        self._settle(number + 1, keep=number)
        return self._held[0] if self._held else None

    def inside(self, begin: int, end: int) -> list[Transition]:
        """The transitions that touch the frames from ``begin`` up to, not including, ``end``."""
        self._settle(end, keep=self.first)
        late = takewhile(lambda found: found.end > begin, reversed(self._detector.transitions))
        return [found for found in late if found.begin < end - 1][::-1]

    def known(self) -> list[Transition]:
        """All transitions found so far."""
        return self._detector.transitions

    def _settle(self, number: int, *, keep: int) -> None:
        self._give_back(keep)
        while not self._over and self._detector.settled < number:
            frame = next(self._frames, None)
            if frame is None:
                self._detector.finish()
                self._over = True
            else:
                self._held.append(frame)
                self._detector.push(frame)
                self._give_back(keep)

    def _give_back(self, before: int) -> None:
        while self.first < before and self._held:
            self._held.popleft()
            self.first += 1
