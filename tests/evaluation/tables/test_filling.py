"""The paper's tables out of results: what stands where, what never stands together, and what is empty."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import CHECKOUT
from yt360.errors import UsageError
from yt360.evaluation.tables.filling import fill, gather
from yt360.evaluation.tables.formats import comma_separated, latex, markdown, plot
from yt360.evaluation.tables.paper import TABLE_1, TABLE_2, TABLE_3, TABLES

PIPELINES = CHECKOUT / "pipelines"


def put(folder: Path, name: str, value: float, **changes: Any) -> Path:
    """A result file as an evaluation leaves it."""
    settings = {"views": 4, "translators": False, "negatives": "yaw"} | changes.pop("settings", {})
    record = {
        "format": 1, "name": name, "task": "avsa-bin", "row": "avsa", "seed": 0, "settings": settings,
        "model": {"digest": "d0", "mode": "correct", "seed": 0} | changes.pop("model", {}),
        "data": {"digest": "data-1", "test_samples": "s"} | changes.pop("data", {}),
        "measures": {"accuracy": {"value": value, "low": value - 1, "high": value + 2, "n": 100, "groups": 10}},
        "command": "yt360 evaluate x.yaml --out y",
    }  # fmt: skip
    path = folder / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record | changes))
    return path


def test_the_papers_numbers_are_where_the_paper_has_them() -> None:
    def number(table: Any, row: str, column: str) -> float:
        rows, columns = [r.label for r in table.rows], [c.label for c in table.columns]
        return float(table.paper[rows.index(row), columns.index(column)])

    assert number(TABLE_1, "AVSA, no transf.", "AVC-Bin, 4 views") == 91.67
    assert number(TABLE_1, "AVC, transf.", "AVSA-Bin, 4 views") == 61.20
    assert number(TABLE_2, "AVSA (mlp)", "+Audio+Context: mIoU per sample") == 34.35
    assert number(TABLE_2, "End-to-end", "Video only: Pix Acc") == 77.37
    assert number(TABLE_3, "Kinetics Sup.", "HMDB: Video@1") == 51.90
    assert [len(table.paper) for table in TABLES] == [18, 34, 20, 0]


def test_one_result_keeps_its_interval_and_several_seeds_get_students(tmp_path: Path) -> None:
    put(tmp_path / "a", "avsa-bin-4-views", 60.0)
    (one,) = [filling for filling in fill(gather([tmp_path])) if filling.table.key == "table1"]
    cell = one.cells[4, 3]
    assert (cell.value, cell.low, cell.high, cell.runs) == (60, 59, 62, 1)
    for seed, value in ((1, 62.0), (2, 64.0)):
        put(tmp_path / f"seed{seed}", "avsa-bin-4-views", value, model={"digest": f"d{seed}", "seed": seed})
    put(tmp_path / "again", "avsa-bin-4-views", 60.0)  # the same weights measured twice are no second seed
    (three,) = [filling for filling in fill(gather([tmp_path])) if filling.table.key == "table1"]
    cell = three.cells[4, 3]
    assert (cell.value, cell.runs, set(cell.seeds)) == (62, 3, {0, 1, 2})
    assert cell.high - cell.value == pytest.approx(4.303 * 2 / 3**0.5, rel=1e-3)
    assert "62.00 ± 4.97 (paper 68.87)" in markdown([three])


def test_modes_and_data_never_mix(tmp_path: Path) -> None:
    put(tmp_path / "a", "avsa-bin-4-views", 60.0)
    put(tmp_path / "b", "avsa-bin-4-views", 70.0, model={"mode": "original", "digest": "o"})
    put(tmp_path / "c", "avsa-bin-4-views", 80.0, data={"digest": "data-2"})
    found = [filling for filling in fill(gather([tmp_path])) if filling.table.key == "table1"]
    assert {(f.mode, f.data, f.cells[4, 3].value) for f in found} == {
        ("correct", "data-1", 60), ("original", "data-1", 70), ("correct", "data-2", 80),
    }  # fmt: skip
    text = markdown(found)
    assert all(words in text for words in ("mode original", "mode correct", "data data-2"))


TOY: dict[str, Any] = {
    "architecture": "r2plus1d-10 width 16, logmel",
    "differs": {"model.width": 16, "model.depth": 10, "views.size": 56},
}
TOY["training"] = {"objectives": ["avc", "avsa"], "epochs": [None, None], "steps": [1500, 3000]}
PAPERS = {
    "architecture": "r2plus1d-18 width 64, logmel",
    "differs": {},
    "training": {"objectives": ["avc", "avsa"], "epochs": [50, 50], "steps": [400, 1600]},
}
APART = "Other networks, inputs or lengths of training than the paper's: not to be compared with its numbers"


def test_a_toy_network_stands_apart_in_every_format(tmp_path: Path) -> None:
    put(tmp_path / "a", "avsa-bin-4-views", 60.0, model=TOY)
    put(tmp_path / "b", "avsa-bin-4-views", 61.0, row="avc", model={"digest": "x"} | PAPERS)
    fillings = fill(gather([tmp_path]))
    mark = "not the paper's network (r2plus1d-10, width 16, views.size 56, shorter training)"
    toy = f"AVSA, no transf.; r2plus1d-10 width 16, logmel, 1500 + 3000 steps; {mark}"
    papers = "AVC, no transf.; r2plus1d-18 width 64, logmel, 50 + 50 epochs, 400 + 1600 steps"
    above, below = markdown([each for each in fillings if each.table.key == "table1"]).split(f"{APART}.")
    assert f"| {papers} | empty (paper 79.82) |" in above
    assert "| AVSA, no transf. | empty (paper 86.19) | empty (paper 91.67) | empty (paper 64.97) | empty (pap" in above
    assert f"| {toy} | – | – | – | 60.00 [59.00, 62.00] |" in below
    above, below = latex([each for each in fillings if each.table.key == "table1"]).split(f"{APART}:")
    assert papers in above
    assert toy in below
    assert "60.00 [59" not in above
    rows = {line["row"]: line for line in csv.DictReader(io.StringIO(comma_separated(fillings))) if line["value"]}
    assert (rows["AVSA, no transf."]["remark"], rows["AVC, no transf."]["remark"]) == (mark, "")
    assert (rows["AVSA, no transf."]["paper"], rows["AVC, no transf."]["paper"]) == ("", "59.25")
    assert rows["AVSA, no transf."]["network"] == "r2plus1d-10 width 16, logmel, 1500 + 3000 steps"


@pytest.mark.parametrize(
    ("epochs", "apart"), [([50, 50], False), ([100], False), ([50, 49], True), ([50, None], True), (None, False)]
)
def test_the_papers_network_with_less_training_stands_apart(tmp_path: Path, epochs: Any, apart: bool) -> None:
    training = {"objectives": ["avsa"], "epochs": epochs, "steps": []}
    put(tmp_path / "a", "avsa-bin-4-views", 60.0, model=PAPERS | {"training": training})
    (filling,) = [each for each in fill(gather([tmp_path])) if each.table.key == "table1"]
    ((number, _),) = filling.cells
    assert (number >= filling.apart) == apart
    assert filling.label(number).endswith("not the paper's settings (shorter training)") == apart


def test_results_before_this_version_are_told_by_their_architecture(tmp_path: Path) -> None:
    put(tmp_path / "a", "avsa-bin-4-views", 60.0, model={"architecture": TOY["architecture"]})
    put(tmp_path / "b", "avsa-bin-4-views", 60.0, row="avc", model={"architecture": PAPERS["architecture"]})
    (filling,) = [each for each in fill(gather([tmp_path])) if each.table.key == "table1"]
    assert (filling.cells[filling.apart, 3].differs, filling.cells[0, 3].differs) == (
        "not the paper's network (r2plus1d-10, width 16)",
        "",
    )


def test_a_toy_is_never_averaged_with_the_papers_network(tmp_path: Path) -> None:
    put(tmp_path / "a", "avsa-bin-4-views", 50.0, model=TOY)
    put(tmp_path / "b", "avsa-bin-4-views", 70.0, model={"digest": "d1", "seed": 1} | PAPERS)
    (filling,) = [each for each in fill(gather([tmp_path])) if each.table.key == "table1"]
    assert (filling.cells[4, 3].value, filling.cells[4, 3].runs) == (70.0, 1)
    assert (filling.cells[filling.apart, 3].value, filling.cells[filling.apart, 3].runs) == (50.0, 1)


def test_rows_on_different_samples_are_remarked(tmp_path: Path) -> None:
    put(tmp_path / "a", "avsa-bin-4-views", 60.0)
    put(tmp_path / "b", "avsa-bin-4-views", 60.0, row="avc", model={"digest": "x"}, data={"test_samples": "t"})
    assert "2 different sets of test samples" in markdown(fill(gather([tmp_path])))


def test_the_harder_negatives_and_other_inputs_stay_out_of_the_papers_cells(tmp_path: Path) -> None:
    put(tmp_path / "a", "avsa-bin-4-views-angles", 90.0, settings={"negatives": "angles"})
    fillings = {filling.table.key: filling for filling in fill(gather([tmp_path]))}
    assert not fillings["table1"].cells
    assert len(fillings["beyond"].cells) == 1


def test_empty_cells_name_a_recipe_that_is_there_and_fills_them(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    fillings = fill(gather([tmp_path]))
    text = markdown(fillings)
    for filling in fillings:
        for row, columns in filling.empty():
            recipe = PIPELINES / "eval" / f"{row.recipe}.yaml"
            assert f"yt360 evaluate {row.recipe} --root" in text
            assert recipe.is_file(), recipe
            if row.model:
                assert (PIPELINES / "train" / f"{row.model}.yaml").is_file()
            tasks = {column.task for column in columns}
            assert all(f"task: {task}" in recipe.read_text() for task in tasks)
    assert text.count("To fill:") == sum(len(table.rows) for table in TABLES)


@given(st.text(max_size=80))
def test_text_out_of_a_result_breaks_no_format(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder), "avsa-bin-4-views", 60.0, command=text, model={"mode": text, "digest": "d"})
        fillings = fill(gather([Path(folder)]))
    own = [filling for filling in fillings if filling.cells]
    rows = [line for line in markdown(own).splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
    assert len(list(csv.reader(io.StringIO(comma_separated(own))))) == 1 + len(TABLE_1.paper)
    assert latex(own).count(r"\begin{tabular}") == latex(own).count(r"\end{tabular}") == 1


def test_latex_and_csv_hold_the_numbers(tmp_path: Path) -> None:
    put(tmp_path, "avsa-bin-4-views", 60.0)
    (filling,) = [each for each in fill(gather([tmp_path])) if each.table.key == "table1"]
    assert r"AVSA, no transf. & -- (86.19) & -- (91.67) & -- (64.97) & 60.00 [59.00, 62.00] (68.87) \\" in latex(
        [filling]
    )
    rows = list(csv.DictReader(io.StringIO(comma_separated([filling]))))
    (ours,) = [row for row in rows if row["value"]]
    assert (ours["value"], ours["paper"], ours["seeds"], ours["n"]) == ("60.0000", "68.87", "0", "100")
    assert ours["command"] == "yt360 evaluate x.yaml --out y"


def test_a_plot_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra report draws plots")
    put(tmp_path, "avsa-bin-4-views", 60.0)
    filling = [each for each in fill(gather([tmp_path])) if each.table.key == "table1"]
    plot(filling, tmp_path / "tables.png")
    assert (tmp_path / "tables.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "expected a result of yt360 evaluate"),
        ("[]", "format 1, found 'list'"),
        ('{"format": 2}', "format 1, found 2"),
        ('{"format": 1, "task": "avc-bin"}', "not a whole result"),
    ],
)
def test_files_that_are_no_results_are_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "x.json").write_text(text)
    with pytest.raises(UsageError, match=rf"x\.json.*{words}"):
        gather([tmp_path])
