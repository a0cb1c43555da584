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
import itertools
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from yt360.engine import owner
from yt360.engine.contract import Blob
from yt360.engine.storage import Root, atomic_write, fsync_path
from yt360.engine.store import Store
from yt360.errors import UsageError

Status = Literal["done", "filtered", "failed", "damaged"]


@dataclass(frozen=True)
class Record:
    """What one attempt at one item left behind.

    ``status``: done, filtered (``reason`` code and ``detail`` words), failed (``kind`` code, ``error``
    words, ``retryable``) or damaged (``verify`` found its outputs broken; they are made again).
    ``decision`` is the digest of the thresholds that the verdict used, empty when the stage itself
    (not its thresholds) said filtered. ``seconds`` is wall-clock time, ``size`` the bytes of the
    outputs, ``started`` UTC in ISO 8601, ``log`` where the worker's words are (relative to the root).
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
    log: str = ""
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
    "log",
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
        if self._file is None:
            self._file = io.FileIO(self._path, "ab")
            fsync_path(self._path.parent)
        file = self._file
        data = _line(record)
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


_SEGMENT_BYTES = 1 << 16
"""A segment in a store is put again with each record; at this size the next one is begun."""


class StoreLedgerWriter:
    """The same for a store, where nothing can be appended to: a segment is put again, whole, with each record."""

    def __init__(self, store: Store, stage: str, writer: str) -> None:
        self._store = store
        self._name = f"ledger/{stage}/{writer}-{uuid.uuid4().hex[:8]}"
        self._segment = 0
        self._lines = bytearray()
        self._dirty = False

    def append(self, record: Record, *, flush: bool = True) -> None:
        """Put one record where others see it (or leave that to a :meth:`flush` after many)."""
        if len(self._lines) > _SEGMENT_BYTES:
            self.flush()
            self._segment += 1
            self._lines.clear()
        self._lines += _line(record)
        self._dirty = True
        if flush:
            self.flush()

    def flush(self) -> None:
        if self._dirty:
            self._store.write(bytes(self._lines), f"{self._name}-{self._segment:06d}.jsonl")
            self._dirty = False

    def close(self) -> None:
        self.flush()


Writer = LedgerWriter | StoreLedgerWriter


def open_writer(root: Root, stage: str, name: str) -> Writer:
    """A writer of one stage's records whose files nobody else writes; ``name`` says whose they are."""
    marked = f"{name}{owner.mark()}"
    if root.store is not None:
        return StoreLedgerWriter(root.store, stage, marked)
    return LedgerWriter(root.ledger / stage, marked)


def _line(record: Record) -> bytes:
    text = json.dumps(record.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    return text.encode("utf-8", "surrogatepass")


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


class _StoredRecord(Record):
    """A record that lies in a Parquet table and is read from there field by field: a million of them fit in memory."""

    _columns: Mapping[str, pa.ChunkedArray]
    _row: int

    def __new__(cls, *values: Any, **named: Any) -> Any:
        if values or named:  # dataclasses.replace and unpickling make plain records
            return Record(*values, **named)
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, tuple(getattr(self, name) for name in _FIELDS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and all(getattr(self, name) == getattr(other, name) for name in _FIELDS)

    def __hash__(self) -> int:
        return hash((self.stage, self.item, self.sequence))


def _stored_field(name: str) -> property:
    def plain(record: _StoredRecord) -> Any:
        return record._columns[name][record._row].as_py()

    def parsed(record: _StoredRecord) -> Any:
        value = json.loads(plain(record))
        if name in ("inputs", "outputs"):
            return {key: Blob.from_json(blob) for key, blob in value.items()}
        return tuple(value) if name == "children" else value

    def optional(record: _StoredRecord) -> Any:
        return plain(record) or "" if name in record._columns else ""

    return property(parsed if name in _JSON else optional if name == "log" else plain)


for _name in _FIELDS:
    setattr(_StoredRecord, _name, _stored_field(_name))


def _read_compacted(path: Path) -> Iterator[Record]:
    repeated = [name for name in (*_TEXT, *_JSON) if name not in ("item", "source", "key", "started")]
    try:
        table = pq.read_table(path, read_dictionary=repeated).combine_chunks()
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"{path}: expected a compacted ledger (Parquet), found something else ({error}); "
            "move this file away and run again: its items are done anew"
        ) from error
    columns = {name: _one_chunk(table.column(name)) for name in table.column_names}
    for row in range(table.num_rows):
        record = object.__new__(_StoredRecord)
        record.__dict__["_columns"], record.__dict__["_row"] = columns, row
        yield record


def _one_chunk(column: pa.ChunkedArray) -> Any:
    """The array behind a column: looking a row up in it does not search for its chunk."""
    return column.chunk(0) if column.num_chunks == 1 else column


def _read_file(path: Path) -> Iterator[Record]:
    return _read_compacted(path) if path.suffix == ".parquet" else _read_lines(path)


def _files(folder: Path) -> list[Path]:
    names = (
        [*folder.glob("*.parquet"), *folder.glob("*.jsonl"), *folder.glob("*.jsonl.open")] if folder.is_dir() else []
    )
    return sorted(path for path in names if not path.name.startswith("."))


def read(folder: Path) -> Iterator[Record]:
    """All records of one stage, in no particular order. A file that is sealed meanwhile is found under its new name."""
    for path in _files(folder):
        try:
            yield from _read_file(path)
        except FileNotFoundError:
            if path.suffix == ".open":
                yield from _read_lines(path.with_suffix(""))


def latest(records: Iterable[Record]) -> dict[str, Record]:
    """The newest record of each item. Doubles (a compaction that was cut short) do no harm."""
    newest: dict[str, Record] = {}
    for record in records:
        item = record.item
        held = newest.get(item)
        if held is None or (record.sequence, record.started) > (held.sequence, held.started):
            newest[item] = record
    return newest


def compact(folder: Path) -> None:
    """Gather all records of a stage into one Parquet file. Only while the root's lock is held.

    A file that is still open stays, unless its writer is gone: workers of an array may go on meanwhile.

    The new file is complete before the old ones go; a kill in between leaves doubles, which
    :func:`latest` and the next compaction fold.
    """
    old = [path for path in _files(folder) if path.suffix != ".open" or owner.is_gone(path.name)]
    if len(old) < 2 and all(path.suffix == ".parquet" for path in old):
        return
    table = pa.concat_tables([part for path in old for part in _tables(path)], promote_options="default")
    _write_table(folder, _without_doubles(table))
    for path in old:
        path.unlink(missing_ok=True)


_ROWS_AT_ONCE = 20_000


def _tables(path: Path) -> Iterator[pa.Table]:
    """The records of a file in columns; Python objects only for some of them at a time."""
    if path.suffix == ".parquet":
        next(_read_compacted(path), None)  # says what is wrong with the file
        yield pq.read_table(path)
        return
    records = _read_lines(path)
    while rows := [_row(record) for record in itertools.islice(records, _ROWS_AT_ONCE)]:
        yield pa.Table.from_pylist(rows, schema=SCHEMA)
    yield SCHEMA.empty_table()


def _without_doubles(table: pa.Table) -> pa.Table:
    """Each record once, in order of items and sequences."""
    names = ["item", "sequence", "started", "status"]
    numbered = table.select(names).append_column("row", pa.array(range(table.num_rows), pa.int64()))
    first = numbered.group_by(names, use_threads=False).aggregate([("row", "min")])
    return table.take(first.sort_by([(name, "ascending") for name in names]).column("row_min"))


def _row(record: Record) -> dict[str, Any]:
    row = record.to_json()
    for column in _JSON:
        row[column] = json.dumps(row[column], ensure_ascii=False, separators=(",", ":"))
    return row


def _write_table(folder: Path, table: pa.Table) -> None:
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
        rows = [_row(kept[name]) for name in sorted(kept)]
        _write_table(folder, pa.Table.from_pylist(rows, schema=SCHEMA))
        for path in old:
            path.unlink(missing_ok=True)
    return len(records) - len(kept)
