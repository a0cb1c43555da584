"""The ledger: one record per item and attempt; the truth about what happened.

Workers append JSON lines to files of their own (``….jsonl.open``), flushed record by record, and
seal them by rename when they end (``….jsonl``). A torn last line, left by a kill, is ignored:
the item is simply done again. A file that grew long is sealed as Parquet, and :func:`compact` gathers
all files of a stage into one. Nothing is ever changed in place, and no file has two writers.

The newest record of an item is the one with the highest ``sequence``, a count of the item's
records that the planner hands out, so it does not depend on any clock.
"""

from __future__ import annotations

import io
import json
import os
import re
import uuid
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from yt360 import process_tag
from yt360.engine.object_store import ObjectStore
from yt360.engine.state.ledger_files import Compacted, JsonLines, LedgerFile, open_files, write_parquet
from yt360.engine.state.record import SCHEMA, Record, Status
from yt360.engine.storage import Root
from yt360.files import fsync_path, parse_json

__all__ = [
    "SCHEMA",
    "LedgerWriter",
    "Record",
    "Status",
    "Writer",
    "compact",
    "find",
    "forget",
    "joining",
    "latest",
    "open_writer",
    "parent_of",
    "read",
]

_LONG_ROWS = 10_000
"""Records of one file before it is sealed as Parquet, which reads twenty times faster than JSON."""


class LedgerWriter:
    """Appends records of one stage to files that nobody else writes."""

    def __init__(self, folder: Path, writer: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._name = folder / f"{writer}-{uuid.uuid4().hex[:8]}"
        self._segment = 0
        self._rows = 0
        self._file: io.FileIO | None = None  # opened with the first record: who did nothing leaves nothing

    @property
    def _path(self) -> Path:
        return self._name.with_name(f"{self._name.name}-{self._segment:04d}.jsonl.open")

    def append(self, record: Record, *, flush: bool = True) -> None:
        """Write one record and flush it to the device (or leave that to a :meth:`flush` after many)."""
        if self._rows >= _LONG_ROWS:
            self._seal_long()
        if self._file is None:
            self._file = io.FileIO(self._path, "ab")
            fsync_path(self._path.parent)
        file = self._file
        data = record.line()
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
        self._rows += 1

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

    def _seal_long(self) -> None:
        """The Parquet file is whole before the lines go; a kill in between leaves doubles, which do no harm."""
        assert self._file is not None
        _write_merged(self._path.with_suffix("").with_suffix(".parquet"), [JsonLines(self._path)])
        self._file.close()
        self._file = None
        self._path.unlink()
        self._segment += 1
        self._rows = 0


_SEGMENT_BYTES = 1 << 16
"""A segment in a store is put again with each record; at this size the next one is begun."""


class StoreLedgerWriter:
    """The same for a store, where nothing can be appended to: a segment is put again, whole, with each record."""

    def __init__(self, store: ObjectStore, stage: str, writer: str) -> None:
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
        self._lines += record.line()
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
    marked = f"{name}{process_tag.mark()}"
    if root.store is not None:
        return StoreLedgerWriter(root.store, stage, marked)
    return LedgerWriter(root.ledger / stage, marked)


def read(folder: Path) -> Iterator[Record]:
    """All records of one stage, in no particular order."""
    for file in open_files(folder):
        yield from file.records()


def find(folder: Path, names: Collection[str], column: str = "item") -> list[Record]:
    """All records of some items (or sources), from the first to the last."""
    return _in_order(record for file in open_files(folder) for record in file.having(column, names))


def joining(folder: Path, part: str, parts_in: str) -> list[Record]:
    """All records of items that joined a part with others, from the first to the last.

    ``parts_in`` is that of the stage (:attr:`yt360.engine.stage.Stage.parts_in`).
    """
    found = []
    for file in open_files(folder):
        rows = np.flatnonzero(pc.match_substring(file.columns(["meta"])["meta"], json.dumps(part)).to_numpy())
        found += [record for record in map(file.record, rows.tolist()) if part in record.meta.get(parts_in, ())]
    return _in_order(found)


def parent_of(folder: Path, child: str) -> str | None:
    """The item that a child was cut from."""
    for file in open_files(folder):
        lists = file.columns(["children.ids"])["children.ids"].combine_chunks()
        for children in lists.chunks if isinstance(lists, pa.ChunkedArray) else [lists]:
            place = pc.index(children.flatten().field("id"), child).as_py()
            if place >= 0:
                row = pc.list_parent_indices(children)[place].as_py()
                return file.record(row).item
    return None


def _in_order(records: Iterable[Record]) -> list[Record]:
    """By sequence, each once."""
    different = {(record.item, record.sequence, record.started, record.status): record for record in records}
    return sorted(different.values(), key=lambda record: (record.sequence, record.started))


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
    old = [file for file in open_files(folder) if file.path.suffix != ".open" or process_tag.is_gone(file.path.name)]
    if len(old) < 2 and all(isinstance(file, Compacted) for file in old):
        return
    _write_merged(folder / f"records-{uuid.uuid4().hex[:12]}.parquet", old)
    for file in old:
        file.path.unlink(missing_ok=True)


_ROWS_AT_ONCE = 16_384
_TELLING = ("measures", "meta", "detail")
_IDENTITY = ("item", "sequence", "started", "status")
"""Equal in all of these: one record, written twice."""


def _write_merged(
    target: Path, files: list[LedgerFile], drop: Collection[str] = (), parts_in: str = "", *, by_name: bool = False
) -> int:
    """Write the records of several files, each once, in order of items and sequences; how many were left out.

    ``drop`` are items whose records, and those of what joined them, are left out; with ``by_name`` the records that
    name them in what they tell. Some rows are in memory at a time.
    """
    asked = (*_IDENTITY, *(_TELLING if by_name else ("meta",) if drop else ()))
    tables = [file.columns(asked) for file in files]
    sizes = [table.num_rows for table in tables]
    table = pa.concat_tables(tables)
    order = pc.sort_indices(table, [(name, "ascending") for name in _IDENTITY]).to_numpy()
    if len(order) > 1:
        ordered = table.select(_IDENTITY).take(order)
        pairs = [pc.equal(column.slice(0, len(order) - 1), column.slice(1)) for column in ordered.columns]
        double = np.logical_and.reduce([pair.to_numpy() for pair in pairs])
        order = order[np.append(True, ~double)]
    dropped = 0
    if drop:
        about = _names(table, frozenset(drop)) if by_name else _about(table, frozenset(drop), parts_in)
        gone = about[order]
        dropped = int(gone.sum())
        order = order[~gone]
    if dropped or not drop:
        file_of = np.repeat(np.arange(len(files)), sizes)[order]
        row_of = np.concatenate([np.arange(size) for size in sizes] or [np.array([], int)])[order]
        readers = [_Reader(file) for file in files]
        batches = (
            _gather(readers, file_of[at : at + _ROWS_AT_ONCE], row_of[at : at + _ROWS_AT_ONCE])
            for at in range(0, len(order), _ROWS_AT_ONCE)
        )
        write_parquet(target, batches)
    return dropped


class _Reader:
    """Rows of one file, asked for from the first to the last: what lies behind is let go."""

    def __init__(self, file: LedgerFile) -> None:
        self._file = file
        self._batches = file.batches()
        self._held: pa.Table | None = None
        self._first = 0

    def take(self, rows: NDArray[np.integer]) -> pa.Table:
        if isinstance(self._file, JsonLines):
            if self._held is None:
                self._held = pa.concat_tables([SCHEMA.empty_table(), *self._batches])
            return self._held.take(rows)
        parts = [SCHEMA.empty_table()]
        while len(rows):
            end = self._first + (self._held.num_rows if self._held is not None else 0)
            here = rows[rows < end]
            if len(here):
                assert self._held is not None
                parts.append(self._held.take(here - self._first))
                rows = rows[len(here) :]
            if len(rows):
                self._first, self._held = end, next(self._batches)
        return pa.concat_tables(parts)


def _gather(readers: list[_Reader], file_of: NDArray[np.integer], row_of: NDArray[np.integer]) -> pa.Table:
    """Rows in the asked order, wherever they lie."""
    parts, places = [], []
    for number in np.unique(file_of):
        here = np.flatnonzero(file_of == number)
        here = here[np.argsort(row_of[here], kind="stable")]
        parts.append(readers[number].take(row_of[here]))
        places.append(here)
    back = np.empty(len(file_of), int)
    back[np.concatenate(places)] = np.arange(len(file_of))
    return pa.concat_tables(parts).take(back)


def _about(table: pa.Table, items: frozenset[str], parts_in: str) -> NDArray[np.bool_]:
    """Rows of some items, and of what joined them."""
    gone: NDArray[np.bool_] = pc.is_in(table["item"], value_set=pa.array(sorted(items), pa.string())).to_numpy().copy()
    joining = pc.match_substring(table["meta"], json.dumps(parts_in)).to_numpy() if parts_in else []
    for row in np.flatnonzero(joining):
        joined = parse_json(table["meta"][int(row)].as_py()).get(parts_in)
        gone[row] |= isinstance(joined, list) and not items.isdisjoint(map(str, joined))
    return gone


def naming(folder: Path, names: frozenset[str]) -> list[Record]:
    """All records whose measures, meta or words name one of some, from the first to the last."""
    found = []
    for file in open_files(folder) if names else []:
        rows = np.flatnonzero(_names(file.columns(_TELLING), names))
        found += [file.record(int(row)) for row in rows]
    return _in_order(found)


def forget_naming(folder: Path, names: frozenset[str]) -> int:
    """Take the records of :func:`naming` out of a stage's ledger; how many. Only while no worker writes."""
    old = open_files(folder)
    if not names or not old:
        return 0
    dropped = _write_merged(folder / f"records-{uuid.uuid4().hex[:12]}.parquet", old, names, by_name=True)
    for file in old if dropped else ():
        file.path.unlink(missing_ok=True)
    return dropped


def _names(table: pa.Table, names: frozenset[str]) -> NDArray[np.bool_]:
    quoted = "|".join(re.escape(json.dumps(name)) for name in sorted(names))
    worded = "|".join(rf"(^|[^\w-]){re.escape(name)}($|[^\w-])" for name in sorted(names))
    told = [pc.match_substring_regex(table[column], quoted) for column in ("measures", "meta")]
    told.append(pc.match_substring_regex(table["detail"], worded))
    found: NDArray[np.bool_] = np.logical_or.reduce([each.to_numpy() for each in told])
    return found


def about(folder: Path, items: frozenset[str], parts_in: str = "") -> list[Record]:
    """The records that :func:`forget` takes out, from the first to the last."""
    found = []
    for file in open_files(folder) if items else []:
        rows = np.flatnonzero(_about(file.columns(("item", "meta")), items, parts_in))
        found += [file.record(int(row)) for row in rows]
    return _in_order(found)


def forget(folder: Path, items: frozenset[str], parts_in: str = "") -> int:
    """Take all records of some items out of a stage's ledger; how many there were. Only while no worker writes.

    A record of what joined one of them goes too; ``parts_in`` is that of the stage.

    The records of the others are gathered in one new file before the old ones go.
    """
    old = open_files(folder)
    if not items or not old:
        return 0
    dropped = _write_merged(folder / f"records-{uuid.uuid4().hex[:12]}.parquet", old, items, parts_in)
    for file in old if dropped else ():
        file.path.unlink(missing_ok=True)
    return dropped
