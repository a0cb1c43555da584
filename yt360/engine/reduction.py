"""The one job of a :class:`~yt360.engine.stage.FanInStage`: all items in, the records that change out.

The runner writes what is known of the items into ``state/fan-in/STAGE.parquet`` (:func:`request`); the job carries
only the name of that file. The worker reduces, writes the records that differ from those there are, and at last keeps
what it was made from (:mod:`yt360.engine.state.evidence`): a kill before that means that it is done again.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yt360.engine.inputs import problems
from yt360.engine.items import Blob, Done, Failed, Filtered, Item, Outcome
from yt360.engine.stage import FanInStage
from yt360.engine.state import evidence as evidences
from yt360.engine.state.item_states import ItemStates
from yt360.engine.state.plan import ItemPlan, unpacked
from yt360.engine.state.record import Record
from yt360.engine.storage import Root
from yt360.engine.worker import Attempt, ItemJob, StageHost, failed_fields, guarded, json_safe
from yt360.errors import ItemError
from yt360.files import atomic_write, atomic_write_text, raise_if_disk_full

_FOLDER = "fan-in"


@dataclass(frozen=True)
class _Row:
    """An item of a request. ``held`` is what its record says (:func:`_told`), empty where a new one is wanted."""

    item: Item
    key: str
    sequence: int
    attempt: int
    held: str
    waits: bool


def request(root: Root, stage: FanInStage, known: ItemPlan, entries: ItemStates, again: NDArray[np.integer]) -> Item:
    """Write down what a worker is to reduce; the item of its job. ``again`` are rows to be written in any case."""
    rows: dict[str, list[Any]] = {"sequence": [], "attempt": [], "held": [], "waits": []}
    forced = set(again.tolist())
    for row in range(len(known)):
        entry = entries.at(row)
        rows["sequence"].append(entry.record.sequence if entry.record else 0)
        rows["attempt"].append(entry.attempts)
        rows["waits"].append(entry.state == "waiting")
        rows["held"].append("" if entry.record is None or row in forced else _told(entry.record))
    table = known.frozen().table()
    for name, values in rows.items():
        table = table.append_column(name, pa.array(values))
    path = root.state / _FOLDER / f"{stage.name}.parquet"
    atomic_write(path, lambda partial: pq.write_table(table, partial, compression="zstd"))
    return Item(stage.name, stage.name, hints={"request": root.uri(path)})


def requests(root: Root) -> list[Path]:
    """Files of what was asked for; none of it is needed again."""
    return sorted((root.state / _FOLDER).glob("*.parquet"))


def is_done(root: Root, stage: FanInStage, key: str) -> bool:
    """Whether the job of a key was done."""
    return evidences.reduced(evidences.path_of(root, stage)).request == key


def reduce(host: StageHost, job: ItemJob) -> Attempt:
    """Runs in a worker. Raises :class:`yt360.errors.DiskFullError` when there is no room, and nothing else."""
    root = host.root(job.root)
    stage = host.stage(job.stage, job.params, job.thresholds)
    assert isinstance(stage, FanInStage)
    clock = time.monotonic()
    try:
        plan, rows = _read(root.fetch(job.item.hints["request"], host.workdir(root, job.run) / "in"))
        outcomes = guarded(lambda: _outcomes(stage, rows, root), root, stage.name)
        seconds = round((time.monotonic() - clock) / max(1, len(rows)), 4)
        about = _of_stage(stage, job, seconds)
        writer = host.writer(root, stage.name, job.run)
        if isinstance(outcomes, Failed):
            whole = replace(about, **failed_fields(outcomes))
            written = list(_failures(rows, job, whole))
        else:
            whole = None
            made = [_record(stage, job, about, row, outcomes[row.item.id]) for row in rows]
            pairs = zip(rows, made, strict=True)
            written = [record for row, record in pairs if _told(record) != row.held or _failed_again(record, row)]
        for record in written:
            writer.append(record, flush=False)
        writer.flush()
        if whole is not None:
            return Attempt(whole, tuple(written), Counter(record.status for record in written))
        given = np.flatnonzero([record.status != "failed" for record in made])
        evidences.save(evidences.path_of(root, stage), plan.take(given), job.key)
        _to_store(root, evidences.path_of(root, stage))
        return Attempt(about, tuple(map(_light, written)), Counter(record.status for record in made))
    except OSError as error:
        raise_if_disk_full(error, root.path)
        raise


def failures(root: Root, job: ItemJob, ended: Record) -> list[Record]:
    """The records of the items that wait, where their job as a whole failed (its worker died)."""
    return list(_failures(_read(root.path / job.item.hints["request"])[1], job, ended))


def _failures(rows: list[_Row], job: ItemJob, ended: Record) -> Iterator[Record]:
    for row in rows:
        if row.waits:
            yield replace(ended, item=row.item.id, source=row.item.source_id, key=row.key, meta=dict(row.item.meta),
                          sequence=row.sequence + job.sequence, attempt=row.attempt + job.attempt)  # fmt: skip


def _read(path: Path) -> tuple[ItemPlan, list[_Row]]:
    table = pq.read_table(path, use_threads=False)
    rows = [
        _Row(
            unpacked(row["id"], row["source"], row["rest"]),
            *(row[name] for name in ("key", "sequence", "attempt", "held", "waits")),
        )
        for row in table.to_pylist()
    ]
    return ItemPlan(table.select(["id", "source", "key", "rest"])), rows


def _outcomes(stage: FanInStage, rows: list[_Row], root: Root) -> Mapping[str, Outcome]:
    outcomes = stage.reduce([row.item for row in rows], _AtHand(root))
    missing = [row.item.id for row in rows if row.item.id not in outcomes]
    if missing:
        raise ItemError(
            "no-outcome", f"stage {stage.name}: expected an outcome for each item, found none for {missing[0]}"
        )
    return outcomes


class _AtHand:
    """See :class:`yt360.engine.stage.FanInContext`."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def path(self, blob: Blob) -> Path:
        path = self._root.local(blob.uri)
        if self._root.store is not None and any(problems(blob, path)):  # the mirror's copy, or the store's?
            path.unlink(missing_ok=True)
            path = self._root.local(blob.uri)
        for kind, uri, found in problems(blob, path):
            raise ItemError(
                kind,
                f"{uri}: expected content with digest {blob.digest}, found {found}; run the recipe again to make it "
                "anew",
                damaged=(uri,),
            )
        return path

    def recall(self, name: str) -> str | None:
        path = self._root.state / name
        try:
            if self._root.store is not None:
                return self._root.store.read(self._root.uri(path)).decode()
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def remember(self, name: str, text: str) -> None:
        atomic_write_text(self._root.state / name, text)
        _to_store(self._root, self._root.state / name)


def _to_store(root: Root, path: Path) -> None:
    if root.store is not None:
        root.store.put(path, root.uri(path))


def _of_stage(stage: FanInStage, job: ItemJob, seconds: float) -> Record:
    """What the records of one reduction share; as a record of its own it says how the job ended."""
    return Record(
        stage=stage.name,
        item=stage.name,
        source=stage.name,
        key=job.key,
        status="done",
        sequence=job.sequence,
        attempt=job.attempt,
        version=stage.version,
        params=stage.recorded_params(job.item),
        seconds=seconds,
        started=datetime.now(UTC).isoformat(timespec="milliseconds"),
        host=socket.gethostname(),
        run=job.run,
    )


def _record(stage: FanInStage, job: ItemJob, about: Record, row: _Row, outcome: Outcome) -> Record:
    item = row.item
    own: dict[str, Any] = {"item": item.id, "source": item.source_id, "sequence": row.sequence + job.sequence}
    try:
        if isinstance(outcome, Failed):
            attempt = row.attempt + job.attempt
            return replace(about, **own, key=row.key, meta=dict(item.meta), attempt=attempt, **failed_fields(outcome))
        if outcome.outputs or (isinstance(outcome, Done) and outcome.children):
            raise ItemError("bad-output", f"stage {stage.name} left files of {item.id}; it can leave measures only")
        measures = json_safe(outcome.measures, stage.name)
        meta = json_safe(stage.meta_of(outcome), stage.name)
    except ItemError as error:
        attempt = row.attempt + job.attempt
        return replace(
            about, **own, key=row.key, meta=dict(item.meta), attempt=attempt, **failed_fields(Failed.of(error))
        )
    verdict = outcome if isinstance(outcome, Filtered) else stage.decide(measures)
    told: dict[str, Any] = {"reason": verdict.reason, "detail": verdict.detail} if verdict else {}
    return replace(
        about,
        **own,
        key=stage.key(Item(item.id, item.source_id, meta=meta)),
        attempt=1,
        meta=meta,
        measures=measures,
        status="filtered" if verdict else "done",
        decision="" if isinstance(outcome, Filtered) else stage.decision_key(),
        **told,
    )


def _failed_again(record: Record, row: _Row) -> bool:
    """An attempt that counts, though it says what the one before it said."""
    return record.status == "failed" and row.waits


def _told(record: Record) -> str:
    """Equal for records that say the same of their item."""
    return "\0".join((record.key, record.status, record.reason or record.kind))


def _light(record: Record) -> Record:
    """A record to count and to log by; there may be a hundred thousand on their way back."""
    return record if record.status == "failed" else replace(record, measures={}, meta={}, params={})
