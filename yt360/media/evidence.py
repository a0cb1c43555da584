"""Pictures for people: what was seen, and where the sound is on the sphere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.media.energy_overlay import energy_overlay, mark_direction
from yt360.media.inspection import Inspection
from yt360.media.png import write_png
from yt360.media.reading_picture import read_frames

_SHOWN = 6
"""Frames on a contact sheet."""


def contact_sheet(frames: NDArray[np.uint8], columns: int = 3) -> NDArray[np.uint8]:
    """Up to six of the frames ``(n, h, w)`` in one gray picture."""
    if len(frames) == 0:
        return np.zeros((2, 2), np.uint8)
    chosen = frames[np.linspace(0, len(frames) - 1, min(_SHOWN, len(frames))).astype(int)]
    empty = np.zeros_like(chosen[0])
    cells = [*chosen, *[empty] * (-len(chosen) % columns)]
    rows = [np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)]
    return np.vstack(rows)


def sound_picture(inspection: Inspection, height: int = 448, width: int = 896) -> NDArray[np.uint8] | None:
    """The picture ``(height, width, 3)`` RGB of the middle of the file (gray where it cannot be read) under the energy
    of its sound, a ring around the mean direction; ``None`` without ambisonics."""
    foa = inspection.heard_foa()
    if foa is None:
        return None
    heard = ambisonics.sound_direction(foa)
    overlay = energy_overlay(_background(inspection, height, width), foa)
    return mark_direction(overlay, heard.azimuth, heard.elevation) if heard.energy > 0 else overlay


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
    return plain if frame is None else frame


def write_pictures(inspection: Inspection, folder: Path) -> dict[str, str]:
    """Write ``frames.png`` for a picture nobody understood; returns outputs by name."""
    if inspection.frames is None or len(inspection.frames.frames) == 0:
        return {}
    write_png(folder / "frames.png", contact_sheet(inspection.frames.frames))
    return {"frames": "frames.png"}
