from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

import yt360
from tests.evaluation.world import make_labelled_root
from tests.training.world import make_root


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three training videos and a test video of two clips with panoptic maps, 2 s each. Read only."""
    return make_labelled_root(tmp_path_factory.mktemp("dataset") / "root", videos=3, test_videos=1)


@pytest.fixture(scope="session")
def data(root: Path) -> yt360.Dataset:
    return yt360.open(root)


@pytest.fixture
def own_root(tmp_path: Path) -> Path:
    """A small root without maps that a test may damage."""
    return make_root(tmp_path / "root", videos=2, clips=1, seconds=1.5)


@pytest.fixture(scope="session")
def store(root: Path) -> str:
    """The same root in a store."""
    memory = fsspec.filesystem("memory")
    for path in root.rglob("*.*"):
        memory.pipe(f"/dataset/{path.relative_to(root)}", path.read_bytes())
    return "memory://dataset"
