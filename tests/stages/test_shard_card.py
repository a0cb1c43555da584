"""The cards by which Hugging Face datasets reads a root (tests/readers has datasets itself read them)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stages.fakes import Dataset
from yt360.publishing import shard_card

VIDEOS = {"alpha": 2, "beta": 1}
SPLIT = {"test_share": 0.4}


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS, split=SPLIT)
    return dataset


def _header(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])


def test_both_cards_name_the_splits_and_leave_the_sound_undecoded(made: Dataset) -> None:
    for folder, shards in ((made.root.path / "shards", ""), (made.root.path, "shards/")):
        header = _header(folder / "README.md")
        (config,) = header["configs"]
        found = {each["split"]: sorted(folder.glob(each["path"])) for each in config["data_files"]}
        assert {split: [path.name for path in paths] for split, paths in found.items()} == {
            "test": ["test-000000.tar"],
            "train": ["train-000000.tar"],
        }
        assert all(each["path"].startswith(shards) for each in config["data_files"])
        features = {each["name"]: each for each in header["dataset_info"]["features"]}
        assert list(features) == ["foa.flac", "json", "video.mp4", "__key__", "__url__"]
        assert features["foa.flac"]["dtype"] == {"audio": {"decode": False}}
        fields = {each["name"]: each["dtype"] for each in features["json"]["struct"]}
        assert fields.items() >= {"clip": "string", "start_s": "float64", "frames": "int32", "samples": "int64"}.items()
        assert not {"split", "shard", "foa_offset", "video_digest", "panoptic_maps"} & set(fields)


def test_a_card_of_ours_is_brought_up_to_date_and_somebody_s_own_is_not(made: Dataset) -> None:
    ours, own = made.root.path / "shards" / "README.md", made.root.path / "README.md"
    whole = ours.read_bytes()
    ours.write_bytes(whole + b"damage")
    own.write_text("# My dataset\n")
    made.run({**VIDEOS, "gamma": 1}, split=SPLIT)
    assert ours.read_bytes() == whole
    assert own.read_text() == "# My dataset\n"
    before = ours.stat().st_mtime_ns
    made.run({**VIDEOS, "gamma": 1}, split=SPLIT)
    assert ours.stat().st_mtime_ns == before


def test_a_root_of_an_earlier_version_gets_its_cards_with_the_next_run(made: Dataset) -> None:
    for path in shard_card.paths(made.root):
        path.unlink()
    made.run(VIDEOS, split=SPLIT)
    assert all(path.is_file() for path in shard_card.paths(made.root))


def test_without_shards_there_is_no_card(made: Dataset) -> None:
    shard_card.write(made.root, [], [])
    assert not any(path.exists() for path in shard_card.paths(made.root))
