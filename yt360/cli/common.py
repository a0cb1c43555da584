"""Options and printing that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from yt360.cli.completion import complete_retry
from yt360.cli.plain_text import COLOURS
from yt360.cli.printable import printable_json
from yt360.cli.stage_help import ClusterOption
from yt360.cli.talk import coloured
from yt360.engine import recipe as recipes
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.importing import importing
from yt360.root_marker import OWN_FOLDERS
from yt360.stages import REGISTRY


def root_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--root", required=True, metavar="DIR", help="Folder of the dataset, or a store: s3://bucket/prefix."
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")(command)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How to run: engine, workers, disk floor, what to do again."""
    options = [
        click.option(
            "--engine",
            type=click.Choice(["local", "ray", "slurm"]),
            default="local",
            show_default=True,
            help="Where to run: this machine, a Ray cluster, SLURM array jobs.",
        ),
        click.option(
            "--address",
            cls=ClusterOption,
            metavar="HOST:PORT",
            default=None,
            help="Ray: address of the cluster (auto: the one running on this machine).",
        ),
        click.option(
            "--tasks",
            cls=ClusterOption,
            type=click.IntRange(1),
            default=1000,
            help="SLURM: maximum number of array tasks for a stage.",
        ),
        click.option(
            "--window",
            cls=ClusterOption,
            type=click.IntRange(1),
            default=1000,
            help="SLURM: maximum number of tasks in one array.",
        ),
        click.option(
            "--sbatch",
            "extra",
            cls=ClusterOption,
            multiple=True,
            metavar="WORD",
            help="SLURM: an argument for sbatch (--partition=gpu).",
        ),
        click.option(
            "--launcher",
            cls=ClusterOption,
            metavar="WORDS",
            default=None,
            help="SLURM: the command that starts yt360 on a node (apptainer exec …).",
        ),
        click.option(
            "--no-wait", cls=ClusterOption, is_flag=True, help="SLURM: submit, print the run's name, and return."
        ),
        click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing."),
        click.option(
            "--sample",
            type=click.IntRange(1, 10_000),
            default=None,
            help="With --dry-run: process this many items in a scratch folder and estimate the whole run.",
        ),
        click.option(
            "--workers", type=click.IntRange(1, 1024), default=None, help="Worker processes.  [default: the CPU cores]"
        ),
        click.option(
            "--min-free-gb",
            type=click.FloatRange(0),
            default=1.0,
            show_default=True,
            help="Stop cleanly below this much free disk.",
        ),
        click.option(
            "--retry",
            metavar="WHAT",
            default=None,
            shell_complete=complete_retry,
            help="Retry finished items: failed, filtered, all, or one kind of failure (see `yt360 status`).",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def usable_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def open_root(path: str) -> Root:
    """An existing root."""
    root = Root(path)
    root.require()
    return _pushed_at_the_end(root)


def require_not_own(root: str, out: Path, option: str) -> None:
    """Refuse a file that would lie among a root's own, and be taken for one of them or take its place."""
    folder, place = Path(root.removeprefix("file://")).expanduser().resolve(), out.expanduser().resolve()
    within = place.relative_to(folder).parts if place.is_relative_to(folder) else ()
    if within[:1] and within[0] in OWN_FOLDERS - {"report"}:
        raise UsageError(f"{option} {out}: expected a file outside the root's own folders, found one in {within[0]}/")


def start_root(path: str) -> Root:
    """A root that may be new."""
    root = Root(path)
    root.create()
    root.pull()
    return _pushed_at_the_end(root)


def _pushed_at_the_end(root: Root) -> Root:
    """What a command leaves in the mirror of a store goes there when the command ends."""
    context = click.get_current_context(silent=True)
    if context is not None and root.store is not None:
        # Who never learned of the stages does not know which files stay on this machine, and has changed nothing else.
        context.call_on_close(lambda: root.push() if root.is_declared else None)
    return root


def catalog_of(root: Root) -> DatasetState:
    """A root's catalog under the recipe it was last run with."""
    with importing():
        stages = recipes.of_root(root.recipe, REGISTRY).stages
    return DatasetState(root, stages)


def print_json(value: Any) -> None:
    click.echo(printable_json(value))


def from_here(path: Path) -> str:
    """A path relative to the current folder where it lies below it, else absolute."""
    relative = os.path.relpath(path)
    return os.path.abspath(path) if relative.split(os.sep)[0] == os.pardir else relative


def table(rows: Sequence[Sequence[Any]], header: Sequence[str]) -> str:
    """Columns aligned with spaces; numbers to the right, counts of verdicts in their colours."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[k]) for line in [list(header), *cells]) for k in range(len(header))]
    right = [all(isinstance(row[k], int | float) for row in rows) and bool(rows) for k in range(len(header))]

    def line(entries: Sequence[str], colours: Sequence[str]) -> str:
        aligned = (e.rjust(w) if r else e.ljust(w) for e, w, r in zip(entries, widths, right, strict=True))
        shown = (
            coloured(text, colour) if colour and entry != "0" else text
            for text, entry, colour in zip(aligned, entries, colours, strict=True)
        )
        return "  ".join(shown).rstrip()

    colours = [COLOURS.get(name, "") if is_number else "" for name, is_number in zip(header, right, strict=True)]
    return "\n".join([line(list(header), [""] * len(header)), *(line(row, colours) for row in cells)])


def path_argument(name: str, **settings: Any) -> Callable[..., Any]:
    return click.argument(name, type=click.Path(path_type=Path), **settings)
