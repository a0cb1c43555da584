from __future__ import annotations

from pathlib import Path

import pytest

from tests.stages.fakes import Dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """A root that the fakes and the real split and shard build."""
    return Dataset(tmp_path / "root")
