"""A root whose clips each have one source, for readers of other libraries: left, right, back, up, front and down."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tests.segmentation.spheres import ColourModel
from tests.stages.fakes import FAKES, Dataset, FakeChunk
from yt360 import ambisonics
from yt360.engine import recipe
from yt360.engine.recipe import Registry
from yt360.engine.stage import Child, Context, Failed, Item, Outcome
from yt360.media.clips import ClipVideoWriter, write_clip_sound
from yt360.stages.segment import Segment

DIRECTIONS = {"left": (90, 0), "right": (-90, 0), "back": (180, 0), "up": (0, 90), "front": (0, 0), "down": (0, -90)}
"""Video -> azimuth and elevation of its source in degrees."""

TRAIN = ("left", "right", "back", "up")

RATE_HZ, FPS, SECONDS = 24000, 16, 1


class DirectedChunk(FakeChunk):
    """Clips of one second: the sound of each comes from where its video's name says."""

    name = "chunk"
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video"}

    def _clip(self, video: str, number: int, workdir: Path) -> Child:
        name = f"{video}-{number * 10:05d}"
        azimuth, elevation = (math.radians(angle) for angle in DIRECTIONS[video])
        rng = np.random.default_rng(len(video) + number)
        signal = rng.uniform(-0.5, 0.5, RATE_HZ * SECONDS)
        foa = ambisonics.encode(signal, azimuth, elevation)
        write_clip_sound(workdir / f"{name}.foa.flac", foa.T, RATE_HZ, "PCM_24", {"SOURCE": video})
        with ClipVideoWriter(workdir / f"{name}.video.mp4", 64, 32, FPS, gop=8, crf=30, preset="ultrafast") as out:
            for _ in range(FPS * SECONDS):
                out.write(rng.integers(0, 255, (32, 64, 3), dtype=np.uint8))
        meta: dict[str, Any] = {
            "clip": name, "video": video, "start_s": number * 10.0, "duration_s": float(SECONDS),
            "frames": FPS * SECONDS, "fps": float(FPS), "height": 32, "width": 64, "samples": RATE_HZ * SECONDS,
            "sample_rate_hz": RATE_HZ, "convention": "ambix", "foa_gain_db": 0.0, "horizontal_only": False,
            "loudness_db": -10.8, "azimuth_deg": float(DIRECTIONS[video][0]),
            "elevation_deg": float(DIRECTIONS[video][1]), "diffuseness": 0.0, "shot": 0, "transitions": 0,
        }  # fmt: skip
        (workdir / f"{name}.json").write_text(json.dumps(meta, sort_keys=True))
        return Child(name, {"video": f"{name}.video.mp4", "foa": f"{name}.foa.flac", "json": f"{name}.json"}, meta)


class SomeMaps(Segment):
    """Makes maps of every clip but those of two videos, one of which comes first."""

    def setup(self) -> None:
        self._model = ColourModel()

    def prepare_host(self) -> None:
        """There are no weights."""

    def process(self, item: Item, context: Context) -> Outcome:
        if item.source_id in ("back", "right"):
            return Failed("no-model", f"{item.id}: not this one")
        return super().process(item, context)


class ReadersDataset(Dataset):
    """Built by fakes of crawl and chunk, and the real stages after them."""

    def recipe(self, videos: dict[str, int], **parameters: Any) -> recipe.Recipe:
        own = {"chunk": f"{__name__}:DirectedChunk", "segment": f"{__name__}:SomeMaps"}
        names = ("crawl", "chunk", "segment", "split", "shard")
        registry = Registry(stages={name: own.get(name, FAKES.stages.get(name, "")) for name in names})
        stages: dict[str, Any] = {"crawl": {"videos": videos}} | {name: {} for name in names[1:]}
        stages["segment"] = {"model": "world-fpn", "rate_hz": 2.0}
        return recipe.build({"stages": stages | parameters}, registry, [], where="test")


def make_readers_root(folder: Path) -> Path:
    """One clip a video: left, right, back and up in the training shard, front and down in that of the test side."""
    dataset = ReadersDataset(folder)
    listed = folder.parent / "test.txt"
    listed.write_text("\n".join(sorted(set(DIRECTIONS) - set(TRAIN))) + "\n")
    split = {"test_share": 0.0, "test_list": str(listed)}
    result = dataset.run(dict.fromkeys(DIRECTIONS, 1), workers=1, split=split)
    assert {record.kind for record in result.failed} == {"no-model"}
    return folder
