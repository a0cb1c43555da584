"""Instances and semantic classes into one map (Kirillov et al., Panoptic Segmentation, CVPR 2019, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from yt360.segmentation.fpn.config import FpnConfig
from yt360.segmentation.fpn.detection import Instances


@dataclass(frozen=True)
class FpnSegment:
    """One segment of a merged map. ``label``: index among the things, or among the stuff (from 0).

    ``score`` is the detection's, or 1 for stuff; ``area`` in pixels of the map.
    """

    id: int
    is_thing: bool
    label: int
    score: float
    area: int


def merge(instances: Instances, masks: Tensor, semantic: Tensor, config: FpnConfig) -> tuple[Tensor, list[FpnSegment]]:
    """A map of segment ids ``(H, W)`` int32, 0 where nothing was decided, and the segments.

    ``masks`` ``(n, H, W)`` bool of the instances, ``semantic`` ``(H, W)`` the best class of the
    semantic head. Instances go first, best first; one that is more than ``overlap`` covered by better
    ones is dropped. Stuff fills what is left, unless it covers less than ``stuff_area``.
    """
    ids = torch.zeros(semantic.shape, dtype=torch.int32, device=semantic.device)
    segments: list[FpnSegment] = []
    for number in torch.argsort(-instances.scores, stable=True).tolist():
        score = float(instances.scores[number])
        if score < config.instance_score:
            break
        mask = masks[number]
        area = int(mask.sum())
        if not area:
            continue
        free = mask & (ids == 0)
        left = int(free.sum())
        if (area - left) / area > config.overlap:
            continue
        ids[free] = len(segments) + 1
        segments.append(FpnSegment(len(segments) + 1, True, int(instances.classes[number]), score, left))
    rest = torch.where(ids == 0, semantic, 0)
    areas = torch.bincount(rest.flatten(), minlength=1).tolist()
    for label in range(1, len(areas)):
        if areas[label] and areas[label] >= config.stuff_area:
            ids[rest == label] = len(segments) + 1
            segments.append(FpnSegment(len(segments) + 1, False, label - 1, 1.0, areas[label]))
    return ids, segments
