"""What the comparison with detectron2 says of maps that are alike and of maps that are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.segmentation_parity import compare, summarise
from yt360.segmentation.fpn.config import R101
from yt360.segmentation.fpn.detection import Instances
from yt360.segmentation.fpn.merge import FpnSegment
from yt360.segmentation.fpn.model import FpnOutput


@dataclass
class _Boxes:
    tensor: Tensor


@dataclass
class _Theirs:
    """As much of detectron2's ``Instances`` as is read."""

    pred_boxes: _Boxes
    scores: Tensor
    pred_classes: Tensor
    pred_masks: Tensor

    def __getitem__(self, which: Tensor) -> _Theirs:
        boxes = _Boxes(self.pred_boxes.tensor[which])
        return _Theirs(boxes, self.scores[which], self.pred_classes[which], self.pred_masks[which])


_BOXES = torch.tensor([[0.0, 0, 4, 4], [2.0, 2, 8, 8], [1.0, 1, 3, 3]])
_SCORES = torch.tensor([0.9, 0.8, 0.3])  # the last is below what a map is made of
_CLASSES = torch.tensor([3, 5, 7])
_MASKS = torch.zeros((3, 10, 10), dtype=torch.bool)
_IDS = torch.ones((10, 10), dtype=torch.int32)
_LOGITS = torch.linspace(-4, 4, 200).reshape(2, 10, 10)


def _theirs() -> dict[str, Any]:
    instances = _Theirs(_Boxes(_BOXES), _SCORES, _CLASSES, _MASKS)
    return {
        "sem_seg": _LOGITS,
        "instances": instances,
        "panoptic_seg": (_IDS, [{"isthing": True, "category_id": 3}, {"isthing": False, "category_id": 9}]),
    }


def _ours() -> FpnOutput:
    # In another order, as scores that are nearly equal can be.
    order = torch.tensor([1, 0])
    instances = Instances(_BOXES[order], _SCORES[order], _CLASSES[order], torch.zeros(2, 28, 28))
    segments = [FpnSegment(1, True, 3, 0.9, 50), FpnSegment(2, False, 8, 1.0, 50)]
    return FpnOutput(_IDS.clone(), segments, _LOGITS.clone(), instances, _MASKS[order])


def test_same_map_in_another_order_is_the_same() -> None:
    found = compare(_theirs(), _ours(), R101)
    assert found == {"logits": 0.0, "boxes": 0.0, "scores": 0.0, "masks": 0.0, "ids": 1.0}


def test_differences_are_told_from_each_other() -> None:
    ours = _ours()
    ours.semantic[0, 0, 0] += 0.04
    ours.instances.boxes[0, 2] += 0.5
    ours.instances.scores[1] -= 0.25
    ours.masks[0, :2] = True
    ours.ids[0] = 2
    found = compare(_theirs(), ours, R101)
    assert found == pytest.approx({"logits": 0.01, "boxes": 0.5, "scores": 0.25, "masks": 0.2, "ids": 0.9})


def test_thing_that_is_missing_and_other_segments_are_not_overlooked() -> None:
    ours = _ours()
    ours.instances.classes[0] = 6
    assert compare(_theirs(), ours, R101)["boxes"] == float("inf")
    assert compare(_theirs(), replace(_ours(), segments=_ours().segments[:1]), R101)["ids"] == 0.0


@pytest.mark.parametrize(
    ("logits", "ids", "equal"), [(1e-5, 0.999, True), (1.1e-5, 0.999, False), (1e-5, 0.9989, False)]
)
def test_worst_picture_counts_and_speed_is_of_pairs(logits: float, ids: float, equal: bool) -> None:
    good = {"logits": 0.0, "boxes": 0.0, "scores": 0.0, "masks": 0.0, "ids": 1.0}
    bad = good | {"logits": logits, "ids": ids, "boxes": 2.0}
    seconds = [{"detectron2": 4.0, "fused": 2.0}, {"detectron2": 6.0, "fused": 4.0}]
    summary = summarise(seconds, [{"fused": bad}, {"fused": good}])["fused"]
    assert (summary["equal"], summary["boxes"], summary["logits"], summary["ids"]) == (equal, 2.0, logits, ids)
    assert (summary["faster"], summary["detectron2_cpu_s"], summary["cpu_s"]) == ([2.0, 1.5], 10.0, 6.0)
