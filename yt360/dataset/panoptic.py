"""Panoptic maps of a clip, cut by the same view as its picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.dataset.manifest import ClipRow
from yt360.dataset.members import MemberReader
from yt360.dataset.perspective_crop import DrawnView, crop_labels
from yt360.errors import ItemError
from yt360.segmentation import ClipMaps, PanopticMap


def segment_ids(panoptic: PanopticMap) -> NDArray[np.int32]:
    """What :func:`view_labels` reads by default: the segment of each pixel ``(H, W)``.

    >>> segment_ids(clip.panoptic(0.0)).shape
    (64, 128)
    """
    return panoptic.ids


def view_labels(
    reader: MemberReader,
    clip: ClipRow,
    times_s: Sequence[float],
    view: DrawnView,
    size: int,
    label: Callable[[PanopticMap], NDArray[Any]] = segment_ids,
) -> NDArray[Any]:
    """Labels ``(times, size, size)`` of a view of a clip, from the maps nearest to ``times_s``.

    ``label`` makes a label map ``(H, W)`` of a panoptic map: :func:`yt360.segmentation.export.task_labels`
    gives the 32 classes of the paper's segmentation task. The paper takes the map at the end of a sample.

    Raises :class:`ItemError` when the clip has no maps, or they are not of its picture's size.

    >>> from yt360 import sphere
    >>> from yt360.dataset.views import fixed_view
    >>> view_labels(MemberReader(root), row, [0.5], fixed_view(sphere.View(0.0, 0.0, 1.5, 1.5)), size=32).shape
    (1, 32, 32)
    """
    maps = ClipMaps(reader.maps(clip), f"clip {clip.clip}")
    whole = [label(maps.read(maps.nearest(time_s))) for time_s in times_s]
    for found in whole:
        check_map_size(found, clip)
    return crop_labels(np.stack(whole), view, size)


def check_map_size(labels: NDArray[Any], clip: ClipRow) -> None:
    """Raise :class:`ItemError` where a map ``(H, W)`` is not of its clip's size.

    >>> check_map_size(np.zeros((64, 128), np.int32), row)
    """
    if labels.shape != (clip.height, clip.width):
        raise ItemError(
            "corrupt-member",
            f"clip {clip.clip}: a map of {labels.shape[1]}x{labels.shape[0]}, the manifest says "
            f"{clip.width}x{clip.height}; run yt360 verify",
        )
