"""Logits are scaled to the picture's size as if in two steps, without the large ones between."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from yt360.segmentation.fpn.semantic import STRIDE, to_output_size


@pytest.mark.parametrize(
    ("coarse", "size", "output"),
    [
        ((24, 32), (96, 128), (96, 128)),
        ((24, 32), (90, 121), (45, 60)),
        ((24, 32), (96, 128), (480, 640)),
        ((8, 56), (31, 222), (33, 65)),
        ((8, 8), (32, 29), (7, 150)),
    ],
)
def test_one_step_gives_what_two_give(coarse: tuple[int, int], size: tuple[int, int], output: tuple[int, int]) -> None:
    logits = torch.randn((1, 5, *coarse), generator=torch.Generator().manual_seed(1))
    fine = functional.interpolate(logits, scale_factor=STRIDE, mode="bilinear", align_corners=False)
    inside = fine[..., : size[0], : size[1]]
    wanted = functional.interpolate(inside, size=output, mode="bilinear", align_corners=False)[0]
    for layout in (torch.contiguous_format, torch.channels_last):
        found = to_output_size(logits.contiguous(memory_format=layout)[0], size, output)
        torch.testing.assert_close(found, wanted, atol=2e-6, rtol=0)
