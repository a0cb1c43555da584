"""What is seen of a short video while ``stills`` decodes it, kept for the filters that come after.

Decoding is most of what looking at a picture costs. A short video is decoded whole for ``stills``; what
``frame_of_reference`` and ``fingerprint`` want to see in it is measured on the way and lies in one small file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.errors import ItemError
from yt360.filters.duplicates import visual_fingerprint
from yt360.filters.frame_of_reference import picture_course
from yt360.filters.frame_of_reference.picture_course import RATE_HZ, PictureCourse
from yt360.filters.frame_of_reference.visual_activity import SECTORS

_DESCRIBED_EVERY = 8
"""Frames from one that is described as a fingerprint to the next: two a second."""


@dataclass(frozen=True)
class PictureLook:
    """The course of a whole video, and what its pictures can be recognised by.

    ``described`` ``(n, LENGTH)`` int8 are fingerprints
    (:func:`yt360.filters.duplicates.visual_fingerprint.describe`), two a second from the start of the course on.
    """

    course: PictureCourse
    described: NDArray[np.int8]

    def described_every(self, step_s: float) -> list[NDArray[np.int8]]:
        """Fingerprints of pictures ``step_s`` apart, each from the middle of its step."""
        count = max(1, round(len(self.course) / RATE_HZ / step_s))
        at = (np.arange(count) + 0.5) * step_s * RATE_HZ / _DESCRIBED_EVERY
        return list(self.described[np.minimum(np.rint(at).astype(int), len(self.described) - 1)])


def look(start_s: float, frames: Sequence[NDArray[np.uint8]]) -> PictureLook | None:
    """Measure gray pictures of any size at :data:`RATE_HZ`, the first at ``start_s``; ``None`` without any."""
    course = picture_course.watch(
        start_s, (_resized(frame, picture_course.HEIGHT, picture_course.WIDTH) for frame in frames)
    )
    if course is None:
        return None
    small = (_resized(each, visual_fingerprint.ROWS, visual_fingerprint.COLUMNS) for each in frames[::_DESCRIBED_EVERY])
    return PictureLook(course, np.stack([visual_fingerprint.describe(each) for each in small]))


def _resized(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if frame.shape == (height, width):
        return frame
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def write_look(path: Path, seen: PictureLook) -> None:
    """Equal looks give equal bytes."""
    course = seen.course
    np.savez(
        path,
        start_s=np.array(course.start_s),
        seen=course.seen.astype(np.float16),
        turns=course.turns.astype(np.float32),
        agreeing=course.agreeing.astype(np.float32),
        described=seen.described,
    )


def read_look(path: Path) -> PictureLook:
    """Raises :class:`ItemError` where the file is not what :func:`write_look` writes."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            start_s, described = float(arrays["start_s"]), arrays["described"]
            seen, turns, agreeing = (arrays[name].astype(float) for name in ("seen", "turns", "agreeing"))
        steps = -(-len(seen) // picture_course.TURN_EVERY)
        shapes = (seen.shape[1:], turns.shape, agreeing.shape, described.shape[1:], bool(len(described)))
        if shapes != ((SECTORS,), (steps, 3, 3), (steps,), (visual_fingerprint.LENGTH,), True):
            raise ValueError(f"arrays of the shapes {shapes}")
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ItemError("damaged-output", f"{path}: expected what was seen of a video, found: {error}") from None
    return PictureLook(PictureCourse(start_s, seen, turns, agreeing), described)
