"""Box and mask heads of Mask R-CNN (He et al., ICCV 2017), and masks laid into the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import batched_nms

from yt360.segmentation.fpn import boxes as box_ops
from yt360.segmentation.fpn.backbone import STRIDES, Convolution
from yt360.segmentation.fpn.config import FpnConfig

BOX_POOL = 7
MASK_POOL = 14

_PASTE_ELEMENTS = 1 << 28
"""Pixels of masks that are pasted at once on an accelerator."""


@dataclass(frozen=True)
class Instances:
    """Things found in one picture, best first: ``boxes`` ``(n, 4)``, ``scores`` ``(n,)``, ``classes`` ``(n,)``;
    ``masks`` ``(n, 28, 28)`` probabilities inside the box, empty before the mask head ran."""

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def pick(self, which: Tensor) -> Instances:
        """A part of them: a mask of bools, indices, or a slice's worth."""
        masks = self.masks[which] if len(self.masks) == len(self.scores) else self.masks
        return Instances(self.boxes[which], self.scores[which], self.classes[which], masks)


class _BoxHead(nn.Module):
    def __init__(self, config: FpnConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.pyramid * BOX_POOL**2, config.box_hidden)
        self.fc2 = nn.Linear(config.box_hidden, config.box_hidden)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu_(self.fc2(functional.relu_(self.fc1(x.flatten(1)))))


class _BoxPredictor(nn.Module):
    def __init__(self, config: FpnConfig) -> None:
        super().__init__()
        self.cls_score = nn.Linear(config.box_hidden, config.things + 1)  # the last one is background
        self.bbox_pred = nn.Linear(config.box_hidden, 4 * config.things)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x)


class _MaskHead(nn.Module):
    def __init__(self, config: FpnConfig) -> None:
        super().__init__()
        inside = config.pyramid
        self._count = config.mask_convolutions
        for number in range(1, self._count + 1):
            self.add_module(f"mask_fcn{number}", Convolution(inside, config.mask_width, 3, relu=True))
            inside = config.mask_width
        self.deconv = nn.ConvTranspose2d(inside, config.mask_width, 2, stride=2)
        self.predictor = Convolution(config.mask_width, config.things, 1)

    def forward(self, x: Tensor) -> Tensor:
        for number in range(1, self._count + 1):
            x = self.get_submodule(f"mask_fcn{number}")(x)
        logits: Tensor = self.predictor(functional.relu_(self.deconv(x)))
        return logits


class DetectionHeads(nn.Module):
    """Classes and boxes of proposals, and masks of what was found."""

    def __init__(self, config: FpnConfig) -> None:
        super().__init__()
        self._config = config
        self.box_head = _BoxHead(config)
        self.box_predictor = _BoxPredictor(config)
        self.mask_head = _MaskHead(config)

    def _pool(self, features: Sequence[Tensor], boxes: Sequence[Tensor], size: int) -> Tensor:
        return box_ops.pool(
            features[:4],
            STRIDES[:4],
            boxes,
            size,
            canonical_box=self._config.canonical_box,
            canonical_level=self._config.canonical_level,
        )

    def classify(self, features: Sequence[Tensor], boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Class logits ``(n, things + 1)`` and deltas ``(n, 4 things)`` of all pictures' boxes together."""
        logits, deltas = self.box_predictor(self.box_head(self._pool(features, boxes, BOX_POOL)))
        return logits.float(), deltas.float()

    def mask_logits(self, features: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """Mask logits ``(n, things, 28, 28)`` under all pictures' boxes together."""
        logits: Tensor = self.mask_head(self._pool(features, boxes, MASK_POOL)).float()
        return logits

    def detect(
        self, features: Sequence[Tensor], proposals: Sequence[Tensor], sizes: Sequence[tuple[int, int]]
    ) -> list[Instances]:
        """What is in the proposals, without masks, one entry a picture."""
        logits, deltas = self.classify(features, proposals)
        probabilities = functional.softmax(logits, dim=-1)
        boxes = box_ops.decode(deltas, torch.cat(list(proposals)), box_ops.BOX_WEIGHTS)
        counts = [len(part) for part in proposals]
        return [
            self._decide(*parts) for parts in zip(boxes.split(counts), probabilities.split(counts), sizes, strict=True)
        ]

    def _decide(self, boxes: Tensor, probabilities: Tensor, size: tuple[int, int]) -> Instances:
        config = self._config
        good = torch.isfinite(boxes).all(dim=1) & torch.isfinite(probabilities).all(dim=1)
        boxes, probabilities = boxes[good], probabilities[good, :-1]
        boxes = box_ops.clip(boxes.reshape(len(boxes), config.things, 4), *size)
        likely = probabilities > config.least_score
        places = likely.nonzero()
        boxes, scores, classes = boxes[likely], probabilities[likely], places[:, 1]
        kept = batched_nms(boxes, scores, classes, config.box_nms)[: config.detections]
        return Instances(boxes[kept], scores[kept], classes[kept], boxes.new_zeros((0, 28, 28)))

    def add_masks(self, features: Sequence[Tensor], found: Sequence[Instances]) -> list[Instances]:
        """The same instances with their masks."""
        counts = [len(instances) for instances in found]
        if not sum(counts):
            return list(found)
        logits = self.mask_logits(features, [instances.boxes for instances in found])
        classes = torch.cat([instances.classes for instances in found])
        masks = logits[torch.arange(len(classes), device=classes.device), classes].sigmoid()
        return [
            Instances(instances.boxes, instances.scores, instances.classes, part)
            for instances, part in zip(found, masks.split(counts), strict=True)
        ]


def to_output_size(instances: Instances, size: tuple[int, int], output: tuple[int, int]) -> Instances:
    """Boxes scaled from the network's picture to the output's, (height, width) both; empty ones left out."""
    scale_y, scale_x = output[0] / size[0], output[1] / size[1]
    scaled = instances.boxes * instances.boxes.new_tensor([scale_x, scale_y, scale_x, scale_y])
    boxes = box_ops.clip(scaled, *output)
    moved = Instances(boxes, instances.scores, instances.classes, instances.masks)
    return moved.pick(box_ops.not_empty(boxes))


def paste(masks: Tensor, boxes: Tensor, height: int, width: int, threshold: float = 0.5) -> Tensor:
    """Masks ``(n, m, m)`` laid under their boxes into pictures ``(n, height, width)`` bool.

    Bilinear, with pixel centres at half-integers in both grids. On a CPU one after the other and
    only where the box is; elsewhere many at once over the whole picture.
    """
    pasted = torch.zeros((len(masks), height, width), dtype=torch.bool, device=masks.device)
    if masks.device.type == "cpu":
        for number, (mask, box) in enumerate(zip(masks, boxes, strict=True)):
            left, top = (int(value) for value in (box[:2].floor() - 1).clamp(min=0))
            right = int((box[2].ceil() + 1).clamp(max=width))
            bottom = int((box[3].ceil() + 1).clamp(max=height))
            region = (slice(top, bottom), slice(left, right))
            pasted[number][region] = (_sample(mask[None], box[None], *region) >= threshold)[0]
        return pasted
    step = max(1, _PASTE_ELEMENTS // (height * width))
    for begin in range(0, len(masks), step):
        part = slice(begin, begin + step)
        pasted[part] = _sample(masks[part], boxes[part], slice(0, height), slice(0, width)) >= threshold
    return pasted


def _sample(masks: Tensor, boxes: Tensor, rows: slice, columns: slice) -> Tensor:
    """Masks ``(n, m, m)`` read at the pixels of a region, ``(n, rows, columns)``."""
    x0, y0, x1, y1 = boxes.split(1, dim=1)
    y = torch.arange(rows.start, rows.stop, device=boxes.device, dtype=torch.float32) + 0.5
    x = torch.arange(columns.start, columns.stop, device=boxes.device, dtype=torch.float32) + 0.5
    y = (y - y0) / (y1 - y0) * 2 - 1
    x = (x - x0) / (x1 - x0) * 2 - 1
    grid = torch.stack([x[:, None, :].expand(-1, y.shape[1], -1), y[:, :, None].expand(-1, -1, x.shape[1])], dim=3)
    return functional.grid_sample(masks[:, None], grid, align_corners=False)[:, 0]
