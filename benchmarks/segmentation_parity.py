"""Our Panoptic FPN beside detectron2's, on the same random weights: outputs and seconds, in one run.

Ours three times: as it was trained, as the stage `segment` runs it on a processor (fused), and with its `bfloat16`.

    python -m benchmarks.segmentation_parity DETECTRON2 [--depth 101] [--pictures 8] [--record FILE]

DETECTRON2 is a checkout of https://github.com/facebookresearch/detectron2 (it runs uncompiled); its
dependencies are needed beside ours: `pip install fvcore 'iopath<0.1.10' yacs 'omegaconf<2.4' pycocotools`.
The pictures are frames of the procedural world, upscaled to many sizes. ``--record`` writes the small
outputs that ``tests/segmentation/test_parity.py`` holds our model to: of a narrow network on three pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from fitting.world_pictures import world_pictures
from tests.segmentation.random_weights import NARROW, NARROW_PICTURES, random_picture, random_weights
from yt360.cli.common import table
from yt360.segmentation.fpn.config import R50, R101, FpnConfig
from yt360.segmentation.fpn.fused import can_fuse, fuse
from yt360.segmentation.fpn.model import FpnOutput, PanopticFPN

DETECTRON2 = "detectron2"
EQUAL = ("plain", "fused")
WITHIN = "logits within 1e-5 of the largest, and 99.9 % of the pixels of every map equal"

_COLUMNS = {
    "logits": "logits",
    "boxes": "boxes px",
    "scores": "scores",
    "masks": "masks",
    "ids": "equal ids",
    "detectron2_cpu_s": "detectron2 CPU s",
    "cpu_s": "own CPU s",
    "faster": "times as fast",
}

SIZES = ((480, 640), (640, 480), (224, 448), (426, 640), (500, 375), (720, 1280), (333, 500), (600, 600), (512, 1024))
"""Heights and widths: landscape, portrait, square, spheres; some above and some below the network's own size."""


def reference(checkout: Path, config: FpnConfig) -> Any:
    """detectron2's model of the same shape."""
    sys.path.insert(0, str(checkout))
    from detectron2.config import get_cfg
    from detectron2.modeling import build_model

    values = get_cfg()
    depth = 101 if config.blocks == R101.blocks else 50
    values.merge_from_file(str(checkout / f"configs/COCO-PanopticSegmentation/panoptic_fpn_R_{depth}_3x.yaml"))
    values.MODEL.DEVICE = "cpu"
    values.MODEL.RESNETS.STEM_OUT_CHANNELS = config.stem
    values.MODEL.RESNETS.WIDTH_PER_GROUP = config.bottleneck
    values.MODEL.RESNETS.RES2_OUT_CHANNELS = 4 * config.bottleneck
    values.MODEL.FPN.OUT_CHANNELS = config.pyramid
    values.MODEL.ROI_BOX_HEAD.FC_DIM = config.box_hidden
    values.MODEL.ROI_MASK_HEAD.CONV_DIM = config.mask_width
    values.MODEL.SEM_SEG_HEAD.CONVS_DIM = config.semantic_width
    values.INPUT.MIN_SIZE_TEST, values.INPUT.MAX_SIZE_TEST = config.short_side, config.long_side
    return build_model(values).eval()


def run_reference(model: Any, config: FpnConfig, picture: NDArray[np.uint8]) -> dict[str, Any]:
    """As detectron2's own predictor does."""
    import detectron2.data.transforms as transforms

    with torch.no_grad():
        bgr = picture[..., ::-1]
        resize = transforms.ResizeShortestEdge([config.short_side] * 2, config.long_side)
        scaled = resize.get_transform(bgr).apply_image(bgr)
        tensor = torch.as_tensor(scaled.astype("float32").transpose(2, 0, 1))
        found: dict[str, Any] = model([{"image": tensor, "height": picture.shape[0], "width": picture.shape[1]}])[0]
    return found


def run_own(network: PanopticFPN, picture: NDArray[np.uint8]) -> FpnOutput:
    found: list[FpnOutput] = network([picture])
    return found[0]


def compare(theirs: dict[str, Any], ours: FpnOutput, config: FpnConfig) -> dict[str, float]:
    """How our map and what it is made of differ from theirs.

    ``logits``: the largest difference, as a part of the largest logit. Of things that can be in a map, each beside
    the nearest of its class: ``boxes`` (pixels), ``scores``, ``masks`` (share of a picture's pixels); infinite where
    there is none. ``ids``: share of equal pixels of the maps, 0 where the segments differ.
    """
    semantic, instances = theirs["sem_seg"], theirs["instances"]
    instances = instances[instances.scores >= config.instance_score]
    ids, segments = theirs["panoptic_seg"]
    same_kind = [(s["isthing"], s["category_id"] - (not s["isthing"])) for s in segments] == [
        (s.is_thing, s.label) for s in ours.segments
    ]
    found = {
        "logits": float((semantic - ours.semantic).abs().max() / semantic.abs().max()),
        "boxes": 0.0,
        "scores": 0.0,
        "masks": 0.0,
        "ids": float((ids == ours.ids).float().mean()) if same_kind else 0.0,
    }
    for number, box in enumerate(instances.pred_boxes.tensor):
        away = (ours.instances.boxes - box).abs().amax(dim=1)
        away[ours.instances.classes != instances.pred_classes[number]] = float("inf")
        nearest = int(away.argmin())
        pair = {
            "boxes": float(away[nearest]),
            "scores": float((instances.scores[number] - ours.instances.scores[nearest]).abs()),
            "masks": float((instances.pred_masks[number] != ours.masks[nearest]).float().mean()),
        }
        found |= {name: max(found[name], value) for name, value in pair.items()}
    return found


def pictures(count: int) -> list[NDArray[np.uint8]]:
    """Frames of the procedural world in many sizes, with fine noise so that no region is flat."""
    made = []
    frames = [each.picture for each in world_pictures(70_000, count, 1)]
    for number, frame in enumerate(frames):
        height, width = SIZES[number % len(SIZES)]
        noise = np.random.default_rng(number).normal(0, 6, (height, width, 3))
        scaled = np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC), float)
        made.append(np.clip(scaled + noise, 0, 255).astype(np.uint8))
    return made


def record(checkout: Path, path: Path) -> None:
    """Outputs of detectron2's model, narrowed, on random weights and pictures that the test makes again."""
    model = reference(checkout, NARROW)
    shapes = {name: tuple(value.shape) for name, value in PanopticFPN(NARROW).state_dict().items()}
    load(model, random_weights(shapes, 1))
    arrays: dict[str, Any] = {}
    for number, size in enumerate(NARROW_PICTURES):
        found = run_reference(model, NARROW, random_picture(number, size))
        instances = found["instances"]
        ids, segments = found["panoptic_seg"]
        arrays |= {
            f"{number}.boxes": instances.pred_boxes.tensor.numpy(),
            f"{number}.scores": instances.scores.numpy(),
            f"{number}.classes": instances.pred_classes.numpy().astype(np.uint8),
            f"{number}.mask_areas": instances.pred_masks.sum(dim=(1, 2)).numpy().astype(np.int32),
            f"{number}.logits": found["sem_seg"][:, ::32, ::32].numpy(),
            f"{number}.ids": ids.numpy().astype(np.uint8),
            f"{number}.segments": np.array(
                [(s["id"], s["isthing"], s["category_id"]) for s in segments], np.int32
            ).reshape(-1, 3),
        }
        print(f"{size}: {len(instances)} instances, {len(segments)} segments")
    np.savez_compressed(path, **arrays)
    print(f"{path}: {path.stat().st_size} bytes")


def engines(config: FpnConfig, weights: dict[str, NDArray[np.float32]]) -> dict[str, PanopticFPN]:
    """Our network: as it was trained, as the stage `segment` runs it on a processor, and with its `bfloat16`."""
    made = {name: PanopticFPN(config).eval().requires_grad_(False) for name in ("plain", "fused", "bfloat16")}
    for network in made.values():
        load(network, weights)
    fuse(made["fused"])
    if can_fuse(torch.bfloat16):
        fuse(made["bfloat16"], torch.bfloat16)
    else:
        made["bfloat16"].half_precision = True
    return made


def load(model: Any, weights: dict[str, NDArray[np.float32]]) -> None:
    """Weights into either model; only what does not learn (means, anchors) may be left over."""
    left = model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, strict=False)
    wrong = [name for name in left.missing_keys if "pixel_" not in name and "anchor" not in name] + left.unexpected_keys
    if wrong:
        raise SystemExit(f"the two models do not have the same tensors, first {wrong[0]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectron2", type=Path, help="a checkout of detectron2")
    parser.add_argument("--depth", type=int, choices=(50, 101), default=101)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument(
        "--short-side", type=int, default=R101.short_side, help="of what the networks see; less is sooner"
    )
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if not (arguments.detectron2 / "detectron2" / "modeling").is_dir():
        print(f"{arguments.detectron2}: expected a checkout of detectron2; nothing was compared")
        return 2
    torch.set_num_threads(1)  # as a picture has in the stage
    if arguments.record:
        record(arguments.detectron2, arguments.record)
        return 0
    config = replace(
        R101 if arguments.depth == 101 else R50,
        short_side=arguments.short_side,
        long_side=arguments.short_side * R101.long_side // R101.short_side,
    )
    theirs = reference(arguments.detectron2, config)
    shapes = {name: tuple(value.shape) for name, value in PanopticFPN(config).state_dict().items()}
    weights = random_weights(shapes, 0)
    load(theirs, weights)
    runs: dict[str, Callable[[NDArray[np.uint8]], Any]] = {DETECTRON2: partial(run_reference, theirs, config)}
    runs |= {name: partial(run_own, network) for name, network in engines(config, weights).items()}
    names, seconds, found = list(runs), [], []
    for number, picture in enumerate(pictures(arguments.pictures)):
        results, took = {}, {}
        first = number % len(names)  # who goes first changes: what is warm favours nobody
        for name in names[first:] + names[:first]:
            began = time.process_time()
            results[name] = runs[name](picture)
            took[name] = time.process_time() - began
        seconds.append(took)
        found.append({name: compare(results[DETECTRON2], results[name], config) for name in names[1:]})
        print(f"{len(seconds)} of {arguments.pictures}", file=sys.stderr, flush=True)
    side = arguments.short_side
    print(f"Panoptic FPN R{arguments.depth}, short side {side}, random weights, {len(seconds)} pictures")
    print(f"torch {torch.__version__}, one thread")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    summary = summarise(seconds, found)
    print(
        table(
            [[name, *(_shown(key, row[key]) for key in _COLUMNS)] for name, row in summary.items()],
            ["", *_COLUMNS.values()],
        )
    )
    good = all(summary[name]["equal"] for name in EQUAL)
    print(f"{' and '.join(EQUAL)}: {WITHIN if good else 'NOT ' + WITHIN}")
    print(json.dumps(summary))
    return 0 if good else 1


def summarise(
    seconds: Sequence[Mapping[str, float]], found: Sequence[Mapping[str, Mapping[str, float]]]
) -> dict[str, dict[str, Any]]:
    """Of each of our networks over all pictures: the largest differences, CPU seconds, and how many times as fast as
    detectron2 it was, picture by picture."""
    made: dict[str, dict[str, Any]] = {}
    for name in found[0]:
        worst = {key: max(row[name][key] for row in found) for key in ("logits", "boxes", "scores", "masks")}
        ids = min(row[name]["ids"] for row in found)
        made[name] = worst | {
            "ids": ids,
            "equal": worst["logits"] <= 1e-5 and ids >= 0.999,
            "detectron2_cpu_s": sum(took[DETECTRON2] for took in seconds),
            "cpu_s": sum(took[name] for took in seconds),
            "faster": [took[DETECTRON2] / took[name] for took in seconds],
        }
    return made


def _shown(key: str, value: Any) -> str:
    if key == "faster":
        return f"{statistics.median(value):.2f} ({min(value):.2f} to {max(value):.2f})"
    return f"{100 * value:.3f} %" if key == "ids" else f"{value:.1f}" if key.endswith("_s") else f"{value:.1e}"


if __name__ == "__main__":
    raise SystemExit(main())
