"""A panoptic map: one picture, each pixel in at most one segment, each segment of one category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Category:
    """``id`` as files hold it; ``isthing``: countable, so that each one is a segment of its own."""

    id: int
    name: str
    isthing: bool
    supercategory: str = ""


@dataclass(frozen=True)
class PanopticSegment:
    """``id`` in the map, its category, the model's ``score`` in [0, 1], and its ``area`` in pixels."""

    id: int
    category_id: int
    isthing: bool
    score: float
    area: int


@dataclass(frozen=True)
class PanopticMap:
    """``ids`` ``(H, W)`` int32: the segment of each pixel, 0 for none; and the ``segments``, in order of their ids."""

    ids: NDArray[np.int32]
    segments: tuple[PanopticSegment, ...]

    def category_map(self) -> NDArray[np.int32]:
        """Category id of each pixel ``(H, W)`` int32, 0 where there is none."""
        table = np.zeros(max((s.id for s in self.segments), default=0) + 1, np.int32)
        for segment in self.segments:
            table[segment.id] = segment.category_id
        return table[np.minimum(self.ids, len(table) - 1)]

    def renamed(self, names: Mapping[int, int]) -> PanopticMap:
        """The same map with other segment ids; segments that get one name become one."""
        table = np.zeros(max(names, default=0) + 1, np.int32)
        table[list(names)] = list(names.values())
        return from_ids(table[self.ids], [replace(s, id=names[s.id]) for s in self.segments])


def from_ids(ids: NDArray[np.int32], segments: Sequence[PanopticSegment]) -> PanopticMap:
    """A map whose segments are those of ``segments`` that ``ids`` shows, with their areas counted anew.

    Where several segments have one id, the best scored one speaks for it.
    """
    found, areas = np.unique(ids, return_counts=True)
    area_of = dict(zip(found.tolist(), areas.tolist(), strict=True))
    best: dict[int, PanopticSegment] = {}
    for segment in segments:
        known = best.get(segment.id)
        if segment.id in area_of and (known is None or segment.score > known.score):
            best[segment.id] = segment
    listed = tuple(replace(best[name], area=area_of[name]) for name in sorted(best))
    return PanopticMap(np.ascontiguousarray(ids, np.int32), listed)


def merged(ids: NDArray[np.int32], group_of: dict[int, int], segments: list[PanopticSegment]) -> PanopticMap:
    """A map in which the segments of a group are one, and so is all stuff of a category.

    ``group_of`` gives for each segment's id that of its group's leader. New ids count from 1, in order of the old ones.
    Segments that ``ids`` does not show are left out.
    """
    stuff: dict[int, int] = {}
    names: dict[int, int] = {}
    shown = set(np.unique(ids).tolist())
    numbers: dict[int, int] = {}
    for segment in sorted(segments, key=lambda each: each.id):
        if segment.id in shown:
            leader = group_of[segment.id] if segment.isthing else stuff.setdefault(segment.category_id, segment.id)
            names[segment.id] = numbers.setdefault(leader, len(numbers) + 1)
    table = np.zeros(int(ids.max(initial=0)) + 1, np.int32)
    for old, new in names.items():
        table[old] = new
    kept = [PanopticSegment(names[s.id], s.category_id, s.isthing, s.score, s.area) for s in segments if s.id in names]
    return from_ids(table[ids], kept)
