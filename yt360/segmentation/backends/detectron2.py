"""detectron2's own model, where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from yt360.errors import UsageError
from yt360.segmentation import categories
from yt360.segmentation import weights as weight_files
from yt360.segmentation.device import pick_device
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment
from yt360.segmentation.settings import PanopticModelSettings
from yt360.segmentation.weights import describe_file

_CONFIG = "COCO-PanopticSegmentation/panoptic_fpn_R_101_3x.yaml"


class Detectron2Model:
    """Any panoptic model of detectron2 with the categories of COCO, one picture at a time."""

    def __init__(self, predictor: Any, *, name: str, licence: str, weights: str) -> None:
        self.name, self.licence, self.weights = name, licence, weights
        self.categories: tuple[Category, ...] = categories.COCO
        self._predictor = predictor

    def predict(self, pictures: Sequence[NDArray[np.uint8]], *, widened: float = 1.0) -> list[PanopticMap]:
        usual = self._predictor.aug.max_size
        self._predictor.aug.max_size = round(usual * widened)
        try:
            return [self._map(self._predictor(np.ascontiguousarray(p[..., ::-1]))) for p in pictures]
        finally:
            self._predictor.aug.max_size = usual

    def _map(self, found: dict[str, Any]) -> PanopticMap:
        ids, listed = found["panoptic_seg"]
        ids = ids.cpu().numpy().astype(np.int32)
        segments = []
        for entry in listed:
            if entry["isthing"]:
                category = categories.COCO_THINGS[entry["category_id"]]
            else:
                category = categories.COCO_STUFF[entry["category_id"] - 1]
            area = int((ids == entry["id"]).sum())
            segments.append(
                PanopticSegment(int(entry["id"]), category.id, category.isthing, float(entry.get("score", 1.0)), area)
            )
        return PanopticMap(ids, tuple(segments))


def load_detectron2(settings: PanopticModelSettings, config: str, *, download: bool) -> Detectron2Model:
    """``config``: a name in detectron2's model zoo or a file; empty for the paper's ResNet-101 Panoptic FPN."""
    try:
        from detectron2 import model_zoo
        from detectron2.config import get_cfg
        from detectron2.engine import DefaultPredictor
    except ImportError as error:
        raise weight_files.MissingModelError(
            f"model detectron2: it is not installed here ({error}); it has to be built from source, see "
            "https://github.com/facebookresearch/detectron2. panoptic-fpn-r101 is the same model without it"
        ) from error
    chosen = config or _CONFIG
    values = get_cfg()
    try:
        values.merge_from_file(model_zoo.get_config_file(chosen) if not chosen.startswith("/") else chosen)
    except (RuntimeError, OSError, KeyError) as error:
        raise UsageError(f"model detectron2: expected a config of its model zoo or a file, found {chosen!r}") from error
    path = weight_files.find("panoptic-fpn-r101", settings.weights, settings.sha256, download=download)
    values.MODEL.WEIGHTS = str(path)
    values.MODEL.DEVICE = pick_device(settings.device)
    with torch.inference_mode():
        predictor = DefaultPredictor(values)
    licence = "unknown: these weights were given by name" if settings.weights else "CC BY-SA 3.0"
    return Detectron2Model(predictor, name=settings.model, licence=licence, weights=describe_file(path))
