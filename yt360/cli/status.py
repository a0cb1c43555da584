"""`yt360 status`: where a root stands."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from yt360.cli.common import catalog_of, clean, json_option, open_root, print_json, root_option, table
from yt360.engine.catalog import Catalog


def summarize(catalog: Catalog) -> dict[str, Any]:
    """Counts a stage; the keys are those of ``status --json`` (documented in the README)."""
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
    return {"root": str(catalog.root.path), "stages": stages}


@click.command("status", short_help="Counts a stage: done, filtered, failed, waiting.")
@root_option
@json_option
def status_command(root: str, as_json: bool) -> int:
    """How many items each stage has done, filtered, failed and still to do, and why."""
    summary = summarize(catalog_of(open_root(root)))
    if as_json:
        print_json(summary)
        return 0
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
    return 0
