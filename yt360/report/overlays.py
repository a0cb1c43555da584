"""Sound on the picture: heat maps of the sound's energy over frames, as in figure 4 of the paper."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics, sphere
from yt360.errors import UsageError
from yt360.files import atomic_write
from yt360.report.clips import Clip, clip_table, read_clip, read_clip_maps, spread
from yt360.report.maps import map_picture

_WINDOW_S = 1.0
"""Sound around the frame that the map shows."""

_MARGIN = 8
_CAPTION = 26
_COLUMNS = 2
_SCALE = 1.5
_INK = (60, 52, 46)
_PAPER = (250, 249, 247)


def energy_overlay(frame: NDArray[np.uint8], foa: NDArray[np.float32], *, contrast: float = 2.5) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` RGB with the energy of ``foa`` ``(4, samples)`` over it.

    First order hears widely: the map of a single source falls from 1 to 0 over the whole sphere. The
    power ``contrast`` narrows it for the eye; where the peak is does not change. Silence leaves the
    frame as it is, and an even (diffuse) field hardly tints it.
    """
    height, width = frame.shape[:2]
    energy = ambisonics.energy_map(foa, height, width)
    peak, floor = float(energy.max()), float(energy.min())
    if peak <= 0:
        return frame.copy()
    relative = (energy / peak) ** contrast
    # How much the map says at all: 0 for an even field, 1 for one plane wave.
    directedness = 1 - floor / peak
    colours = cv2.applyColorMap(np.round(255 * relative).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    weight = (0.75 * directedness * relative)[..., None]
    return np.round(frame * (1 - weight) + colours * weight).astype(np.uint8)


def mark_direction(picture: NDArray[np.uint8], azimuth: float, elevation: float) -> NDArray[np.uint8]:
    """A ring around a direction (radians), wrapped over the seam."""
    marked = picture.copy()
    height, width = picture.shape[:2]
    row, column = sphere.to_pixels(azimuth, elevation, height, width)
    radius = max(5, height // 24)
    for shift in (-width, 0, width):
        centre = (round(float(column)) + shift, round(float(row)))
        cv2.circle(marked, centre, radius + 1, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.circle(marked, centre, radius, (255, 255, 255), 2, cv2.LINE_AA)
    return marked


def overlay_clip(clip: Clip) -> NDArray[np.uint8]:
    """Frame, and frame with heat map and dominant direction, side by side with a caption."""
    half = _WINDOW_S / 2
    begin = max(0, round((clip.time_s - half) * clip.sample_rate_hz))
    foa = clip.foa[:, begin : begin + round(_WINDOW_S * clip.sample_rate_hz)]
    heard = ambisonics.sound_direction(foa)
    size = (round(clip.frame.shape[1] * _SCALE), round(clip.frame.shape[0] * _SCALE))
    frame = cv2.resize(clip.frame, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
    heat = mark_direction(energy_overlay(frame, foa), heard.azimuth, heard.elevation)
    pair = np.concatenate([frame, np.full((size[1], _MARGIN // 2, 3), _PAPER, np.uint8), heat], axis=1)
    caption = np.full((_CAPTION, pair.shape[1], 3), _PAPER, np.uint8)
    words = (
        f"{clip.row['clip']}  at {clip.time_s:.1f} s    az {math.degrees(heard.azimuth):+.0f}  "
        f"el {math.degrees(heard.elevation):+.0f} deg    diffuseness {heard.diffuseness:.2f}"
    )
    cv2.putText(caption, words, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    return np.concatenate([pair, caption], axis=0)


def overlay_map(root: Path, clip: Clip) -> NDArray[np.uint8] | None:
    """A clip's frame beside its panoptic map with a legend, or ``None`` where it has no maps."""
    maps = read_clip_maps(root, clip.row)
    if maps is None:
        return None
    words = f"{clip.row['clip']}  at {clip.time_s:.1f} s    maps by {maps.info.get('model', 'an unnamed model')}"
    return map_picture(clip.frame, maps.read(maps.nearest(clip.time_s)), maps.categories, words)


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


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an RGB picture."""
    good, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    if not good:
        raise UsageError(f"{path}: the picture of shape {picture.shape} could not be encoded")
    atomic_write(path, lambda partial: partial.write_bytes(data.tobytes()))


def write_overlays(root: Path, *, count: int = 8) -> list[Path]:
    """One picture for each of up to ``count`` clips of a root, and one page with all: ``ROOT/report/``.

    Where there are panoptic maps, another one each, with the map over the same frame and its legend.
    """
    pictures, written = [], []
    for row in spread(clip_table(root), count):
        clip = read_clip(root, row, row["duration_s"] / 2)
        picture = overlay_clip(clip)
        mapped = overlay_map(root, clip)
        if mapped is not None:
            written.append(root / "report" / f"{row['clip']}.maps.png")
            write_png(written[-1], mapped)
        path = root / "report" / f"{row['clip']}.png"
        write_png(path, picture)
        pictures.append(picture)
        written.append(path)
    alike = [picture for picture in pictures if picture.shape == pictures[0].shape]
    if alike:
        path = root / "report" / "energy-overlays.png"
        write_png(path, sheet(alike, columns=1 if len(alike) < 3 else _COLUMNS))
        written.append(path)
    return written
