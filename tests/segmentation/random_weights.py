"""Random weights that make a Panoptic FPN find something: for comparisons, where any weights do."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from yt360.segmentation.fpn.config import FpnConfig

_GAIN = {
    "roi_heads.box_predictor.cls_score.weight": 0.42,
    "roi_heads.box_predictor.bbox_pred.weight": 0.6,
    "proposal_generator.rpn_head.anchor_deltas.weight": 0.3,
    "roi_heads.mask_head.predictor.weight": 3.0,
    "sem_seg_head.predictor.weight": 2.0,
}


def random_weights(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, NDArray[np.float32]]:
    """A float32 array for each name, the same for a seed on every machine."""
    made = {}
    for name in sorted(shapes):
        rng = np.random.default_rng([seed, *name.encode()])
        shape = shapes[name]
        if len(shape) > 1:
            fan_in = math.prod(shape[1:]) if "deconv" not in name else shape[0]
            value = rng.standard_normal(shape) * math.sqrt(2 / fan_in) * _GAIN.get(name, 1.0)
        elif name.endswith("running_var"):
            value = rng.uniform(0.8, 1.5, shape)
        elif name.endswith("norm.weight"):
            value = rng.uniform(0.9, 1.1, shape) * (0.3 if ".conv3." in name else 1.0)
        else:
            value = rng.normal(0, 0.05, shape)
        made[name] = value.astype(np.float32)
    # Pictures come in on the scale 0 to 255.
    made["backbone.bottom_up.stem.conv1.weight"] /= 60
    return made


NARROW = FpnConfig(
    blocks=(3, 4, 6, 3),
    stem=16,
    bottleneck=8,
    pyramid=32,
    box_hidden=48,
    mask_width=32,
    semantic_width=32,
    short_side=256,
    long_side=448,
    stuff_area=4096,
)
"""ResNet-50's plan with an eighth of its width, for quick comparisons."""

NARROW_PICTURES = ((180, 240), (224, 448), (300, 200))
"""Heights and widths."""


def random_picture(seed: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Coloured blobs of many sizes ``(H, W, 3)``, made with integers only: the same on every machine."""
    rng = np.random.default_rng(seed)
    height, width = size
    picture = np.zeros((height, width, 3), np.uint32)
    for cell in (64, 16, 4):
        blocks = rng.integers(0, 256, (-(-height // cell), -(-width // cell), 3), dtype=np.uint32)
        picture += np.repeat(np.repeat(blocks, cell, axis=0), cell, axis=1)[:height, :width]
    return (picture // 3).astype(np.uint8)
