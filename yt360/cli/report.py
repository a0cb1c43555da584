"""`yt360 report`: one page on what a root holds, what was dropped, and why."""

from __future__ import annotations

from pathlib import Path

import click

from yt360.cli.common import catalog_of, from_here, open_root, root_option
from yt360.cli.talk import Steps, doing, talk_options
from yt360.errors import UsageError


@click.command("report", short_help="One HTML page: funnel, scores, and what was dropped, to look at and listen to.")
@root_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="The file.  [default: ROOT/report/report.html]"
)
@click.option("--cases", type=click.IntRange(0, 100), default=6, show_default=True, help="Examples for each reason.")
@click.option("--kept", type=click.IntRange(0, 100), default=8, show_default=True, help="Kept videos that are shown.")
@click.option(
    "--max-mb",
    type=click.FloatRange(1, 500),
    default=24.0,
    show_default=True,
    help="Maximum size of embedded media, in MB.",
)
@click.option(
    "--view",
    "address",
    metavar="ADDRESS",
    default="",
    help="Link clips and videos to this page of `yt360 view` (its address, or a folder that it exported).",
)
@talk_options
def report_command(root: str, out: Path | None, cases: int, kept: int, max_mb: float, address: str) -> int:
    """Write one self-contained HTML page about a root.

    Recipe, versions and dates, the funnel beside the paper's numbers, what the clips are like, the distribution of
    every score with its threshold, what each filter dropped with pictures, sound energy over the frame, waveform and an
    excerpt (the borderline cases first), what failed, all videos, and all thresholds.
    """
    from yt360.report.report import REPORT, Limits, write_report

    with doing("reading the records"):
        catalog = catalog_of(open_root(root))
    path = out or catalog.root.report / REPORT
    if out is None and catalog.root.is_read_only():
        raise UsageError(f"{catalog.root.url}: this root cannot be written; say where the page goes: --out FILE")
    with Steps("report") as steps:
        write_report(catalog, path, Limits(cases, kept, int(max_mb * 1e6)), steps, address=address)
    click.echo(f"wrote {from_here(path)} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0
