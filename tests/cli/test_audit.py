"""`yt360 audit` on a small root: draw, fill in, estimate, draw more."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.stages.fakes import FAKES, Dataset
from yt360.cli import common
from yt360.filters.audit import sheet

VIDEOS = {f"loud{k}": 1 for k in range(12)} | {f"quiet{k}": 0 for k in range(8)}


@pytest.fixture
def yt360(monkeypatch: pytest.MonkeyPatch, command: Command) -> Callable[..., Any]:
    monkeypatch.setattr(common, "REGISTRY", FAKES)
    return command


@pytest.fixture
def root(dataset: Dataset) -> Path:
    dataset.run(VIDEOS)
    return dataset.root.path


def _fill(path: Path, faulty: set[str]) -> None:
    read = sheet.read(path)
    for line in read.lines:
        line.answer = "yes" if line.video in faulty else "no"
    sheet.write(path, read)


def test_from_a_sheet_to_numbers(yt360: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    path = tmp_path / "audit.tsv"
    words = ("audit", "--root", root, "--sheet", path)
    code, out, _ = yt360(*words, "--sample", 10)
    assert code == 0
    assert "10 questions" in out
    assert "0 of 10 answered" in out
    before = path.read_bytes()
    assert yt360(*words, "--sample", 10)[0] == 0
    assert path.read_bytes() == before  # nothing new: nothing written

    _fill(path, {f"quiet{k}" for k in range(7)} | {"loud3"})  # quiet7 was dropped wrongly, loud3 is missed
    answered = {line.video: line.answer for line in sheet.read(path).lines}
    code, out, _ = yt360(*words, "--sample", 20)
    assert "10 questions more" in out
    assert {line.video: line.answer for line in sheet.read(path).lines if line.answer} == answered
    _fill(path, {f"quiet{k}" for k in range(7)} | {"loud3"})
    told = json.loads(yt360(*words, "--sample", 20, "--json")[1])
    (found,) = told["filters"]
    assert (found["filter"], found["dropped"], found["kept"], found["judged"]) == ("silence", 8, 12, 20)
    # All were judged: seven of eight, without doubt.
    assert found["precision"] == 0.875
    assert found["precision_interval"] == [0.875, 0.875]
    assert found["recall"] == 0.875
    assert "0.875 [0.875, 0.875]" in yt360(*words, "--sample", 20)[1]


def test_labels_answer_too(yt360: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("quiet1\tsilent\nloud1\tkeep\nloud2\tstill\n")
    told = json.loads(
        yt360("audit", "--root", root, "--sheet", tmp_path / "a.tsv", "--labels", labels, "--sample", 20, "--json")[1]
    )
    assert told["judged"] == 2


def test_another_seed_is_refused(yt360: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    assert yt360("audit", "--root", root, "--sheet", path, "--seed", 5)[0] == 0
    code, _, err = yt360("audit", "--root", root, "--sheet", path, "--seed", 6)
    assert code == 2
    assert "a.tsv: this sheet was drawn with seed 5" in err
    assert yt360("audit", "--root", root, "--sheet", path)[0] == 0


def test_a_file_that_is_no_sheet_is_left_alone(yt360: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.tsv"
    path.write_text("my notes\n")
    code, _, err = yt360("audit", "--root", root, "--sheet", path)
    assert code == 2
    assert "notes.tsv: expected a sheet" in err
    assert path.read_text() == "my notes\n"


def test_a_filter_that_has_decided_nothing(yt360: Callable[..., Any], root: Path, tmp_path: Path) -> None:
    code, _, err = yt360("audit", "--root", root, "--sheet", tmp_path / "a.tsv", "--filter", "stills")
    assert code == 2
    assert "(stills), found none" in err
    assert not (tmp_path / "a.tsv").exists()


def test_a_sheet_is_no_file_of_the_root_and_takes_no_place(
    yt360: Callable[..., Any], root: Path, tmp_path: Path
) -> None:
    code, _, err = yt360("audit", "--root", root, "--sheet", root / "ledger" / "crawl" / "audit.tsv")
    assert code == 2
    assert "outside the root's own folders, found one in ledger/" in err
    os.mkfifo(tmp_path / "pipe")
    code, _, err = yt360("audit", "--root", root, "--sheet", tmp_path / "pipe")
    assert code == 2
    assert f"{tmp_path / 'pipe'}: expected a file or nothing" in err
    assert (tmp_path / "pipe").is_fifo()
