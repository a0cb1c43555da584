"""Normalisation of pictures (mean and deviation of each colour), in batch, on the device."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

_SCALES = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "kinetics": ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
}
"""Mean and standard deviation of red, green and blue in [0, 1]. Source of the second: torchvision's
``R2Plus1D_18_Weights.KINETICS400_V1.transforms()``."""


class PictureInput(nn.Module):
    """Pictures as bytes to the video network's input: mean and deviation of each colour taken off.

    ``scale``: whose mean and deviation, ImageNet's (as the paper) or Kinetics-400's (as torchvision's video weights).
    """

    factor: Tensor
    offset: Tensor

    def __init__(self, scale: Literal["imagenet", "kinetics"] = "imagenet") -> None:
        super().__init__()
        mean, std = (torch.tensor(each) for each in _SCALES[scale])
        self.register_buffer("factor", 1 / (255 * std), persistent=False)
        self.register_buffer("offset", -mean / std, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(batch, views, time, height, width, 3)`` uint8 to ``(batch, views, 3, time, height, width)`` float32,
        in memory with channels last.
        """
        # One row of the picture at a time: broadcasting over three colours would be ten times slower on a CPU.
        width = pictures.shape[-2]
        factor, offset = self.factor.repeat(width), self.offset.repeat(width)
        rows = pictures.flatten(-2)
        made = torch.empty_like(rows, dtype=torch.float32)
        # One view at a time on a CPU: it stays in the cache through both steps, a batch would not. An exported
        # graph is for any number of views, so it has no such loop.
        alone = pictures.device.type == "cpu" and not torch.compiler.is_compiling()
        for given, into in zip(rows.flatten(0, 1), made.flatten(0, 1), strict=True) if alone else ((rows, made),):
            torch.addcmul(offset, into.copy_(given), factor, out=into)
        return made.view(pictures.shape).permute(0, 1, 5, 2, 3, 4)
