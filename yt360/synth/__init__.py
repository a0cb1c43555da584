"""A procedural 360° world with known truth: for the demo, the tests and the benchmarks."""

from yt360.synth.planting import DEFECTS
from yt360.synth.truth import VideoTruth, load_panoptic, load_truth
from yt360.synth.world import VideoSpec, make_world, plan_world, render_video

__all__ = [
    "DEFECTS",
    "VideoSpec",
    "VideoTruth",
    "load_panoptic",
    "load_truth",
    "make_world",
    "plan_world",
    "render_video",
]
