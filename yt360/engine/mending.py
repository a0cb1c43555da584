"""Damaged files and what follows: their makers are marked, so that the next run makes exactly them anew.

A file's place says who made it. What was made from it is not touched here: where it comes out as it was, all that
follows stands; where it does not, its digest is another one, and so are the keys of what follows.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from yt360.engine.inputs import DAMAGED_INPUTS, INPUT_KINDS
from yt360.engine.stage import Stage
from yt360.engine.state import ledger
from yt360.engine.state.record import Record
from yt360.engine.storage import Root

_STANDS = ("done", "filtered")


def damaged_inputs(record: Record) -> tuple[str, ...]:
    """Where the inputs lie that an attempt found wrong."""
    if record.status != "failed" or record.kind not in INPUT_KINDS:
        return ()
    return tuple(map(str, record.measures.get(DAMAGED_INPUTS, ())))


def mark_makers(root: Root, stages: Mapping[str, Stage], uris: Iterable[str], run: str) -> int:
    """Record as damaged whatever made these files; how many items that were."""
    wanted: dict[str, dict[str, str]] = {}
    for uri in uris:
        stage, item = _maker(stages, uri)
        if stage:
            wanted.setdefault(stage, {})[item] = uri
    marked = 0
    for stage, items in wanted.items():
        newest = ledger.latest(ledger.find(root.ledger / stage, list(items)))
        marked += mark(
            root,
            stage,
            [
                (record, f"{items[name]}: found damaged when it was read")
                for name, record in newest.items()
                if record.status in _STANDS and any(blob.uri == items[name] for _, blob in record.blobs())
            ],
            run,
        )
    return marked


def mark(root: Root, stage: str, damages: Collection[tuple[Record, str]], name: str) -> int:
    """Add a record that says "damaged" behind each of some; how many."""
    writer = ledger.open_writer(root, stage, f"{name}-{socket.gethostname()}-damage")
    try:
        for record, problem in damages:
            writer.append(
                replace(
                    record,
                    status="damaged",
                    sequence=record.sequence + 1,
                    kind="damaged-output",
                    error=problem,
                    started=datetime.now(UTC).isoformat(timespec="milliseconds"),
                ),
                flush=False,
            )
        writer.flush()
    finally:
        writer.close()
    return len(damages)


def _maker(stages: Mapping[str, Stage], uri: str) -> tuple[str, str]:
    """Stage and item whose output lies at a place (:meth:`yt360.engine.storage.Root.item_folder`)."""
    parts = uri.split("/")
    if parts[0] == "data" and len(parts) > 3 and parts[1] in stages:
        return parts[1], parts[2]
    for name, stage in stages.items():
        if stage.flat_folder and parts[0] == stage.flat_folder and len(parts) == 2:
            return name, parts[1].partition(".")[0]
    return "", ""
