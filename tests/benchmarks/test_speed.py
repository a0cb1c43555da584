"""The table of all benchmarks of speed: what it says of rows, failures and pages."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from benchmarks import speed


def test_rows_show_the_median_of_pairs_and_their_spread() -> None:
    text = speed.table([speed.Row("a", "b", (3.0, 1.0, 2.0), ">= 2"), speed.Row("c", "", (), "", "5 ms")])
    assert text.splitlines()[2:] == ["| a | b | 2.00 | 1.00 to 3.00 | >= 2 |  |", "| c |  |  |  |  | 5 ms |"]


def test_only_what_stands_between_the_comments_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{speed.BEGIN}\nold\n{speed.END}\nafter\n")
    assert speed.write_page(page, "new")
    assert page.read_text() == f"before\n{speed.BEGIN}\nnew\n{speed.END}\nafter\n"
    page.write_text("no comments\n")
    assert not speed.write_page(page, "new")
    assert page.read_text() == "no comments\n"


def test_a_benchmark_that_fails_is_a_row_that_says_so(tmp_path: Path) -> None:
    (row,) = speed.run("x", speed.Benchmark(("benchmarks.no_such_module",), speed._scale), tmp_path)
    assert "failed with 1" in row.note
    assert "no_such_module" in (tmp_path / "x.txt").read_text()


def test_what_is_printed_differently_is_a_row_that_says_so(tmp_path: Path) -> None:
    (row,) = speed.run("x", speed.Benchmark(("platform",), speed._scale), tmp_path)
    assert "something else" in row.note


def test_ratios_of_the_loader_are_read_from_its_lines() -> None:
    line = "x 1.73 (1.60 to 1.90, aim 1.7)  worker: decode for device views, against ac3c3dc\n"
    (row,) = speed._loader(f"machine\n{line}   2.10 ms  ac3c3dc: decoding alone\n")
    assert (row.what, row.peer) == ("loader, worker: decode for device views: speed, CPU", "ac3c3dc")
    assert (row.ratios, row.bar) == ((1.60, 1.73, 1.90), ">= 1.7")


def test_the_step_is_read_from_its_line() -> None:
    printed = "   1.021 times its speed (0.991 to 1.043, aim 1.15)\n"
    (row,) = speed._step(printed)
    assert row.ratios == (1.021, 0.991, 1.043)
    assert "| 1.02 | 0.99 to 1.04 |" in speed.table([row])
    with pytest.raises(ValueError, match="no ratio"):
        speed._step("nothing").__next__()


def test_maps_have_a_row_for_each_precision() -> None:
    fused = {"cpu_s": 9.0, "faster": [1.4, 1.5, 1.3], "ids": 0.9998, "equal": True}
    rough = {"cpu_s": 4.5, "faster": [2.8, 2.9, 2.7], "ids": 0.0, "equal": False}
    printed = f"a table\n{json.dumps({'plain': {}, 'fused': fused, 'bfloat16': rough})}\n"
    exact, option = speed._panoptic(printed)
    assert (exact.ratios, exact.bar) == ((1.4, 1.5, 1.3), ">= 1.3")
    assert exact.note == "3.0 CPU s a map, 99.98 % of the ids of every map equal"
    assert (option.ratios, option.bar, option.note) == ((2.8, 2.9, 2.7), "", "1.5 CPU s a map")
    assert "bfloat16" in option.what


def test_stages_that_look_are_added_up() -> None:
    spent = {"validate": 5.0, "stills": 10.0, "voiceover": 3.0, "fingerprint": 2.0, "chunk": 90.0}
    measured = {"source": "h264-2560", "ratios": [1.3, 1.2], "cpu_s": {"floor": [100.0]}, "stages_cpu_s": spent}
    whole, looking = speed._floor(json.dumps({"rows": [measured]}))
    assert (whole.ratios, whole.bar) == ((1.3, 1.2), "<= 1.15")
    assert looking.ratios == pytest.approx((0.2,))


def test_every_bar_has_a_row_where_it_was_not_measured() -> None:
    assert {row.bar for row in speed._not_here(None)} == {">= 1.3", "< 5 %", "<= 0.6"}
    assert all(row.note.startswith("not run") and not row.ratios for row in speed._not_here(None))


def test_every_benchmark_is_a_module_that_is_there() -> None:
    for benchmark in speed.benchmarks(1, Path("detectron2")).values():
        assert importlib.util.find_spec(benchmark.words[0]) is not None
