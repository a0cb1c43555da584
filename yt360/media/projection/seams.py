"""Do two edges of a frame meet on the sphere? Steps over a seam, against steps beside it and between strangers.

A layout says which edges of its faces touch on the sphere: the left and right edge of an equirectangular picture,
eight of the twelve edges of an equi-angular cubemap. Over a seam that closes, a picture changes as little as from
one place to the next inside it; over one that does not, as much as between any two places. All three are measured in
the same picture, so that night, fog, noise and coding, which make them alike, leave nothing to be told instead of a
wrong answer. Poles are no part of it: what is under the camera may be a logo, a tripod or four tiles that meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.media.medians import median
from yt360.media.projection.layouts import Layout

REACHES = (0.5, 2.5)
"""How far from a seam its two sides are read, in pixels of the frame that is judged: the second leaves out what
coding and scaling do to the outermost pixels."""

NOISE = 1.5
"""Gray levels: smaller steps are coding noise."""

_SAMPLES = 96
"""Points along a seam."""

_INNER = 0.94
"""Share of a seam that is read; at its ends three faces meet."""

_STRANGERS = (0.25, 0.4, 0.6, 0.75)
"""How far away, in widths of a face, are the columns that the edges of a picture of one face are held against."""

_SHIFTS = (0.2, 0.35, 0.5, 0.65, 0.8)
"""By how much of its length a side is moved along a seam, so that it does not fit any more."""

_NEAR = 4
"""Pixels: two sides nearer than this lie beside each other in the frame, which is no seam."""

_MIDDLE = slice(_SAMPLES // 2 - 1, _SAMPLES // 2 + 1)
"""The two points in the middle of a seam."""

_SAME = 6
"""Pixels: two seams whose middles are nearer than this are one."""

_MOST_ROW = 1024
"""Points in a row of what is read at once."""

_EDGES = ("left", "right", "top", "bottom")
"""The edges of a face; of an equirectangular picture only the first counts, as its others are the same or poles."""

Points = NDArray[np.float32]


@dataclass(frozen=True)
class SeamEvidence:
    """What the frames say about n seams: arrays ``(n, reaches)``, or twice as wide.

    The second half, which single faces and lines have, is not about how bright the two sides are but about where along
    them something begins: where the joint of two tiles runs along a seam, its sides differ and their corners meet.

    ``step`` is the logarithm of how much larger the step over a seam is than one beside it: about 0 where it closes.
    ``contrast`` is the same for steps between strangers, and ``spread`` how much these differ among each other
    (standard deviation). Where ``contrast`` is about 0 nothing can be told.
    """

    step: NDArray[np.float64]
    contrast: NDArray[np.float64]
    spread: NDArray[np.float64]

    @staticmethod
    def of(found: Sequence[Sequence[tuple[float, float, float]]]) -> SeamEvidence:
        """From (step, contrast, spread) for each reach of each seam."""
        return SeamEvidence(*np.moveaxis(np.asarray(found, float).reshape(len(found), -1, 3), 2, 0))


@dataclass(frozen=True)
class _Seam:
    """Positions ``(_SAMPLES, 2)`` (row, column) for each reach: both sides, one step further inside, strangers."""

    sides: tuple[tuple[Points, Points], ...]
    beside: tuple[tuple[Points, Points], ...]
    strangers: tuple[tuple[Points, ...], ...]


def _on_edge(
    edge: str, along: NDArray[np.float64], distance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(s, t) ``(n, _SAMPLES)`` of points at distances ``(n, 1)`` (in s or t units, positive inside) from an edge."""
    fixed, run = np.broadcast_arrays(-1 + distance if edge in ("left", "top") else 1 - distance, along)
    return (fixed, run) if edge in ("left", "right") else (run, fixed)


def coarseness(width: int, height: int, work_width: int, work_height: int) -> tuple[float, float]:
    """How many pixels of the frame that is judged one pixel of the file fills, across and down; at least 1."""
    across, down = max(1.0, work_width / width), max(1.0, work_height / height)
    return round(across * 4) / 4, round(down * 4) / 4


@lru_cache(maxsize=512)
def _seams(layout: Layout, height: int, width: int, coarse: tuple[float, float]) -> tuple[_Seam, ...]:
    found: list[_Seam] = []
    middles: list[Points] = []
    reaches = len(REACHES)
    for pixels, inner, outer in _beside_edges(layout, np.array([height, width]), coarse):
        pairs = list(zip(inner, outer, strict=True))
        sides, beside = pairs[:reaches], pairs[reaches:]
        nearest = sides[0]
        if middles and _is_known(nearest, np.array(middles)):
            continue
        if not (np.isfinite(inner).all() and np.isfinite(outer).all()):
            continue
        if median(np.hypot(*(nearest[0] - nearest[1]).T))[0] <= _NEAR:
            continue
        strangers: tuple[tuple[Points, ...], ...] = ((),) * reaches
        if len(layout.faces) == 1:
            inwards = np.array([0.0, -np.sign(nearest[0][0, 1] - nearest[1][0, 1])]) * pixels
            strangers = tuple(
                tuple((pair[0] + share * inwards).astype(np.float32) for share in _STRANGERS) for pair in sides
            )
        found.append(_Seam(_single(sides), _single(beside), strangers))
        middles.append(np.array([side[_MIDDLE] for side in reversed(found[-1].sides[0])]))
    return tuple(found)


def _beside_edges(
    layout: Layout, size: NDArray[np.int_], coarse: tuple[float, float]
) -> Iterator[tuple[float, NDArray[np.float64], NDArray[np.float64]]]:
    """For each edge of each face: how many pixels wide the face is from there, and positions
    ``(2 * reaches, _SAMPLES, 2)`` along it: as far inside as :data:`REACHES` say, one step further, and beyond it.

    All edges are looked up at once: a layout has up to 24, and a call costs more than what it computes.
    """
    along = ((np.arange(_SAMPLES) + 0.5) / _SAMPLES * 2 - 1) * _INNER
    widths, inside, beyond = [], [], []
    for face in layout.faces:
        for edge in _EDGES if len(layout.faces) > 1 else _EDGES[:1]:
            sideways = edge in ("left", "right")
            pixels = (face.right - face.left) * size[1] if sideways else (face.bottom - face.top) * size[0]
            wide = coarse[0] if sideways else coarse[1]
            further = [reach + max(2 * reach, wide) for reach in REACHES]
            distance = np.array([*REACHES, *further])[:, None] * (2 / pixels)
            widths.append(float(pixels))
            inside.append(face.frame_position(*_on_edge(edge, along, distance)))
            beyond.append(face.vectors(*_on_edge(edge, along, -distance)))
    inner = _positions(np.moveaxis(np.array(inside), 1, 0), size)
    outer = _positions(np.array(layout.locate(np.array(beyond))), size)
    yield from zip(widths, inner, outer, strict=True)


def _positions(place: NDArray[np.float64], size: NDArray[np.int_]) -> NDArray[np.float64]:
    """(row, column) in pixels of (column, row) ``(2, ...)`` in fractions of the frame."""
    return np.asarray(np.stack([place[1], place[0]], axis=-1) * size - 0.5, float)


def _single(pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[tuple[Points, Points], ...]:
    return tuple((a.astype(np.float32), b.astype(np.float32)) for a, b in pairs)


def _is_known(sides: tuple[NDArray[np.float64], NDArray[np.float64]], middles: Points) -> bool:
    """Whether a seam is one of those known, seen from the other side.

    ``middles`` ``(n, 2, 2, 2)`` are the two points in the middle of both sides of those, the far side first.
    """
    here = np.array([side[_SAMPLES // 2] for side in sides])
    apart = np.hypot(*np.moveaxis(middles - here[:, None], -1, 0)).min(axis=-1)
    return bool((apart.max(axis=-1) < _SAME).any())


def seam_count(layout: Layout, height: int, width: int) -> int:
    """How many seams a layout has in a frame of that size."""
    return len(_seams(layout, height, width, (1.0, 1.0)))


class _Reader:
    """Collects positions, reads them in all frames at once, and gives profiles ``(frames, _SAMPLES)`` back."""

    def __init__(self) -> None:
        self._wanted: list[Points] = []
        self._values: NDArray[np.float32] | None = None

    def want(self, *wanted: Points) -> list[int]:
        self._wanted.extend(wanted)
        return list(range(len(self._wanted) - len(wanted), len(self._wanted)))

    def read(self, frames: NDArray[np.uint8]) -> None:
        positions = np.concatenate(self._wanted)
        rows = -(-len(positions) // _MOST_ROW)
        padded = np.zeros((rows * _MOST_ROW, 2), np.float32)
        padded[: len(positions)] = positions
        grid = padded.reshape(rows, _MOST_ROW, 2)
        values = [
            cv2.remap(
                frame.astype(np.float32), grid[..., 1], grid[..., 0], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            for frame in frames
        ]
        read: Points = np.stack(values).astype(np.float32, copy=False).reshape(len(frames), -1)[:, : len(positions)]
        self._values = read.reshape(len(frames), len(self._wanted), _SAMPLES)

    def __call__(self, *numbers: int) -> NDArray[np.float32]:
        """Profiles ``(len(numbers), frames, _SAMPLES)``."""
        assert self._values is not None
        return np.moveaxis(self._values[:, list(numbers)], 1, 0)


def _change(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean absolute difference over frames and points; leading axes stay."""
    return np.asarray(np.abs(a - b).mean(axis=(-2, -1)), np.float64)


_Numbers = tuple[list[int], list[int], list[int]]
"""Numbers of the profiles of one seam at one reach: sides, beside, strangers."""


def seam_evidence(
    frames: NDArray[np.uint8], layouts: Mapping[str, Layout], coarse: tuple[float, float] = (1.0, 1.0)
) -> dict[str, SeamEvidence]:
    """Evidence of the seams of all ``layouts`` in gray ``frames`` ``(n, height, width)``, by name of the layout."""
    _, height, width = frames.shape
    reader = _Reader()
    wanted: dict[str, list[list[_Numbers]]] = {}
    for name, layout in layouts.items():
        wanted[name] = [
            [
                (reader.want(*seam.sides[k]), reader.want(*seam.beside[k]), reader.want(*seam.strangers[k]))
                for k in range(len(REACHES))
            ]
            for seam in _seams(layout, height, width, coarse)
        ]
    reader.read(frames)
    return {
        name: SeamEvidence.of([_weigh(reader, seams, number) for number in range(len(seams))])
        for name, seams in wanted.items()
    }


def shifted(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Steps between two sides ``(frames, n)`` that are laid against each other in the wrong place."""
    length = a.shape[-1]
    starts = [length - round(share * length) for share in _SHIFTS]
    twice = np.concatenate([b, b], axis=-1)  # what is rolled is a part of it
    return np.array([float(np.abs(a - twice[..., start : start + length]).mean()) for start in starts])


def strangeness(
    far: NDArray[np.float64], moved: NDArray[np.float64], inside: float, noise: float = NOISE
) -> tuple[float, float]:
    """Contrast and spread of the milder of two comparisons: with other places, and with the same sides shifted.

    The first alone calls two plain sides alike, the second two sides that are level layers of a landscape.
    """
    ratios = min((np.log((steps + noise) / inside) for steps in (far, moved)), key=lambda found: float(found.mean()))
    return float(ratios.mean()), float(ratios.std())


def _weigh(reader: _Reader, seams: list[list[_Numbers]], number: int) -> list[tuple[float, float, float]]:
    found, outlines = [], []
    for reach in range(len(REACHES)):
        sides, beside, strangers = seams[number][reach]
        a, b = both = reader(*sides)
        inner = reader(*beside)
        inside = float(_change(both, inner).mean()) + NOISE
        if strangers:
            places = reader(*strangers)
            far = _change(places, a)
            outlines.append(weigh_outlines(both, inner, places))
        else:
            others = reader(*[side for k in range(len(seams)) if k != number for side in seams[k][reach][0]])
            far = np.concatenate([_change(others, one) for one in (a, b, a[..., ::-1], b[..., ::-1])])
        found.append((_log_ratio(_change(a, b), inside), *strangeness(far, shifted(a, b), inside)))
    return found + outlines


def weigh_outlines(
    sides: NDArray[np.float32], beside: NDArray[np.float32], strangers: NDArray[np.float32]
) -> tuple[float, float, float]:
    """The same for where along the sides something begins, whatever is brighter."""
    sides, beside, strangers = (np.abs(np.diff(profiles, axis=-1)) for profiles in (sides, beside, strangers))
    a, b = sides
    inside = float(_change(sides, beside).mean()) + NOISE / 2
    far = strangeness(_change(strangers, a), shifted(a, b), inside, NOISE / 2)
    return (_log_ratio(_change(a, b), inside, NOISE / 2), *far)


def _log_ratio(change: NDArray[np.float64], inside: float, noise: float = NOISE) -> float:
    return float(np.log((change + noise) / inside))
