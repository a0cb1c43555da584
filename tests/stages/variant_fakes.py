"""Clips with further members, and the real stages after them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.stages.fakes import FAKES, Dataset, FakeChunk, FakeChunkParams
from yt360.engine import recipe
from yt360.engine.recipe import Registry
from yt360.engine.stage import Child
from yt360.media.clips import ClipVideoWriter, write_clip_sound, write_two_channels


class VariantChunkParams(FakeChunkParams):
    variants: bool = True


class VariantChunk(FakeChunk):
    name = "chunk"
    params_type = VariantChunkParams

    def _clip(self, video: str, number: int, workdir: Path) -> Child:
        child = super()._clip(video, number, workdir)
        if not self.params.variants:
            return child
        rng = np.random.default_rng(number)
        path = workdir / f"{child.id}.view0.video.mp4"
        with ClipVideoWriter(path, 48, 32, 16, gop=8, crf=20, preset="ultrafast", whole_sphere=False) as out:
            for _ in range(16):
                out.write(np.full((32, 48, 3), (200, 30, 30), np.uint8))
        sound = rng.uniform(-0.5, 0.5, (16000, 4))
        write_clip_sound(workdir / f"{child.id}.large.foa.flac", sound, 16000, "PCM_24", {})
        write_two_channels(workdir / f"{child.id}.stereo.flac", sound[:, :2], 16000, "PCM_24", {})
        facts = {
            "view0.video": {"width": 48, "height": 32, "fps": 16.0, "frames": 16, "azimuth_deg": 90.0,
                            "elevation_deg": 0.0, "fov_deg": 100.0},
            "large.foa": {"channels": 4, "samples": 16000, "sample_rate_hz": 16000, "gain_db": 0.0},
            "stereo": {"channels": 2, "samples": 16000, "sample_rate_hz": 16000, "gain_db": -1.5},
        }  # fmt: skip
        meta: dict[str, Any] = {**child.meta, "variants": facts}
        (workdir / f"{child.id}.json").write_text(json.dumps(meta, sort_keys=True))
        files = {
            "view0.video": path.name,
            "large.foa": f"{child.id}.large.foa.flac",
            "stereo": f"{child.id}.stereo.flac",
        }
        return replace(child, outputs={**child.outputs, **files}, meta=meta)


class VariantDataset(Dataset):
    def recipe(self, videos: dict[str, int], **parameters: Any) -> recipe.Recipe:
        registry = Registry(stages={**FAKES.stages, "chunk": f"{__name__}:VariantChunk"})
        stages: dict[str, Any] = {"crawl": {"videos": videos}}
        stages |= {name: parameters.get(name, {}) for name in ("chunk", "split", "shard")}
        return recipe.build({"stages": stages}, registry, [], where="test")
