"""Small colour panoramas at sixteen frames a second with known cuts."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.filters.pictures import scenery, turned

FPS = 16
Film = NDArray[np.uint8]


def place(seed: int, frames: int, *, turn_deg_s: float = 0.0, walk_px: float = 0.0) -> Film:
    """A place ``(frames, 160, 320, 3)`` with a striped thing going round, seen by a camera that turns."""
    rng = np.random.default_rng(seed)
    picture = scenery(seed) + cv2.GaussianBlur(rng.normal(0, 22, (160, 320)), (0, 0), 0.8)
    tint = rng.uniform(0.7, 1.0, 3)
    out = []
    for k in range(frames):
        view = picture if turn_deg_s == 0 else turned(picture, turn_deg_s * k / FPS)
        view = view.copy()
        column = int(40 + 3 * k + walk_px * k) % 280
        view[70:90, column : column + 12] += 60 if (k // 2) % 2 else -60
        out.append(np.clip(view[:, :, None] * tint + rng.normal(0, 1, view.shape)[:, :, None], 0, 255))
    return np.asarray(np.rint(out), np.uint8)


def dissolved(first: Film, second: Film, frames: int) -> Film:
    """One film going over into another: the last ``frames`` of one and the first of the other."""
    share = ((np.arange(frames) + 0.5) / frames)[:, None, None, None]
    both = first[-frames:] * (1 - share) + second[:frames] * share
    return np.concatenate([first[:-frames], np.asarray(np.rint(both), np.uint8), second[frames:]])


def one_by_one(film: Film) -> Iterator[NDArray[np.uint8]]:
    """The frames of a film."""
    yield from film


def walk() -> Film:
    """After two seconds nothing is left of what is in view, and from frame to frame nearly all."""
    rng = np.random.default_rng(3)
    way = 120 + 25 * cv2.GaussianBlur(rng.normal(0, 8, (640, 320)), (0, 0), 2.0)
    return np.stack([np.clip(np.repeat(way[4 * k : 4 * k + 160, :, None], 3, 2), 0, 255) for k in range(96)]).astype(
        np.uint8
    )


def flash(film: Film) -> None:
    for at in (20, 47, 71):
        film[at : at + 2] = np.clip(film[at : at + 2].astype(int) + 170, 0, 255)


def concert(film: Film) -> None:
    rng = np.random.default_rng(0)
    for at in range(0, len(film), 9):
        film[at : at + 9] = np.clip(film[at : at + 9] * rng.uniform(0.3, 1.2, 3), 0, 255)


def dim(film: Film) -> None:
    film[:] = film * np.linspace(1, 0.15, len(film))[:, None, None, None]


def shake(film: Film) -> None:
    rng = np.random.default_rng(1)
    for frame in film:
        frame[:] = np.roll(frame, int(rng.normal(0, 10)), axis=1)
