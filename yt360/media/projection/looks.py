"""How a picture looks as a whole: two halves alike, bars, circles."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_BLACK, _ABOVE_BLACK = 24, 5
"""Gray level up to which what is outside of a picture is black, and levels above it at which something is shown."""

_BESIDE = 0.75
"""Part of the half height within which a corner is beside a circle, not above or below it."""

_MOST_SHIFT = 4
"""Parallax that is allowed for when eyes are compared, in pixels of 96."""

_STRAIGHT = 3
"""Pixels by which the edge of a bar may wander."""

_NEAR_CUT, _CLEARLY_LIT, _LIT, _MOST = 24, 20, 0.1, 0.8
"""Pixels inside of a cut within which a row is looked at, gray levels above black from which it is lit there, share of
the rows that must be, and of those in which the light begins at the cut."""


def halves(frames: NDArray[np.uint8]) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """The upper and lower, and the left and right half of frames ``(n, height, width)``."""
    half_height, half_width = frames.shape[1] // 2, frames.shape[2] // 2
    return {
        "top-bottom": (frames[:, :half_height], frames[:, half_height : 2 * half_height]),
        "left-right": (frames[:, :, :half_width], frames[:, :, half_width : 2 * half_width]),
    }


def likeness(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[float, float]:
    """How alike two stacks of half pictures ``(n, h, w)`` are in their details, in [-1, 1], and how much detail the
    poorer of the two has (root mean square, gray levels).

    Slow shading (sky above, ground below) is taken out: it is alike in unrelated pictures. A few pixels of parallax
    are allowed for by trying shifts.
    """
    fine_a, fine_b = _details(a), _details(b)
    power_a, power_b = float((fine_a**2).mean()), float((fine_b**2).mean())
    norm = np.sqrt(power_a * power_b)
    shifts = range(-_MOST_SHIFT, _MOST_SHIFT + 1)
    best = max(float((fine_a * np.roll(fine_b, shift, axis=2)).mean()) for shift in shifts)
    return best / norm if norm > 0 else 0.0, float(np.sqrt(min(power_a, power_b)))


def _details(stack: NDArray[np.uint8]) -> NDArray[np.float32]:
    out = []
    for picture in stack:
        small = cv2.resize(picture, (96, 72), interpolation=cv2.INTER_AREA).astype(np.float32)
        small = cv2.GaussianBlur(small, (0, 0), 1.0)
        fine = small - cv2.GaussianBlur(small, (0, 0), 6.0)
        # The rim of a black pole, a level horizon and upright bars are alike in unrelated halves, too.
        fine -= fine.mean(axis=1, keepdims=True)
        out.append(fine - fine.mean(axis=0, keepdims=True))
    return np.stack(out)


def _empty(frames: NDArray[np.uint8], outside: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Where the frames never show anything, ``(height, width)``, by the level of what may lie ``outside``; None where
    that is not black. A night scene is dark, what is outside of a picture is darker."""
    level = float(np.median(frames[:, outside]))
    if level > _BLACK:
        return None
    return np.asarray(frames.max(axis=0) <= level + _ABOVE_BLACK)


def side_bars(frames: NDArray[np.uint8]) -> float:
    """Width (fraction of the frame) of the narrower of two plain dark bars with straight edges at its sides.

    Where a stage or a lamp fades into the dark, the dark has no straight edge and is no bar.
    """
    edges = np.zeros(frames.shape[1:], bool)
    edges[:, :2] = edges[:, -2:] = True
    empty = _empty(frames, edges)
    if empty is None:
        return 0.0
    lit = empty.mean(axis=1) < 0.98
    if lit.sum() < 0.1 * len(lit):
        return 0.0
    widths = []
    for rows in (empty[lit], empty[lit][:, ::-1]):
        runs = np.argmin(rows, axis=1)
        least = np.percentile(runs, 3)
        widths.append(least if np.mean(runs <= least + _STRAIGHT) > 0.5 else 0.0)
    return float(min(widths) / frames.shape[2])


def empty_sides(frames: NDArray[np.uint8]) -> bool:
    """Whether nothing is ever shown in the left and the right quarter of a frame."""
    quarter = frames.shape[2] // 4
    sides = np.zeros(frames.shape[1:], bool)
    sides[:, : quarter - _STRAIGHT] = sides[:, _STRAIGHT - quarter :] = True
    empty = _empty(frames, sides)
    return empty is not None and bool(empty[sides].mean() > 0.98)


def cut_quarters(frames: NDArray[np.uint8]) -> bool:
    """Of frames with :func:`empty_sides`: whether what is shown ends a quarter of the frame from both sides, in most of
    the rows in which it comes near.

    Coding blurs the edges of dark bars, so that no two rows of them end alike (:func:`side_bars`), but leaves them
    where they are.
    """
    quarter = frames.shape[2] // 4
    brightest = frames.max(axis=0).astype(np.int16) - np.median(frames[:, :, :quarter])
    for side in (brightest, brightest[:, ::-1]):
        lit = side[:, quarter : quarter + _NEAR_CUT].max(axis=1) > _CLEARLY_LIT
        at_once = side[:, quarter - _STRAIGHT : quarter + _STRAIGHT].max(axis=1) > _ABOVE_BLACK
        if lit.mean() < _LIT or at_once[lit].mean() < _MOST:
            return False
    return True


def roundness(frames: NDArray[np.uint8]) -> float:
    """How much emptier the corners of a picture are than the rim of the ellipse that touches its edges, in [-1, 1]."""
    _, height, width = frames.shape
    y, x = np.mgrid[0:height, 0:width]
    radius = np.hypot((x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1)
    rim, corners = (radius > 0.85) & (radius < 0.96), radius > 1.05
    empty = _empty(frames, corners)
    if empty is None:
        return -1.0
    # Black poles hide the ends of the corners; beside the ellipse they must be empty, too.
    beside = corners & (np.abs(y + 0.5 - height / 2) < _BESIDE * height / 2)
    return float(min(empty[corners].mean(), empty[beside].mean()) - empty[rim].mean())
