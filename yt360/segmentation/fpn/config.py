"""What a Panoptic FPN is made of. The defaults are the published configuration of the 3x models on COCO."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class FpnConfig:
    """Sizes of the network, and the numbers its post-processing decides by.

    ``blocks`` bottlenecks in res2 to res5, the first ``bottleneck`` wide (each stage doubles it, and
    puts out four times that). ``things`` and ``stuff`` count the categories; the semantic head puts out
    one more, its class 0, for "some thing". The semantic head's group normalisation has ``semantic_groups``.

    ``short_side`` and ``long_side`` bound the picture's size in pixels, ``divisor`` is what the padded
    size is a multiple of. ``pixel_mean`` is in the order B, G, R, on the scale 0 to 255.

    ``anchor_sizes`` in pixels, one a level from p2 to p6. ``instance_score``, ``overlap`` and
    ``stuff_area`` (pixels of the output) are those of the panoptic merge.
    """

    blocks: tuple[int, int, int, int] = (3, 4, 23, 3)
    stem: int = 64
    bottleneck: int = 64
    pyramid: int = 256
    box_hidden: int = 1024
    mask_width: int = 256
    mask_convolutions: int = 4
    semantic_width: int = 128
    semantic_groups: int = 32
    things: int = 80
    stuff: int = 53

    short_side: int = 800
    long_side: int = 1333
    divisor: int = 32
    pixel_mean: tuple[float, float, float] = (103.53, 116.28, 123.675)
    pixel_std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    anchor_sizes: tuple[float, ...] = (32.0, 64.0, 128.0, 256.0, 512.0)
    aspect_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    proposals_a_level: int = 1000
    proposals: int = 1000
    proposal_nms: float = 0.7
    least_score: float = 0.05
    box_nms: float = 0.5
    detections: int = 100
    canonical_box: float = 224.0
    canonical_level: int = 4

    instance_score: float = 0.5
    overlap: float = 0.5
    stuff_area: int = 4096


R101 = FpnConfig()
R50 = replace(R101, blocks=(3, 4, 6, 3))

WORLD = FpnConfig(
    blocks=(1, 1, 2, 1),
    stem=24,
    bottleneck=20,
    pyramid=64,
    box_hidden=192,
    mask_width=48,
    mask_convolutions=2,
    semantic_width=64,
    semantic_groups=8,
    things=12,
    stuff=16,
    short_side=224,
    long_side=1024,
    pixel_std=(57.0, 57.0, 57.0),
    anchor_sizes=(16.0, 32.0, 64.0, 128.0, 256.0),
    proposals_a_level=200,
    proposals=100,
    detections=20,
    canonical_box=112.0,
    stuff_area=48,
)
"""The narrow one of the demo, for pictures 224 pixels high of the procedural world."""
