from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stages.fakes import FAKES
from yt360.engine import pipeline, recipe
from yt360.engine.catalog import Catalog
from yt360.engine.pipeline import RunResult
from yt360.engine.storage import Root
from yt360.stages.manifests import publish


class Dataset:
    """A root that is built by the fakes and the real split and shard."""

    def __init__(self, folder: Path) -> None:
        self.root = Root(folder)

    def recipe(self, videos: dict[str, int], **parameters: Any) -> recipe.Recipe:
        stages = {"crawl": {"videos": videos}} | {name: parameters.get(name, {}) for name in ("chunk", "split", "shard")}
        return recipe.build({"stages": stages}, FAKES, [], where="test")

    def run(self, videos: dict[str, int], workers: int = 2, **parameters: Any) -> RunResult:
        options = pipeline.Options(workers=workers, min_free_bytes=0)
        return pipeline.run(self.recipe(videos, **parameters), self.root, options, publish=publish)

    def catalog(self, videos: dict[str, int], **parameters: Any) -> Catalog:
        return Catalog(self.root, self.recipe(videos, **parameters).stages)

    def bytes(self) -> dict[str, bytes]:
        """Everything that the dataset's readers see."""
        return {
            path.relative_to(self.root.path).as_posix(): path.read_bytes()
            for folder in (self.root.shards, self.root.manifests)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path / "root")
