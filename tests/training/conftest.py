from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.runs import run
from tests.training.world import make_root, tiny


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training videos of two clips and three test videos, 2 s each. Read only."""
    return make_root(tmp_path_factory.mktemp("world") / "root", test_videos=3)


@pytest.fixture
def own_root(tmp_path: Path) -> Path:
    """A small root that a test may damage."""
    return make_root(tmp_path / "root", videos=3, clips=2, seconds=1.5)


@pytest.fixture(scope="session")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a whole run of the tiny recipe. Read only."""
    out = tmp_path_factory.mktemp("finished")
    run(tiny(), root, out)
    return out
