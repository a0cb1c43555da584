"""Which files of a report are of an item that is taken out, by name and by content."""

from __future__ import annotations

import json
from pathlib import Path

from tests.stages.fakes import Dataset
from yt360.engine import removal
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
