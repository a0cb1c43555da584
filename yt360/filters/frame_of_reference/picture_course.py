"""What is seen of a stretch of video: how the picture turns over time, and where in it something moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.filters.frame_of_reference.picture_rotation import RotationTracker
from yt360.filters.frame_of_reference.visual_activity import ActivityMeter

HEIGHT, WIDTH = 128, 256
"""Size in pixels at which the picture is looked at."""

RATE_HZ = 16.0
"""Frames a second that are compared with their neighbours."""

TURN_EVERY = 4
"""Of which every fourth is measured for the turn of the picture: four a second."""


@dataclass(frozen=True)
class PictureCourse:
    """From ``start_s`` on, :data:`RATE_HZ` frames a second.

    ``seen`` ``(n, SECTORS)`` is what changed since the frame before, as in
    :meth:`yt360.filters.frame_of_reference.visual_activity.ActivityMeter.push`; ``turns`` ``(m, 3, 3)``, one every
    :data:`TURN_EVERY` frames, and ``agreeing`` ``(m,)`` as in
    :class:`yt360.filters.frame_of_reference.picture_rotation.PictureTurn`.
    """

    start_s: float
    seen: NDArray[np.floating]
    turns: NDArray[np.float64]
    agreeing: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.seen)

    def part(self, first: int, count: int) -> PictureCourse:
        """``count`` frames (or as many as there are) from the one before ``first`` on whose turn is known.

        Turns are against the first of them, in which nothing has changed yet.
        """
        turn = first // TURN_EVERY
        begin = turn * TURN_EVERY
        seen = np.array(self.seen[begin : begin + count])
        seen[:1] = 0
        inside = slice(turn, turn - (-len(seen) // TURN_EVERY))
        turns = self.turns[inside]
        return PictureCourse(
            self.start_s + begin / RATE_HZ, seen, turns @ turns[0].T if len(turns) else turns, self.agreeing[inside]
        )

    def turn_of_frames(self) -> NDArray[np.float64]:
        """The turn of each frame ``(n, 3, 3)``."""
        return turn_of_frames(self.turns, len(self))


def turn_of_frames(turns: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The turn of each of ``count`` frames ``(count, 3, 3)``, between those that are known ``(m, 3, 3)``."""
    from scipy.spatial.transform import Rotation, Slerp  # here: who only asks where a root stands does not wait for it

    if len(turns) < 2:
        return np.broadcast_to(turns[0], (count, 3, 3))
    at = np.arange(len(turns)) * TURN_EVERY
    between = Slerp(at, Rotation.from_matrix(turns))(np.minimum(np.arange(count), at[-1]))
    return np.asarray(between.as_matrix())


def watch(start_s: float, frames: Iterable[NDArray[np.uint8]]) -> PictureCourse | None:
    """Measure gray pictures ``(HEIGHT, WIDTH)`` at :data:`RATE_HZ`, the first at ``start_s``; ``None`` without any."""
    pictures = list(frames)
    if not pictures:
        return None
    tracker = RotationTracker()
    found = [tracker.push(picture) for picture in pictures[::TURN_EVERY]]
    turns = np.array([each.rotation for each in found])
    agreeing = np.array([each.agreeing for each in found])
    between = turn_of_frames(turns, len(pictures))
    meter, seen = ActivityMeter(), []
    for index, picture in enumerate(pictures):
        change = meter.push(picture, between[index] @ between[index - 1].T if index else None)
        lost = agreeing[min(-(-index // TURN_EVERY), len(found) - 1)] == 0
        seen.append(np.zeros_like(change) if lost else change)
    return PictureCourse(start_s, np.array(seen), turns, agreeing)
