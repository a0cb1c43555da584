"""The ledger: one record per item and attempt; the truth about what happened.

Workers append JSON lines to files of their own (``….jsonl.open``), flushed record by record, and
seal them by rename when they end (``….jsonl``). A torn last line, left by a kill, is ignored:
the item is simply done again. :func:`compact` gathers all files of a stage into one typed Parquet
file. Nothing is ever changed in place, and no file has two writers.

The newest record of an item is the one with the highest ``sequence``, a count of the item's
records that the planner hands out, so it does not depend on any clock.
"""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from yt360.engine.contract import Blob
from yt360.engine.storage import atomic_write, fsync_path
from yt360.errors import UsageError

Status = Literal["done", "filtered", "failed", "damaged"]


@dataclass(frozen=True)
class Record:
    """What one attempt at one item left behind.

    ``status``: done, filtered (``reason`` code and ``detail`` words), failed (``kind`` code, ``error``
    words, ``retryable``) or damaged (``verify`` found its outputs broken; they are made again).
    ``decision`` is the digest of the thresholds that the verdict used, empty when the stage itself
    (not its thresholds) said filtered. ``seconds`` is wall-clock time, ``size`` the bytes of the
    outputs, ``started`` UTC in ISO 8601.
    """

    stage: str
    item: str
    source: str
    key: str
    status: Status
    sequence: int
    attempt: int = 1
    version: int = 1
    decision: str = ""
    reason: str = ""
    detail: str = ""
    kind: str = ""
    error: str = ""
    retryable: bool = False
    measures: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Blob] = field(default_factory=dict)
    outputs: Mapping[str, Blob] = field(default_factory=dict)
    children: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0
    size: int = 0
    started: str = ""
    host: str = ""
    run: str = ""
    tools: Mapping[str, str] = field(default_factory=dict)

    def blobs(self) -> Iterator[tuple[str, Blob]]:
        """All files of this record by name; those of a child as ``child/name``."""
        yield from self.outputs.items()
        for child in self.children:
            for name, blob in child["outputs"].items():
                yield f"{child['id']}/{name}", Blob.from_json(blob)

    def to_json(self) -> dict[str, Any]:
        # Not asdict: its deep copies take longer than writing the record.
        value = {name: getattr(self, name) for name in _FIELDS}
        for name in ("inputs", "outputs"):
            value[name] = {key: blob.to_json() for key, blob in value[name].items()}
        value["children"] = list(self.children)
        return value

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Record:
        known = {name: value[name] for name in _FIELDS if name in value}
        known["inputs"] = {name: Blob.from_json(blob) for name, blob in value.get("inputs", {}).items()}
        known["outputs"] = {name: Blob.from_json(blob) for name, blob in value.get("outputs", {}).items()}
        known["children"] = tuple(value.get("children", ()))
        return Record(**known)


_FIELDS = [entry.name for entry in fields(Record)]
_TEXT = (
    "stage",
    "item",
    "source",
    "key",
    "status",
    "decision",
    "reason",
    "detail",
    "kind",
    "error",
    "started",
    "host",
    "run",
)
_JSON = ("measures", "meta", "params", "inputs", "outputs", "children", "tools")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in _TEXT]
    + [(name, pa.int64()) for name in ("sequence", "attempt", "version", "size")]
    + [("seconds", pa.float64()), ("retryable", pa.bool_())]
    + [(name, pa.string()) for name in _JSON]
)


class LedgerWriter:
    """Appends records of one stage to a file that nobody else writes."""

    def __init__(self, folder: Path, writer: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{writer}-{uuid.uuid4().hex[:8]}.jsonl.open"
        self._file: io.FileIO | None = None  # opened with the first record: who did nothing leaves nothing

    def append(self, record: Record, *, flush: bool = True) -> None:
        """Write one record and flush it to the device (or leave that to a :meth:`flush` after many)."""
        line = json.dumps(record.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
        if self._file is None:
            self._file = io.FileIO(self._path, "ab")
            fsync_path(self._path.parent)
        file = self._file
        data = line.encode("utf-8", "surrogatepass")
        position = file.seek(0, os.SEEK_END)
        try:
            written = file.write(data)
            while written < len(data):
                written += file.write(data[written:])
            if flush:
                os.fsync(file.fileno())
        except OSError:
            # A full disk can tear the line; cut it off so that a later record starts on a line of its own.
            file.truncate(position)
            raise

    def flush(self) -> None:
        """Flush what was appended to the device."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Seal the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
            os.replace(self._path, self._path.with_suffix(""))


def _read_lines(path: Path) -> Iterator[Record]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            torn = not line.endswith(b"\n")
            try:
                yield Record.from_json(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                if torn:
                    return
                raise UsageError(
                    f"{path}, line {number}: expected a ledger record, found something else ({error}); "
                    "move this file away and run again: its items are done anew"
                ) from error


def _read_compacted(path: Path) -> Iterator[Record]:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"{path}: expected a compacted ledger (Parquet), found something else ({error}); "
            "move this file away and run again: its items are done anew"
        ) from error
    for row in table.to_pylist():
        for name in _JSON:
            row[name] = json.loads(row[name])
        yield Record.from_json(row)


def _files(folder: Path) -> list[Path]:
    names = (
        [*folder.glob("*.parquet"), *folder.glob("*.jsonl"), *folder.glob("*.jsonl.open")] if folder.is_dir() else []
    )
    return sorted(path for path in names if not path.name.startswith("."))


def read(folder: Path) -> Iterator[Record]:
    """All records of one stage, in no particular order. A file that is sealed meanwhile is found under its new name."""
    for path in _files(folder):
        try:
            yield from _read_compacted(path) if path.suffix == ".parquet" else _read_lines(path)
        except FileNotFoundError:
            if path.suffix == ".open":
                yield from _read_lines(path.with_suffix(""))


def latest(records: Iterable[Record]) -> dict[str, Record]:
    """The newest record of each item. Doubles (a compaction that was cut short) do no harm."""
    newest: dict[str, Record] = {}
    for record in records:
        held = newest.get(record.item)
        if held is None or (record.sequence, record.started) > (held.sequence, held.started):
            newest[record.item] = record
    return newest


def compact(folder: Path) -> None:
    """Gather all records of a stage into one Parquet file. Only while no worker writes (the run's lock is held).

    The new file is complete before the old ones go; a kill in between leaves doubles, which
    :func:`latest` and the next compaction fold.
    """
    old = _files(folder)
    if len(old) < 2 and all(path.suffix == ".parquet" for path in old):
        return
    unique = {(r.item, r.sequence, r.started, r.status): r for r in read(folder)}
    _write_compacted(folder, unique)
    for path in old:
        path.unlink(missing_ok=True)


def _write_compacted(folder: Path, records: Mapping[tuple[str, int, str, Status], Record]) -> None:
    rows = []
    for name in sorted(records):
        row = records[name].to_json()
        for column in _JSON:
            row[column] = json.dumps(row[column], ensure_ascii=False, separators=(",", ":"))
        rows.append(row)
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    target = folder / f"records-{uuid.uuid4().hex[:12]}.parquet"
    atomic_write(target, lambda partial: pq.write_table(table, partial, compression="zstd"))


def _names(record: Record) -> list[str]:
    """The item of a record, and the clips that it joined."""
    joined = record.meta.get("clips")
    return [record.item, *(joined if isinstance(joined, list | tuple) else ())]


def forget(folder: Path, items: frozenset[str]) -> int:
    """Take all records of some items out of a stage's ledger; how many there were. Only while no worker writes.

    A record of a shard that held one of them goes too.

    The records of the others are gathered in one new file before the old ones go.
    """
    old = _files(folder)
    records = {(r.item, r.sequence, r.started, r.status): r for r in read(folder)}
    kept = {name: record for name, record in records.items() if items.isdisjoint(_names(record))}
    if len(kept) < len(records):
        _write_compacted(folder, kept)
        for path in old:
            path.unlink(missing_ok=True)
    return len(records) - len(kept)
