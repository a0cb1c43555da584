from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.engine.toys import REGISTRY
from tests.inline import Inline
from yt360.engine import pipeline, recipe
from yt360.engine.events import EventLog
from yt360.engine.executors.local import WorkerPool
from yt360.engine.pipeline import RunResult
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root

NAMES = ["a", "bb", "ccc", "dddd"]


def toy_recipe(names: list[str] = NAMES, **misbehave: Any) -> recipe.Recipe:
    """Source → misbehave → gather."""
    stages = {"source": {"names": names}, "misbehave": misbehave, "gather": {}}
    return recipe.build({"name": "toy", "stages": stages}, REGISTRY, [], where="test")


def run(root: Root, made: recipe.Recipe, **options: Any) -> RunResult:
    """By worker processes."""
    options.setdefault("workers", 2)
    options.setdefault("min_free_bytes", 0)
    made_of = pipeline.Options(**options)
    pool = WorkerPool(made_of.workers, memory_limit_mb=made_of.worker_memory_mb)
    return pipeline.run(made, root, made_of, engine=pool)


def run_inline(root: Root, made: recipe.Recipe, **options: Any) -> RunResult:
    return pipeline.run(made, root, pipeline.Options(**{"min_free_bytes": 0} | options), engine=Inline())


def tree(root: Root) -> dict[str, str]:
    """Digest of every file of the dataset (not of the ledger: it holds times)."""
    found = {}
    for folder in (root.data, root.path / "gathered"):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                found[path.relative_to(root.path).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def states(root: Root, made: recipe.Recipe, stage: str = "misbehave") -> dict[str, str]:
    return {name: entry.state for name, entry in DatasetState(root, made.stages).entries(stage).items()}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


@pytest.fixture
def events(root: Root) -> EventLog:
    root.create()
    return EventLog(root.logs / "r1.jsonl", "r1")


class Marks:
    """Counts attempts at an item, which leave their marks in ``folder``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = str(folder)

    def __call__(self, name: str) -> int:
        return len(list(Path(self.folder).glob(f"{name}.*")))


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "marks")
