"""Which files of a report are of an item that is taken out, by name and by content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stages.fakes import Dataset
from yt360 import process_tag
from yt360.engine import ahead, removal
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.files import with_checksum


def test_a_name_that_goes_on_is_another_item_s_and_a_page_that_shows_it_goes(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    videos = {"walk": 1, "walk-2": 1}
    dataset.run(videos, split={"test_share": 0.0})
    report = dataset.root.report
    report.mkdir()
    for name in ("walk-00000.png", "walk.svg", "walk-2-00000.png", "walkers.png"):
        (report / name).write_bytes(b"")
    (report / "report.html").write_text("<p>walk-2, walkers</p>")
    (report / "sweep.html").write_text("<p>walk, walk-2</p>")
    found = removal.find(dataset.catalog(videos, split={"test_share": 0.0}), {"walk"})
    assert [path.name for path in found.pictures] == ["sweep.html", "walk-00000.png", "walk.svg"]
    assert [path.name for path in found.folders if path.parent.name == "crawl"] == ["walk"]


def test_a_state_file_keeps_its_checksum_right_and_gets_none_that_it_never_had(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    videos = {"walk": 1, "walk-2": 1}
    dataset.run(videos, split={"test_share": 0.0})
    state = dataset.root.state
    plain, sealed, listed = state / "plain.json", state / "sealed.json", state / "listed.json"
    plain.write_text(json.dumps({"walk": 1, "walk-2": 2}))
    sealed.write_text(json.dumps(with_checksum({"walk": 1, "walk-2": 2})))
    listed.write_text(json.dumps([{"video": "walk-2"}, "walk"]))
    stages = list(dataset.catalog(videos, split={"test_share": 0.0}).stages.values())
    removal.remove(dataset.root, stages, frozenset({"walk"}), lambda: None)
    assert json.loads(plain.read_text()) == {"walk-2": 2}
    assert json.loads(sealed.read_text()) == with_checksum({"walk-2": 2})
    assert json.loads(listed.read_text()) == [{"video": "walk-2"}]


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("walk.png", "walk"),
        ("walk", "walk"),
        ("walk-00000.png", "walk"),
        ("walk_small.png", "walk"),
        ("walk-2.png", "walk-2"),
        ("walk-2-00010.png", "walk-2"),
        ("walkers.png", ""),
        ("a-walk.png", ""),
        (".walk", ""),
    ],
)
def test_a_file_is_of_the_item_whose_name_is_the_longest_that_its_own_begins_with(name: str, subject: str) -> None:
    assert removal._subject(name, {"walk", "walk-2"}) == subject


def test_a_text_names_an_item_as_a_word_of_its_own() -> None:
    words = removal._naming(frozenset({"walk", "a.b"}))
    for text in ("walk", "the walk!", "walk/frame", "(walk)", "x a.b y", "walk.png"):
        assert words.search(text), text
    for text in ("walks", "sidewalk", "walk-2", "a-walk", "walk_1", "axb", "äwalk", ""):
        assert not words.search(text), text


def test_what_is_left_of_a_value_names_nobody_who_goes() -> None:
    gone = frozenset({"a", "b"})
    value = {
        "a": 1,
        "kept": {"b": 2, "c": [1, "a", "c", {"video": "b"}, {"video": "c", "x": {"b": 0, "d": "a"}}, ["a", 7]]},
        "word": "a",
    }
    assert removal._without(value, gone) == {
        "kept": {"c": [1, "c", {"video": "c", "x": {"d": "a"}}, [7]]},
        "word": "a",
    }
    assert removal._without("a", gone) == "a"
    assert removal._with_names({"a": ["a", {"x": "b"}, 1, None]}, {"a": "z"}) == {"a": ["z", {"x": "b"}, 1, None]}


@pytest.fixture
def two(tmp_path: Path) -> Dataset:
    """Two videos of two clips each, from crawl to shards."""
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS, split={"test_share": 0.0})
    return dataset


VIDEOS = {"walk": 2, "walk-2": 2}


def catalog_of(dataset: Dataset) -> DatasetState:
    return dataset.catalog(VIDEOS, split={"test_share": 0.0})


def test_what_goes_is_counted_before_it_goes(two: Dataset) -> None:
    root = two.root
    (root.state / "table.tsv").write_text("video\tlabel\nwalk\tkeep\nwalk-2\tstill\n")
    (root.state / "known.json").write_text(json.dumps({"walk": 1, "other": 2}))
    (root.state / "damaged.json").write_text("{walk")
    (root.logs / "r0").mkdir(parents=True)
    (root.logs / "r0" / "worker.log").write_text("about walk\n")
    (root.logs / "r0" / "other.log").write_text("about walk-2\n")
    (root.state / "slurm" / "r0").mkdir(parents=True)
    (root.state / "slurm" / "r0" / "chunk-0.parquet").write_bytes(b"no plan")
    (root.state / ".known.json.0123abcd.partial").write_text("a torn write")
    found = removal.find(catalog_of(two), {"walk"})
    assert found.parts == {"walk-00000", "walk-00010"}
    folders = {path.relative_to(root.path).as_posix() for path in found.folders}
    assert {"data/crawl/walk", "data/chunk/walk"} <= folders
    assert not any("walk-2" in name for name in folders)
    assert found.ledger["crawl"] == found.ledger["chunk"] == 1
    assert found.shared == ["train-000000"]
    files = {path.relative_to(root.path).as_posix() for path in found.files}
    assert {"logs/r0/worker.log", "state/slurm/r0/chunk-0.parquet", "state/.known.json.0123abcd.partial"} <= files
    assert "logs/r0/other.log" not in files
    edited = {path.name for path in found.edited}
    assert {"table.tsv", "known.json"} <= edited
    assert "damaged.json" not in edited
    sizes = [path.stat().st_size for folder in found.folders for path in folder.rglob("*") if path.is_file()]
    assert found.bytes == sum(sizes) + sum(path.stat().st_size for path in [*found.pictures, *found.files])


def test_what_is_of_others_stays_as_it_was(two: Dataset) -> None:
    root = two.root
    (root.state / "table.tsv").write_text("video\tlabel\nwalk\tkeep\nwalk-2\tstill\n")
    lines = [
        {"stage": "crawl", "item": "walk", "kind": "x"},
        {"stage": "crawl", "item": "walk-2", "kind": "x"},
        {"stage": "crawl", "item": "gone", "source": "walk"},
        {"stage": "shard", "item": "walk"},  # an item of its own, in a stage that joins clips
        {"video": "walk"},
        {"video": "walk", "removed": "2026-01-01"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "no JSON about walk\n"
    (root.state / "notes.jsonl").write_text(text)
    kept = two.root.data / "chunk" / "walk-2"
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    stages = list(catalog_of(two).stages.values())
    remade: list[int] = []
    removal.remove(root, stages, frozenset({"walk"}), lambda: remade.append(1))
    assert remade == [1]
    assert (root.state / "table.tsv").read_text() == "video\tlabel\nwalk-2\tstill\n"
    left = (root.state / "notes.jsonl").read_text().splitlines()
    assert left == [json.dumps(lines[1]), json.dumps(lines[3]), json.dumps(lines[5]), "no JSON about walk"]
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    assert not (root.data / "crawl" / "walk").exists()
    for stage in ("crawl", "chunk"):
        assert {record.source for record in ledger.read(root.ledger / stage)} == {"walk-2"}
    assert not (root.state / "snapshot").exists()
    # Nobody planned the shard without it yet; the plan of today holds the clips of who is left.
    again = removal.find(catalog_of(two), {"walk"})
    assert (again.folders, again.ledger["crawl"], again.ledger["chunk"]) == ([], 0, 0)


def test_what_a_killed_run_made_of_it_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(tmp_path / "root")
    dataset.run({"walk": 1}, split={"test_share": 0.0})
    left = dataset.root.tmp / ahead.folder_name("run") / "name"
    left.mkdir(parents=True)
    (left / "walk-00000.video.mp4").write_bytes(b"of walk")
    stages = list(dataset.catalog({"walk": 1}, split={"test_share": 0.0}).stages.values())
    monkeypatch.setattr(process_tag, "is_gone", lambda _: True)
    removal.remove(dataset.root, stages, frozenset({"walk"}), lambda: None)
    assert not left.exists()
