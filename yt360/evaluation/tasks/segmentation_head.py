"""A feature pyramid on a video encoder's maps for semantic segmentation (Lin et al. 2017; Kirillov et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_GROUPS = 32


def _block(inputs: int, outputs: int) -> nn.Sequential:
    groups = next(count for count in range(min(_GROUPS, outputs), 0, -1) if outputs % count == 0)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.GroupNorm(groups, outputs), nn.ReLU(inplace=True)
    )


class PyramidHead(nn.Module):
    """Maps of the four stages to class scores.

    ``channels`` and ``frames``: of each stage's map ``(n, channels, frames, h, w)``, finest first. Frames are
    merged by learned weights. ``extra`` features of the whole view are laid over the coarsest map, as at the
    start of the paper's top-down pathway.
    """

    def __init__(
        self, channels: Sequence[int], frames: Sequence[int], extra: int, classes: int, pyramid: int, branch: int
    ) -> None:
        super().__init__()
        self.time = nn.ParameterList(nn.Parameter(torch.full((count,), 1 / count)) for count in frames)
        inputs = [*channels[:-1], channels[-1] + extra]
        self.lateral = nn.ModuleList(nn.Conv2d(count, pyramid, 1) for count in inputs)
        self.smooth = nn.ModuleList(nn.Conv2d(pyramid, pyramid, 3, padding=1) for _ in inputs)
        # As many blocks as a level is halvings coarser than the finest, at least one; each but that doubles the size.
        self.branch = nn.ModuleList(
            nn.ModuleList(_block(pyramid if number == 0 else branch, branch) for number in range(max(level, 1)))
            for level in range(len(inputs))
        )
        self.scores = nn.Conv2d(branch, classes, 1)

    def forward(self, maps: Sequence[Tensor], extra: Tensor | None, size: int) -> Tensor:
        """``maps`` as above and ``extra`` ``(n, extra)`` to scores ``(n, classes, size, size)``."""
        flat = [torch.einsum("nfthw,t->nfhw", each, weight) for each, weight in zip(maps, self.time, strict=True)]
        if extra is not None:
            tiled = extra[:, :, None, None].expand(-1, -1, *flat[-1].shape[-2:])
            flat[-1] = torch.cat([flat[-1], tiled], dim=1)
        merged: list[Tensor] = []
        for lateral, each in zip(reversed(self.lateral), reversed(flat), strict=True):
            level = lateral(each)
            if merged:
                level = level + functional.interpolate(merged[0], size=level.shape[-2:], mode="nearest")
            merged.insert(0, level)
        finest = merged[0].shape[-2:]
        total: Tensor | None = None
        for number, (level, smooth, blocks) in enumerate(zip(merged, self.smooth, self.branch, strict=True)):
            x = smooth(level)
            for block in cast(nn.ModuleList, blocks):
                x = block(x)
                if number:
                    x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            if x.shape[-2:] != finest:
                x = functional.interpolate(x, size=finest, mode="bilinear", align_corners=False)
            total = x if total is None else total + x
        assert total is not None, "there is at least one level"
        scores: Tensor = self.scores(total)
        return functional.interpolate(scores, size=(size, size), mode="bilinear", align_corners=False)
