"""The table of all benchmarks of speed: what it says of rows, failures and pages."""

from __future__ import annotations

from pathlib import Path

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
    (row,) = speed._loader("machine\nx 1.73 (1.60 to 1.90)  worker: decode for device views\n")
    assert (row.ratios, row.bar) == ((1.60, 1.73, 1.90), ">= 1.7")
