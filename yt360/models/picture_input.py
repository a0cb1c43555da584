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
        rows = pictures.float().flatten(-2).mul_(self.factor.repeat(width)).add_(self.offset.repeat(width))
        pictures = rows.unflatten(-1, (width, 3))
        return pictures.permute(0, 1, 5, 2, 3, 4)
