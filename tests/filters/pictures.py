"""Small gray equirectangular worlds with known motion, ``(time, 160, 320)`` uint8 at two frames a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere

HEIGHT, WIDTH, SAMPLES = 160, 320, 20


def scenery(seed: int = 0) -> NDArray[np.float32]:
    """A textured still picture without a seam."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH), 110, np.float32)
    for octave in range(5):
        size = 4 * 2**octave
        noise = rng.standard_normal((size, 2 * size)).astype(np.float32)
        noise = np.concatenate([noise, noise[:, :2]], axis=1)
        wide = cv2.resize(noise, (WIDTH + WIDTH // size, HEIGHT), interpolation=cv2.INTER_CUBIC)
        picture += wide[:, :WIDTH] * 35 / (octave + 1)
    for _ in range(20):
        row, column = int(rng.integers(50, 110)), int(rng.integers(0, WIDTH - 30))
        picture[row : row + int(rng.integers(5, 25)), column : column + int(rng.integers(4, 25))] = rng.uniform(30, 220)
    # As sharp as a lens or an encoder leaves it, not sharper.
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.float32)


def film(draw: Callable[[int], np.ndarray], grain: float = 0.0, seed: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Frames that ``draw`` makes of the sample number, with fresh grain of that standard deviation."""
    rng = np.random.default_rng(seed)
    for index in range(SAMPLES):
        frame = draw(index) + grain * rng.standard_normal((HEIGHT, WIDTH))
        yield np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def with_box(picture: np.ndarray, row: int, column: float, height: int, width: int, level: float) -> np.ndarray:
    """The picture with a striped box whose left edge is at a fractional column."""
    out = picture.copy()
    stripes = np.full((height, width), level, np.float32)
    stripes[::4] = 255 - level
    shift = np.array([[1, 0, column], [0, 1, row]], np.float32)
    mask = cv2.warpAffine(np.ones_like(stripes), shift, (WIDTH, HEIGHT))
    return out * (1 - mask) + cv2.warpAffine(stripes, shift, (WIDTH, HEIGHT))


def turned(picture: np.ndarray, yaw_deg: float, pitch_deg: float = 0.0) -> np.ndarray:
    """The picture with the whole sphere turned."""
    rotation = sphere.pitch_rotation(np.deg2rad(pitch_deg)) @ sphere.yaw_rotation(np.deg2rad(yaw_deg))
    return sphere.rotate_picture(picture.astype(np.float32), rotation, "cubic")
