"""Trains the demo's model: a narrow Panoptic FPN on the procedural world.

    python -m fitting.world_fpn --out FOLDER

writes ``world-fpn.safetensors``. `python -m benchmarks.segmentation_world` then measures it on other
worlds, and writes what it found beside it.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from fitting.world_pictures import STUFF_IDS, THING_IDS, WorldPicture, world_pictures
from yt360 import sphere
from yt360.files import atomic_write
from yt360.segmentation.fpn.backbone import initialise
from yt360.segmentation.fpn.config import WORLD
from yt360.segmentation.fpn.losses import VOID, FpnTarget, losses
from yt360.segmentation.fpn.model import PanopticFPN

SEED = 90_000
"""Of the worlds that are trained on; the demo, the tests and the measurements draw theirs from other seeds."""

SCENES = 130
PICTURES_A_SCENE = 8
STEPS = 1200
_BATCH = 4
_RATE = 1.5e-3
_WARM_UP = 100
_PASTED = 2
_VIEW_SHARE = 0.2
_LEAST_AREA = 40

_WEIGHT = {"semantic": 1.0, "objectness": 1.0, "proposal": 1.0, "class": 1.0, "box": 1.0, "mask": 1.0}


@dataclass(frozen=True)
class _Stored:
    """A picture as JPEG (so that training sees a codec's traces) and its maps as PNG."""

    jpeg: NDArray[np.uint8]
    maps: NDArray[np.uint8]

    @staticmethod
    def of(made: WorldPicture, quality: int) -> _Stored:
        jpeg = cv2.imencode(".jpg", made.picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        both = np.stack([made.semantic, made.instance, np.zeros_like(made.semantic)], axis=-1)
        return _Stored(jpeg, cv2.imencode(".png", both)[1])

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Picture ``(H, W, 3)`` and maps ``(H, W, 2)``: class ids and instances."""
        picture, maps = (cv2.imdecode(data, cv2.IMREAD_COLOR) for data in (self.jpeg, self.maps))
        assert picture is not None, "made by this process"
        assert maps is not None, "made by this process"
        return np.asarray(picture[..., ::-1], np.uint8), np.asarray(maps[..., :2], np.uint8)


class Examples:
    """Random training examples out of stored pictures: turned, mirrored, with things of others laid in."""

    def __init__(self, stored: list[_Stored], rng: np.random.Generator) -> None:
        self._stored = stored
        self._rng = rng

    def batch(self, count: int) -> tuple[list[NDArray[np.uint8]], list[FpnTarget]]:
        """Pictures of one size and their targets: whole spheres, or now and then perspective views of one."""
        as_views = self._rng.random() < _VIEW_SHARE
        pictures, targets = [], []
        for _ in range(count):
            picture, maps = self._sphere()
            if as_views:
                picture, maps = self._view(picture, maps)
            pictures.append(picture)
            targets.append(make_target(maps[..., 0], maps[..., 1], seam=not as_views))
        return pictures, targets

    def _draw(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        return self._stored[int(self._rng.integers(len(self._stored)))].read()

    def _sphere(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        picture, maps = self._draw()
        picture, maps = picture.copy(), maps.copy()
        for number in range(int(self._rng.integers(_PASTED + 1))):
            other, other_maps = self._draw()
            instances = np.unique(other_maps[..., 1])[1:]
            if len(instances):
                # A turn about the vertical moves a thing along its rows without changing its shape.
                shift = int(self._rng.integers(picture.shape[1]))
                inside = np.roll(other_maps[..., 1] == self._rng.choice(instances), shift, axis=1)
                picture[inside] = np.roll(other, shift, axis=1)[inside]
                maps[inside, 0] = np.roll(other_maps[..., 0], shift, axis=1)[inside]
                maps[inside, 1] = 100 + number
        turn = int(self._rng.integers(picture.shape[1]))
        picture, maps = np.roll(picture, turn, axis=1), np.roll(maps, turn, axis=1)
        if self._rng.random() < 0.5:
            picture, maps = picture[:, ::-1], maps[:, ::-1]
        gain, shift_level = self._rng.uniform(0.85, 1.15), self._rng.uniform(-12, 12)
        picture = np.clip(picture * np.float32(gain) + np.float32(shift_level), 0, 255).astype(np.uint8)
        return picture, np.ascontiguousarray(maps)

    def _view(self, picture: NDArray[np.uint8], maps: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        angle = math.radians(self._rng.uniform(70, 110))
        elevation = math.radians(self._rng.choice([-90, -45, 0, 0, 0, 45, 90]))
        view = sphere.View(self._rng.uniform(-math.pi, math.pi), elevation, angle, angle)
        size = (picture.shape[0], picture.shape[0])
        where = sphere.sampling_map(view, size, (picture.shape[0], picture.shape[1]))
        return sphere.sample(picture, where), sphere.sample(maps, where, "nearest")


def make_target(semantic: NDArray[np.uint8], instance: NDArray[np.uint8], *, seam: bool) -> FpnTarget:
    """The target of a picture from the world's maps. With ``seam``, a thing on both edges is two pieces here."""
    labels = np.full(256, VOID, np.int64)
    labels[list(STUFF_IDS)] = np.arange(1, len(STUFF_IDS) + 1)
    labels[list(THING_IDS)] = 0
    width = semantic.shape[1]
    masks, classes, boxes = [], [], []
    for number in np.unique(instance):
        if not number:
            continue
        whole = instance == number
        name = int(np.bincount(semantic[whole]).argmax())
        parts = [whole]
        if seam and whole[:, 0].any() and whole[:, -1].any():
            left = whole.copy()
            left[:, width // 2 :] = False
            parts = [left, whole & ~left]
        for part in parts:
            if part.sum() >= _LEAST_AREA and name in THING_IDS:
                rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
                masks.append(part)
                classes.append(THING_IDS.index(name))
                boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    return FpnTarget(
        boxes=torch.tensor(np.array(boxes, np.float32).reshape(-1, 4)),
        classes=torch.tensor(classes, dtype=torch.long),
        masks=torch.from_numpy(np.array(masks, bool).reshape(-1, *semantic.shape)),
        semantic=torch.from_numpy(labels[semantic]),
    )


def train(stored: list[_Stored], *, steps: int, seed: int) -> PanopticFPN:
    """A model with trainable normalisation, after ``steps`` of AdamW with a cosine schedule."""
    torch.manual_seed(seed)
    examples = Examples(stored, np.random.default_rng(seed))
    model = PanopticFPN(WORLD, trainable_norm=True)
    initialise(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=1e-3)
    began = time.monotonic()
    for step in range(steps):
        rate = min(1.0, (step + 1) / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimiser.param_groups:
            group["lr"] = _RATE * rate
        pictures, targets = examples.batch(_BATCH)
        normal = model.batch([torch.from_numpy(p[..., ::-1].transpose(2, 0, 1).copy()) for p in pictures])
        found = losses(model, normal, targets)
        total = torch.stack([_WEIGHT[name] * value for name, value in found.items()]).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        if step % 50 == 0:
            words = "  ".join(f"{name} {value.item():.3f}" for name, value in found.items())
            print(f"step {step:5d} of {steps}  {time.monotonic() - began:6.0f} s  {words}", flush=True)
    return model


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for world-fpn.safetensors")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--scenes", type=int, default=SCENES)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    quality = np.random.default_rng(SEED)
    stored = [
        _Stored.of(made, int(quality.integers(55, 96)))
        for made in world_pictures(SEED, arguments.scenes, PICTURES_A_SCENE)
    ]
    print(f"{len(stored)} pictures of {arguments.scenes} scenes, {time.monotonic() - began:.0f} s", flush=True)
    model = train(stored, steps=arguments.steps, seed=SEED)
    # Half precision: half the size, and three digits are plenty for weights.
    tensors = {
        name: (value.half() if value.ndim > 1 else value.float()).contiguous()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    path = arguments.out / "world-fpn.safetensors"
    atomic_write(path, lambda partial: save_file(tensors, partial))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
