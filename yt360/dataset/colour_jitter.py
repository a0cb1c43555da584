"""Colour jitter as one affine map a crop, applied in one pass over its bytes.

Brightness, contrast, saturation and hue in random order, as torchvision's ``ColorJitter`` names
them. All four are affine in RGB when hue turns the chroma plane of YIQ (rather than the hexagon of
HSV) and values are clamped once at the end (rather than after each step).

Done where the crop is made: 0.09 ms for 8 frames of 112x112, against 2 to 4 ms for the same on
floats in torch on a CPU (both measured on one core), too little to be worth moving to a device.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114])
_TO_YIQ = np.array([_LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


def draw_jitter(
    rng: np.random.Generator, strengths: tuple[float, float, float, float], mean: NDArray[np.floating]
) -> NDArray[np.float64]:
    """A random affine map ``(3, 4)`` on RGB in [0, 1]: ``new = map[:, :3] @ old + map[:, 3]``.

    ``strengths`` of brightness, contrast, saturation (factors in 1 ± strength) and hue (± strength
    of a turn); ``mean`` is the crop's mean colour in [0, 1], which contrast turns about.

    >>> draw_jitter(np.random.default_rng(0), (0.0, 0.0, 0.0, 0.0), np.full(3, 0.5)).round(3) + 0.0  # no change
    array([[1., 0., 0., 0.],
           [0., 1., 0., 0.],
           [0., 0., 1., 0.]])
    """
    factors = [1 + rng.uniform(-strength, strength) for strength in strengths[:3]]
    turn = rng.uniform(-strengths[3], strengths[3])
    matrix, offset = np.eye(3), np.zeros(3)
    for operation in rng.permutation(4):
        step, shift = np.eye(3), np.zeros(3)
        if operation == 0:
            step *= factors[0]
        elif operation == 1:
            step *= factors[1]
            shift += (1 - factors[1]) * (_LUMA @ (matrix @ mean + offset))
        elif operation == 2:
            step = factors[2] * step + (1 - factors[2]) * np.tile(_LUMA, (3, 1))
        else:
            c, s = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
            step = _FROM_YIQ @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ _TO_YIQ
        matrix, offset = step @ matrix, step @ offset + shift
    return np.concatenate([matrix, offset[:, None]], axis=1)


def jitter(
    rng: np.random.Generator, pictures: NDArray[np.uint8], strengths: tuple[float, float, float, float]
) -> NDArray[np.uint8]:
    """The same random change for all frames of a crop ``(time, height, width, 3)``.

    >>> gray = np.full((8, 112, 112, 3), 100, np.uint8)
    >>> jitter(np.random.default_rng(0), gray, (0.4, 0.4, 0.4, 0.2)).shape
    (8, 112, 112, 3)
    """
    rows = pictures.reshape(-1, *pictures.shape[2:])
    change = draw_jitter(rng, strengths, np.array(cv2.mean(rows)[:3]) / 255)
    change[:, 3] *= 255
    return np.asarray(cv2.transform(rows, change), np.uint8).reshape(pictures.shape)
