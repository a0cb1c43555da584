"""The semantic head of Panoptic FPN (Kirillov et al., CVPR 2019, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from yt360.segmentation.fpn.backbone import LEVELS, Convolution
from yt360.segmentation.fpn.config import FpnConfig

STRIDE = 4
"""Stride of the head's output, before it is scaled up to the picture."""

_BLOCK = 32
"""Values that are scaled to the output's size in one product; more costs products with zeros."""


class SemanticHead(nn.Module):
    """Logits ``(N, stuff + 1, H, W)``: class 0 is every thing, class k the k-th kind of stuff.

    Each level is brought to stride 4 by 3x3 convolutions, each followed by a doubling, and all are added.
    """

    def __init__(self, config: FpnConfig) -> None:
        super().__init__()
        for level in range(4):
            inside = config.pyramid
            steps: list[nn.Module] = []
            for _ in range(max(1, level)):
                norm = nn.GroupNorm(config.semantic_groups, config.semantic_width)
                steps.append(Convolution(inside, config.semantic_width, 3, norm=norm, relu=True))
                inside = config.semantic_width
                if level:
                    steps.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
            self.add_module(LEVELS[level], nn.Sequential(*steps))
        self.predictor = Convolution(config.semantic_width, config.stuff + 1, 1)

    def coarse(self, features: Sequence[Tensor]) -> Tensor:
        """Logits at a quarter of the picture's size."""
        total = self.get_submodule(LEVELS[0])(features[0])
        for level in range(1, 4):
            total = total + self.get_submodule(LEVELS[level])(features[level])
        logits: Tensor = self.predictor(total)
        return logits

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        logits = self.coarse(features).float()
        return functional.interpolate(logits, scale_factor=STRIDE, mode="bilinear", align_corners=False)


def to_output_size(coarse: Tensor, size: tuple[int, int], output: tuple[int, int]) -> Tensor:
    """One picture's logits ``(C, *output)`` of :meth:`SemanticHead.coarse` ones ``(C, h, w)``: scaled up to the
    network's picture, the padding cut off (``size`` is without it), scaled to the output's (height, width).

    Both steps are bilinear, so together they are one linear map of rows and one of columns: what lies between them,
    many times as large as what goes in or comes out, is never made.
    """
    rows = _resizing(coarse.shape[1], size[0], output[0], coarse.device)
    columns = _resizing(coarse.shape[2], size[1], output[1], coarse.device)
    coarse = coarse.contiguous()
    tall = torch.empty((coarse.shape[0], output[0], coarse.shape[2]), device=coarse.device)
    for made, used, weights in rows:
        tall[:, made] = torch.matmul(weights.T, coarse[:, used])
    # All rows of all classes in one product: a product for each class costs more.
    flat = tall.reshape(-1, tall.shape[2])
    wide = torch.empty((len(flat), output[1]), device=coarse.device)
    for made, used, weights in columns:
        wide[:, made] = flat[:, used] @ weights
    return wide.reshape(coarse.shape[0], *output)


@lru_cache(maxsize=32)
def _resizing(coarse: int, size: int, output: int, device: torch.device) -> tuple[tuple[slice, slice, Tensor], ...]:
    """How a row of ``coarse`` values becomes one of ``output``: for blocks of the latter, which of the former they
    are made of, and the weights ``(used, made)``."""
    unit = torch.eye(coarse)[None]
    fine = functional.interpolate(unit, scale_factor=STRIDE, mode="linear", align_corners=False)[..., :size]
    weights = functional.interpolate(fine, size=output, mode="linear", align_corners=False)[0].to(device)
    blocks = []
    for begin in range(0, output, _BLOCK):
        made = slice(begin, min(begin + _BLOCK, output))
        places = weights[:, made].any(dim=1).nonzero()
        used = slice(int(places[0]), int(places[-1]) + 1)
        blocks.append((made, used, weights[used, made].contiguous()))
    return tuple(blocks)
