"""Whole-sphere predictions stitched from views, as pictures (figure 5)."""

from __future__ import annotations

import colorsys
import math
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from yt360 import sphere
from yt360.dataset.cutting import cut, draw_moments, sound_samples
from yt360.dataset.decoding import ClipDecoder
from yt360.dataset.manifest import ClipRow
from yt360.dataset.members import MemberReader
from yt360.dataset.views import fixed_view
from yt360.evaluation.pretrained import Pretrained
from yt360.evaluation.tasks.labelled import SegmentLabels
from yt360.evaluation.tasks.segmentation import Segmenter, inputs
from yt360.media.png import write_png
from yt360.segmentation import ClipMaps
from yt360.segmentation.on_sphere import view_set

_AROUND = 8
_STRIP = 20
"""Height of a caption in pixels."""

_COLUMN = 110
_INK, _PAPER = (60, 52, 46), (250, 249, 247)
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def stitch(scores: NDArray[np.floating], views: tuple[sphere.View, ...], size: tuple[int, int]) -> NDArray[np.int64]:
    """The class of each direction ``(height, width)`` from scores ``(views, classes, s, s)`` of square views.

    Where views overlap their probabilities are averaged, weighted down towards a view's edges.
    """
    height, width = size
    exponent = np.exp(scores - scores.max(axis=1, keepdims=True))
    probability = exponent / exponent.sum(axis=1, keepdims=True)
    total = np.zeros((scores.shape[1], height, width))
    rays = sphere.pixel_vectors(height, width)
    side = scores.shape[-1]
    for each, view in zip(probability, views, strict=True):
        x, y, z = np.moveaxis(rays @ view.rotation.T, -1, 0)
        front = np.maximum(x, 1e-9)
        left, up = y / front / math.tan(view.horizontal_fov / 2), z / front / math.tan(view.vertical_fov / 2)
        inside = (x > 0) & (np.abs(left) < 1) & (np.abs(up) < 1)
        column = np.clip(((1 - left[inside]) / 2 * side).astype(int), 0, side - 1)
        row = np.clip(((1 - up[inside]) / 2 * side).astype(int), 0, side - 1)
        weight = np.minimum(1, (1 - np.maximum(np.abs(left[inside]), np.abs(up[inside]))) / 0.3) + 1e-3
        total[:, inside] += each[:, row, column] * weight
    return np.asarray(total.argmax(axis=0))


def palette(classes: int) -> NDArray[np.uint8]:
    """A colour for each class ``(256, 3)`` RGB, neighbours in number far apart in hue; black for none."""
    colours = np.zeros((256, 3), np.uint8)
    for number in range(classes):
        rgb = colorsys.hsv_to_rgb(number * 0.618 % 1, 0.55 + 0.4 * (number % 2), 0.95 - 0.3 * (number % 3) / 2)
        colours[number] = [round(255 * value) for value in rgb]
    return colours


@torch.inference_mode()
def draw_clip(
    clip: ClipRow,
    segmenter: Segmenter,
    pretrained: Pretrained,
    labels: SegmentLabels,
    reader: MemberReader,
    folder: Path,
) -> list[Path]:
    """Frame, true map and predicted map of a clip with captions and legend, a PNG for each input; their paths.

    Raises :class:`yt360.errors.ItemError` for a clip that cannot be read.
    """
    settings = pretrained.origin.samples
    views = covering_views(segmenter.task.views)
    moment = draw_moments(np.random.default_rng(0), clip, settings.data, 1)[0]
    made = cut(
        ClipDecoder(reader, clip),
        [moment],
        [fixed_view(view, settings.behaviour) for view in views],
        samples=sound_samples(settings.data, clip.sample_rate_hz),
        size=settings.views.size,
        switches=settings.behaviour,
        panoramas=True,
    )
    # Context sees as many views at a time as it was trained with, spread over the sphere.
    groups = len(views) // segmenter.task.views
    scores: dict[str, NDArray[np.float32]] = {}
    for group in range(groups):
        batch = {
            "pictures": torch.from_numpy(made.pictures[None, group::groups]),
            "sound": torch.from_numpy(made.sound[None]),
            "matrices": torch.from_numpy(made.matrices[None, group::groups]),
            "directions": torch.from_numpy(made.directions[None, group::groups]),
        }
        batch = {name: value.to(pretrained.device) for name, value in batch.items()}
        pictures, spectrograms = inputs(pretrained, segmenter.task, batch)
        for name, each in segmenter(pictures, spectrograms, batch["directions"], settings.views.size).items():
            whole = scores.setdefault(name, np.zeros((len(views), *each.shape[1:]), np.float32))
            whole[group::groups] = each.float().cpu().numpy()
    maps = ClipMaps(reader.maps(clip), f"clip {clip.clip}")
    truth = labels(maps.read(maps.nearest(moment.frames[-1] / clip.fps)))
    assert made.panoramas is not None
    picture = made.panoramas[-1]
    paths = []
    for name, each in scores.items():
        found = stitch(each, views, truth.shape)
        words = (f"{clip.clip} at {moment.frames[-1] / clip.fps:.1f} s", "truth", f"predicted by {name}")
        rows = page(picture, truth, found, labels.names, words)
        path = folder / f"{_UNSAFE.sub('_', clip.clip)[:80]}-{name}.png"
        write_png(path, rows)
        paths.append(path)
    return paths


def page(
    picture: NDArray[np.uint8],
    truth: NDArray[np.integer],
    found: NDArray[np.integer],
    names: Sequence[str],
    words: tuple[str, str, str],
) -> NDArray[np.uint8]:
    """Frame, truth and prediction ``(H, W)`` under a caption each, and what the colours of the shown classes mean.

    RGB ``(h, W, 3)``; black is where there is no label.
    """
    colours, width = palette(len(names)), picture.shape[1]
    parts: list[NDArray[np.uint8]] = []
    for caption, band in zip(words, (picture, colours[truth], colours[found]), strict=True):
        parts += [_strip(width, caption), band]
    shown = [number for number in np.unique(np.concatenate([truth.ravel(), found.ravel()])) if number < len(names)]
    columns = max(1, width // _COLUMN)
    for first in range(0, len(shown), columns):
        row = _strip(width, "")
        for place, number in enumerate(shown[first : first + columns]):
            left = place * _COLUMN + 4
            row[4 : _STRIP - 4, left : left + _STRIP - 8] = colours[number]
            _write(row, names[number], left + _STRIP)
        parts.append(row)
    return np.concatenate(parts)


def _strip(width: int, words: str) -> NDArray[np.uint8]:
    strip = np.full((_STRIP, width, 3), _PAPER, np.uint8)
    _write(strip, words, 4)
    return strip


def _write(strip: NDArray[np.uint8], words: str, left: int) -> None:
    plain = words.encode("ascii", "replace").decode()[:60]
    cv2.putText(strip, plain, (left, _STRIP - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)


def covering_views(at_once: int) -> tuple[sphere.View, ...]:
    """Views that cover the sphere, a multiple of ``at_once`` of them."""
    return view_set(next(count for count in range(_AROUND, _AROUND + at_once + 1) if (count + 2) % at_once == 0))
