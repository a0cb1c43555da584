"""Sound on the picture: heat maps of the sound's energy over frames, as in figure 4 of the paper."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.dataset.clip import Clip
from yt360.dataset.dataset import open_dataset
from yt360.hashing import safe_id
from yt360.media.energy_overlay import energy_overlay, mark_direction
from yt360.media.png import write_png
from yt360.report.clips import spread
from yt360.report.maps import map_picture

_WINDOW_S = 1.0
"""Sound around the frame that the map shows."""

_MARGIN = 8
_CAPTION = 26
_COLUMNS = 2
_SCALE = 1.5
_INK = (60, 52, 46)
_PAPER = (250, 249, 247)


def overlay_clip(clip: Clip, time_s: float) -> NDArray[np.uint8]:
    """Frame, and frame with heat map and dominant direction, side by side with a caption ``(h, w, 3)``."""
    start_s = max(0.0, time_s - _WINDOW_S / 2)
    foa = clip.foa(start_s, min(_WINDOW_S, clip.duration_s - start_s))
    heard = ambisonics.sound_direction(foa)
    height, width = clip.size
    size = (round(width * _SCALE), round(height * _SCALE))
    frame = cv2.resize(clip.frame(time_s), size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
    heat = mark_direction(energy_overlay(frame, foa), heard.azimuth, heard.elevation)
    pair = np.concatenate([frame, np.full((size[1], _MARGIN // 2, 3), _PAPER, np.uint8), heat], axis=1)
    caption = np.full((_CAPTION, pair.shape[1], 3), _PAPER, np.uint8)
    words = (
        f"{clip.id}  at {time_s:.1f} s    az {math.degrees(heard.azimuth):+.0f}  "
        f"el {math.degrees(heard.elevation):+.0f} deg    diffuseness {heard.diffuseness:.2f}"
    )
    cv2.putText(caption, words, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    return np.concatenate([pair, caption], axis=0)


def overlay_map(clip: Clip, time_s: float) -> NDArray[np.uint8] | None:
    """A clip's frame beside its panoptic map with a legend, or ``None`` where it has no maps."""
    maps, panoptic = clip.maps, clip.panoptic(time_s)
    if maps is None or panoptic is None:
        return None
    words = f"{clip.id}  at {time_s:.1f} s    maps by {maps.info.get('model', 'an unnamed model')}"
    return map_picture(clip.frame(time_s), panoptic, maps.categories, words)


def sheet(pictures: list[NDArray[np.uint8]], columns: int = _COLUMNS) -> NDArray[np.uint8]:
    """Pictures of equal size in rows, on one page."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    page = np.empty((rows * (height + _MARGIN) + _MARGIN, columns * (width + _MARGIN) + _MARGIN, 3), np.uint8)
    page[:] = _PAPER
    for number, picture in enumerate(pictures):
        top = _MARGIN + number // columns * (height + _MARGIN)
        left = _MARGIN + number % columns * (width + _MARGIN)
        page[top : top + height, left : left + width] = picture
    return page


def write_overlays(root: Path, *, count: int = 8) -> list[Path]:
    """One picture for each of up to ``count`` clips of a root, and one page with all: ``ROOT/report/``.

    Where there are panoptic maps, another one each, with the map over the same frame and its legend.
    """
    pictures: list[NDArray[np.uint8]] = []
    written: list[Path] = []
    data = open_dataset(root)
    for name in spread(data.clips, count):
        clip = data[name]
        middle_s = clip.duration_s / 2
        picture = overlay_clip(clip, middle_s)
        mapped = overlay_map(clip, middle_s)
        if mapped is not None:
            written.append(root / "report" / f"{safe_id(name)}.maps.png")
            write_png(written[-1], mapped)
        path = root / "report" / f"{safe_id(name)}.png"
        write_png(path, picture)
        pictures.append(picture)
        written.append(path)
    alike = [picture for picture in pictures if picture.shape == pictures[0].shape]
    if alike:
        path = root / "report" / "energy-overlays.png"
        write_png(path, sheet(alike, columns=1 if len(alike) < 3 else _COLUMNS))
        written.append(path)
    return written
