"""Panoptic maps on the picture: each category in its colour, things outlined, with a legend."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.dataset.decoding import decode_frames
from yt360.engine.state.dataset_state import DatasetState
from yt360.segmentation import Category, ClipMaps, PanopticMap

_INK = (60, 52, 46)
_PAPER = (250, 249, 247)
_ROW = 20
_SWATCH = 12
_COLUMN = 170
_GOLDEN = 0.618033988749895
_MOST_NAMED = 24

OPACITY = 0.55
"""Of a map over its frame."""


def category_colour(category_id: int) -> tuple[int, int, int]:
    """RGB of a category, the same in every picture; neighbouring ids get far hues."""
    hue = (category_id * _GOLDEN) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.55 + 0.35 * (category_id % 3) / 2, 0.95 - 0.3 * (category_id % 2))
    return round(255 * red), round(255 * green), round(255 * blue)


def panoptic_overlay(frame: NDArray[np.uint8], panoptic: PanopticMap, *, opacity: float = OPACITY) -> NDArray[np.uint8]:
    """A frame ``(H, W, 3)`` RGB with its map over it; the map is scaled to the frame. Things get a light outline."""
    size = (frame.shape[1], frame.shape[0])
    ids = cv2.resize(panoptic.ids.astype(np.float32), size, interpolation=cv2.INTER_NEAREST).astype(np.int32)
    table = np.zeros((int(ids.max(initial=0)) + 1, 3), np.float32)
    thing = np.zeros(len(table), bool)
    for segment in panoptic.segments:
        if segment.id < len(table):
            table[segment.id] = category_colour(segment.category_id)
            thing[segment.id] = segment.isthing
    covered = (ids > 0)[..., None]
    mixed = np.where(covered, frame * (1 - opacity) + table[ids] * opacity, frame)
    edge = cv2.morphologyEx(ids.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    mixed[edge & thing[ids]] = 255
    return np.round(mixed).astype(np.uint8)


def legend(
    panoptic: PanopticMap, names: Mapping[int, str] | Sequence[Category], width: int, *, title: str = ""
) -> NDArray[np.uint8]:
    """What the colours of a map mean ``(h, width, 3)``: each category that it shows, largest first; how many things."""
    if not isinstance(names, Mapping):
        names = {category.id: category.name for category in names}
    area: dict[int, int] = {}
    count: dict[int, int] = {}
    for segment in panoptic.segments:
        area[segment.category_id] = area.get(segment.category_id, 0) + segment.area
        count[segment.category_id] = count.get(segment.category_id, 0) + segment.isthing
    shown = sorted(area, key=lambda number: (-area[number], number))[:_MOST_NAMED]
    columns = max(1, width // _COLUMN)
    head = _ROW if title else 0
    page = np.empty((head + _ROW * max(1, -(-len(shown) // columns)), width, 3), np.uint8)
    page[:] = _PAPER
    if title:
        _write(page, title, 4, 14)
    for place, number in enumerate(shown):
        left, top = place % columns * _COLUMN + 4, head + place // columns * _ROW + 3
        cv2.rectangle(page, (left, top), (left + _SWATCH, top + _SWATCH), category_colour(number), -1)
        words = names.get(number, f"category {number}")
        _write(page, f"{words} x{count[number]}" if count[number] > 1 else words, left + _SWATCH + 5, top + 11)
    return page


def _write(page: NDArray[np.uint8], words: str, left: int, bottom: int) -> None:
    plain = words.encode("ascii", "replace").decode()[:60]
    cv2.putText(page, plain, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)


def map_picture(
    frame: NDArray[np.uint8], panoptic: PanopticMap, categories: Sequence[Category], title: str
) -> NDArray[np.uint8]:
    """Frame and frame with map side by side, the legend below ``(h, 2 W + 4, 3)``."""
    gap = np.full((frame.shape[0], 4, 3), _PAPER, np.uint8)
    pair = np.concatenate([frame, gap, panoptic_overlay(frame, panoptic)], axis=1)
    return np.concatenate([pair, legend(panoptic, categories, pair.shape[1], title=title)], axis=0)


@dataclass(frozen=True)
class _Picture:
    """What is known of the picture of a clip that is in no shard yet."""

    clip: str
    frames: int
    height: int
    width: int


def first_map(catalog: DatasetState, video: str) -> tuple[str, NDArray[np.uint8]] | None:
    """The middle map of a video's first clip that has maps, over its frame and with a legend, and what it is in words.

    Raises :class:`yt360.errors.ItemError` or :class:`OSError` when its files are not whole.
    """
    made = catalog.records("segment") if "segment" in catalog.stages else {}
    cut = catalog.records("chunk").get(video) if "chunk" in catalog.stages else None
    for child in cut.children if cut is not None else ():
        record = made.get(child["id"])
        if record is None or "panoptic" not in record.outputs:
            continue
        path = catalog.root.local(record.outputs["panoptic"].uri)
        maps = ClipMaps(path.read_bytes(), str(path))
        number = len(maps) // 2
        at_s = number / maps.rate_hz
        data = catalog.root.local(child["outputs"]["video"]["uri"]).read_bytes()
        meta = child["meta"]
        picture = _Picture(child["id"], meta["frames"], meta["height"], meta["width"])
        frame = decode_frames(data, picture, [min(round(at_s * meta["fps"]), picture.frames - 1)])[0]
        panoptic = maps.read(number)
        page = np.concatenate(
            [panoptic_overlay(frame, panoptic), legend(panoptic, maps.categories, frame.shape[1])], axis=0
        )
        return f"panoptic map of {child['id']} at {at_s:.1f} s, by {maps.info.get('model', 'an unnamed model')}", page
    return None
