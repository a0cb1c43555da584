"""What is done to panoramas before they are uploaded: patches, caps, titles, fades, noise, too little light."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Flaw = Callable[[np.random.Generator, Frames], Frames]


def _rows(frames: Frames, degrees: float) -> int:
    return max(2, int(frames.shape[1] * degrees / 180))


def _black_caps(rng: np.random.Generator, frames: Frames) -> Frames:
    """What the rig does not see stays black."""
    found, rows = frames.copy(), _rows(frames, rng.uniform(12, 35))
    found[:, -rows:] = 0
    if rng.random() < 0.6:
        found[:, :rows] = 0
    return found


def _grey_patch(rng: np.random.Generator, frames: Frames) -> Frames:
    """One flat colour over the tripod."""
    found = frames.copy()
    found[:, -_rows(frames, rng.uniform(10, 25)) :] = rng.integers(0, 256, 3)
    return found


def _logo(rng: np.random.Generator, frames: Frames) -> Frames:
    """A round logo with spokes and a rim over the nadir."""
    found, (height, width) = frames.copy(), frames.shape[1:3]
    rows = _rows(frames, rng.uniform(14, 30))
    turn = np.linspace(0, 2 * np.pi, width, endpoint=False)
    spokes, ink, paper = int(rng.integers(3, 9)), rng.integers(0, 256, 3), rng.integers(0, 256, 3)
    for row in range(height - rows, height):
        depth = (height - row) / rows
        mark = (np.sin(spokes * turn + 5 * depth * rng.choice([0.0, 1.0])) > 0.2) & (depth > 0.25) & (depth < 0.85)
        found[:, row] = np.where(mark[:, None], ink, paper)
    return found


def _blurred_nadir(rng: np.random.Generator, frames: Frames) -> Frames:
    """The tripod smeared away along the rows, as phone apps do."""
    found, rows = frames.copy(), _rows(frames, rng.uniform(20, 40))
    for frame in found:
        for row in range(frame.shape[0] - rows, frame.shape[0]):
            reach = 1 + 2 * ((row - frame.shape[0] + rows) * frame.shape[1] // (8 * rows))
            padded = np.concatenate([frame[row, -reach:], frame[row], frame[row, :reach]])[None]
            frame[row] = cv2.blur(padded, (reach, 1))[0, reach:-reach]
    return found


def _title(rng: np.random.Generator, frames: Frames) -> Frames:
    """A line of text in front, drawn onto the flat picture, and a bar behind it."""
    found, (height, width) = frames.copy(), frames.shape[1:3]
    for frame in found:
        cv2.rectangle(frame, (width // 3, int(0.62 * height)), (2 * width // 3, int(0.75 * height)), (20, 20, 20), -1)
        place = (int(0.36 * width), int(0.72 * height))
        cv2.putText(frame, "Chapter one", place, cv2.FONT_HERSHEY_SIMPLEX, height / 400, (255, 255, 255), 2)
    return found


def _dark(rng: np.random.Generator, frames: Frames) -> Frames:
    """A night: a seventh of the light, and the noise of a small sensor."""
    noise = rng.normal(0, rng.uniform(1, 4), frames.shape)
    return np.clip(frames * rng.uniform(0.08, 0.2) + noise, 0, 255).astype(np.uint8)


def _haze(rng: np.random.Generator, frames: Frames) -> Frames:
    """Little contrast left."""
    pale: Frames = np.clip(frames * 0.2 + rng.uniform(90, 180), 0, 255).astype(np.uint8)
    return pale


def _grain(rng: np.random.Generator, frames: Frames) -> Frames:
    return np.clip(frames + rng.normal(0, rng.uniform(6, 14), frames.shape), 0, 255).astype(np.uint8)


def _stitching(rng: np.random.Generator, frames: Frames) -> Frames:
    """Two lenses that do not match: one half brighter, the seam a few pixels off and feathered."""
    found, width = frames.copy(), frames.shape[2]
    gain, slip = rng.uniform(1.05, 1.2), int(rng.integers(1, 4))
    left, right = width // 4, 3 * width // 4
    found[:, :, left:right] = np.clip(np.roll(frames, slip, axis=1)[:, :, left:right] * gain, 0, 255).astype(np.uint8)
    return found


def _standing_still(_rng: np.random.Generator, frames: Frames) -> Frames:
    """One photograph for the whole length."""
    return np.repeat(frames[:1], len(frames), axis=0)


FLAWS: dict[str, Flaw] = {
    "standing still": _standing_still,
    "black caps": _black_caps,
    "flat patch": _grey_patch,
    "logo": _logo,
    "blurred nadir": _blurred_nadir,
    "title": _title,
    "night": _dark,
    "haze": _haze,
    "grain": _grain,
    "bad stitching": _stitching,
}
"""``(rng, (n, h, w, 3) equirectangular) -> the same`` by name."""
