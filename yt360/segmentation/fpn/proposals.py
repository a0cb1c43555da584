"""The region proposal network (Ren et al., NIPS 2015) on a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms

from yt360.segmentation.fpn import boxes as box_ops
from yt360.segmentation.fpn.backbone import STRIDES, Convolution
from yt360.segmentation.fpn.config import FpnConfig


class _Head(nn.Module):
    def __init__(self, config: FpnConfig) -> None:
        super().__init__()
        anchors = len(config.aspect_ratios)
        self.conv = Convolution(config.pyramid, config.pyramid, 3, relu=True)
        self.objectness_logits = Convolution(config.pyramid, anchors, 1)
        self.anchor_deltas = Convolution(config.pyramid, 4 * anchors, 1)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.conv(feature)
        return self.objectness_logits(hidden), self.anchor_deltas(hidden)


class ProposalNetwork(nn.Module):
    """Boxes that may hold a thing. ``rpn_head`` is shared by all levels."""

    def __init__(self, config: FpnConfig) -> None:
        super().__init__()
        self._config = config
        self.rpn_head = _Head(config)

    def score(self, features: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Objectness ``(N, anchors)`` and deltas ``(N, anchors, 4)`` of each level, in the order of :meth:`anchors`."""
        logits, deltas = [], []
        for feature in features:
            objectness, steps = self.rpn_head(feature)
            count, _, height, width = steps.shape
            logits.append(objectness.permute(0, 2, 3, 1).flatten(1).float())
            deltas.append(
                steps.reshape(count, -1, 4, height, width).permute(0, 3, 4, 1, 2).reshape(count, -1, 4).float()
            )
        return logits, deltas

    def anchors(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Anchors ``(h w ratios, 4)`` of each level: row by row, all aspect ratios of a place together."""
        made = []
        for feature, size, stride in zip(features, self._config.anchor_sizes, STRIDES, strict=True):
            height, width = feature.shape[-2:]
            cells = torch.tensor([_cell(size, ratio) for ratio in self._config.aspect_ratios], device=feature.device)
            x = torch.arange(0, width * stride, stride, dtype=torch.float32, device=feature.device)
            y = torch.arange(0, height * stride, stride, dtype=torch.float32, device=feature.device)
            y, x = (grid.reshape(-1) for grid in torch.meshgrid(y, x, indexing="ij"))
            shifts = torch.stack([x, y, x, y], dim=1)
            made.append((shifts[:, None] + cells[None]).reshape(-1, 4))
        return made

    def propose(
        self,
        logits: Sequence[Tensor],
        deltas: Sequence[Tensor],
        anchors: Sequence[Tensor],
        sizes: Sequence[tuple[int, int]],
    ) -> list[Tensor]:
        """The best boxes ``(n, 4)`` of each picture, best first; ``sizes`` are (height, width) without padding."""
        config = self._config
        found = []
        for picture, (height, width) in enumerate(sizes):
            scores, boxes, levels = [], [], []
            for level, (level_logits, level_deltas, level_anchors) in enumerate(
                zip(logits, deltas, anchors, strict=True)
            ):
                own = level_logits[picture]
                best, places = own.topk(min(len(own), config.proposals_a_level))
                scores.append(best)
                boxes.append(
                    box_ops.decode(level_deltas[picture, places], level_anchors[places], box_ops.PROPOSAL_WEIGHTS)
                )
                levels.append(torch.full((len(places),), level, device=own.device))
            score, box, level_of = torch.cat(scores), torch.cat(boxes), torch.cat(levels)
            good = torch.isfinite(box).all(dim=1) & torch.isfinite(score)
            box = box_ops.clip(box, height, width)
            good &= box_ops.not_empty(box)
            score, box, level_of = score[good], box[good], level_of[good]
            kept = batched_nms(box, score, level_of, config.proposal_nms)[: config.proposals]
            found.append(box[kept])
        return found

    def forward(self, features: Sequence[Tensor], sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        logits, deltas = self.score(features)
        return self.propose(logits, deltas, self.anchors(features), sizes)


def _cell(size: float, ratio: float) -> tuple[float, float, float, float]:
    """An anchor of area ``size``² and aspect ratio height / width, around the origin."""
    width = (size**2 / ratio) ** 0.5
    height = ratio * width
    return -width / 2, -height / 2, width / 2, height / 2
