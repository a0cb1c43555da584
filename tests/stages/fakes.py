"""Stages that stand in for crawl … chunk, so that what follows is tested on exact and tiny inputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import soundfile

from yt360.engine import pipeline, recipe
from yt360.engine.executors.local import WorkerPool
from yt360.engine.pipeline import RunResult
from yt360.engine.recipe import Registry
from yt360.engine.stage import Child, Context, DatasetView, Done, Filtered, Item, Outcome, Stage, StageParams
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.hashing import digest_bytes
from yt360.media.clips import ClipVideoWriter
from yt360.publishing.manifests import publish
from yt360.stages import REGISTRY


def context(workdir: Path) -> Context:
    """To call a stage by hand: works in a folder, with a state folder beside it."""
    return Context(workdir, workdir.parent / "state")


class FakeCrawlParams(StageParams):
    """``videos``: id -> number of clips."""

    videos: dict[str, int] = {}


class FakeCrawl(Stage):
    name = "crawl"
    item_kind = "video"
    params_type = FakeCrawlParams

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        for video, clips in self.params.videos.items():
            yield Item(id=video, source_id=video, meta={"clips": clips})

    def key(self, item: Item) -> str:
        return digest_bytes(f"{item.id} {item.meta['clips']}".encode())

    def recorded_params(self, item: Item) -> dict[str, Any]:
        return {}

    def process(self, item: Item, context: Context) -> Outcome:
        (context.workdir / "video.txt").write_text(f"{item.id} {item.meta['clips']}")
        return Done(outputs={"video": "video.txt"}, measures={"title": f"<b>{item.id}</b>", "url": "local"})


class FakeChunkParams(StageParams):
    tone_hz: float = 440.0


class FakeChunk(Stage):
    """Clips of one second with real H.264 and FLAC."""

    name = "chunk"
    params_type = FakeChunkParams
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video"}
    after = ("crawl",)

    def process(self, item: Item, context: Context) -> Outcome:
        video, clips = item.files["video"].read_text().split()
        if clips == "0":
            return Filtered("silent", "nothing to hear")
        return Done(children=tuple(self._clip(video, number, context.workdir) for number in range(int(clips))))

    def _clip(self, video: str, number: int, workdir: Path) -> Child:
        name = f"{video}-{number * 10:05d}"
        rng = np.random.default_rng(int.from_bytes(name.encode()) % 2**32)
        with ClipVideoWriter(workdir / f"{name}.video.mp4", 64, 32, 16, gop=16, crf=30, preset="ultrafast") as out:
            for _ in range(16):
                out.write(rng.integers(0, 255, (32, 64, 3), dtype=np.uint8))
        time_s = np.arange(8000) / 8000
        tone = 0.3 * np.sin(2 * np.pi * self.params.tone_hz * (1 + number) * time_s)
        soundfile.write(
            workdir / f"{name}.foa.flac", np.stack([tone] * 4, axis=1), 8000, subtype="PCM_16", format="FLAC"
        )
        meta = {
            "clip": name, "video": video, "start_s": number * 10.0, "duration_s": 1.0, "frames": 16, "fps": 16.0,
            "height": 32, "width": 64, "samples": 8000, "sample_rate_hz": 8000, "convention": "ambix",
            "foa_gain_db": 0.0, "horizontal_only": False, "loudness_db": -13.5, "azimuth_deg": 0.0,
            "elevation_deg": 0.0, "diffuseness": 0.1,
        }  # fmt: skip
        (workdir / f"{name}.json").write_text(json.dumps(meta, sort_keys=True))
        return Child(name, {"video": f"{name}.video.mp4", "foa": f"{name}.foa.flac", "json": f"{name}.json"}, meta)


FAKES = Registry(
    stages={
        "crawl": "tests.stages.fakes:FakeCrawl",
        "chunk": "tests.stages.fakes:FakeChunk",
        "split": REGISTRY.stages["split"],
        "shard": REGISTRY.stages["shard"],
    },
)
WITH_EMBED = Registry(stages={**FAKES.stages, "embed": REGISTRY.stages["embed"]})


class Dataset:
    """A root that is built by the fakes and the real split and shard."""

    def __init__(self, folder: Path) -> None:
        self.root = Root(folder)

    def recipe(self, videos: dict[str, int], **parameters: Any) -> recipe.Recipe:
        stages = {"crawl": {"videos": videos}} | {
            name: parameters.get(name, {}) for name in ("chunk", "split", "shard")
        }
        return recipe.build({"stages": stages}, FAKES, [], where="test")

    def run(self, videos: dict[str, int], workers: int | None = None, **parameters: Any) -> RunResult:
        """In this process; with ``workers``, in so many others."""
        options = pipeline.Options(min_free_bytes=0)
        pool = None if workers is None else WorkerPool(workers)
        return pipeline.run(self.recipe(videos, **parameters), self.root, options, engine=pool, publish=publish)

    def catalog(self, videos: dict[str, int], **parameters: Any) -> DatasetState:
        return DatasetState(self.root, self.recipe(videos, **parameters).stages)

    def bytes(self) -> dict[str, bytes]:
        """Everything that the dataset's readers see."""
        return {
            path.relative_to(self.root.path).as_posix(): path.read_bytes()
            for folder in (self.root.path / "shards", self.root.manifests)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
