"""Panoptic models of the `transformers` package: EoMT, Mask2Former, OneFormer, by name or local folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from yt360.errors import UsageError
from yt360.models.each_alone import each_alone
from yt360.segmentation.categories import COCO, COCO_THINGS
from yt360.segmentation.device import pick_device
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment, merged
from yt360.segmentation.settings import PanopticModelSettings
from yt360.segmentation.weights import MissingModelError, MissingWeightsError

_KINDS = {
    "eomt": "EomtForUniversalSegmentation",
    "eomt_dinov3": "EomtDinov3ForUniversalSegmentation",
    "mask2former": "Mask2FormerForUniversalSegmentation",
    "oneformer": "OneFormerForUniversalSegmentation",
}
_LICENCES = {"facebook/mask2former": "CC BY-NC 4.0 (not for commercial use)", "tue-mps/": "MIT", "shi-labs/": "MIT"}
"""By the beginning of the published name."""


class TransformersModel:
    """A universal segmentation model and its picture processor."""

    def __init__(self, model: Any, processor: Any, *, name: str, licence: str, device: str, bfloat16: bool) -> None:
        self.name, self.licence, self.weights = name, licence, name.partition(":")[2]
        self.categories, self._category_of = categories_of(model.config.id2label)
        self._model, self._processor = model, processor
        self._device, self._bfloat16 = device, bfloat16
        stuff = [label for label, category in self._category_of.items() if not category.isthing]
        kind = model.config.model_type
        # What Mask2Former's and OneFormer's own fusing (transformers 5.23) merges is listed several times, and the next
        # thing gets an id that is taken. So they fuse nothing, and stuff is merged in `_map`.
        self._fuse = {"stuff_classes": stuff} if kind.startswith("eomt") else {"label_ids_to_fuse": set[int]()}
        self._task = ["panoptic"] if kind == "oneformer" else None

    def predict(self, pictures: Sequence[NDArray[np.uint8]], *, widened: float = 1.0) -> list[PanopticMap]:
        return each_alone(self._predict, pictures, device=self._device)

    def _predict(self, picture: NDArray[np.uint8]) -> PanopticMap:
        size = (int(picture.shape[0]), int(picture.shape[1]))
        words = {"task_inputs": self._task} if self._task else {}
        inputs = self._processor(images=[picture], return_tensors="pt", **words)
        own: dict[str, Any] = {"patch_offsets": inputs.pop("patch_offsets")} if "patch_offsets" in inputs else {}
        on_device = {name: value.to(self._device) for name, value in inputs.items() if hasattr(value, "to")}
        with torch.inference_mode(), torch.autocast(self._device.partition(":")[0], torch.bfloat16, self._bfloat16):
            outputs = self._model(**on_device)
        if own:
            outputs.patch_offsets = own["patch_offsets"]
        (found,) = self._processor.post_process_panoptic_segmentation(outputs, target_sizes=[size], **self._fuse)
        return self._map(found, size)

    def _map(self, found: Mapping[str, Any], size: tuple[int, int]) -> PanopticMap:
        if found["segmentation"] is None:
            return PanopticMap(np.zeros(size, np.int32), ())
        raw = found["segmentation"].cpu().numpy().astype(np.int64)
        ids = np.zeros(size, np.int32)
        segments = []
        for number, entry in enumerate(found["segments_info"], start=1):
            inside = raw == entry["id"]
            area = int(inside.sum())
            category = self._category_of[int(entry["label_id"])]
            if area:
                ids[inside] = number
                segments.append(PanopticSegment(number, category.id, category.isthing, float(entry["score"]), area))
        return merged(ids, {segment.id: segment.id for segment in segments}, segments)


def categories_of(labels: Mapping[int, str]) -> tuple[tuple[Category, ...], dict[int, Category]]:
    """Categories of a model by its labels, and label -> category.

    133 labels are COCO's, in its order. Of other models only names are known: ids count from 1, and
    what carries the name of a COCO thing counts as one.
    """
    if len(labels) == len(COCO):
        return COCO, dict(zip(sorted(labels), COCO, strict=True))
    things = {category.name for category in COCO_THINGS}
    made = {label: Category(label + 1, str(name), str(name) in things) for label, name in sorted(labels.items())}
    return tuple(made.values()), made


def load_transformers(settings: PanopticModelSettings, name: str, *, download: bool) -> TransformersModel:
    """A model by its published name (from its hub's cache or the network) or a local folder."""
    try:
        import transformers
    except ImportError as error:
        raise MissingModelError(f"model {settings.model}: needs transformers: pip install 'yt360[segment]'") from error
    local = Path(name).is_dir() or not download
    try:
        config = transformers.AutoConfig.from_pretrained(name, local_files_only=local)
        kind = _KINDS.get(config.model_type)
        if kind is None:
            raise UsageError(
                f"model {settings.model}: expected one of {', '.join(_KINDS)}, found a {config.model_type} model"
            )
        # Safetensors only: other files are pickles.
        model = getattr(transformers, kind).from_pretrained(name, local_files_only=local, use_safetensors=True)
        automatic = (
            transformers.OneFormerProcessor if config.model_type == "oneformer" else transformers.AutoImageProcessor
        )
        processor = automatic.from_pretrained(name, local_files_only=local)
    except (OSError, ValueError) as error:
        kind_of_error = UsageError if Path(name).is_dir() else MissingWeightsError
        raise kind_of_error(
            f"model {settings.model}: expected the name of a model on the hub or a folder with config.json, "
            f"model.safetensors and preprocessor_config.json, found: {str(error).splitlines()[0]}. Without network: "
            f"`hf download {name} --local-dir DIR` elsewhere, and --model {'transformers:DIR'}"
        ) from error
    device = pick_device(settings.device)
    licence = next((words for start, words in _LICENCES.items() if name.startswith(start)), "see the model's own page")
    model.eval().to(device)
    return TransformersModel(
        model, processor, name=settings.model, licence=licence, device=device, bfloat16=settings.bfloat16
    )
