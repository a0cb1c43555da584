"""`yt360 status`: where a root stands."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from yt360.cli.common import catalog_of, clean, json_option, open_root, print_json, root_option, table
from yt360.engine.catalog import Catalog
from yt360.engine.contract import digest_bytes, digest_file
from yt360.engine.storage import atomic_write_text
from yt360.errors import Yt360Error

_SNAPSHOT = "status.json"
_WORTH_KEEPING = 10_000
"""Items from which on a summary is kept for the next time."""


def summarize(catalog: Catalog) -> dict[str, Any]:
    """Counts a stage; the keys are those of ``status --json`` (documented in the README).

    A summary of many items is kept beside the ledger and holds until ledger, plans or recipe change.
    """
    path = catalog.root.state / _SNAPSHOT
    fingerprint = _fingerprint(catalog)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["fingerprint"] == fingerprint:
            summary: dict[str, Any] = kept["summary"]
            return summary
    except (OSError, ValueError, LookupError, TypeError):
        pass
    summary = _count(catalog)
    items = sum(stage[state] for stage in summary["stages"] for state in ("done", "filtered", "failed", "waiting"))
    if items >= _WORTH_KEEPING:
        with contextlib.suppress(OSError, Yt360Error):  # asking must work on a disk that is full or read-only
            atomic_write_text(path, json.dumps({"fingerprint": fingerprint, "summary": summary}))
    return summary


def _fingerprint(catalog: Catalog) -> str:
    """Of all files that the counts come from: names, sizes and times."""
    root = catalog.root
    files = [root.recipe, *sorted(root.state.glob("*.json*")), *sorted(root.ledger.rglob("*"))]
    told = [root.url, digest_file(Path(__file__))]
    for file in files:
        if file.name != _SNAPSHOT and file.is_file():
            found = file.stat()
            told.append(f"{root.uri(file)} {found.st_size} {found.st_mtime_ns}")
    return digest_bytes("\n".join(told).encode())


def _count(catalog: Catalog) -> dict[str, Any]:
    stages = []
    for name in catalog.stages:
        states: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        failed = []
        size, seconds = 0, 0.0
        for entry in catalog.entries(name).values():
            states["waiting" if entry.state == "undecided" else entry.state] += 1
            record = entry.record
            if record is None:
                continue
            seconds += record.seconds
            if entry.state == "done":
                size += record.size
            elif entry.state == "filtered":
                reasons[record.reason] += 1
            elif entry.state == "failed":
                kinds[record.kind] += 1
                failed.append({"item": record.item, "kind": record.kind, "error": record.error})
        ended = states["done"] + states["filtered"] + states["failed"]
        stages.append(
            {
                "stage": name,
                "done": states["done"],
                "filtered": states["filtered"],
                "failed": states["failed"],
                "waiting": states["waiting"],
                "reasons": dict(reasons.most_common()),
                "failures": dict(kinds.most_common()),
                "bytes": size,
                "worker_seconds": round(seconds, 2),
                "items_per_worker_second": round(ended / seconds, 3) if seconds else None,
                "failed_items": failed,
            }
        )
    return {"root": catalog.root.url, "stages": stages}


@click.command("status", short_help="Counts a stage: done, filtered, failed, waiting.")
@root_option
@json_option
@click.option("--follow", is_flag=True, help="Print again whenever something changed, until Ctrl-C.")
@click.option("--every", "every_s", type=click.FloatRange(0.1), default=5.0, help="Seconds between looks.")
@click.option("--missing", is_flag=True, help="SLURM: the array expression of each stage that is still to do.")
def status_command(root: str, as_json: bool, follow: bool, every_s: float, missing: bool) -> int:
    """How many items each stage has done, filtered, failed and still to do, and why."""
    folder = open_root(root)
    if missing:
        return _print_missing(catalog_of(folder), as_json)
    summary = summarize(catalog_of(folder))
    _print(summary, as_json)
    while follow:
        time.sleep(every_s)
        folder.pull()
        newer = summarize(catalog_of(folder))
        if newer != summary:
            summary = newer
            click.echo("" if as_json else f"--- {datetime.now(UTC):%H:%M:%S} UTC", nl=not as_json)
            _print(summary, as_json)
    return 0


def _print_missing(catalog: Catalog, as_json: bool) -> int:
    from yt360.engine import slurm

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


def _print(summary: dict[str, Any], as_json: bool) -> None:
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
    click.echo(table(rows, ["stage", "done", "filtered", "failed", "waiting", "size", "rate a worker"]))
    for stage in summary["stages"]:
        for word, counts in (("filtered", stage["reasons"]), ("failed", stage["failures"])):
            for reason, count in counts.items():
                click.echo(f"{stage['stage']:>10}: {count} {word}: {reason}")
        for item in stage["failed_items"][:5]:
            click.echo(f"{stage['stage']:>10}: {item['item']}: {clean(item['error'], 160)}")
