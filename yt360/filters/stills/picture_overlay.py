"""Something laid over a still picture: does it keep its pixels wherever it goes, or its size on the sphere?

What is laid over an equirectangular picture keeps its pixels on its way up and down. A thing in the world keeps its
size on the sphere: higher up it is wider in the picture, by 1 / cos(elevation), and what lives changes its shape as
well. So what goes far up or down can be told, where the background stands and it can be cut out of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere

FloatImage = NDArray[np.float32]
Thing = tuple[FloatImage, FloatImage]
"""Gray levels of a thing cut out ``(h, w)``, and its contrast with the background; both 0 where it is not."""

_LEAST_LEVELS = 6.0
"""Gray levels by which what moves differs from the background."""

_LEAST_PIXELS = 12
"""Fewest pixels of a thing that can be followed."""

_LARGEST_SHARE = 0.1
"""Largest share of the picture that a wandering thing covers."""

_CLOSING = np.ones((5, 5), np.uint8)
"""Closes gaps of up to four pixels inside a thing."""

_SHIFTS_PX = range(-2, 3)
"""Tried in both directions, so that a border that is a pixel off does not count as another shape."""


@dataclass(frozen=True)
class Path:
    """Where the thing that stands out of the background is in each frame, each ``(n,)``.

    ``elevation_deg`` in [-90, 90]. ``unlike_flat`` and ``unlike_sphere``, in [0, 1], compare it with itself in the
    frame where an elevation's stretch differs most: the part that differs, in gray levels, of all that stands out; of
    the pixels as they are, and once they are stretched as a thing on the sphere is. ``stretch`` is the natural
    logarithm of how much wider that would be in one of the two, 0 or more. NaN where nothing or too much stands out.
    """

    elevation_deg: NDArray[np.float64]
    unlike_flat: NDArray[np.float64]
    unlike_sphere: NDArray[np.float64]
    stretch: NDArray[np.float64]


def follow(frames: Sequence[FloatImage], polar_mask: float) -> Path:
    """The path of what moves in gray frames ``(H, W)`` of one window; the background is the median over time.

    ``polar_mask`` is the share of the rows left out at each pole, above 0: there the stretch has no end.
    """
    height = frames[0].shape[0]
    elevation_deg, flat, on_sphere, differs = np.full((4, len(frames)), np.nan)
    background = np.median(np.stack(frames), axis=0).astype(np.float32)
    masked = max(1, round(height * polar_mask))
    cut: dict[int, Thing] = {}
    for index, frame in enumerate(frames):
        contrast = np.abs(frame - background)
        contrast[:masked] = contrast[height - masked :] = 0
        there = _largest(contrast)
        rows, columns = np.nonzero(there)
        if _LEAST_PIXELS <= rows.size <= _LARGEST_SHARE * there.size:
            elevation_deg[index] = np.rad2deg(sphere.row_elevations(height)[round(float(rows.mean()))])
            cut[index] = _cut(frame, contrast, there, rows, columns)
    wide = -np.log(np.cos(np.deg2rad(elevation_deg)))
    for index, thing in cut.items():
        partner = max(cut, key=lambda other: abs(wide[other] - wide[index]))
        if partner != index:
            wider = float(wide[index] - wide[partner])
            flat[index] = _unlikeness(thing, cut[partner])
            on_sphere[index] = _unlikeness(thing, _stretched(cut[partner], math.exp(wider)))
            differs[index] = abs(wider)
    return Path(elevation_deg, flat, on_sphere, differs)


def _largest(contrast: FloatImage) -> NDArray[np.bool_]:
    """Where the connected part with the most contrast is ``(H, W)``: codecs leave faint trails behind what moves.

    The left-right seam is no edge.
    """
    height, width = contrast.shape
    more = width // 8
    around = np.concatenate([contrast, contrast[:, :more]], axis=1)
    there = cv2.morphologyEx((around > _LEAST_LEVELS).astype(np.uint8), cv2.MORPH_CLOSE, _CLOSING)
    _, labels = cv2.connectedComponents(there, connectivity=8)
    weight = np.bincount(labels.ravel(), around.ravel())
    if weight.size < 2:
        return np.zeros((height, width), bool)
    found: NDArray[np.bool_] = labels == 1 + int(np.argmax(weight[1:]))
    found[:, :more] |= found[:, width:]
    return found[:, :width]


def _cut(
    frame: FloatImage, contrast: FloatImage, there: NDArray[np.bool_], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Thing:
    """What is ``there``, at the pixels of ``rows`` and ``columns``; across the seam it is turned to the middle."""
    width = frame.shape[1]
    towards = float(np.angle(np.exp(2j * np.pi * columns / width).sum()))
    turn = width // 2 - round(towards * width / (2 * np.pi))
    band = slice(int(rows.min()), int(rows.max()) + 1)
    inside = np.roll(there[band], turn, axis=1)
    sides = np.flatnonzero(inside.any(axis=0))
    box = slice(int(sides[0]), int(sides[-1]) + 1)
    shown, stands_out = (np.roll(each[band], turn, axis=1)[:, box] for each in (frame, contrast))
    return shown * inside[:, box], np.maximum(stands_out, 1) * inside[:, box]


def _stretched(thing: Thing, factor: float) -> Thing:
    """``factor`` times as wide."""
    size = max(1, round(thing[0].shape[1] * factor)), thing[0].shape[0]
    there = cv2.resize((thing[1] > 0).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    # At its border half of a pixel is nothing: gray levels are those of the half that is there.
    scale = np.where(there > 0.5, 1 / np.maximum(there, 0.5), 0).astype(np.float32)
    shown, contrast = (cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) * scale for each in thing)
    return shown, contrast


def _unlikeness(first: Thing, second: Thing) -> float:
    """Similarity of two things in [0, 1]; the best of some small shifts counts."""
    rows, columns = np.max([first[0].shape, second[0].shape], axis=0) + 2 * _SHIFTS_PX.stop
    shown, contrast = (_centred(each, rows, columns) for each in first)
    other, other_contrast = (_centred(each, rows, columns) for each in second)
    best = 1.0
    for down in _SHIFTS_PX:
        for right in _SHIFTS_PX:
            moved = np.roll(other, (down, right), axis=(0, 1))
            moved_contrast = np.roll(other_contrast, (down, right), axis=(0, 1))
            stronger = np.maximum(contrast, moved_contrast)
            both = (contrast > 0) & (moved_contrast > 0)
            differs = np.where(both, np.minimum(np.abs(shown - moved), stronger), stronger)
            best = min(best, float(differs.sum() / max(float(stronger.sum()), 1e-9)))
    return best


def _centred(picture: FloatImage, rows: int, columns: int) -> FloatImage:
    out = np.zeros((rows, columns), np.float32)
    top, left = (rows - picture.shape[0]) // 2, (columns - picture.shape[1]) // 2
    out[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return out
