"""Samples with labels out of the clips' panoptic maps, picture, sound and map cut and turned alike."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.dataset.colour_jitter import draw_change
from yt360.dataset.cutting import cut, draw_moments, sound_samples
from yt360.dataset.decoding import ClipDecoder
from yt360.dataset.manifest import ClipRow, ClipSplit
from yt360.dataset.members import MemberReader
from yt360.dataset.panoptic import view_labels
from yt360.dataset.perspective_crop import DrawnView
from yt360.dataset.settings import SampleSettings
from yt360.dataset.views import draw_views
from yt360.errors import ItemError, UsageError
from yt360.evaluation.metrics import IGNORED
from yt360.segmentation import ClipMaps, PanopticMap
from yt360.segmentation.categories import COCO, SUBSET_2020
from yt360.segmentation.export import task_labels
from yt360.training.batch_plan import Request


@dataclass(frozen=True)
class SegmentLabels:
    """Names of the classes in order, and what gives their numbers ``(H, W)`` uint8 of a map, 255 for none."""

    names: tuple[str, ...]
    categories: tuple[int, ...]
    coco: bool

    def __call__(self, panoptic: PanopticMap) -> NDArray[np.uint8]:
        if self.coco:
            return task_labels(panoptic)
        table = np.full(max(self.categories) + 1, IGNORED, np.uint8)
        table[list(self.categories)] = np.arange(len(self.categories))
        category = panoptic.category_map()
        labels = table[np.minimum(category, len(table) - 1)]
        labels[(category == 0) | (category >= len(table))] = IGNORED
        return labels


def labels_of(kind: str, split: ClipSplit, reader: MemberReader) -> SegmentLabels:
    """The classes of a dataset's maps: the paper's 32, or all that the maps of the first clip name.

    Raises :class:`UsageError` when the clips have no maps, or maps of other categories than asked for.
    """
    with_maps = [clip for clip in split.clips if clip.panoptic_offset is not None]
    if len(with_maps) < len(split.clips):
        raise UsageError(
            f"{len(split.clips) - len(with_maps)} of {len(split.clips)} clips of the split {split.name!r} have no "
            "panoptic maps: make them with `yt360 segment --root ROOT -p model=panoptic-fpn-r101` and then yt360 shard"
        )
    try:
        maps = ClipMaps(reader.maps(with_maps[0]), f"clip {with_maps[0].clip}")
    except ItemError as error:
        raise UsageError(f"{error}; run yt360 verify") from error
    is_coco = {category.id: category.name for category in maps.categories} == {c.id: c.name for c in COCO}
    if kind == "coco-32":
        if not is_coco:
            raise UsageError(
                f"labels: coco-32 needs maps of a COCO model, those of this dataset were made by "
                f"{maps.info.get('model', 'another model')!s:.60}: use labels: maps (--set tasks.labels=maps)"
            )
        names = [COCO[place if place < 80 else place - 1].name for place in SUBSET_2020]
        return SegmentLabels(tuple(names), (), coco=True)
    if len(maps.categories) >= IGNORED or max(category.id for category in maps.categories) > 65535:
        raise UsageError(f"labels: maps takes fewer than {IGNORED} categories, found {len(maps.categories)}")
    return SegmentLabels(
        tuple(category.name for category in maps.categories),
        tuple(category.id for category in maps.categories),
        coco=False,
    )


@dataclass
class LabelledMaker:
    """Makes the sample of a request with the labels of its views; picklable, for loader workers.

    ``fov_deg``: range of the horizontal field of view, or None for that of ``settings``. ``augment``: flip (picture,
    sound and labels alike), colours and gain.
    """

    settings: SampleSettings
    reader: MemberReader
    labels: SegmentLabels
    views: int
    fov_deg: tuple[float, float] | None
    augment: bool

    def __call__(self, request: Request, clip: ClipRow) -> dict[str, NDArray[Any]]:
        """``pictures``, ``sound``, ``matrices``, ``directions`` of a sample, and its ``labels`` (k, size, size)."""
        rng = np.random.default_rng(request.seed)
        settings, size = self.settings, self.settings.views.size
        # Labels are flipped with the picture, so the sound is as well, whatever the model was trained on.
        switches = settings.behaviour.model_copy(update={"flip_sound": True})
        moment = draw_moments(rng, clip, settings.data, 1)[0]
        views = draw_views(rng, self.views, settings.views, switches, augment=self.augment)
        if self.fov_deg is not None:
            views = [_with_fov(view, math.radians(rng.uniform(*self.fov_deg)), self.augment) for view in views]
        made = cut(
            ClipDecoder(self.reader, clip),
            [moment],
            views,
            samples=sound_samples(settings.data, clip.sample_rate_hz),
            size=size,
            switches=switches,
            changes=[draw_change(rng, settings.views.jitter) for _ in views] if self.augment else None,
        )
        # The paper labels a sample by the map at its end.
        end_s = [moment.frames[-1] / clip.fps]
        labels = [view_labels(self.reader, clip, end_s, view, size, self.labels)[0] for view in views]
        return made.arrays() | {"labels": np.stack(labels)}


def _with_fov(drawn: DrawnView, fov: float, augment: bool) -> DrawnView:
    """The same look with another field of view; its own aspect while training, square at test."""
    old = drawn.view
    aspect = math.tan(old.vertical_fov / 2) / math.tan(old.horizontal_fov / 2) if augment else 1.0
    vertical = min(2 * math.atan(aspect * math.tan(fov / 2)), math.radians(150))
    return dataclasses.replace(drawn, view=sphere.View(old.azimuth, old.elevation, fov, vertical))


def largest_class(labels: NDArray[np.uint8], classes: int, least_share: float) -> NDArray[np.int64]:
    """The class with the most pixels of each view ``(k, size, size)``: ``(k,)``, -1 where none has ``least_share``."""
    found = np.full(len(labels), -1, np.int64)
    for number, view in enumerate(labels):
        counts = np.bincount(view[view != IGNORED].ravel(), minlength=classes)
        if counts.max(initial=0) >= max(1, least_share * view.size):
            found[number] = int(counts.argmax())
    return found
