"""Our Panoptic FPN beside detectron2's, on the same random weights: outputs and seconds, in one run.

    python -m benchmarks.segmentation_parity DETECTRON2 [--depth 101] [--pictures 8] [--record FILE]

DETECTRON2 is a checkout of https://github.com/facebookresearch/detectron2 (it runs uncompiled); its
dependencies are needed beside ours: `pip install fvcore 'iopath<0.1.10' yacs 'omegaconf<2.4' pycocotools`.
The pictures are frames of the procedural world, upscaled to many sizes. ``--record`` writes the small
outputs that ``tests/segmentation/test_parity.py`` holds our model to: of a narrow network on three pictures.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
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
from yt360.segmentation.fpn.model import FpnOutput, PanopticFPN

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


def compare(theirs: dict[str, Any], ours: FpnOutput) -> dict[str, float]:
    """Largest differences of boxes (pixels), scores, logits and masks; share of equal pixels of the panoptic map."""
    instances = theirs["instances"]
    alike = len(instances) == len(ours.instances)
    ids, segments = theirs["panoptic_seg"]
    same_kind = [(s["isthing"], s["category_id"] - (not s["isthing"])) for s in segments] == [
        (s.is_thing, s.label) for s in ours.segments
    ]
    found = {"logits": float((theirs["sem_seg"] - ours.semantic).abs().max()), "instances": float(len(instances))}
    found |= {"boxes": float("inf"), "scores": float("inf"), "masks": float("inf")}
    if alike and bool((instances.pred_classes == ours.instances.classes).all()):
        found["boxes"] = _largest(instances.pred_boxes.tensor - ours.instances.boxes)
        found["scores"] = _largest(instances.scores - ours.instances.scores)
        found["masks"] = _largest((instances.pred_masks != ours.masks).float().mean(dim=(1, 2)))
    found["ids"] = float((ids == ours.ids).float().mean()) if same_kind else 0.0
    return found


def _largest(difference: torch.Tensor) -> float:
    return float(difference.abs().max()) if difference.numel() else 0.0


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
    if arguments.record:
        record(arguments.detectron2, arguments.record)
        return 0
    config = replace(
        R101 if arguments.depth == 101 else R50,
        short_side=arguments.short_side,
        long_side=arguments.short_side * R101.long_side // R101.short_side,
    )
    theirs, ours = reference(arguments.detectron2, config), PanopticFPN(config).eval()
    weights = random_weights({name: tuple(value.shape) for name, value in ours.state_dict().items()}, 0)
    load(theirs, weights)
    load(ours, weights)
    rows, totals, worst = [], [0.0, 0.0], {"boxes": 0.0, "scores": 0.0, "logits": 0.0, "ids": 1.0}
    for number, picture in enumerate(pictures(arguments.pictures)):
        seconds = [0.0, 0.0]
        runs: list[Callable[[], Any]] = [partial(run_reference, theirs, config, picture), partial(ours, [picture])]
        results: list[Any] = [None, None]
        for turn in (number % 2, 1 - number % 2):  # who goes first changes: what is warm favours neither
            began = time.process_time()
            results[turn] = runs[turn]()
            seconds[turn] = time.process_time() - began
        found = compare(results[0], ours([picture], everything=True)[0])
        found["ids"] = min(found["ids"], float((results[0]["panoptic_seg"][0] == results[1][0].ids).float().mean()))
        for name in worst:
            worst[name] = (min if name == "ids" else max)(worst[name], found[name])
        totals = [total + own for total, own in zip(totals, seconds, strict=True)]
        rows.append(
            [f"{picture.shape[1]}x{picture.shape[0]}", int(found["instances"])]
            + [f"{found[name]:.1e}" for name in ("boxes", "scores", "logits", "masks")]
            + [f"{100 * found['ids']:.3f} %", *(f"{value:.2f}" for value in seconds)]
        )
        print(f"{len(rows)} of {arguments.pictures}", file=sys.stderr, flush=True)
    header = ["picture", "instances", "boxes px", "scores", "logits", "masks", "equal ids"]
    header += ["detectron2 CPU s", "ours CPU s"]
    threads = torch.get_num_threads()
    side = arguments.short_side
    print(f"Panoptic FPN R{arguments.depth}, short side {side}, random weights")
    print(f"torch {torch.__version__}, {threads} thread(s)")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(table(rows, header))
    faster = totals[0] / totals[1]
    print(f"CPU seconds in all: detectron2 {totals[0]:.1f}, ours {totals[1]:.1f}: {faster:.2f} times as fast")
    good = max(worst["boxes"], worst["scores"], worst["logits"]) <= 1e-4 and worst["ids"] >= 0.999
    print("within 1e-4, and 99.9 % of the pixels equal" if good else "NOT within 1e-4 and 99.9 %")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
