from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.stages.fakes import Dataset
from yt360.dataset.schema import VIDEOS, arrow
from yt360.engine.state.dataset_state import DatasetState
from yt360.release.contents import Contents, Wanted, gather
from yt360.release.writing import write_release

VIDEOS_MADE = {"alpha": 3, "beta": 2, "gamma": 2, "delta": 1, "silent": 0}
SETTINGS: dict[str, Any] = {"shard": {"target_mb": 0.08}, "split": {"test_share": 0.3}}
LICENCES = {
    "alpha": "Creative Commons Attribution license (reuse allowed)",
    "beta": None,
    "gamma": "https://creativecommons.org/licenses/by-nc-nd/4.0/",
    "delta": "CC BY-NC-SA 4.0",
}


def state_licences(dataset: Dataset) -> None:
    """Let the manifest of videos say licences and channels, as that of a crawl does."""
    path = dataset.root.manifests / "videos.parquet"
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        row |= {"license": LICENCES.get(row["video"]), "channel": f"channel of {row['video']}"}
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow(VIDEOS)), path)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four videos of four licences in shards, and one that was dropped. Read only."""
    dataset = Dataset(tmp_path_factory.mktemp("release") / "root")
    dataset.run(VIDEOS_MADE, **SETTINGS)
    state_licences(dataset)
    return dataset


@pytest.fixture(scope="session")
def catalog(made: Dataset) -> DatasetState:
    return made.catalog(VIDEOS_MADE, **SETTINGS)


@pytest.fixture(scope="session")
def with_media(made: Dataset, catalog: DatasetState, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with media of all four videos. Read only."""
    return write(catalog, tmp_path_factory.mktemp("out") / "media", media=True)


@pytest.fixture(scope="session")
def as_list(made: Dataset, catalog: DatasetState, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release without media of all four videos. Read only."""
    return write(catalog, tmp_path_factory.mktemp("out") / "list")


def contents_of(catalog: DatasetState, **wanted: object) -> Contents:
    return gather(catalog, Wanted("tiny", **wanted))  # type: ignore[arg-type]


def write(catalog: DatasetState, out: Path, **wanted: object) -> Path:
    return write_release(contents_of(catalog, **wanted), catalog.root, out)
