"""Results of many runs as the paper's tables, ours beside the paper's numbers.

Results of different modes or of different data never stand in one table: each combination gets
tables of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yt360.evaluation.intervals import mean_interval
from yt360.evaluation.results import find_results, read_result
from yt360.evaluation.tables.paper import TABLES, Table, TableColumn, TableRow

_PAPER_NETWORKS = ("r2plus1d-18 width 64", "torchvision-18 width 64")
"""As results name them: the paper's own encoder, and that of its Kinetics rows."""


@dataclass(frozen=True)
class Filled:
    """Our number for a cell: over ``runs`` results (mean and 95 % interval by t), or one with its own interval.

    ``differs``: what is not the paper's in the model that was measured (:attr:`Result.differs`).
    """

    value: float
    low: float
    high: float
    runs: int
    seeds: tuple[int, ...]
    n: int
    commands: tuple[str, ...]
    paths: tuple[str, ...]
    differs: str = ""


@dataclass(frozen=True)
class Filling:
    """A table of results of one ``mode`` on one version of the ``data``; ``remarks``: what does not compare."""

    table: Table
    mode: str
    data: str
    cells: dict[tuple[int, int], Filled]
    remarks: tuple[str, ...]

    def label(self, number: int) -> str:
        """A row's label, with what is not the paper's in the models that fill it."""
        marks = sorted({cell.differs for (row, _), cell in self.cells.items() if row == number and cell.differs})
        return "; ".join([self.table.rows[number].label, *marks])

    def empty(self) -> Iterator[tuple[TableRow, list[TableColumn]]]:
        """Rows with the columns that nothing fills but the paper."""
        for number, row in enumerate(self.table.rows):
            missing = [
                column
                for place, column in enumerate(self.table.columns)
                if (number, place) not in self.cells and self.expected(number, place)
            ]
            if missing:
                yield row, missing

    def expected(self, number: int, place: int) -> bool:
        """Whether a cell is to be filled: the paper has a number there (or for the same inputs), or no such row."""
        table = self.table
        settings = {**table.columns[place].settings, **table.rows[number].settings}
        if settings.get("translators") and settings.get("views") == 1:
            return False
        if not any(key[0] == number for key in table.paper):
            return True
        wanted = table.columns[place].settings.get("input")
        alike = [k for k, column in enumerate(table.columns) if column.settings.get("input") == wanted]
        return (number, place) in table.paper or (wanted is not None and any((number, k) in table.paper for k in alike))


@dataclass(frozen=True)
class Result:
    """A result on disk."""

    path: Path
    record: dict[str, Any]

    @property
    def group(self) -> tuple[str, str]:
        return str(self.record["model"].get("mode")), str(self.record["data"].get("digest"))

    @property
    def differs(self) -> str:
        """In words what is not the paper's in the network or its input; empty where all is."""
        model = self.record["model"]
        network, _, _ = str(model.get("architecture", "")).partition(", ")
        own = model.get("differs")
        named = own if isinstance(own, dict) else {}
        parts = [f"{name} {value}" for name, value in named.items() if name not in ("model.width", "model.depth")]
        if network in ("", *_PAPER_NETWORKS):
            return f"not the paper's settings ({', '.join(parts)})" if parts else ""
        return f"not the paper's network ({', '.join([network.replace(' ', ', ', 1), *parts])})"

    def fits(self, row: TableRow, column: TableColumn) -> bool:
        wanted = {**column.settings, **row.settings}
        settings = self.record["settings"]
        return (
            self.record["task"] == column.task
            and self.record["row"] == row.name
            and all(settings.get(key) == value for key, value in wanted.items())
            and isinstance(self.record["measures"].get(column.measure), dict)
            and self.record["measures"][column.measure].get("value") is not None
        )


def gather(folders: Sequence[Path]) -> list[Result]:
    """All results below folders. Raises :class:`yt360.errors.UsageError` for a file that is not one."""
    return [Result(path, read_result(path)) for path in find_results(list(folders))]


def fill(results: Sequence[Result]) -> list[Filling]:
    """The tables, for each mode and version of the data that has results; all four empty where there are none."""
    fillings = []
    for table in TABLES:
        tasks = {column.task for column in table.columns}
        own = [result for result in results if result.record["task"] in tasks]
        groups = sorted({result.group for result in own if _in(table, result)})
        for group in groups or [("", "")]:
            fillings.append(_fill_one(table, group, [result for result in own if result.group == group]))
    return fillings


def _in(table: Table, result: Result) -> bool:
    return any(result.fits(row, column) for row in table.rows for column in table.columns)


def _fill_one(table: Table, group: tuple[str, str], results: Sequence[Result]) -> Filling:
    cells: dict[tuple[int, int], Filled] = {}
    samples: dict[str, set[str]] = {}
    left_out: dict[str, None] = {}
    for number, row in enumerate(table.rows):
        for place, column in enumerate(table.columns):
            found = _distinct([result for result in results if result.fits(row, column)])
            found, others = _of_one_network(found)
            if others:
                names = sorted({result.differs or "the paper's network" for result in others})
                left_out[f"{row.label}: results of other models are left out: {'; '.join(names)}"] = None
            if found:
                cells[number, place] = _combine(found, column)
                for result in found:
                    key = str(result.record["data"].get("test_samples"))
                    samples.setdefault(column.task, set()).add(key)
    remarks = [
        f"{task}: the cells were measured on {len(keys)} different sets of test samples (other seeds, views or clips "
        "a video), so their differences are not of the models alone"
        for task, keys in samples.items()
        if len(keys) > 1
    ]
    return Filling(table, *group, cells, (*remarks, *left_out))


def _distinct(results: Sequence[Result]) -> list[Result]:
    """One result for each model and seed: the same measured twice is no second run."""
    kept: dict[tuple[Any, Any], Result] = {}
    for result in results:
        kept.setdefault((result.record["model"].get("digest"), result.record.get("seed")), result)
    return list(kept.values())


def _of_one_network(results: list[Result]) -> tuple[list[Result], list[Result]]:
    """The results that may stand in one cell, those of the paper's network if there are any; and the others."""
    chosen = min((result.differs for result in results), default="")
    return [r for r in results if r.differs == chosen], [r for r in results if r.differs != chosen]


def _combine(results: Sequence[Result], column: TableColumn) -> Filled:
    measures = [result.record["measures"][column.measure] for result in results]
    values = [float(measure["value"]) for measure in measures]
    value, half = mean_interval(values)
    low, high = value - half, value + half
    if len(values) == 1:
        low, high = (
            math.nan if measures[0].get(side) is None else float(measures[0][side]) for side in ("low", "high")
        )
    return Filled(
        value=value,
        low=low,
        high=high,
        runs=len(results),
        seeds=tuple(int(result.record["model"].get("seed") or 0) for result in results),
        n=int(measures[0].get("n") or 0),
        commands=tuple(str(result.record.get("command", "")) for result in results),
        paths=tuple(str(result.path) for result in results),
        differs=results[0].differs,
    )


def how_to_fill(row: TableRow) -> str:
    """The commands that fill a row."""
    checkpoint = f" --checkpoint runs/{row.model}" if row.model else ""
    command = f"yt360 evaluate {row.recipe} --root ROOT{checkpoint} --out results/{row.recipe}"
    command += f"-{row.name}" if row.recipe == "beyond" else ""
    if row.model:
        return f"yt360 train {row.model} --root ROOT --out runs/{row.model}; {command}"
    return command
