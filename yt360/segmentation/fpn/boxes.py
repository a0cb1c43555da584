"""Boxes ``(n, 4)`` as x0, y0, x1, y1 in pixels: their coding, clipping, and pooling features under them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import roi_align

PROPOSAL_WEIGHTS = (1.0, 1.0, 1.0, 1.0)
BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)

_LARGEST_STEP = math.log(1000.0 / 16)
"""Largest logarithm of growth that a delta may ask for."""


def decode(deltas: Tensor, boxes: Tensor, weights: Sequence[float]) -> Tensor:
    """Boxes ``(n, 4 k)`` that ``deltas`` ``(n, 4 k)`` make of ``boxes`` ``(n, 4)``: R-CNN, CVPR 2014, eq. 1-4."""
    deltas = deltas.float()
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    x, y = boxes[:, 0] + 0.5 * width, boxes[:, 1] + 0.5 * height
    wx, wy, ww, wh = weights
    new_x = deltas[:, 0::4] / wx * width[:, None] + x[:, None]
    new_y = deltas[:, 1::4] / wy * height[:, None] + y[:, None]
    new_width = torch.exp((deltas[:, 2::4] / ww).clamp(max=_LARGEST_STEP)) * width[:, None]
    new_height = torch.exp((deltas[:, 3::4] / wh).clamp(max=_LARGEST_STEP)) * height[:, None]
    corners = (
        new_x - 0.5 * new_width,
        new_y - 0.5 * new_height,
        new_x + 0.5 * new_width,
        new_y + 0.5 * new_height,
    )
    return torch.stack(corners, dim=-1).reshape(deltas.shape)


def encode(boxes: Tensor, targets: Tensor, weights: Sequence[float]) -> Tensor:
    """Deltas ``(n, 4)`` that make ``targets`` of ``boxes``: the inverse of :func:`decode`."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    target_width, target_height = targets[:, 2] - targets[:, 0], targets[:, 3] - targets[:, 1]
    wx, wy, ww, wh = weights
    steps = (
        wx * ((targets[:, 0] + 0.5 * target_width) - (boxes[:, 0] + 0.5 * width)) / width,
        wy * ((targets[:, 1] + 0.5 * target_height) - (boxes[:, 1] + 0.5 * height)) / height,
        ww * torch.log(target_width / width),
        wh * torch.log(target_height / height),
    )
    return torch.stack(steps, dim=1)


def clip(boxes: Tensor, height: int, width: int) -> Tensor:
    """Boxes ``(…, 4)`` cut at the picture's edges."""
    x0, y0, x1, y1 = boxes.unbind(-1)
    cut = (x0.clamp(0, width), y0.clamp(0, height), x1.clamp(0, width), y1.clamp(0, height))
    return torch.stack(cut, dim=-1)


def not_empty(boxes: Tensor) -> Tensor:
    """Which boxes have an area, ``(n,)`` bool."""
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def pool(
    features: Sequence[Tensor],
    strides: Sequence[int],
    boxes: Sequence[Tensor],
    size: int,
    *,
    canonical_box: float = 224.0,
    canonical_level: int = 4,
) -> Tensor:
    """Features ``(n, C, size, size)`` under the boxes of all pictures, each box from the level its size calls for.

    Level ``floor(canonical_level + log2(sqrt(area) / canonical_box))`` (Lin et al., CVPR 2017, eq. 1);
    ROIAlign with pixel centres at half-integers and as many samples a bin as it is pixels wide.
    """
    every = torch.cat(list(boxes))
    picture = torch.cat([torch.full((len(part), 1), float(k)) for k, part in enumerate(boxes)]).to(every)
    regions = torch.cat([picture, every], dim=1)
    area = (every[:, 2] - every[:, 0]) * (every[:, 3] - every[:, 1])
    level = torch.floor(canonical_level + torch.log2(torch.sqrt(area) / canonical_box + 1e-8))
    level = (level.clamp(2, 1 + len(features)) - 2).long()
    pooled = every.new_zeros((len(every), features[0].shape[1], size, size))
    for number, (feature, stride) in enumerate(zip(features, strides, strict=True)):
        here = torch.nonzero(level == number).squeeze(1)
        if len(here):
            part = roi_align(feature.float(), regions[here], size, 1.0 / stride, sampling_ratio=0, aligned=True)
            pooled = pooled.index_put((here,), part)
    return pooled
