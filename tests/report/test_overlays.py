from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.stages.fakes import Dataset
from yt360.dataset.dataset import open_dataset
from yt360.errors import ItemError, UsageError
from yt360.report.clips import spread
from yt360.report.overlays import sheet, write_overlays


def test_pictures_of_a_finished_root(dataset: Dataset) -> None:
    dataset.run({f"v{n}": 2 for n in range(4)})
    written = write_overlays(dataset.root.path, count=5)
    assert [path.name for path in written][-1] == "energy-overlays.png"
    assert len(written) == 6
    assert len({path.name[:2] for path in written[:-1]}) == 4  # as many videos as there are
    for path in written:
        assert cv2.imread(str(path)) is not None


def test_spread_takes_every_video_once_before_any_twice(dataset: Dataset) -> None:
    dataset.run({"a": 3, "b": 1, "c": 2})
    assert spread(open_dataset(dataset.root.path).clips, 4) == ["a-00000", "b-00000", "c-00000", "a-00010"]


def test_root_without_clips_and_damaged_shard_are_named(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"clips\.parquet"):
        write_overlays(tmp_path)
    dataset.run({"a": 1})
    shard = next((dataset.root.path / "shards").glob("*.tar"))
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(ItemError, match="a-00000"):
        write_overlays(dataset.root.path)


def test_sheet_holds_all_pictures() -> None:
    page = sheet([np.full((10, 20, 3), value, np.uint8) for value in (1, 2, 3)])
    assert {1, 2, 3} <= set(np.unique(page))
