from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.evaluation.world import make_labelled_root
from tests.training.world import tiny
from yt360.training.loop import train


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def labelled_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training and four test videos of two clips with panoptic maps. Read only."""
    return make_labelled_root(tmp_path_factory.mktemp("evaluation") / "root", test_videos=4, seconds=1.5)


@pytest.fixture(scope="session")
def checkpoint(labelled_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a tiny AVSA run. Read only."""
    out = tmp_path_factory.mktemp("evaluation") / "avsa"
    train(tiny(), str(labelled_root), out, progress=False)
    return out
