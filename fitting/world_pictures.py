"""Pictures of the procedural world with their truth, to train and to measure a panoptic model on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360.synth.classes import FIRST_THING_ID, PANOPTIC_CLASSES
from yt360.synth.render import Renderer
from yt360.synth.scene import draw_scene

FPS = 16.0

THING_IDS = tuple(row.id for row in PANOPTIC_CLASSES if row.kind == "thing")
STUFF_IDS = tuple(row.id for row in PANOPTIC_CLASSES if row.kind == "stuff" and row.id)


@dataclass(frozen=True)
class WorldPicture:
    """``picture`` ``(H, W, 3)`` RGB; ``semantic`` ``(H, W)`` class ids of the world, 0 void; ``instance`` ``(H, W)``,
    0 for stuff, one number for each thing."""

    picture: NDArray[np.uint8]
    semantic: NDArray[np.uint8]
    instance: NDArray[np.uint8]


def world_pictures(
    seed: int, scenes: int, pictures_a_scene: int, *, height: int = 224, width: int = 448
) -> Iterator[WorldPicture]:
    """Random moments of random scenes. How bright a thing is (its loudness, in a video) is random too."""
    for number in range(scenes):
        rng = np.random.default_rng((seed, number))
        scene = draw_scene(rng, duration_s=12.0)
        frames = round(scene.duration_s * FPS)
        levels = rng.random((len(scene.things), frames)).astype(np.float32)
        renderer = Renderer(scene, height, width, FPS, levels)
        for frame in rng.choice(frames, pictures_a_scene, replace=False):
            semantic, instance = renderer.panoptic(int(frame))
            yield WorldPicture(renderer.draw(int(frame)), semantic, instance)


def is_thing(semantic: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a map of the world's class ids shows things."""
    return semantic >= FIRST_THING_ID
