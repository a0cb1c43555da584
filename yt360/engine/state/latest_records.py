"""The newest record of each item of a stage: columns for counting and planning, records for who asks for one."""

from __future__ import annotations

import bisect
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from yt360.engine.state.ledger_files import LedgerFile, open_files
from yt360.engine.state.record import SCHEMA, STATUSES, Record
from yt360.errors import UsageError

_LIGHT = ("item", "source", "key", "status", "sequence", "attempt", "retryable", "decision", "size", "seconds")
_MANY = 1000
"""Questions after which a dictionary of all names is worth its memory."""
_TRIES = 20


def places_in(held: pa.Array, names: pa.Array) -> NDArray[np.integer]:
    """Where each of some names stands in ``held``, -1 where it does not."""
    if names.equals(held):  # the usual case of many: no table of a million names
        return np.arange(len(names))
    places: NDArray[np.integer] = pc.fill_null(pc.index_in(names, value_set=held), -1).to_numpy(zero_copy_only=False)
    return places


class Names:
    """Where a name stands in a column that is in order."""

    def __init__(self, column: pa.StringArray) -> None:
        self.column = column
        self._asked = 0
        self._places: dict[str, int] = {}

    def place(self, name: str) -> int:
        """-1 where there is no such name."""
        self._asked += 1
        if self._asked > _MANY:
            if not self._places:
                self._places = {each: place for place, each in enumerate(self.column.to_pylist())}
            return self._places.get(name, -1)
        place = bisect.bisect_left(range(len(self.column)), name, key=lambda at: self.column[at].as_py())
        return place if place < len(self.column) and self.column[place].as_py() == name else -1


class LatestRecords:
    """See the module's text. Rows are in order of items; ``status`` are places in :data:`STATUSES`."""

    def __init__(self, files: Sequence[LedgerFile]) -> None:
        self._files = files
        tables = [file.columns(_LIGHT) for file in files]
        sizes = [table.num_rows for table in tables]
        table = pa.concat_tables(tables).combine_chunks() if tables else _nothing()
        rows = _newest_rows(table, files)
        if len(rows) < table.num_rows or (np.diff(rows) < 0).any():
            table = table.take(rows).combine_chunks()
        self._file_of = np.repeat(np.arange(len(files), dtype=np.int32), sizes)[rows]
        self._row_of = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes] or [np.empty(0, np.int32)])[
            rows
        ]
        self.items = _array(table, "item")
        self.sources = _array(table, "source")
        self.keys = _array(table, "key")
        status = pc.index_in(_array(table, "status"), value_set=pa.array(STATUSES))
        if status.null_count:
            wrong = files[self._file_of[int(np.flatnonzero(status.is_null().to_numpy(zero_copy_only=False))[0])]].path
            raise UsageError(
                f"{wrong}: expected records that are {', '.join(STATUSES)}, found another word; "
                "move this file away and run again: its items are done anew"
            )
        self.status = status.to_numpy().astype(np.uint8)
        self.sequence = table["sequence"].to_numpy()
        self.attempt = table["attempt"].to_numpy()
        self.retryable = _array(table, "retryable").to_numpy(zero_copy_only=False)
        self.sizes = table["size"].to_numpy()
        self.seconds = table["seconds"].to_numpy()
        self.decisions = _array(table, "decision").dictionary_encode()
        self.names = Names(self.items)
        self._digests: dict[str, pa.Array] = {}

    def __len__(self) -> int:
        return len(self.items)

    def record(self, place: int) -> Record:
        record: Record = self._files[self._file_of[place]].record(int(self._row_of[place]))
        return record

    def column(self, name: str, places: NDArray[np.integer] | None = None) -> pa.Array:
        """Another column of the records (or a part of one, see :data:`yt360.engine.state.ledger_files.PARTS`)."""
        places = np.arange(len(self)) if places is None else places
        file_of, row_of = self._file_of[places], self._row_of[places]
        parts, order = [], []
        for number in np.unique(file_of):
            here = np.flatnonzero(file_of == number)
            whole = self._files[number].columns([name])[name]
            rows = row_of[here]
            parts.append(whole if len(rows) == len(whole) and (np.diff(rows) > 0).all() else whole.take(rows))
            order.append(here)
        if not parts:
            return pa.array([], pa.string())
        gathered = pa.chunked_array([chunk for part in parts for chunk in part.chunks]).combine_chunks()
        gathered = gathered.chunk(0) if isinstance(gathered, pa.ChunkedArray) else gathered
        if len(parts) == 1:
            return gathered
        back = np.empty(len(places), np.int64)
        back[np.concatenate(order)] = np.arange(len(places))
        return gathered.take(pa.array(back))

    def digests(self, output: str, places: NDArray[np.integer]) -> pa.Array:
        """The digest of one output by name, null where a record has none."""
        if output not in self._digests:  # plans of several stages, made again after each, ask for the same
            self._digests[output] = self._all_digests(output)
        return self._digests[output].take(pa.array(places, mask=places < 0))

    def _all_digests(self, output: str) -> pa.Array:
        lists = self.column("outputs.digests")
        if not len(lists):
            return pa.array([], pa.string())
        blobs = lists.flatten()
        named = np.flatnonzero(pc.equal(blobs.field("name"), output).to_numpy(zero_copy_only=False))
        row = np.full(len(lists), -1, np.int64)
        row[pc.list_parent_indices(lists).to_numpy()[named]] = named
        return blobs.field("digest").take(pa.array(row, mask=row < 0))


def _nothing() -> pa.Table:
    return pa.table({name: pa.array([], SCHEMA.field(name).type) for name in _LIGHT})


def _array(table: pa.Table, name: str) -> Any:
    column = table[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return column


def _newest_rows(table: pa.Table, files: Sequence[LedgerFile]) -> NDArray[np.integer]:
    """Rows of the newest records, in order of items."""
    items, sequence = _array(table, "item"), table["sequence"].to_numpy()
    if not len(items):
        return np.empty(0, np.int64)
    before, after = items.slice(0, len(items) - 1), items.slice(1)
    if pc.all(pc.less_equal(before, after), min_count=0).as_py():  # one compacted file
        same = pc.equal(before, after).to_numpy(zero_copy_only=False)
        if (sequence[1:] > sequence[:-1])[same].all():
            return np.flatnonzero(np.append(~same, True))
    codes = items.dictionary_encode().indices.to_numpy()
    order = np.lexsort((sequence, codes))
    same = np.diff(codes[order]) == 0
    if (same & (np.diff(sequence[order]) == 0)).any():
        started = pa.concat_tables([file.columns(["started"]) for file in files])["started"]
        order = np.lexsort((pc.rank(started, tiebreaker="dense").to_numpy(), sequence, codes))
    rows = order[np.append(~same, True)]
    newest: NDArray[np.integer] = rows[pc.sort_indices(items.take(pa.array(rows))).to_numpy()]
    return newest


def load(folder: Path) -> LatestRecords:
    """Of all files of a stage's ledger, though a compaction takes some of them away meanwhile."""
    for _ in range(_TRIES):
        try:
            return LatestRecords(open_files(folder))
        except FileNotFoundError:
            continue
    return LatestRecords(open_files(folder))


class Records(Mapping[str, Record]):
    """Newest records by item, in order of items: all of a stage, or those where ``chosen`` is true."""

    def __init__(self, newest: LatestRecords, chosen: NDArray[np.bool_] | None = None) -> None:
        self.newest = newest
        self._chosen = chosen

    @property
    def places(self) -> NDArray[np.integer]:
        """Rows of ``newest``."""
        return np.arange(len(self.newest)) if self._chosen is None else np.flatnonzero(self._chosen)

    def __getitem__(self, item: str) -> Record:
        place = self.newest.names.place(item)
        if place < 0 or (self._chosen is not None and not self._chosen[place]):
            raise KeyError(item)
        return self.newest.record(place)

    def __iter__(self) -> Iterator[str]:
        return iter(self.newest.items.take(pa.array(self.places)).to_pylist())

    def __len__(self) -> int:
        return len(self.newest) if self._chosen is None else int(np.count_nonzero(self._chosen))

    def items(self) -> ItemsView[str, Record]:
        return _Items(self)

    def values(self) -> ValuesView[Record]:
        return _Values(self)


class _Items(ItemsView[str, Record]):
    """Record after record, with no search for each name."""

    _mapping: Records

    def __iter__(self) -> Iterator[tuple[str, Record]]:
        return zip(self._mapping, self._mapping.values(), strict=True)


class _Values(ValuesView[Record]):
    _mapping: Records

    def __iter__(self) -> Iterator[Record]:
        return (self._mapping.newest.record(int(place)) for place in self._mapping.places)
