"""Perspective crops: the gnomonic pictures of views out of whole equirectangular frames, fast enough for training.

The same geometry as :func:`yt360.sphere.crop`, in single precision, on frames that are decoded with a pixel of room
around them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere

PAD = 1
"""Pixels around an equirectangular picture that hold what lies beyond the seam and the poles."""

ARCTAN = np.array([0.9998660, -0.3302995, 0.1801410, -0.0851330, 0.0208351], np.float32)
"""Abramowitz and Stegun, Handbook of Mathematical Functions, 4.4.47: arctan of 0 to 1, of odd powers."""
_STEPS = np.float32(32)
"""Places in steps of a thirty-second of a pixel, because all that single precision then does with bytes is exact."""
_HALF_TURN = np.float32(math.pi)
_TINY = np.float32(1e-30)


@dataclass(frozen=True)
class DrawnView:
    """A view and what is done to it. ``corners``: pixels of crop and source stand for their upper left corners."""

    view: sphere.View
    flip: bool
    gain: float
    corners: bool


def picture_map(
    drawn: DrawnView, size: int, source_size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns and rows ``(size, size)`` of a crop's pixels in pictures padded by :data:`PAD`, for :func:`crop_into`.

    The same as :func:`yt360.sphere.sampling_map` in single precision (held to 0.01 pixels by a test) and in steps of
    a thirty-second of a pixel, with the flip and the pixel convention built in.

    >>> ahead = DrawnView(sphere.View(0.0, 0.0, 1.5, 1.5), flip=False, gain=1.0, corners=False)
    >>> columns, rows = picture_map(ahead, 3, (224, 448))
    >>> float(columns[1, 1] - PAD), float(rows[1, 1] - PAD)  # of the middle pixel
    (223.5, 111.5)
    """
    columns, rows = picture_maps([drawn], size, source_size)
    return columns[0], rows[0]


def picture_maps(
    drawn: Sequence[DrawnView], size: int, source_size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """:func:`picture_map` of several views at once: ``(views, size, size)`` both.

    >>> ahead = DrawnView(sphere.View(0.0, 0.0, 1.5, 1.5), flip=False, gain=1.0, corners=False)
    >>> [part.shape for part in picture_maps([ahead, ahead], 3, (224, 448))]
    [(2, 3, 3), (2, 3, 3)]
    """
    places = _places(drawn, size, source_size)
    for each in places:
        each *= _STEPS
        np.rint(each, out=each)
        each /= _STEPS
    return places


def view_rays(drawn: Sequence[DrawnView]) -> NDArray[np.float32]:
    """``(views, 3, 3)``: a pixel of a view looks along ``rays[0] + a rays[1] + b rays[2]``, a from 1 (left) to -1 and b
    from 1 (up) to -1; the lengths of these do not matter. Mirroring turns a round.

    >>> ahead = DrawnView(sphere.View(0.0, 0.0, math.pi / 2, math.pi / 2), flip=False, gain=1.0, corners=False)
    >>> view_rays([ahead]).round(6).tolist()
    [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """
    views = [each.view for each in drawn]
    lengths = [[1.0, math.tan(view.horizontal_fov / 2), math.tan(view.vertical_fov / 2)] for view in views]
    rotations = np.array([view.rotation for view in views])
    return np.asarray(np.array(lengths)[..., None] * rotations, np.float32) + np.float32(0)


def _places(
    drawn: Sequence[DrawnView], size: int, source_size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns and rows ``(views, size, size)`` of crops' pixels in a picture padded by :data:`PAD`."""
    height, width = source_size
    left, up = np.empty((len(drawn), 1, size), np.float32), np.empty((len(drawn), size, 1), np.float32)
    origins = np.empty((len(drawn), 1, 1), np.float32)
    for number, each in enumerate(drawn):
        middle = 1 - (np.arange(size) + (0.0 if each.corners else 0.5)) * (2 / size)
        across = math.tan(each.view.horizontal_fov / 2) * middle
        left[number, 0] = across[::-1] if each.flip else across
        up[number, :, 0] = math.tan(each.view.vertical_fov / 2) * middle
        origins[number] = PAD if each.corners else PAD - 0.5
    # Rays are (1, left, up) @ rotation; their length does not matter to arctan2.
    turned = np.stack([each.view.rotation for each in drawn]).astype(np.float32)[..., None, None]
    (fx, fy, fz), (lx, ly, _), (ux, uy, uz) = (turned[:, row].swapaxes(0, 1) for row in range(3))
    x = (fx + left * lx) + up * ux
    y = (fy + left * ly) + up * uy
    z = fz + up * uz  # without roll, a view's left is level (lz is 0)
    columns = _arctan2(y, x)
    np.subtract(np.float32(math.pi), columns, out=columns)
    columns *= np.float32(width / (2 * math.pi))
    columns += origins
    np.multiply(x, x, out=x)
    np.multiply(y, y, out=y)
    np.sqrt(np.add(x, y, out=x), out=x)
    rows = _arctan2(z, x, ahead=True)
    np.subtract(np.float32(math.pi / 2), rows, out=rows)
    rows *= np.float32(height / math.pi)
    rows += origins
    return columns, rows


def crop_labels(labels: NDArray[Any], drawn: DrawnView, size: int) -> NDArray[Any]:
    """The view that :func:`crop_frames` makes of pictures, of label maps ``(T, H, W)``: ``(T, size, size)``.

    Nearest neighbour: no label comes out that did not go in. Any integer type.

    >>> ahead = DrawnView(sphere.View(0.0, 0.0, 1.5, 1.5), flip=False, gain=1.0, corners=False)
    >>> crop_labels(np.full((1, 64, 128), 7), ahead, 2).tolist()
    [[[7, 7], [7, 7]]]
    """
    height, width = labels.shape[1:]
    ((columns,), (rows,)) = _places([drawn], size, (height, width))
    column = np.rint(columns).astype(np.int64) - PAD
    row = np.clip(np.rint(rows).astype(np.int64) - PAD, 0, height - 1)
    return labels[:, row, column % width]


def _arctan2(y: NDArray[np.float32], x: NDArray[np.float32], *, ahead: bool = False) -> NDArray[np.float32]:
    """``arctan2`` within 1.2e-5 radians (0.004 pixels of a picture 2048 wide), with the same bits on every processor.

    numpy's takes as long with AVX-512, and several times as long without. ``ahead``: no ``x`` is negative; ``x`` may
    have rows for which ``y`` has one number each.
    """
    low, high = (x if ahead else np.abs(x)), np.abs(y)
    steep = high > low
    ratio = np.minimum(low, high)
    high = np.maximum(low, high)
    np.divide(ratio, np.maximum(high, _TINY, out=high), out=ratio)
    square = np.multiply(ratio, ratio, out=high)
    angle: NDArray[np.float32] = square * ARCTAN[-1] + ARCTAN[-2]
    for coefficient in ARCTAN[-3::-1]:
        angle *= square
        angle += coefficient
    angle *= ratio
    # |turn - angle|, where the turn may be nothing: masked operations would take twice the time of all the rest.
    turns = (steep * (_HALF_TURN / 2),) if ahead else (steep * (_HALF_TURN / 2), (x < 0) * _HALF_TURN)
    for turn in turns:
        np.abs(np.subtract(turn, angle, out=angle), out=angle)
    # The sign of y by its bit: numpy's copysign takes six times as long.
    angle.view(np.uint32)[...] |= np.broadcast_to(y, angle.shape).view(np.uint32) & np.uint32(1 << 31)
    return angle


def continue_sphere(frames: NDArray[np.uint8]) -> None:
    """Fill the :data:`PAD` pixels around frames ``(T, H + 2, W + 2, 3)`` with what lies beyond poles and seam.

    >>> frames = np.zeros((1, 4, 6, 3), np.uint8)
    >>> frames[0, 1:3, 1:5] = np.array([10, 20, 30, 40])[:, None]
    >>> continue_sphere(frames)
    >>> frames[0, ..., 0]
    array([[20, 30, 40, 10, 20, 30],
           [40, 10, 20, 30, 40, 10],
           [40, 10, 20, 30, 40, 10],
           [20, 30, 40, 10, 20, 30]], dtype=uint8)
    """
    half = (frames.shape[2] - 2 * PAD) // 2
    for edge, inner in ((0, 1), (-1, -2)):
        row = frames[:, inner, PAD:-PAD]
        frames[:, edge, PAD : PAD + half] = row[:, half:]
        frames[:, edge, PAD + half : -PAD] = row[:, :half]
    frames[:, :, 0] = frames[:, :, -2]
    frames[:, :, -1] = frames[:, :, 1]


def crop_frames(frames: NDArray[np.uint8], drawn: DrawnView, size: int) -> NDArray[np.uint8]:
    """The gnomonic pictures ``(T, size, size, 3)`` of a drawn view, out of frames :func:`continue_sphere` filled.

    >>> ahead = DrawnView(sphere.View(0.0, 0.0, 1.5, 1.5), flip=False, gain=1.0, corners=False)
    >>> frames = np.full((8, 66, 130, 3), 50, np.uint8)
    >>> continue_sphere(frames)
    >>> crop_frames(frames, ahead, 112).shape
    (8, 112, 112, 3)
    """
    places = picture_map(drawn, size, (frames.shape[1] - 2 * PAD, frames.shape[2] - 2 * PAD))
    crops = np.empty((len(frames), size, size, 3), np.uint8)
    for frame, crop in zip(frames, crops, strict=True):
        crop_into(crop, cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA), places)
    return crops


def crop_into(
    crop: NDArray[np.uint8],
    frame: NDArray[Any],
    places: tuple[NDArray[np.float32], NDArray[np.float32]],
    room: NDArray[np.uint8] | None = None,
) -> None:
    """Fill ``crop`` (size, size, 3) from one frame (H + 2, W + 2, 4) that :func:`continue_sphere` filled, by
    :func:`picture_map`: bilinear, to the nearest level.

    Nobody looks at the fourth channel: OpenCV crops pictures of four in half the time that those of three take.
    ``room`` (size, size, 4): memory for it.

    >>> ahead = DrawnView(sphere.View(0.0, 0.0, 1.5, 1.5), flip=False, gain=1.0, corners=False)
    >>> crop = np.empty((2, 2, 3), np.uint8)
    >>> crop_into(crop, np.full((66, 130, 4), 50, np.uint8), picture_map(ahead, 2, (64, 128)))
    >>> crop[..., 0].tolist()
    [[50, 50], [50, 50]]
    """
    columns, rows = places
    four = cv2.remap(frame, columns, rows, cv2.INTER_LINEAR, dst=room, borderMode=cv2.BORDER_REPLICATE)
    cv2.cvtColor(four, cv2.COLOR_RGBA2RGB, dst=crop)
