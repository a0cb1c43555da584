"""Maps in the layout of the published code: ``things-%04d.png`` and ``stuff-%04d.png``, four a second.

``things`` holds 0 to 79 (COCO's things in order), 80 where there is none. ``stuff`` holds 0 where
there is a thing, 1 to 53 (COCO's stuff in order), 54 where there is nothing. Read together they give
classes 0 to 79 and 81 to 133; :func:`task_labels` keeps the 32 of the paper's segmentation task.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360.errors import UsageError
from yt360.media.png import write_png
from yt360.segmentation.categories import COCO, INDEX_2020, SUBSET_2020, VOID_2020
from yt360.segmentation.clip_maps import ClipMaps
from yt360.segmentation.maps import PanopticMap

NO_THING, A_THING, NO_STUFF = 80, 0, 54

_KNOWN = np.full(max(INDEX_2020) + 1, VOID_2020, np.uint8)
_KNOWN[list(INDEX_2020)] = list(INDEX_2020.values())
_TASK = np.full(256, VOID_2020, np.uint8)
_TASK[list(SUBSET_2020)] = np.arange(len(SUBSET_2020))


def classes(panoptic: PanopticMap) -> NDArray[np.uint8]:
    """The published code's class of each pixel ``(H, W)``: 0 to 79 things, 81 to 133 stuff, 255 none.

    Raises :class:`UsageError` for a map of other categories than COCO's.
    """
    category = panoptic.category_map()
    allowed = {each.id: each.isthing for each in COCO}
    for segment in panoptic.segments:
        if allowed.get(segment.category_id) != segment.isthing:
            raise UsageError(
                f"category {segment.category_id} is none of COCO's: only maps of COCO models can be exported"
            )
    labels = _KNOWN[category]
    labels[panoptic.ids == 0] = VOID_2020
    return labels


def task_labels(panoptic: PanopticMap) -> NDArray[np.uint8]:
    """Label of the paper's segmentation task ``(H, W)``: place among its 32 classes, 255 for all else."""
    return _TASK[classes(panoptic)]


def things_and_stuff(panoptic: PanopticMap) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The two pictures ``(H, W)`` of the published layout."""
    label = classes(panoptic)
    thing = label < NO_THING
    things = np.where(thing, label, NO_THING).astype(np.uint8)
    stuff = np.where(thing, A_THING, np.where(label == VOID_2020, NO_STUFF, label - np.uint8(80))).astype(np.uint8)
    return things, stuff


def export_clip(maps: ClipMaps, folder: Path) -> int:
    """Write the maps of a clip into ``folder``; how many there are. Map n is at n / rate seconds."""
    if tuple(category.id for category in maps.categories) != tuple(category.id for category in COCO) or any(
        category.supercategory == "procedural world" for category in maps.categories
    ):
        raise UsageError(
            f"the maps were made by {maps.info.get('model', 'a model')} with categories that are not COCO's: "
            "only maps of COCO models can be exported in the layout of 2020"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(len(maps)):
        for name, picture in zip(("things", "stuff"), things_and_stuff(maps.read(number)), strict=True):
            write_png(folder / f"{name}-{number:04d}.png", picture)
    return len(maps)
