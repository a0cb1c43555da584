"""Where does a frame break off inside? Between two eyes, and between the rows and faces of a cubemap.

A plain picture and an equirectangular one go on everywhere; an equi-angular cubemap breaks at half its height, two
eyes above each other do, too. A line that happens to lie there (a level horizon) is a step in brightness that is the
same along the line; what breaks off is unlike in what runs along it, so that the common step is taken out.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yt360.media.medians import median
from yt360.media.projection.layouts import Layout
from yt360.media.projection.seams import NOISE, SeamEvidence, shifted, strangeness, weigh_outlines

_REACHES = (0, 2)
"""Pixels of the frame that is judged between a line and what is read on both sides of it."""

_STRANGERS = (0.12, 0.2, 0.3)
"""How far from a line, in heights or widths of the frame, are the parallels that its sides are held against."""

_APART, _POINTS, _IN_PART = 0.02, 20, 0.1
"""Directions (length of their difference) further apart than this do not meet; of so many points along a line, and
the share of them that may meet by chance."""


_Found = tuple[float, float, float]
"""Step, contrast and spread."""


class Line(NamedTuple):
    """A line in the frame: ``upright`` at column ``place``, else at row ``place``, from ``begin`` to ``end``."""

    upright: bool
    place: Fraction
    begin: Fraction
    end: Fraction

    @property
    def name(self) -> str:
        return f"{'column' if self.upright else 'row'}-{self.place}-{self.begin}-{self.end}"


_HALVES = ((Fraction(0), Fraction(1, 2)), (Fraction(1, 2), Fraction(1)))
_PLACES = sorted({Fraction(k, n) for n in (2, 3, 4, 6) for k in range(1, n)})

LINES = tuple(Line(upright, place, *half) for upright in (False, True) for place in _PLACES for half in _HALVES)
"""All lines at which some layout breaks off: halves, thirds, quarters and sixths of the frame, in two pieces."""


def torn_lines(layout: Layout) -> tuple[int, ...]:
    """Numbers of the :data:`LINES` over which a frame of this layout breaks off; not those over which it does in part.

    Whole spheres of two eyes side by side go on: where the left eye ends the right eye begins.
    """
    along = np.array([np.linspace(float(line.begin), float(line.end), _POINTS + 2)[1:-1] for line in LINES])
    place = np.array([float(line.place) for line in LINES])[:, None]
    upright = np.array([line.upright for line in LINES])[:, None]
    sides = []
    for shift in (-1e-4, 1e-4):
        across = np.broadcast_to(place + shift, along.shape)
        column, row = np.where(upright, across, along), np.where(upright, along, across)
        sides.append(layout.seen_at(column.ravel(), row.ravel()))
    meets = np.linalg.norm(sides[0] - sides[1], axis=-1).reshape(along.shape) < _APART
    return tuple(int(number) for number in np.flatnonzero(meets.mean(axis=1) <= _IN_PART))


def line_evidence(frames: NDArray[np.uint8], coarse: tuple[float, float] = (1.0, 1.0)) -> SeamEvidence:
    """For each of :data:`LINES`, whether gray ``frames`` ``(n, height, width)`` go on over it."""
    pictures = frames.astype(np.float32)
    sideways = np.ascontiguousarray(pictures.transpose(0, 2, 1))
    found = []
    for line in LINES:
        across, wide = (sideways, coarse[0]) if line.upright else (pictures, coarse[1])
        evidence = [_line(across, line, wide, reach) for reach in _REACHES]
        found.append([shades for shades, _ in evidence] + [outlines for _, outlines in evidence])
    return SeamEvidence.of(found)


def _line(pictures: NDArray[np.float32], line: Line, coarse: float, reach: int) -> tuple[_Found, _Found]:
    """By shades and by outlines. The line lies along the last axis of ``pictures``."""
    _, size, length = pictures.shape
    part = slice(round(float(line.begin) * length), round(float(line.end) * length))
    a = int(np.floor(float(line.place) * size - 1e-9)) - 1 - reach
    b = int(np.ceil(float(line.place) * size - 1e-9)) + reach
    apart = max(b - a, int(np.ceil(coarse)))
    inside = (_unlike(pictures, part, a - apart, a) + _unlike(pictures, part, b, b + apart)) / 2 + NOISE
    places = [
        (side + towards * int(share * size)) % size for side, towards in ((a, -1), (b, 1)) for share in _STRANGERS
    ]
    near = [a] * len(_STRANGERS) + [b] * len(_STRANGERS)
    strangers = [_unlike(pictures, part, side, place) for side, place in zip(near, places, strict=True)]
    moved = shifted(_fine(pictures[:, a, part]), _fine(pictures[:, b, part]))
    step = float(np.log((_unlike(pictures, part, a, b) + NOISE) / inside))
    rows = [np.moveaxis(pictures[:, group, part], 1, 0) for group in ([a, b], [a - apart, b + apart], places)]
    return (step, *strangeness(np.array(strangers), moved, inside)), weigh_outlines(*rows)


def _unlike(pictures: NDArray[np.float32], part: slice, a: int, b: int) -> float:
    """Mean absolute difference of two rows without what is common to all of it."""
    return float(np.abs(_fine(pictures[:, a, part] - pictures[:, b, part])).mean())


def _fine(row: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(row - median(row), np.float32)
