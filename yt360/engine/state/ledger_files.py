"""Files of a ledger as columns: JSON lines (one writer each) and compacted Parquet read alike.

A million records are never a million Python objects: what plans, counts and searches need is read column by
column, and a whole :class:`~yt360.engine.state.record.Record` is made only of the row that is asked for.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yt360.engine.state import checksums
from yt360.engine.state.record import FIELDS, FORMAT, PLAIN, SCHEMA, Record, parsed, unparsed
from yt360.errors import UsageError
from yt360.files import atomic_write

_PIECE_BYTES = 8 << 20
_AHEAD_BYTES = 256 << 10
_ROWS_AT_ONCE = 16_384
"""Rows of a row group: what is read to get one record."""
_GROUPS_HELD = 4

_UNREADABLE = (pa.ArrowException, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading damaged bytes may raise."""

_DECODER = json.JSONDecoder()
_NAMES = frozenset(FIELDS)
_KEYS = _NAMES | {"format"}
_DIGESTS = pa.list_(pa.struct([("name", pa.string()), ("digest", pa.string())]))
_IDS = pa.list_(pa.struct([("id", pa.string())]))
PARTS = {"outputs.digests": ("outputs", _DIGESTS), "children.ids": ("children", _IDS)}
"""Parts of nested columns that can be read without the rest: name -> column, type."""


def _schema(names: Sequence[str]) -> pa.Schema:
    chosen = []
    for name in names:
        column, kind = PARTS.get(name, (name, SCHEMA.field(name).type if name not in PARTS else None))
        chosen.append((column, kind))
    return pa.schema(chosen)


class JsonLines:
    """Records that a writer appended one by one. A torn last line is no record yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts: NDArray[np.integer] | None = None
        self._whole_to = 0
        self._held, self._held_from = b"", 0
        self._open().close()

    def columns(self, names: Sequence[str]) -> pa.Table:
        """All rows, in the order of the file. Raises :class:`UsageError` for what is no ledger."""
        schema = _schema(names)
        tables = [schema.empty_table()]
        for start, piece in self._pieces():
            try:
                tables.append(_parse(piece, schema))
            except (pa.ArrowException, ValueError) as error:
                self._say_which(start, piece, error)
        return pa.concat_tables(tables).combine_chunks().rename_columns(list(names))

    def batches(self) -> Iterator[pa.Table]:
        """All records in columns, some at a time."""
        for start, piece in self._pieces():
            try:
                yield _parse(piece, SCHEMA)
            except (pa.ArrowException, ValueError) as error:
                self._say_which(start, piece, error)

    def records(self) -> Iterator[Record]:
        for start, piece in self._pieces():
            at = start
            for line in piece.split(b"\n")[:-1]:
                yield self._record(line + b"\n", at)
                at += len(line) + 1

    def record(self, row: int) -> Record:
        if self._starts is None:
            ends = [start + 1 + np.flatnonzero(np.frombuffer(piece, np.uint8) == 10) for start, piece in self._pieces()]
            self._starts = np.concatenate([[0], *ends])
        start, end = int(self._starts[row]), int(self._starts[row + 1])
        if not self._held_from <= start < end <= self._held_from + len(self._held):
            with self._open() as stream:  # and the lines behind it: they are often asked for next
                stream.seek(start)
                self._held, self._held_from = stream.read(max(end - start, _AHEAD_BYTES)), start
        return self._record(self._held[start - self._held_from : end - self._held_from], start)

    def having(self, column: str, values: Collection[str]) -> Iterator[Record]:
        """The records with one of some values in a column of text."""
        found = pc.is_in(self.columns([column])[column], value_set=pa.array(list(values), pa.string()))
        for row in pc.indices_nonzero(found).to_pylist():  # Arrow's to_numpy() would bring in pandas
            yield self.record(row)

    def _open(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            if self.path.suffix != ".open":
                raise
            return self.path.with_suffix("").open("rb")  # sealed meanwhile
        except OSError as error:
            raise UsageError(
                f"{self.path}: expected a file of the ledger that can be read, found: {error.strerror}; "
                "move it away and run again: its items are done anew"
            ) from error

    def _pieces(self) -> Iterator[tuple[int, bytes]]:
        """Whole lines, with their place in the file. What is appended meanwhile is for the next reader."""
        size = _PIECE_BYTES
        with self._open() as stream:
            start = 0
            while data := stream.read(size):
                whole = data.rfind(b"\n") + 1
                if whole:
                    self._require_whole(start, data[:whole])
                    yield start, data[:whole]
                    start, size = start + whole, _PIECE_BYTES
                elif len(data) < size:
                    return
                else:  # a line longer than a piece
                    size *= 4
                stream.seek(start)

    def _require_whole(self, start: int, piece: bytes) -> None:
        if start < self._whole_to:
            return
        at = start
        for line in piece.split(b"\n")[:-1]:
            if not checksums.is_whole(line + b"\n", _KEYS):
                self._record(line + b"\n", at)
            at += len(line) + 1
        self._whole_to = at

    def _record(self, line: bytes, start: int) -> Record:
        try:
            whole = checksums.is_whole(line, _KEYS)
            if not whole and checksums.is_sealed(line):
                raise ValueError("its checksum is another one")
            value = _DECODER.decode(line.decode("utf-8", "surrogatepass"))
            _require_format(value.get("format"), self.path)
            if not value.keys() >= _NAMES:
                raise KeyError(next(name for name in FIELDS if name not in value))
            if not whole:
                raise ValueError("its checksum is another one")
            return StoredRecord.at(_Line(value, functools.partial(self._damaged, start)), 0)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self._damaged(start, error) from error

    def _say_which(self, start: int, piece: bytes, error: Exception) -> None:
        """Find the line that a piece could not be read for."""
        for line in piece.split(b"\n")[:-1]:
            record = self._record(line + b"\n", start)
            for name in FIELDS:
                getattr(record, name)
            start += len(line) + 1
        raise self._damaged(start, error)

    def _damaged(self, start: int, error: Exception) -> UsageError:
        with self._open() as stream:
            number = stream.read(start).count(b"\n") + 1
        return UsageError(
            f"{self.path}, line {number}: expected a ledger record, found something else ({error}); "
            "move this file away and run again: its items are done anew"
        )


def _parse(piece: bytes, schema: pa.Schema) -> pa.Table:
    """Raises :class:`ValueError` where a record lacks a column or has another format."""
    asked = pa.schema([("format", pa.int64()), *zip(schema.names, schema.types, strict=True)])
    table = pajson.read_json(
        pa.BufferReader(piece),
        read_options=pajson.ReadOptions(use_threads=False, block_size=len(piece) + 1),
        parse_options=pajson.ParseOptions(explicit_schema=asked, unexpected_field_behavior="ignore"),
    ).select(asked.names)
    if pc.min_max(table["format"]).as_py() != {"min": FORMAT, "max": FORMAT} or table["format"].null_count:
        raise ValueError("another format")
    if any(column.null_count for column in table.columns):
        raise ValueError("a field is missing")
    return table.drop_columns(["format"]).cast(schema)


class Compacted:
    """Records in typed Parquet, in order of items."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            checksums.require_whole(path)
            self._file = pq.ParquetFile(path)
        except FileNotFoundError:
            raise
        except _UNREADABLE as error:
            raise self._damaged(error) from error
        _require_format((self._file.schema_arrow.metadata or {}).get(b"yt360-ledger", b"1").decode(), path)
        sizes = [self._file.metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)]
        self._starts = list(itertools.accumulate(sizes, initial=0))
        self._group = functools.lru_cache(_GROUPS_HELD)(_Group)

    def columns(self, names: Sequence[str]) -> pa.Table:
        paths = [{"outputs.digests": "outputs.list.element", "children.ids": "children.list.element.id"}.get(n, n)
                 for n in names]  # fmt: skip
        if "outputs.digests" in names:
            place = paths.index("outputs.list.element")
            paths[place : place + 1] = ["outputs.list.element.name", "outputs.list.element.digest"]
        try:
            schema = _schema(names)
            table = self._file.read(columns=paths, use_threads=False)
            return table.select(schema.names).combine_chunks().cast(schema).rename_columns(list(names))
        except _UNREADABLE as error:
            raise self._damaged(error) from error

    def batches(self) -> Iterator[pa.Table]:
        for group in range(self._file.num_row_groups):
            try:
                table = self._file.read_row_group(group, use_threads=False).cast(SCHEMA)
            except _UNREADABLE as error:
                raise self._damaged(error) from error
            yield table

    def records(self) -> Iterator[Record]:
        return map(self.record, range(self._starts[-1]))

    def record(self, row: int) -> Record:
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        return StoredRecord.at(self._group(self._file, group, self._damaged), row - self._starts[group])

    def having(self, column: str, values: Collection[str]) -> Iterator[Record]:
        """The records with one of some values in a column of text; row groups that cannot hold them are not read."""
        wanted = sorted(values)
        try:
            place = self._file.schema.names.index(column)
            rows = list(self._rows_having(column, place, wanted))
        except _UNREADABLE as error:
            raise self._damaged(error) from error
        yield from map(self.record, rows)

    def _rows_having(self, column: str, place: int, wanted: list[str]) -> Iterator[int]:
        for group in range(self._file.num_row_groups):
            limits = self._file.metadata.row_group(group).column(place).statistics
            known = limits is not None and limits.has_min_max
            if known and not any(limits.min <= value <= limits.max for value in wanted):
                continue
            held = self._file.read_row_group(group, columns=[column], use_threads=False)[column]
            found = pc.is_in(held, value_set=pa.array(wanted, pa.string())).to_numpy()
            yield from (self._starts[group] + int(row) for row in np.flatnonzero(found))

    def _damaged(self, error: Exception) -> UsageError:
        return UsageError(
            f"{self.path}: expected a compacted ledger (Parquet), found something else ({error}); "
            "move this file away and run again: its items are done anew"
        )


class _Group:
    """A row group whose columns are read when they are asked for. ``damaged`` as that of a line."""

    def __init__(self, file: pq.ParquetFile, number: int, damaged: Callable[[Exception], UsageError]) -> None:
        self._file, self._number, self.damaged = file, number, damaged
        self._columns: dict[str, Any] = {}

    def value(self, name: str, row: int) -> Any:
        try:
            if name not in self._columns:
                table = self._file.read_row_group(self._number, columns=[name], use_threads=False)
                self._columns[name] = table.column(0).combine_chunks()
            return self._columns[name][row].as_py()
        except _UNREADABLE as error:
            raise self.damaged(error) from error


class _Line:
    """One record, as its line has it. ``damaged`` makes the error for a field that cannot be read."""

    def __init__(self, values: Mapping[str, Any], damaged: Callable[[Exception], UsageError]) -> None:
        self._values, self.damaged = values, damaged

    def value(self, name: str, row: int) -> Any:
        return self._values[name]


class StoredRecord(Record):
    """A record whose fields are made of what lies in a file when they are asked for.

    Written anew, what was not changed is passed on as it lies there: measures of ten thousand items that get another
    verdict are not taken apart to be put together.
    """

    _place: tuple[_Group | _Line, int]
    _changed: Mapping[str, Any] = {}

    def __new__(cls, *values: Any, **named: Any) -> Any:
        return Record(*values, **named)  # dataclasses.replace makes plain records

    @staticmethod
    def at(rows: _Group | _Line, row: int) -> Record:
        record: StoredRecord = object.__new__(StoredRecord)
        record.__dict__["_place"] = rows, row
        return record

    def changed(self, **values: Any) -> Record:
        record = self.at(*self._place)
        record.__dict__["_changed"] = changed = {**self._changed, **values}
        record.__dict__.update(changed)
        return record

    def to_row(self) -> dict[str, Any]:
        rows, row = self._place
        changed = self._changed
        return {name: unparsed(name, changed[name]) if name in changed else rows.value(name, row) for name in FIELDS}

    def text(self, name: str) -> str:
        rows, row = self._place
        return super().text(name) if name in self._changed else str(rows.value(name, row))

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, tuple(getattr(self, name) for name in FIELDS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and all(getattr(self, name) == getattr(other, name) for name in FIELDS)

    def __hash__(self) -> int:
        return hash((self.stage, self.item, self.sequence))


class _Stored:
    """A field that is read once: what is found takes its place in the record (no ``__set__``, so that it can)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._plain = name in PLAIN

    def __get__(self, record: StoredRecord | None, kind: type) -> Any:
        if record is None:
            return self
        rows, row = record._place
        try:
            value = rows.value(self._name, row)
            found = record.__dict__[self._name] = value if self._plain else parsed(self._name, value)
        except _UNREADABLE as error:
            raise rows.damaged(error) from error
        return found


for _name in FIELDS:
    setattr(StoredRecord, _name, _Stored(_name))


LedgerFile = JsonLines | Compacted


def _require_format(found: object, path: Path) -> None:
    if found != FORMAT and str(found) != str(FORMAT):
        raise UsageError(
            f"{path}: expected a ledger of format {FORMAT}, found format {1 if found is None else found}; it was "
            "written by another version of yt360: go on with that one, or start a new root"
        )


def open_file(path: Path) -> LedgerFile:
    """Raises :class:`FileNotFoundError` for a file that went meanwhile (sealed, or compacted)."""
    return Compacted(path) if path.suffix == ".parquet" else JsonLines(path)


def paths(folder: Path) -> list[Path]:
    """The files of a stage's ledger."""
    names = (
        [*folder.glob("*.parquet"), *folder.glob("*.jsonl"), *folder.glob("*.jsonl.open")] if folder.is_dir() else []
    )
    return sorted(path for path in names if not path.name.startswith("."))


_TRIES = 20


def open_files(folder: Path) -> list[LedgerFile]:
    """All files of a stage's ledger. A compaction that takes some away meanwhile makes it look again."""
    for attempt in range(_TRIES):
        try:
            return [open_file(path) for path in paths(folder)]
        except FileNotFoundError:
            if attempt == _TRIES - 1:
                raise
    return []


def write_parquet(path: Path, batches: Iterator[pa.Table]) -> Path:
    """Write batches of records, as they come, to a Parquet file with row groups that can be read one by one.

    Its name is ``path`` with the checksum of its content.
    """
    held: list[Path] = []

    def write(partial: Path) -> None:
        _write(partial, batches)
        held.append(checksums.named(path, partial))

    atomic_write(path, write, named=lambda: held[0])
    return held[0]


def _write(path: Path, batches: Iterator[pa.Table]) -> None:
    different = ("item", "source", "key", "started", "seconds", "measures")
    repeated = [name for name in SCHEMA.names if name not in different]
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=1, use_dictionary=repeated) as writer:
        for batch in batches:
            writer.write_table(batch.cast(SCHEMA), row_group_size=_ROWS_AT_ONCE)
