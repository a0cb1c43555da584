from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.toys import REGISTRY
from yt360.engine import pipeline, recipe
from yt360.engine.executors import local
from yt360.engine.executors.base import Finished, Task
from yt360.engine.pipeline import RunResult
from yt360.engine.stage import Resources
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root

NAMES = ["a", "bb", "ccc", "dddd"]


def toy_recipe(names: list[str] = NAMES, **misbehave: Any) -> recipe.Recipe:
    """Source → misbehave → gather."""
    stages = {"source": {"names": names}, "misbehave": misbehave, "gather": {}}
    return recipe.build({"name": "toy", "stages": stages}, REGISTRY, [], where="test")


def run(root: Root, made: recipe.Recipe, **options: Any) -> RunResult:
    options.setdefault("workers", 2)
    options.setdefault("min_free_bytes", 0)
    return pipeline.run(made, root, pipeline.Options(**options))


class Inline:
    """An engine in this process: quick, and nothing in it can be killed."""

    stopping = False

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}

    def run(
        self, next_task: Callable[[], Task | None], needs: Resources, backlog: Callable[[], int]
    ) -> Iterator[Finished]:
        while task := next_task():
            yield Finished(task, *local._call(task, self._state))  # type: ignore[arg-type]

    def stop(self) -> None:
        self.stopping = True

    kill = stop

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._state.values():
            held.close()


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
def marks(tmp_path: Path) -> Callable[[str], int]:
    """Counts attempts at an item; its folder is ``marks.folder``."""
    folder = tmp_path / "marks"
    folder.mkdir()

    def count(name: str) -> int:
        return len(list(folder.glob(f"{name}.*")))

    count.folder = str(folder)  # type: ignore[attr-defined]
    return count
