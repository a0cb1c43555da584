"""Pictures for people: what was seen, and where the sound is on the sphere."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.media.inspect import Inspection
from yt360.media.reading import read_frames

_SHOWN = 6
"""Frames on a contact sheet."""

_DYNAMIC_DB = 12.0
"""Range of levels below the loudest direction that is coloured."""


def contact_sheet(frames: NDArray[np.uint8], columns: int = 3) -> NDArray[np.uint8]:
    """Up to six of the frames ``(n, h, w)`` in one gray picture."""
    if len(frames) == 0:
        return np.zeros((2, 2), np.uint8)
    chosen = frames[np.linspace(0, len(frames) - 1, min(_SHOWN, len(frames))).astype(int)]
    empty = np.zeros_like(chosen[0])
    cells = [*chosen, *[empty] * (-len(chosen) % columns)]
    rows = [np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)]
    return np.vstack(rows)


def energy_overlay(picture: NDArray[np.uint8], energy: NDArray[np.float64]) -> NDArray[np.uint8]:
    """An equirectangular picture ``(h, w, 3)`` BGR with the sound power of ``energy`` over it as heat.

    The scale is in decibel below the loudest direction; 12 dB below and less stay clear.
    """
    height, width = picture.shape[:2]
    power = cv2.resize(energy.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    below = 10 * np.log10(np.maximum(power, 1e-20) / max(float(power.max()), 1e-20))
    heat = np.clip(1 + below / _DYNAMIC_DB, 0, 1)
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_TURBO).astype(np.float32)
    weight = (0.65 * heat)[..., None]
    return np.clip(picture * (1 - weight) + colours * weight, 0, 255).astype(np.uint8)


def sound_picture(inspection: Inspection, height: int = 448, width: int = 896) -> NDArray[np.uint8] | None:
    """The picture of the middle of the file (gray where it cannot be read) under its sound; None without ambisonics."""
    energy = inspection.energy_map(height // 4, width // 4)
    if energy is None:
        return None
    return energy_overlay(_background(inspection, height, width), energy)


def _background(inspection: Inspection, height: int, width: int) -> NDArray[np.uint8]:
    plain = np.full((height, width, 3), 64, np.uint8)
    picture = inspection.picture
    if picture is None or picture.reading is None or inspection.video is None:
        return plain
    start, end = inspection.overlap
    frames = read_frames(
        inspection.video, picture.reading, height=height, width=width, start_s=(start + end) / 2, timeout_s=60.0
    )
    frame = next(frames, None)
    return plain if frame is None else np.ascontiguousarray(frame[..., ::-1])


def write_pictures(inspection: Inspection, folder: Path) -> dict[str, str]:
    """Write ``frames.png`` for a picture nobody understood; returns outputs by name."""
    if inspection.frames is None or len(inspection.frames.frames) == 0:
        return {}
    write_png(folder / "frames.png", contact_sheet(inspection.frames.frames))
    return {"frames": "frames.png"}


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a PNG; raises OSError where that fails."""
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise OSError(f"{path}: cannot encode a picture of shape {picture.shape}")
    path.write_bytes(data.tobytes())
