"""Panoptic maps of equirectangular pictures by a model made for ordinary ones.

Two ways. ``equirectangular`` shows the model the picture as it is, as the paper's authors did, but
continued over the seam, and joins what is on both sides of it. ``views`` shows it overlapping
perspective views, two of them straight up and down, and merges their maps on the sphere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.segmentation.backend import PanopticModel
from yt360.segmentation.joining import Groups, overlaps
from yt360.segmentation.maps import PanopticMap, PanopticSegment, merged
from yt360.segmentation.settings import SphereSettings

_SAME = 0.5
"""Share of the smaller one that two segments of a category have in common when they are one object."""

_HORIZON_FOV = math.radians(90)
_POLE_FOV = math.radians(110)


def segment_spheres(
    model: PanopticModel, pictures: Sequence[NDArray[np.uint8]], settings: SphereSettings
) -> list[PanopticMap]:
    """Maps of equirectangular pictures ``(H, W, 3)`` RGB."""
    if settings.way == "equirectangular":
        return _continued(model, pictures, settings.wrap_deg)
    looks = view_set(settings.views)
    crops, sizes = [], []
    for picture in pictures:
        height, width = picture.shape[:2]
        for view in looks:
            side = settings.view_size or natural_size(view, width)
            crops.append(sphere.crop(picture, view, (side, side)))
        sizes.append((height, width))
    maps = model.predict(crops)
    count = len(looks)
    return [merge_views(maps[k * count : (k + 1) * count], looks, size) for k, size in enumerate(sizes)]


def _continued(model: PanopticModel, pictures: Sequence[NDArray[np.uint8]], wrap_deg: float) -> list[PanopticMap]:
    """Maps of pictures that are shown continued over the seam by ``wrap_deg`` at both sides."""
    wrapped, pads = [], []
    for picture in pictures:
        width = picture.shape[1]
        pads.append(min(width // 2, round(width * wrap_deg / 360)))
        wrapped.append(np.concatenate([picture[:, width - pads[-1] :], picture, picture[:, : pads[-1]]], axis=1))
    # Of pictures of many sizes each has its own part that was added; those of one belong together.
    parts = [wide.shape[1] / picture.shape[1] for wide, picture in zip(wrapped, pictures, strict=True)]
    maps: dict[int, PanopticMap] = {}
    for widened in sorted(set(parts)):
        places = [place for place, part in enumerate(parts) if part == widened]
        maps |= zip(places, model.predict([wrapped[place] for place in places], widened=widened), strict=True)
    return [unwrap(maps[place], pad) for place, pad in enumerate(pads)]


def unwrap(wrapped: PanopticMap, pad: int) -> PanopticMap:
    """The map of a sphere from that of its picture continued by ``pad`` columns at both sides.

    Where the continuation shows a column a second time, a segment there and one of the same category
    that covers it in the picture itself are one: so an object across the seam is one segment. Stuff is
    one segment a category.
    """
    ids = wrapped.ids
    width = ids.shape[1] - 2 * pad
    inside = ids[:, pad : pad + width]
    known = {segment.id: segment for segment in wrapped.segments}
    groups: Groups[int] = Groups()
    weights = np.repeat(sphere.row_solid_angles(ids.shape[0], width), 2 * pad)
    # Columns 0 to 2 pad lie around the left edge, and again, W to W + 2 pad, around the right one.
    left, right = ids[:, : 2 * pad].reshape(-1), ids[:, width:].reshape(-1)
    for a, b, shared, whole_a, whole_b in overlaps(left, right, weights):
        same = known[a].category_id == known[b].category_id
        if same and known[a].isthing and shared > _SAME * min(whole_a, whole_b):
            groups.join(a, b)
    return merged(inside, {name: groups.find(name) for name in known}, list(known.values()))


@lru_cache(maxsize=8)
def view_set(count: int) -> tuple[sphere.View, ...]:
    """``count`` views around the horizon, one up and one down; together they see every direction, the horizon twice."""
    around = tuple(
        sphere.View(float(sphere.wrap_angle(2 * math.pi * k / count)), 0.0, _HORIZON_FOV, _HORIZON_FOV)
        for k in range(count)
    )
    poles = tuple(sphere.View(0.0, sign * math.pi / 2, _POLE_FOV, _POLE_FOV) for sign in (1, -1))
    return around + poles


def natural_size(view: sphere.View, width: int) -> int:
    """Pixels a side at which the middle of a view is as fine as the horizon of a sphere ``width`` wide; even."""
    return 2 * round(width * math.tan(view.horizontal_fov / 2) / (2 * math.pi))


@lru_cache(maxsize=32)
def _lookup(
    view: sphere.View, side: int, size: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Which pixels of a sphere a view sees: their flat indices, the view's pixels there, and what these count.

    A pixel counts by the solid angle it stands for (cos³ of its angle to the axis), less towards the
    edges, where a model sees only a part of what is there.
    """
    height, width = size
    rays = sphere.pixel_vectors(height, width).reshape(-1, 3) @ view.rotation.T
    front = rays[:, 0]
    reach_x, reach_y = math.tan(view.horizontal_fov / 2), math.tan(view.vertical_fov / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = rays[:, 1] / front / reach_x, rays[:, 2] / front / reach_y
    seen = np.flatnonzero((front > 0) & (np.abs(x) < 1) & (np.abs(y) < 1))
    x, y = x[seen], y[seen]
    columns = np.minimum(((1 - x) / 2 * side).astype(np.int64), side - 1)
    rows = np.minimum(((1 - y) / 2 * side).astype(np.int64), side - 1)
    edge = np.clip((1 - np.maximum(np.abs(x), np.abs(y))) / 0.2, 0.02, 1)
    return seen, rows * side + columns, (front[seen] ** 3 * edge).astype(np.float32)


def merge_views(maps: Sequence[PanopticMap], views: Sequence[sphere.View], size: tuple[int, int]) -> PanopticMap:
    """One map ``size`` = (height, width) of the sphere out of the maps of its views (square pictures).

    Each direction gets the category that most weight speaks for. Things of a category that two views
    show at the same place are one object.
    """
    height, width = size
    solid = np.repeat(sphere.row_solid_angles(height, width), width)
    ids = np.zeros((len(views), height * width), np.int32)
    weight = np.zeros((len(views), height * width), np.float32)
    segments: list[PanopticSegment] = []
    first = 0
    for number, (panoptic, view) in enumerate(zip(maps, views, strict=True)):
        seen, pixels, counts = _lookup(view, panoptic.ids.shape[0], size)
        own = panoptic.ids.reshape(-1)[pixels]
        ids[number, seen] = np.where(own > 0, own + first, 0)
        weight[number, seen] = counts
        segments += [
            PanopticSegment(s.id + first, s.category_id, s.isthing, s.score, s.area) for s in panoptic.segments
        ]
        first += int(panoptic.ids.max(initial=0))
    known = {segment.id: segment for segment in segments}
    table = np.zeros(first + 1, np.int64)
    for segment in segments:
        table[segment.id] = segment.category_id
    category = _vote(table[ids], weight)
    leader = _leaders(ids, weight > 0, solid, known)
    # Among the views that agree with the vote, the one that sees a pixel best says which object it is.
    agrees = np.where((table[ids] == category) & (ids > 0), weight, 0)
    best = np.argmax(agrees, axis=0)
    pixel = np.arange(height * width)
    chosen = np.where(agrees[best, pixel] > 0, ids[best, pixel], 0)
    return merged(chosen.reshape(height, width), leader, segments)


def _vote(categories: NDArray[np.int64], weight: NDArray[np.float32]) -> NDArray[np.int64]:
    """The category ``(pixels,)`` with most weight of all views ``(views, pixels)``; 0, nothing, has no vote."""
    winner = np.zeros(categories.shape[1], np.int64)
    most = np.zeros(categories.shape[1], np.float32)
    for name in np.unique(categories):
        if name:
            votes = np.where(categories == name, weight, 0).sum(axis=0)
            better = votes > most
            winner[better], most[better] = name, votes[better]
    return winner


def _leaders(
    ids: NDArray[np.int32], seen: NDArray[np.bool_], solid: NDArray[np.float64], known: dict[int, PanopticSegment]
) -> dict[int, int]:
    """For each segment the one that stands for its object."""
    groups: Groups[int] = Groups()
    for a in range(len(ids)):
        for b in range(a + 1, len(ids)):
            both = np.flatnonzero(seen[a] & seen[b])
            for one, other, shared, whole_one, whole_other in overlaps(ids[a, both], ids[b, both], solid[both]):
                same = known[one].category_id == known[other].category_id and known[one].isthing
                if same and shared > _SAME * min(whole_one, whole_other):
                    groups.join(one, other)
    return {name: groups.find(name) for name in known}
