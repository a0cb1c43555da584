"""The demo's panoptic model on worlds that it was not trained on: PQ, SQ, RQ, mIoU, and the seam.

    python -m benchmarks.segmentation_world [--weights FILE] [--scenes 30] [--bfloat16] [--save]

``--bfloat16`` measures the model in that precision too, beside the truth and beside its own maps in float32.
``--save`` writes what was measured beside the weights, as ``world-fpn.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fitting import world_fpn
from fitting.world_pictures import WorldPicture, is_thing, world_pictures
from yt360.cli.common import table
from yt360.segmentation.backend import PanopticModel
from yt360.segmentation.backends import load_model
from yt360.segmentation.backends.fpn import WORLD_CATEGORIES, WORLD_WEIGHTS
from yt360.segmentation.evaluation import PanopticEvaluation
from yt360.segmentation.maps import PanopticMap, PanopticSegment, from_ids
from yt360.segmentation.on_sphere import segment_spheres
from yt360.segmentation.settings import WORLD, PanopticModelSettings, SphereSettings, Way

SEED = 40_000
"""Of the worlds that are measured on; training drew from 90,000."""

_PICTURES_A_SCENE = 3
_JPEG = 80


def truth_map(made: WorldPicture) -> PanopticMap:
    """The world's own maps as one panoptic map: stuff by category, things by instance, void 0."""
    things = is_thing(made.semantic)
    ids = np.where(things, 200 + made.instance.astype(np.int32), made.semantic.astype(np.int32))
    segments = []
    for number in np.unique(ids).tolist():
        if number:
            category = int(np.bincount(made.semantic[ids == number]).argmax())
            segments.append(PanopticSegment(number, category, number >= 200, 1.0, 0))
    return from_ids(ids.astype(np.int32), segments)


def seen(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture as a codec leaves it."""
    data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG])[1]
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None, "made by this process"
    return np.ascontiguousarray(decoded[..., ::-1])


def beside_float32(
    model: PanopticModel, examples: Sequence[WorldPicture], maps: Sequence[PanopticMap], way: Way
) -> dict[str, dict[str, Any]]:
    """How good maps in bfloat16 are, by pixels: beside the truth, and as if float32's ``maps`` were the truth."""
    beside_truth, beside_maps = PanopticEvaluation(WORLD_CATEGORIES), PanopticEvaluation(WORLD_CATEGORIES)
    for made, usual in zip(examples, maps, strict=True):
        (found,) = segment_spheres(model, [seen(made.picture)], SphereSettings(way=way))
        beside_truth.add(truth_map(made), found)
        beside_maps.add(usual, found)
    return {"bfloat16: pixels": beside_truth.to_json(), "bfloat16 against float32": beside_maps.to_json()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=WORLD_WEIGHTS)
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--bfloat16", action="store_true", help="measure `bfloat16` too, also beside float32's maps")
    arguments = parser.parse_args()
    usual = PanopticModelSettings(model=WORLD, weights=str(arguments.weights), device="cpu")
    model = load_model(usual)
    rough = load_model(usual.model_copy(update={"bfloat16": True})) if arguments.bfloat16 else None
    examples = list(world_pictures(SEED, arguments.scenes, _PICTURES_A_SCENE))
    rows: list[list[str]] = []
    names = ("pq", "sq", "rq", "pq_things", "pq_stuff", "miou")
    results: dict[str, dict[str, Any]] = {}
    ways: tuple[Way, ...] = ("equirectangular", "views")
    for way in ways:
        pixels = PanopticEvaluation(WORLD_CATEGORIES)
        solid = PanopticEvaluation(WORLD_CATEGORIES, by_solid_angle=True)
        seconds = 0.0
        maps = []
        for made in examples:
            began = time.perf_counter()
            maps += segment_spheres(model, [seen(made.picture)], SphereSettings(way=way))
            seconds += (time.perf_counter() - began) / len(examples)
            pixels.add(truth_map(made), maps[-1])
            solid.add(truth_map(made), maps[-1])
        results[way] = {"pixels": pixels.to_json(), "solid_angle": solid.to_json(), "seconds_a_map": round(seconds, 3)}
        for words, values in (("pixels", pixels.to_json()), ("solid angle", solid.to_json())):
            rows.append([way, words, *(f"{values[name]:.1f}" for name in names), f"{seconds:.2f}"])
        if rough is not None:
            for words, values in beside_float32(rough, examples, maps, way).items():
                rows.append([way, words, *(f"{values[name]:.1f}" for name in names), ""])
        if way == "equirectangular":
            each = pixels.per_category()
            by_name = {category.name: each[category.id].pq for category in WORLD_CATEGORIES if category.id in each}
    print(f"{len(examples)} pictures of {arguments.scenes} procedural worlds, 448x224, JPEG {_JPEG}")
    print(table(rows, ["way", "counted by", "PQ", "SQ", "RQ", "PQ things", "PQ stuff", "mIoU", "s a map"]))
    print("PQ by category: " + ", ".join(f"{name} {value:.0f}" for name, value in by_name.items()))
    print(f"weights: {arguments.weights.stat().st_size / 1e6:.2f} MB")
    if arguments.save:
        about = {
            "what": "a narrow Panoptic FPN that knows the procedural world of yt360 and nothing else; not a COCO model",
            "trained_by": "python -m fitting.world_fpn",
            "trained_on": {
                "seed": world_fpn.SEED,
                "scenes": world_fpn.SCENES,
                "pictures": world_fpn.SCENES * world_fpn.PICTURES_A_SCENE,
                "steps": world_fpn.STEPS,
            },
            "measured_by": "python -m benchmarks.segmentation_world --save",
            "measured_on": {"seed": SEED, "scenes": arguments.scenes, "pictures": len(examples)},
            "measured": results,
            "pq_by_category": {name: round(value, 1) for name, value in by_name.items()},
            "categories": [category.name for category in WORLD_CATEGORIES],
        }
        WORLD_WEIGHTS.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return 0 if results["equirectangular"]["pixels"]["pq"] >= 60 else 1


if __name__ == "__main__":
    raise SystemExit(main())
