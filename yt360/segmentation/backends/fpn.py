"""Our own Panoptic FPN: the published COCO models, and the demo's of the procedural world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from yt360.models.each_alone import each_alone
from yt360.segmentation import categories
from yt360.segmentation import weights as weight_files
from yt360.segmentation.checkpoint import load_into, read_arrays
from yt360.segmentation.device import pick_device
from yt360.segmentation.fpn import config as configs
from yt360.segmentation.fpn.fused import can_fuse, fuse
from yt360.segmentation.fpn.model import FpnOutput, PanopticFPN
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment
from yt360.segmentation.settings import WORLD, PanopticModelSettings
from yt360.segmentation.weights import describe_file
from yt360.synth.classes import PANOPTIC_CLASSES

WORLD_WEIGHTS = Path(__file__).resolve().parent.parent / "world-fpn.safetensors"

WORLD_CATEGORIES = tuple(
    Category(row.id, row.name, row.kind == "thing", "procedural world") for row in PANOPTIC_CLASSES if row.id
)
"""The procedural world's own; its ids are not COCO's."""


class FpnModel:
    """A :class:`~yt360.segmentation.fpn.model.PanopticFPN` with its categories."""

    def __init__(
        self, network: PanopticFPN, *, name: str, licence: str, weights: str, categories: tuple[Category, ...]
    ) -> None:
        self.name, self.licence, self.weights, self.categories = name, licence, weights, categories
        self.network = network
        self._things = [category for category in categories if category.isthing]
        self._stuff = [category for category in categories if not category.isthing]

    def predict(self, pictures: Sequence[NDArray[np.uint8]], *, widened: float = 1.0) -> list[PanopticMap]:
        usual = self.network.config
        self.network.config = replace(usual, long_side=round(usual.long_side * widened))
        try:
            return each_alone(self._predict, pictures, device=self.network.device.type)
        finally:
            self.network.config = usual

    def _predict(self, picture: NDArray[np.uint8]) -> PanopticMap:
        (output,) = self.network([picture])
        return self._map(output)

    def _map(self, output: FpnOutput) -> PanopticMap:
        segments = []
        for found in output.segments:
            category = (self._things if found.is_thing else self._stuff)[found.label]
            segments.append(PanopticSegment(found.id, category.id, category.isthing, found.score, found.area))
        return PanopticMap(output.ids.cpu().numpy(), tuple(segments))


def load_fpn(settings: PanopticModelSettings, *, download: bool) -> FpnModel:
    """The model of that name with its weights."""
    if settings.model == WORLD:
        config, names, licence = configs.WORLD, WORLD_CATEGORIES, "same as this project's (trained on its own pictures)"
        path = Path(settings.weights) if settings.weights else WORLD_WEIGHTS
    else:
        config = configs.R101 if settings.model == "panoptic-fpn-r101" else configs.R50
        names, licence = categories.COCO, weight_files.PUBLISHED[settings.model].licence
        path = weight_files.find(settings.model, settings.weights, settings.sha256, download=download)
    network = PanopticFPN(config)
    load_into(network, read_arrays(path), str(path))
    device = torch.device(pick_device(settings.device))
    network.eval().requires_grad_(False).to(device)
    network.half_precision = settings.bfloat16
    precision = torch.bfloat16 if settings.bfloat16 else torch.float32
    if device.type == "cpu" and can_fuse(precision):
        fuse(network, precision)
    elif settings.channels_last:
        network.channels_last = True
        network.to(memory_format=torch.channels_last)
    # The licence of weights that somebody brought along is theirs to know.
    return FpnModel(
        network,
        name=settings.model,
        licence="unknown: these weights were given by name" if settings.weights else licence,
        weights=describe_file(path),
        categories=names,
    )
