"""What a video is recognised by, and what two of them have to do with each other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

COPY, SAME_SOUND, SAME_PICTURE = "copy", "same-sound", "same-picture"
"""Both are the same recording; the sound alone is (a song under two pictures); the picture alone is (dubbed)."""


def _no_peaks() -> NDArray[np.int64]:
    return np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class VideoFingerprint:
    """``landmarks`` ``(n, 2)`` hashes and times; ``frames`` ``(m, LENGTH)`` int8, one each ``frame_s`` seconds.

    ``peaks`` ``(k, 2)`` are what the landmarks are made of; without them no change of pitch is looked for.
    """

    landmarks: NDArray[np.int64]
    frames: NDArray[np.int8]
    frame_s: float
    duration_s: float
    peaks: NDArray[np.int64] = field(default_factory=_no_peaks)


@dataclass(frozen=True)
class Match:
    """Videos ``one`` < ``other`` (places in the list) hold the same recording, or its sound or picture.

    What is at t in ``one`` is at t * ``speed`` + ``offset_s`` in ``other``. ``picture`` is the cosine of the pictures
    there (``None`` where there are none), of the ``mirrored`` ones if that is set. ``covered_one`` and
    ``covered_other`` are the shares of each that the other has. ``kind`` is one of :data:`COPY`, :data:`SAME_SOUND` and
    :data:`SAME_PICTURE`.
    """

    one: int
    other: int
    votes: int
    rate: float
    offset_s: float
    picture: float | None
    covered_one: float
    covered_other: float
    speed: float = 1.0
    mirrored: bool = False
    kind: str = COPY
