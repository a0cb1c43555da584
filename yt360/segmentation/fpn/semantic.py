"""The semantic head of Panoptic FPN (Kirillov et al., CVPR 2019, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from yt360.segmentation.fpn.backbone import LEVELS, Convolution
from yt360.segmentation.fpn.config import FpnConfig

STRIDE = 4
"""Stride of the head's output, before it is scaled up to the picture."""


class _Step(Convolution):
    def forward(self, x: Tensor) -> Tensor:
        return functional.relu_(super().forward(x))


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
                steps.append(_Step(inside, config.semantic_width, 3, norm=norm))
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


def to_output_size(logits: Tensor, size: tuple[int, int], output: tuple[int, int]) -> Tensor:
    """One picture's logits ``(C, *output)``: the padding cut off, scaled to the output's (height, width)."""
    inside = logits[None, :, : size[0], : size[1]]
    return functional.interpolate(inside, size=output, mode="bilinear", align_corners=False)[0]
