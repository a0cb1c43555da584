"""Panoptic FPN: pictures in, panoptic maps out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from yt360.segmentation.fpn.backbone import FeaturePyramid
from yt360.segmentation.fpn.config import FpnConfig
from yt360.segmentation.fpn.detection import DetectionHeads, Instances, paste, to_output_size
from yt360.segmentation.fpn.merge import FpnSegment, merge
from yt360.segmentation.fpn.proposals import ProposalNetwork
from yt360.segmentation.fpn.semantic import SemanticHead
from yt360.segmentation.fpn.semantic import to_output_size as semantic_to_output_size


@dataclass(frozen=True)
class FpnOutput:
    """All of one picture at its own size ``(H, W)``: ``ids`` int32 and ``segments`` of the panoptic map,
    ``semantic`` logits ``(stuff + 1, H, W)``, the ``instances`` and their ``masks`` ``(n, H, W)`` bool."""

    ids: Tensor
    segments: list[FpnSegment]
    semantic: Tensor
    instances: Instances
    masks: Tensor


class PanopticFPN(nn.Module):
    """The network and its post-processing.

    ``trainable_norm`` puts trainable batch normalisation where the published models hold frozen one;
    the tensors have the same names. ``channels_last`` and ``half_precision`` (bfloat16) are for speed: the pictures'
    memory layout, and the precision of convolutions (boxes, scores and merging stay in float32).
    """

    def __init__(self, config: FpnConfig, *, trainable_norm: bool = False) -> None:
        super().__init__()
        self.config = config
        self.backbone = FeaturePyramid(config, trainable_norm=trainable_norm)
        self.proposal_generator = ProposalNetwork(config)
        self.roi_heads = DetectionHeads(config)
        self.sem_seg_head = SemanticHead(config)
        self.register_buffer("_mean", torch.tensor(config.pixel_mean).view(3, 1, 1), persistent=False)
        self.register_buffer("_std", torch.tensor(config.pixel_std).view(3, 1, 1), persistent=False)
        self.half_precision = False
        self.channels_last = False

    @property
    def device(self) -> torch.device:
        return self.get_buffer("_mean").device

    def prepare(self, picture: NDArray[np.uint8]) -> Tensor:
        """A picture ``(H, W, 3)`` RGB scaled as the configuration asks, as ``(3, h, w)`` BGR, 0 to 255."""
        height, width = scaled_size(picture.shape[0], picture.shape[1], self.config)
        if (height, width) != picture.shape[:2]:
            picture = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
        return torch.from_numpy(np.ascontiguousarray(picture[..., ::-1].transpose(2, 0, 1)))

    def batch(self, pictures: Sequence[Tensor]) -> Tensor:
        """Prepared pictures normalised, and padded with zeros at the right and bottom to one size ``(N, 3, H, W)``."""
        divisor = self.config.divisor
        height = -(-max(picture.shape[1] for picture in pictures) // divisor) * divisor
        width = -(-max(picture.shape[2] for picture in pictures) // divisor) * divisor
        stacked = torch.zeros((len(pictures), 3, height, width), device=self.device)
        for slot, picture in zip(stacked, pictures, strict=True):
            normal = (picture.to(self.device).float() - self.get_buffer("_mean")) / self.get_buffer("_std")
            slot[:, : picture.shape[1], : picture.shape[2]] = normal
        return stacked.contiguous(memory_format=torch.channels_last) if self.channels_last else stacked

    @torch.inference_mode()
    def forward(self, pictures: Sequence[NDArray[np.uint8]], *, everything: bool = False) -> list[FpnOutput]:
        """Panoptic maps of pictures ``(H, W, 3)`` RGB of any sizes.

        ``everything`` keeps instances below ``config.instance_score`` too, with masks: the merge never
        looks at them, so the maps are the same without, and sooner.
        """
        prepared = [self.prepare(picture) for picture in pictures]
        sizes = [(int(p.shape[1]), int(p.shape[2])) for p in prepared]
        outputs = [(int(p.shape[0]), int(p.shape[1])) for p in pictures]
        precision = (
            torch.autocast(self.device.type, torch.bfloat16) if self.half_precision else contextlib.nullcontext()
        )
        with precision:
            features = self.backbone(self.batch(prepared))
            semantic = self.sem_seg_head.coarse(features).float()
            proposals = self.proposal_generator(features, sizes)
            # Pooling under boxes wants it so, and would else do it for boxes and again for masks.
            features = [feature.contiguous() for feature in features[:4]]
            found = self.roi_heads.detect(features, proposals, sizes)
            if not everything:
                found = [instances.pick(instances.scores >= self.config.instance_score) for instances in found]
            found = self.roi_heads.add_masks(features, found)
        return [
            self._finish(coarse, instances, size, output)
            for coarse, instances, size, output in zip(semantic, found, sizes, outputs, strict=True)
        ]

    def _finish(
        self, coarse: Tensor, instances: Instances, size: tuple[int, int], output: tuple[int, int]
    ) -> FpnOutput:
        logits = semantic_to_output_size(coarse, size, output)
        instances = to_output_size(instances, size, output)
        masks = paste(instances.masks, instances.boxes, *output)
        ids, segments = merge(instances, masks, logits.argmax(dim=0), self.config)
        return FpnOutput(ids, segments, logits, instances, masks)


def scaled_size(height: int, width: int, config: FpnConfig) -> tuple[int, int]:
    """The size (height, width) at which a picture goes through the network.

    The short side as configured, unless the long one would get too long; in two steps and rounded once,
    as the published models were trained.
    """
    scale = config.short_side / min(height, width)
    short = float(config.short_side)
    sides = (short, scale * width) if height < width else (scale * height, short)
    if max(sides) > config.long_side:
        again = config.long_side / max(sides)
        sides = (sides[0] * again, sides[1] * again)
    return int(sides[0] + 0.5), int(sides[1] + 0.5)
