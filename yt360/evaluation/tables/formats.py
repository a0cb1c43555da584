"""Filled tables as Markdown, LaTeX, CSV and a plot."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from yt360.errors import UsageError
from yt360.evaluation.tables.filling import Filled, Filling, how_to_fill
from yt360.files import atomic_write

_APART = "Other networks, inputs or lengths of training than the paper's: not to be compared with its numbers"

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "°": r"\textdegree{}", "→": r"$\rightarrow$",
}  # fmt: skip


def _clean(text: str) -> str:
    """Text out of a result on one line, without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:500]


def _markdown_text(text: str) -> str:
    return _clean(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in _clean(text))


def _interval(cell: Filled) -> str:
    if not math.isfinite(cell.low):
        return ""
    if cell.runs > 1:
        return f" ± {cell.high - cell.value:.2f}"
    return f" [{cell.low:.2f}, {cell.high:.2f}]"


def _title(filling: Filling) -> str:
    if not filling.cells:
        return filling.table.title
    return f"{filling.table.title}; mode {filling.mode}, data {filling.data}"


def _cell(filling: Filling, number: int, place: int) -> str:
    ours, paper = filling.cells.get((number, place)), filling.table.paper.get((number, place))
    if ours is None and paper is None:
        return "empty" if filling.expected(number, place) else "–"
    shown = "empty" if ours is None else f"{ours.value:.2f}{_interval(ours)}"
    return shown if paper is None else f"{shown} (paper {paper:.2f})"


def markdown(fillings: Sequence[Filling]) -> str:
    """Tables, then for each where its numbers come from and how its empty cells are filled."""
    lines: list[str] = []
    for filling in fillings:
        table = filling.table
        lines += [f"## {_markdown_text(_title(filling))}", ""]
        lines += _markdown_rows(filling, range(filling.apart))
        if filling.apart < len(table.rows):
            lines += [f"{_APART}.", "", *_markdown_rows(filling, range(filling.apart, len(table.rows)))]
        if filling.cells:
            lines += [
                "Intervals are 95 %: [low, high] over test videos for one run, ± over training seeds for several.",
                "",
            ]
        lines += [f"* {_markdown_text(remark)}" for remark in filling.remarks]
        for command, labels in _sources(filling).items():
            lines.append(f"* {'; '.join(labels)}: `{_clean(command).replace('`', chr(39))}`")
        for row, columns in filling.empty():
            every = len(columns) == len(table.columns)
            names = "all" if every else ", ".join(_markdown_text(column.label) for column in columns)
            lines.append(f"* empty: {_markdown_text(row.label)} ({names}). To fill: `{how_to_fill(row)}`")
        lines.append("")
    return "\n".join(lines)


def _markdown_rows(filling: Filling, numbers: range) -> list[str]:
    columns = filling.table.columns
    lines = ["| | " + " | ".join(_markdown_text(column.label) for column in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for number in numbers:
        cells = [_cell(filling, number, place) for place in range(len(columns))]
        lines.append(f"| {_markdown_text(filling.label(number))} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _sources(filling: Filling) -> dict[str, list[str]]:
    """Command -> rows (and seeds) that it made."""
    found: dict[str, list[str]] = {}
    for (number, _), cell in filling.cells.items():
        for command, seed in zip(cell.commands, cell.seeds, strict=True):
            label = f"{_markdown_text(filling.table.rows[number].label)}, seed {seed}, n={cell.n}"
            labels = found.setdefault(command, [])
            if label not in labels:
                labels.append(label)
    return found


def latex(fillings: Sequence[Filling]) -> str:
    """One ``table`` environment each, without packages."""
    parts = []
    for filling in fillings:
        table = filling.table
        lines = [
            r"\begin{table}",
            r"\centering\scriptsize",
            rf"\caption{{{_latex_text(_title(filling))}. Ours, and the paper's in parentheses.}}",
            rf"\begin{{tabular}}{{l{'c' * len(table.columns)}}}",
            r"\hline",
            " & ".join(["", *(_latex_text(column.label) for column in table.columns)]) + r" \\",
            r"\hline",
        ]
        for number in range(len(table.rows)):
            if number == filling.apart:
                lines += [r"\hline", rf"\multicolumn{{{len(table.columns) + 1}}}{{l}}{{{_latex_text(_APART)}:}} \\"]
            cells = [_latex_cell(filling, number, place) for place in range(len(table.columns))]
            lines.append(" & ".join([_latex_text(filling.label(number)), *cells]) + r" \\")
        lines += [r"\hline", r"\end{tabular}", r"\end{table}"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _latex_cell(filling: Filling, number: int, place: int) -> str:
    ours, paper = filling.cells.get((number, place)), filling.table.paper.get((number, place))
    shown = "--" if ours is None else f"{ours.value:.2f}{_interval(ours)}".replace("±", r"$\pm$")
    return shown if paper is None else f"{shown} ({paper:.2f})"


def comma_separated(fillings: Sequence[Filling]) -> str:
    """One line a cell that ours or the paper fills."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [
            "table",
            "row",
            "column",
            "mode",
            "data",
            "value",
            "low",
            "high",
            "runs",
            "seeds",
            "n",
            "paper",
            "command",
            "files",
            "network",
            "remark",
        ]
    )
    for filling in fillings:
        table = filling.table
        for number, row in enumerate(table.rows):
            for place, column in enumerate(table.columns):
                ours, paper = filling.cells.get((number, place)), table.paper.get((number, place))
                if ours is None and paper is None:
                    continue
                own: list[object] = [""] * 6
                made: list[object] = [how_to_fill(row), "", "", ""]
                if ours is not None:
                    bounds = [f"{x:.4f}" if math.isfinite(x) else "" for x in (ours.low, ours.high)]
                    own = [f"{ours.value:.4f}", *bounds, ours.runs, " ".join(map(str, ours.seeds)), ours.n]
                    files = "; ".join(map(_clean, ours.paths))
                    made = ["; ".join(map(_clean, ours.commands)), files, _clean(ours.network), _clean(ours.differs)]
                start = [table.key, row.label, column.label, _clean(filling.mode), _clean(filling.data)]
                writer.writerow([*start, *own, "" if paper is None else paper, *made])
    return stream.getvalue()


def plot(fillings: Sequence[Filling], path: Path) -> None:
    """Ours with intervals and the paper's numbers side by side, one panel a column. Needs the extra ``report``."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("a plot needs matplotlib: pip install 'yt360[report]'") from error
    panels = [
        (filling, place)
        for filling in fillings
        for place in range(len(filling.table.columns))
        if any(key[1] == place for key in (*filling.cells, *filling.table.paper))
    ]
    columns = 4
    rows = max(1, -(-len(panels) // columns))
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for number, (filling, place) in enumerate(panels):
        table, axes = filling.table, figure.add_subplot(rows, columns, number + 1)
        for row in range(len(table.rows)):
            ours, paper = filling.cells.get((row, place)), table.paper.get((row, place))
            if ours is not None:
                is_paper = row < filling.apart
                axes.barh(
                    row - 0.2,
                    ours.value,
                    0.38,
                    color="#2a6fbb" if is_paper else "#9bbfe0",
                    label="ours" if is_paper else "ours, not the paper's network",
                )
                if math.isfinite(ours.low):
                    axes.plot([ours.low, ours.high], [row - 0.2] * 2, color="black", linewidth=1)
            if paper is not None:
                axes.barh(row + 0.2, paper, 0.38, color="#c9c9c9", label="paper")
        labels = ["\n".join(textwrap.wrap(_clean(filling.label(row)), 40)) for row in range(len(table.rows))]
        axes.set_yticks(range(len(table.rows)), labels, fontsize=6)
        axes.invert_yaxis()
        mode = f" ({filling.mode})" if filling.mode else ""
        axes.set_title(f"{table.key}{mode}: {table.columns[place].label}", fontsize=8)
        axes.tick_params(axis="x", labelsize=6)
        handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        if number == 0 and handles:
            axes.legend(handles.values(), handles.keys(), fontsize=6)
    kind = path.suffix.lstrip(".") or "png"
    atomic_write(path, lambda partial: figure.savefig(partial, format=kind, dpi=120))


FORMATS: dict[str, tuple[str, Callable[[Sequence[Filling]], str]]] = {
    "markdown": ("tables.md", markdown),
    "latex": ("tables.tex", latex),
    "csv": ("tables.csv", comma_separated),
}
"""Format -> its file and what writes it."""
