"""`yt360 status`: where a root stands."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from yt360.cli import outcome
from yt360.cli.common import catalog_of, json_option, open_root, print_json, root_option, table
from yt360.cli.talk import coloured, doing, talk_options
from yt360.engine.state import counts as counting
from yt360.engine.state import snapshot
from yt360.engine.state.dataset_state import DatasetState


def summarize(catalog: DatasetState) -> dict[str, Any]:
    """Counts a stage; the keys are those of ``status --json`` (docs/reference/json.md)."""
    stages = []
    for name, stage in catalog.stages.items():
        counts = snapshot.load_counts(catalog, stage) or counting.count(catalog.entries(name))
        stages.append({"stage": name, **counts})
    return {"root": catalog.root.url, "stages": stages}


def keep(catalog: DatasetState, summary: dict[str, Any]) -> None:
    """Keep the counts of stages of many items for the next who asks; they hold until ledger, plans or recipe change."""
    for stage, counts in zip(catalog.stages.values(), summary["stages"], strict=True):
        snapshot.keep(catalog, stage, {name: value for name, value in counts.items() if name != "stage"})


@click.command("status", short_help="Show how many items of each stage are done, filtered, failed and waiting.")
@root_option
@json_option
@click.option("--follow", is_flag=True, help="Print again whenever something changes, until Ctrl-C.")
@click.option("--every", "every_s", type=click.FloatRange(0.1), default=5.0, help="Seconds between checks.")
@click.option("--missing", is_flag=True, help="Print the unfinished array indices of each stage (for sbatch --array).")
@talk_options
def status_command(root: str, as_json: bool, follow: bool, every_s: float, missing: bool) -> int:
    """Show how many items of each stage are done, filtered, failed and waiting.

    Below the table: the reasons why items were filtered or failed.
    """
    folder = open_root(root)
    if missing:
        return _print_missing(catalog_of(folder), as_json)
    with doing("reading the records"):
        catalog = catalog_of(folder)
        summary = summarize(catalog)
    _print(summary, catalog, as_json)
    if not follow:  # then a run is at work, and what is known now is old in a moment
        keep(catalog, summary)
    while follow:
        time.sleep(every_s)
        folder.pull()
        catalog = catalog_of(folder)
        newer = summarize(catalog)
        if newer != summary:
            summary = newer
            click.echo("" if as_json else f"--- {datetime.now(UTC):%H:%M:%S} UTC", nl=not as_json)
            _print(summary, catalog, as_json)
    return 0


def _print_missing(catalog: DatasetState, as_json: bool) -> int:
    from yt360.engine.executors import slurm

    found = list(slurm.missing(catalog.root, list(catalog.stages.values())))
    if as_json:
        print_json({"missing": [asdict(one) for one in found]})
        return 0
    for one in found:
        words = f"--array={one.array}" if one.array else "nothing left"
        click.echo(f"{one.stage}: {words}  ({one.items} items in {one.tasks} tasks; plan {one.run}/{one.plan})")
    if not found:
        click.echo("no plan of a SLURM run in this root")
    return 0


def _print(summary: dict[str, Any], catalog: DatasetState, as_json: bool) -> None:
    if as_json:
        print_json(summary)
        return
    rows = []
    for stage in summary["stages"]:
        rate = stage["items_per_worker_second"]
        rows.append(
            [stage[key] for key in ("stage", "done", "filtered", "failed", "waiting")]
            + [f"{stage['bytes'] / 1e6:.1f} MB", f"{rate:.2f}/s" if rate else "-"]
        )
    click.echo(table(rows, ["stage", "kept", "filtered", "failed", "waiting", "size", "rate a worker"]))
    for line in outcome.told_off(catalog.stages.values()):
        click.echo(line)
    for stage in summary["stages"]:
        for line in outcome.told_reasons(stage["stage"], stage["reasons"]):
            click.echo(line)
    failed = [
        (stage["stage"], item["item"], item["kind"], item["error"])
        for stage in summary["stages"]
        for item in stage["failed_items"]
    ]
    for line in outcome.told_causes(outcome.causes(failed), catalog.root):
        click.echo(coloured(line, "red") if line.startswith("failed") else line)
