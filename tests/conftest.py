from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inline import Inline
from tests.stages.fakes import Dataset
from yt360.engine import pipeline, verify
from yt360.engine.executors.local import WorkerPool


@pytest.fixture(scope="session", autouse=True)
def stages_run_in_this_process() -> Iterator[None]:
    """Worker processes take a second each to start; tests that are about them ask for ``worker_processes``."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (pipeline, verify):
            patch.setattr(module, "WorkerPool", Inline)
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_waits_for_the_device() -> Iterator[None]:
    """``os.fsync`` only asks whether the descriptor is open: no test cuts the power, and a disk takes 10 ms each time.

    Processes that a test starts flush for real.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture
def worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages run in processes of their own, as they do for users."""
    for module in (pipeline, verify):
        monkeypatch.setattr(module, "WorkerPool", WorkerPool)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """A root that the fakes and the real split and shard build."""
    return Dataset(tmp_path / "root")
