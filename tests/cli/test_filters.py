"""`yt360 filters` and `yt360 report` on a small root."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.stages.fakes import FAKES, Dataset
from yt360.cli import common

VIDEOS = {"video1": 2, "video2": 1, "quiet": 0, "quieter": 0}


@pytest.fixture
def yt360(monkeypatch: pytest.MonkeyPatch, command: Command) -> Callable[..., Any]:
    """Runs a command in this process; gives its exit code, standard output and standard error."""
    monkeypatch.setattr(common, "REGISTRY", FAKES)
    return command


@pytest.fixture
def root(dataset: Dataset) -> Path:
    dataset.run(VIDEOS)
    return dataset.root.path


def test_evaluate_counts_hits_misses_and_alarms(yt360: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("video1\tkeep\nvideo2\tsilent\nquiet\tsilent\nquieter\toutdoor\nelsewhere\tsilent\nx\tnonsense\n")
    code, out, _ = yt360("filters", "evaluate", "--root", root, "--labels", labels, "--json")
    told = json.loads(out)
    (found,) = told["filters"]
    assert code == 0
    assert (found["filter"], found["stage"]) == ("silence", "chunk")
    assert [found[name] for name in ("hits", "misses", "alarms", "passed")] == [1, 1, 1, 1]
    assert [found[name] for name in ("recall", "precision", "absent", "elsewhere")] == [0.5, 0.5, 1, 0]
    assert found["recall_interval"] == pytest.approx([0.0945, 0.9055], abs=1e-3)
    assert told["unused"] == {"nonsense": 1}
    assert "0.500 [0.095, 0.905]" in yt360("filters", "evaluate", "--root", root, "--labels", labels)[1]


def test_labels_that_are_none_are_wrong_use(yt360: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    code, _, err = yt360("filters", "evaluate", "--root", root, "--labels", tmp_path / "none.tsv")
    assert code == 2
    assert "none.tsv: expected" in err


def test_sweep_writes_a_page(yt360: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("video1\tkeep\nquiet\tsilent\n")
    code, out, _ = yt360("filters", "sweep", "--root", root, "--labels", labels, "--out", tmp_path / "sweep.html")
    assert code == 0
    assert str(tmp_path / "sweep.html") in out
    assert "Thresholds" in (tmp_path / "sweep.html").read_text()


def test_report_says_where_it_is(yt360: Callable[..., Any], root: Path) -> None:
    code, out, _ = yt360("report", "--root", root)
    assert code == 0
    assert str(root / "report" / "report.html") in out
    assert "silent" in (root / "report" / "report.html").read_text()


def test_agreement_of_two_files_and_their_merged_one(yt360: Callable[..., Any], tmp_path: Path) -> None:
    ann, ben = tmp_path / "ann.tsv", tmp_path / "ben.tsv"
    ann.write_text("video1\tkeep\nvideo2\tstill\nvideo3\tkeep\n")
    ben.write_text("video1\tkeep\nvideo2\tkeep\nvideo4\tkeep\n")
    code, out, _ = yt360("filters", "agreement", ann, ben, "--merged", tmp_path / "both.tsv")
    assert code == 0
    assert "ann and ben: kappa 0.000" in out
    assert "the same label for 50% of 2 videos" in out
    assert "video2: still / keep" in out
    code, out, _ = yt360("filters", "agreement", tmp_path / "both.tsv", "--json")
    told = json.loads(out)
    assert (told["people"], told["pairs"][0]["videos"]) == (["ann", "ben"], 2)
    assert told["pairs"][0]["disagreements"] == [["video2", "still", "keep"]]
    code, out, _ = yt360("filters", "agreement", ann)
    assert "no video has labels of two people (labels of: ann)" in out


def test_files_of_one_name_are_of_two_people(yt360: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.tsv").write_text("video1\tkeep\nvideo2\tstill\n")
    _, out, _ = yt360("filters", "agreement", tmp_path / "one" / "labels.tsv", tmp_path / "two" / "labels.tsv")
    assert "kappa 1.000" in out
