"""Results of many runs as the paper's tables, ours beside the paper's numbers.

Results of different modes or of different data never stand in one table: each combination gets
tables of its own. What is not the paper's network, input or length of training never stands in a row of the paper's:
it has rows of its own behind them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from yt360.evaluation.intervals import mean_interval
from yt360.evaluation.results import find_results, read_result
from yt360.evaluation.tables.paper import TABLES, Table, TableColumn, TableRow

_PAPER_NETWORKS = ("r2plus1d-18 width 64", "torchvision-18 width 64")
"""As results name them: the paper's own encoder, and that of its Kinetics rows."""

_PAPER_EPOCHS = 50
"""Epochs of each of the paper's two phases (a single phase has 100)."""


@dataclass(frozen=True)
class Filled:
    """Our number for a cell: over ``runs`` results (mean and 95 % interval by t), or one with its own interval.

    ``differs``: what is not the paper's in the model that was measured (:attr:`Result.differs`); ``network``: what it
    is, and how long it was trained (:attr:`Result.network`).
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
    network: str = ""


@dataclass(frozen=True)
class Filling:
    """A table of results of one ``mode`` on one version of the ``data``; ``remarks``: what does not compare.

    The rows from number ``apart`` on are of what is not the paper's.
    """

    table: Table
    mode: str
    data: str
    cells: dict[tuple[int, int], Filled]
    remarks: tuple[str, ...]
    apart: int

    def label(self, number: int) -> str:
        """A row's label, with the networks that fill it, their training, and what of it is not the paper's."""
        own = [cell for (row, _), cell in self.cells.items() if row == number]
        networks = sorted({cell.network for cell in own if cell.network})
        marks = sorted({cell.differs for cell in own if cell.differs})
        return "; ".join([self.table.rows[number].label, *networks, *marks])

    def empty(self) -> Iterator[tuple[TableRow, list[TableColumn]]]:
        """Rows with the columns that nothing fills but the paper."""
        for number, row in enumerate(self.table.rows[: self.apart]):
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
        if number >= self.apart:
            return False
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
        """In words what is not the paper's in the network, its input or its training; empty where all is."""
        model = self.record["model"]
        network, _, _ = str(model.get("architecture", "")).partition(", ")
        own = model.get("differs")
        named = own if isinstance(own, dict) else {}
        parts = [f"{name} {value}" for name, value in named.items() if name not in ("model.width", "model.depth")]
        parts += ["shorter training"] if self._is_shorter() else []
        if network in ("", *_PAPER_NETWORKS):
            return f"not the paper's settings ({', '.join(parts)})" if parts else ""
        return f"not the paper's network ({', '.join([network.replace(' ', ', ', 1), *parts])})"

    @property
    def network(self) -> str:
        """What was measured and how long it was trained, in words: ``r2plus1d-18 width 64, logmel, 50 + 50 epochs``."""
        architecture = str(self.record["model"].get("architecture", ""))
        training = self._training()
        steps, epochs = training.get("steps"), training.get("epochs")
        parts = [architecture] if architecture else []
        if isinstance(epochs, list) and epochs and None not in epochs:
            parts.append(f"{' + '.join(map(str, epochs))} epochs")
        if isinstance(steps, list) and steps:
            parts.append(f"{' + '.join(map(str, steps))} steps")
        return ", ".join(parts)

    def _training(self) -> dict[str, Any]:
        found = self.record["model"].get("training")
        return found if isinstance(found, dict) else {}

    def _is_shorter(self) -> bool:
        """Whether a phase is known to be shorter than the paper's, or its length is given in steps."""
        epochs = self._training().get("epochs")
        return isinstance(epochs, list) and any(not isinstance(n, int) or n < _PAPER_EPOCHS for n in epochs)

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
    """The paper's rows, then one more for each row and each model that is not the paper's."""
    cells: dict[tuple[int, int], Filled] = {}
    samples: dict[str, set[str]] = {}
    rows = [(row, "") for row in table.rows]
    for row in table.rows:
        own = [result for result in results if any(result.fits(row, column) for column in table.columns)]
        rows += [(row, differs) for differs in sorted({result.differs for result in own} - {""})]
    for number, (row, differs) in enumerate(rows):
        for place, column in enumerate(table.columns):
            found = _distinct([each for each in results if each.fits(row, column) and each.differs == differs])
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
    whole = replace(table, rows=tuple(row for row, _ in rows))
    return Filling(whole, *group, cells, tuple(remarks), apart=len(table.rows))


def _distinct(results: Sequence[Result]) -> list[Result]:
    """One result for each model and seed: the same measured twice is no second run."""
    kept: dict[tuple[Any, Any], Result] = {}
    for result in results:
        kept.setdefault((result.record["model"].get("digest"), result.record.get("seed")), result)
    return list(kept.values())


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
        network=" or ".join(sorted({result.network for result in results} - {""})),
    )


def how_to_fill(row: TableRow) -> str:
    """The commands that fill a row."""
    checkpoint = f" --checkpoint runs/{row.model}" if row.model else ""
    command = f"yt360 evaluate {row.recipe} --root ROOT{checkpoint} --out results/{row.recipe}"
    command += f"-{row.name}" if row.recipe == "beyond" else ""
    if row.model:
        return f"yt360 train {row.model} --root ROOT --out runs/{row.model}; {command}"
    return command
