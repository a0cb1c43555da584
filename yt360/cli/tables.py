"""``yt360 tables``."""

from __future__ import annotations

from pathlib import Path

import click

from yt360.errors import UsageError
from yt360.evaluation.tables.filling import fill, gather
from yt360.evaluation.tables.formats import FORMATS, plot
from yt360.files import atomic_write_text


@click.command("tables", short_help="The paper's tables, ours beside the paper's numbers.")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(list(FORMATS)), default="markdown", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for all formats and the plot (tables.md, .tex, .csv, .png)."
)
def tables_command(folders: tuple[Path, ...], kind: str, out: Path | None) -> None:
    """The paper's tables out of the results below FOLDERS (outputs of yt360 evaluate), ours beside the paper's numbers.

    Prints one format, or writes all of them with --out. Empty cells say which command fills them.
    """
    results = gather(list(folders))
    if not results:
        raise UsageError(
            f"no results below {', '.join(map(str, folders))}; "
            "run `yt360 evaluate WHAT --root ROOT --checkpoint RUN --out DIR` first"
        )
    fillings = fill(results)
    if out is None:
        click.echo(FORMATS[kind][1](fillings), nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, write in FORMATS.values():
        atomic_write_text(out / name, write(fillings))
    plot(fillings, out / "tables.png")
    click.echo(f"wrote {', '.join(name for name, _ in FORMATS.values())} and tables.png to {out}")
