"""All that is measured of a video's frame of reference, from a few stretches of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.filters.frame_of_reference import alignment, picture_course, sound_activity
from yt360.filters.frame_of_reference.alignment import SeenAndHeard
from yt360.filters.frame_of_reference.picture_course import TURN_EVERY, PictureCourse
from yt360.filters.frame_of_reference.turning import turning_evidence

HEIGHT, WIDTH, RATE_HZ = picture_course.HEIGHT, picture_course.WIDTH, picture_course.RATE_HZ
"""Size in pixels at which the picture is looked at, and how many frames a second."""

_LEAST_FRAMES = round(4 * RATE_HZ)
_LEAST_SHARE = 0.8
"""A stretch that ended early is left out where heading and lag are read from all together."""

_TINY = 1e-12


@dataclass(frozen=True)
class Stretch:
    """What was seen and heard from ``start_s`` on.

    ``turns`` ``(n, 3, 3)``, four a second, and ``agreeing`` ``(n,)`` as in
    :class:`yt360.filters.frame_of_reference.picture_rotation.PictureTurn`; ``vectors`` ``(n, bands, 4)`` as in
    :func:`yt360.filters.frame_of_reference.sound_activity.activity`, four a second.
    """

    start_s: float
    both: SeenAndHeard
    turns: NDArray[np.float64]
    agreeing: NDArray[np.float64]
    vectors: NDArray[np.float64]

    @property
    def heading(self) -> NDArray[np.float64]:
        """By how much the picture's content has turned to the left, radians, four a second."""
        return np.unwrap(np.arctan2(self.turns[:, 1, 0], self.turns[:, 0, 0]))

    @property
    def tilt(self) -> NDArray[np.float64]:
        """Angle between what was up in the first picture and what is up now, radians, four a second."""
        return np.asarray(np.arccos(np.clip(self.turns[:, 2, 2], -1, 1)))


def look(start_s: float, frames: Iterable[NDArray[np.uint8]], sound: NDArray[np.float32]) -> Stretch | None:
    """Measure one stretch; ``None`` where there are less than four seconds of it.

    ``frames`` are gray ``(HEIGHT, WIDTH)`` at :data:`RATE_HZ`; ``sound`` is ``(4, samples)`` AmbiX at
    :data:`yt360.filters.frame_of_reference.sound_activity.SAMPLE_RATE_HZ`, both from ``start_s`` on.
    """
    course = picture_course.watch(start_s, frames)
    return None if course is None else listen(course, sound)


def listen(course: PictureCourse, sound: NDArray[np.float32]) -> Stretch | None:
    """What is heard of a stretch that was seen already; the sound as in :func:`look`."""
    count = min(len(course), int(sound.shape[1] / sound_activity.SAMPLE_RATE_HZ * RATE_HZ))
    if count < _LEAST_FRAMES:
        return None
    course = course.part(0, count)
    heard, vectors = sound_activity.activity(sound, np.arange(count) / RATE_HZ)
    between = course.turn_of_frames()
    heading = np.unwrap(np.arctan2(between[:, 1, 0], between[:, 0, 0]))
    quarter = len(vectors) // TURN_EVERY
    pooled = vectors[: quarter * TURN_EVERY].reshape(quarter, TURN_EVERY, *vectors.shape[1:]).sum(axis=1)
    both = SeenAndHeard(course.seen, heard, heading, RATE_HZ)
    return Stretch(course.start_s, both, course.turns, course.agreeing, np.asarray(pooled, np.float64))


def measure(stretches: Sequence[Stretch]) -> dict[str, Any]:
    """The measures of a video, as they stand in its record: JSON values, angles in degrees, times in seconds."""
    parts = _equally_long([stretch.both for stretch in stretches])
    turning = turning_evidence([(each.vectors, _middle(each.heading, len(each.vectors))) for each in stretches])
    heading = alignment.heading_evidence(parts)
    lag = None if heading is None else alignment.lag_evidence(parts, heading.yaw_deg)
    agreeing = np.concatenate([each.agreeing for each in stretches]) if stretches else np.zeros(0)
    return {
        "stretches": len(stretches),
        "followed": round(float(np.mean(agreeing > 0)), 4) if agreeing.size else 0.0,
        "turned_deg": _range_deg([each.heading for each in stretches]),
        "tilted_deg": _range_deg([each.tilt for each in stretches]),
        "turning": None if turning is None else turning.to_json(),
        "heading": None if heading is None else heading.to_json(),
        "lag": None if lag is None else lag.to_json(),
    }


def _equally_long(parts: Sequence[SeenAndHeard]) -> list[SeenAndHeard]:
    """Those that are nearly as long as the longest, cut to the same number of frames."""
    longest = max((len(part.seen) for part in parts), default=0)
    kept = [part for part in parts if len(part.seen) >= _LEAST_SHARE * longest]
    count = min((len(part.seen) for part in kept), default=0)
    return [
        replace(part, seen=part.seen[:count], heard=part.heard[:count], heading=part.heading[:count]) for part in kept
    ]


def course(stretches: Sequence[Stretch]) -> list[dict[str, Any]]:
    """The course of a video over time, as JSON values: turn of the picture and direction of the sound, four a second.

    ``rotation_deg`` is a rotation vector x, y, z: what was in direction v at ``start_s`` is turned by it.
    """
    from scipy.spatial.transform import Rotation

    told = []
    for each in stretches:
        summed = each.vectors.sum(axis=1)
        azimuth = np.degrees(np.arctan2(summed[:, 1], summed[:, 0]))
        direct = np.linalg.norm(summed[:, :3], axis=1) / np.maximum(summed[:, 3], _TINY)
        told.append(
            {
                "start_s": round(each.start_s, 3),
                "step_s": TURN_EVERY / RATE_HZ,
                "rotation_deg": np.degrees(Rotation.from_matrix(each.turns).as_rotvec()).round(2).tolist(),
                "agreeing": each.agreeing.round(3).tolist(),
                "sound_azimuth_deg": azimuth.round(1).tolist(),
                "sound_direct": np.minimum(direct, 1).round(3).tolist(),
            }
        )
    return told


def _middle(heading: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The heading in the middle of each quarter second whose vectors were added up."""
    steps = np.arange(count) + 0.5 * (TURN_EVERY - 1) / TURN_EVERY
    return np.asarray(np.interp(steps, np.arange(len(heading)), heading))


def _range_deg(angles: Sequence[NDArray[np.float64]]) -> float:
    return round(max((float(np.degrees(np.ptp(each))) for each in angles if each.size), default=0.0), 2)
