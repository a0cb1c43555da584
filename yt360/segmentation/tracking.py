"""One id for one object through the maps of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.segmentation.joining import overlaps
from yt360.segmentation.maps import PanopticMap

_LEAST_OVERLAP = 0.1
"""Least intersection over union of two segments of neighbouring maps that can be one object."""

_PATIENCE = 2
"""Maps that an object may be missing in (hidden, or overlooked) and still be the same after."""


@dataclass
class _Track:
    id: int
    category_id: int
    mask: NDArray[np.bool_]
    unseen: int = 0


def join_over_time(maps: Sequence[PanopticMap]) -> list[PanopticMap]:
    """The maps of successive moments with ids that stay: a thing keeps its own, stuff has one a category.

    Things are matched to those of the maps before by overlap on the sphere, each to at most one of its category.
    """
    tracks: list[_Track] = []
    stuff: dict[int, int] = {}
    taken = 0
    joined = []
    for panoptic in maps:
        solid = np.broadcast_to(sphere.row_solid_angles(*panoptic.ids.shape)[:, None], panoptic.ids.shape)
        things = [segment for segment in panoptic.segments if segment.isthing]
        names: dict[int, int] = {}
        for number, track in _match(tracks, panoptic, [thing.id for thing in things], solid).items():
            names[number] = track.id
            track.mask, track.unseen = panoptic.ids == number, -1
        for thing in things:
            if thing.id not in names:
                taken += 1
                names[thing.id] = taken
                tracks.append(_Track(taken, thing.category_id, panoptic.ids == thing.id, -1))
        for segment in panoptic.segments:
            if not segment.isthing:
                if segment.category_id not in stuff:
                    taken += 1
                    stuff[segment.category_id] = taken
                names[segment.id] = stuff[segment.category_id]
        for track in tracks:
            track.unseen += 1
        tracks = [track for track in tracks if track.unseen <= _PATIENCE]
        joined.append(panoptic.renamed(names))
    return joined


def _match(
    tracks: Sequence[_Track], panoptic: PanopticMap, things: Sequence[int], solid: NDArray[np.float64]
) -> dict[int, _Track]:
    """Segment id -> the track it goes on, by the assignment with most overlap in all."""
    if not tracks or not things:
        return {}
    from scipy.optimize import linear_sum_assignment  # here: who only asks where a root stands does not wait for it

    category = {segment.id: segment.category_id for segment in panoptic.segments}
    place = {number: row for row, number in enumerate(things)}
    score = np.zeros((len(things), len(tracks)))
    flat, weight = panoptic.ids.reshape(-1), solid.reshape(-1)
    for column, track in enumerate(tracks):
        before = track.mask.reshape(-1).astype(np.int32)
        for number, _, shared, whole, whole_before in overlaps(flat, before, weight):
            if number in place and category[number] == track.category_id:
                score[place[number], column] = shared / (whole + whole_before - shared)
    rows, columns = linear_sum_assignment(-score)
    return {
        things[row]: tracks[column]
        for row, column in zip(rows, columns, strict=True)
        if score[row, column] >= _LEAST_OVERLAP
    }
