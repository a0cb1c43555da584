"""`yt360 explain ITEM`: everything that happened to one video or clip, and why."""

from __future__ import annotations

from typing import Any

import click

from yt360.cli.common import catalog_of, clean, json_option, open_root, print_json, root_option
from yt360.cli.completion import complete_items
from yt360.cli.groups import ItemCommand
from yt360.engine.stage import Stage
from yt360.engine.state import ledger, snapshot
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import Record
from yt360.errors import UsageError


def explain(catalog: DatasetState, item: str) -> dict[str, Any]:
    """The history of a video, clip or shard. Keys are those of ``explain --json`` (docs/reference/json.md).

    Raises :class:`UsageError` when the root has never seen the item.
    """
    history: list[dict[str, Any]] = []
    clips: list[str] = []
    video, clip = _video_and_clip(catalog, item)
    verdict = "waiting"
    ended = False
    for name, stage in catalog.stages.items():
        records = _records(catalog, name, video, clip)
        history += map(_event, records)
        newest = max((r for r in records if r.item == video), key=lambda r: (r.sequence, r.started), default=None)
        if newest is None or ended:
            continue
        state = _state(catalog, stage, video)
        if state is None:
            continue
        clips = [child["id"] for child in newest.children] or clips
        verdict = "kept" if state == "done" else state
        ended = state != "done"
    if not history:
        raise UsageError(
            f"{item}: no video, clip or shard of this name in {catalog.root.url}; "
            "`yt360 status` counts what there is, manifests/videos.parquet lists it"
        )
    return {"item": item, "video": video, "verdict": verdict, "clips": clips, "history": history}


def _video_and_clip(catalog: DatasetState, item: str) -> tuple[str, str | None]:
    """What an item is: a video (or shard), or a clip of one."""
    folders = [catalog.root.ledger / name for name in catalog.stages]
    if ledger.find(folders[0], [item]):
        return item, None
    for folder in folders:
        video = ledger.parent_of(folder, item)
        if video is not None:
            return video, item
    return item, None


def _records(catalog: DatasetState, stage: str, video: str, clip: str | None) -> list[Record]:
    """All records of a stage that concern a video, or one of its clips."""
    folder = catalog.root.ledger / stage
    if stage == "segment" and clip is None:
        return ledger.find(folder, [video], "source")
    if stage == "shard":
        return ledger.find(folder, [video]) or ledger.joining(folder, clip or video)
    return ledger.find(folder, [video, *([clip] if clip else [])])


def _state(catalog: DatasetState, stage: Stage, item: str) -> str | None:
    """Where an item stands; from what is kept where that holds, since a plan of all items is long work."""
    known, state = snapshot.load_one(catalog, stage, item)
    if known:
        return state
    entry = catalog.entries(stage.name).get(item)
    return entry.state if entry is not None else None


def _event(record: Record) -> dict[str, Any]:
    event: dict[str, Any] = {
        "stage": record.stage,
        "status": record.status,
        "reason": record.reason or record.kind,
        "detail": record.detail or record.error,
        "item": record.item,
        "attempt": record.attempt,
        "started": record.started,
        "seconds": record.seconds,
        "host": record.host,
        "run": record.run,
        "log": record.log,
        "key": record.key,
        "params": dict(record.params),
        "measures": {k: v for k, v in record.measures.items() if k != "members"},
        "outputs": {name: blob.uri for name, blob in record.blobs()},
    }
    return event


@click.command("explain", cls=ItemCommand, short_help="Everything that happened to one video or clip.")
@click.argument("item", shell_complete=complete_items)
@root_option
@json_option
def explain_command(item: str, root: str, as_json: bool) -> int:
    """Everything that happened to ITEM (a video, a clip or a shard), and why."""
    told = explain(catalog_of(open_root(root)), item)
    if as_json:
        print_json(told)
        return 0
    click.echo(f"{clean(told['item'])}: {told['verdict']}")
    for event in told["history"]:
        words = f": {event['reason']}" if event["reason"] else ""
        click.echo(f"  {event['stage']:>10}  {event['status']}{words}  ({event['started']}, {event['seconds']:.2f} s)")
        if event["detail"]:
            click.echo(f"              {clean(event['detail'], 1000)}")
        if event["log"] and event["status"] == "failed":
            click.echo(f"              log: {clean(event['log'])}")
        for name, value in event["measures"].items():
            if isinstance(value, str | int | float | bool):
                click.echo(f"              {name} = {clean(str(value), 120)}")
        for name, uri in event["outputs"].items():
            click.echo(f"              {name}: {clean(uri, 1000)}")
    if told["clips"]:
        click.echo(f"  clips: {', '.join(told['clips'])}")
    return 0
