"""The items of a stage in columns; an :class:`~yt360.engine.stage.Item` is made only of the one asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yt360.engine.stage import AlikeItems, Blob, Item, Stage
from yt360.errors import UsageError
from yt360.files import atomic_write, parse_json
from yt360.hashing import canonical_json, digest_bytes

_AT_ONCE = 50_000
_ROWS_AT_ONCE = 65_536
_REST = json.JSONEncoder(separators=(",", ":"))
_STAND_IN = "name-of-an-item-of-many"
_SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "source", "key", "rest")])


class ItemPlan(Sequence[Item]):
    """Items in the order of their plan, with their keys.

    ``rest`` is what an item has besides its names, as JSON (null: nothing); where all items are of one
    make, ``make`` gives it of an id and a source. Of the items, the first ``asked`` are asked for today.
    """

    def __init__(
        self, table: pa.Table, make: Callable[[str, str], Item] | None = None, asked: int | None = None
    ) -> None:
        self._table = table.combine_chunks()
        self._make = make
        self.asked = len(self) if asked is None else asked

    @property
    def ids(self) -> pa.StringArray:
        return self._column("id")

    @property
    def sources(self) -> pa.StringArray:
        return self._column("source")

    @property
    def keys(self) -> pa.StringArray:
        return self._column("key")

    def _column(self, name: str) -> Any:
        column = self._table[name]
        return column.chunk(0) if column.num_chunks else pa.array([], pa.string())

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @overload
    def __getitem__(self, row: int) -> Item: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Item]: ...

    def __getitem__(self, row: int | slice) -> Item | Sequence[Item]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        values = {name: self._table[name][row].as_py() for name in _SCHEMA.names}
        if self._make is not None:
            return self._make(values["id"], values["source"])
        return unpacked(values["id"], values["source"], values["rest"])

    def __iter__(self) -> Iterator[Item]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: NDArray[np.integer]) -> ItemPlan:
        return ItemPlan(self._table.take(pa.array(rows)), self._make)

    def first_double(self) -> str | None:
        """An id that two items have."""
        if pc.count_distinct(self.ids).as_py() == len(self):
            return None
        counts = pc.value_counts(self.ids)
        return str(counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"].as_py())

    def digest(self) -> str:
        """Equal for equal plans."""
        state = hashlib.blake2b(digest_size=20)
        for column in map(self._column, _SCHEMA.names):
            _, offsets, data = column.buffers()
            ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
            state.update(np.packbits(column.is_null().to_numpy(zero_copy_only=False)).tobytes())
            state.update((ends - ends[:1]).tobytes())
            state.update(data.slice(int(ends[0]), int(ends[-1] - ends[0])) if data is not None and len(ends) else b"")
        return state.hexdigest()

    def frozen(self) -> ItemPlan:
        """The same with all that makes an item in the table itself."""
        return self if self._make is None else ItemPlan(pa.concat_tables(_frozen(self, self.keys.to_pylist())))

    def table(self) -> pa.Table:
        return self._table

    def save(self, path: Path, stage: Stage) -> None:
        plan = self.frozen()
        table = plan.table().replace_schema_metadata({"yt360-plan": _made_for(stage), "digest": plan.digest()})
        atomic_write(path, lambda partial: write_plan(table, partial))

    def is_saved(self, path: Path, stage: Stage) -> bool:
        """Whether :meth:`save` would leave the same."""
        try:
            told = pq.read_schema(path).metadata or {}
        except (pa.ArrowException, OSError, ValueError):
            return False
        wanted = (_made_for(stage), self.frozen().digest())
        if (told.get(b"yt360-plan", b""), told.get(b"digest", b"")) != tuple(word.encode() for word in wanted):
            return False
        try:  # and holds what it says it holds
            return ItemPlan.load(path, stage).digest() == wanted[1]
        except UsageError:
            return False

    @staticmethod
    def of_items(stage: Stage, items: Iterable[Item | AlikeItems]) -> ItemPlan:
        return ItemPlan(pa.concat_tables(_frozen(items, None, stage)))

    @staticmethod
    def load(path: Path, stage: Stage) -> ItemPlan:
        """A saved plan; keys are made anew where the stage has other parameters by now."""
        try:
            # pq.read_table would import pyarrow.dataset, and that pandas: 0.4 s of every `status`.
            with pq.ParquetFile(path) as file:
                table = file.read(use_threads=False)
            told = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
            plan = ItemPlan(table.select(_SCHEMA.names).cast(_SCHEMA))
            if told.get("digest", "") not in ("", plan.digest()):
                raise ValueError("its content is not what was saved")
        except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as error:
            raise UsageError(
                f"{path}: expected a saved plan (Parquet), found something else ({error}); run the recipe again, which "
                "writes it anew"
            ) from error
        if told.get("yt360-plan", "") != _made_for(stage):
            plan = ItemPlan.of_items(stage, plan)
        return plan


def write_plan(table: pa.Table, path: Path) -> None:
    """In row groups that a search for an id can pass over; names all differ, so dictionaries would only cost time."""
    pq.write_table(table, path, compression="lz4", use_dictionary=False, row_group_size=_ROWS_AT_ONCE)


def names(path: Path) -> set[str]:
    """Ids and sources in a saved plan. Raises :class:`UsageError` where it cannot be read."""
    table = _read(path)
    return {name for column in table.select(["id", "source"]).columns for name in column.to_pylist()}


def drop(path: Path, items: frozenset[str]) -> None:
    """Take items out of a saved plan. Raises :class:`UsageError` where it cannot be read."""
    table = _read(path)
    wanted = pa.array(sorted(items), pa.string())
    gone = pc.or_(pc.is_in(table["id"], value_set=wanted), pc.is_in(table["source"], value_set=wanted))
    if pc.any(gone).as_py():
        kept = table.filter(pc.invert(gone)).replace_schema_metadata(
            {name: value for name, value in (table.schema.metadata or {}).items() if name != b"digest"}
        )
        atomic_write(path, lambda partial: write_plan(kept, partial))


def _read(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
        table.select(["id", "source"]).cast(pa.schema([("id", pa.string()), ("source", pa.string())]))
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(
            f"{path}: expected a saved plan (Parquet), found something else ({error}); run the recipe again, which "
            "writes it anew"
        ) from error
    return table


def _made_for(stage: Stage) -> str:
    """Equal for stages that give equal keys."""
    kind = type(stage)
    told = [kind.__module__, kind.__qualname__, stage.name, stage.version, stage.params.keyed()]
    return digest_bytes(canonical_json(told).encode("utf-8", "surrogatepass"))


def _frozen(
    items: Iterable[Item | AlikeItems], keys: Sequence[str] | None, stage: Stage | None = None
) -> list[pa.Table]:
    tables = [_SCHEMA.empty_table()]
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA.names}

    def close() -> None:
        tables.append(pa.table(columns, _SCHEMA))
        for column in columns.values():
            column.clear()

    for row, item in enumerate(items):
        if len(columns["id"]) >= _AT_ONCE:
            close()
        if isinstance(item, AlikeItems):
            for name, values in _alike(item, stage).items():
                columns[name].extend(values)
            continue
        columns["id"].append(item.id)
        columns["source"].append(item.source_id)
        if keys is not None:
            columns["key"].append(keys[row])
        elif stage is not None:
            columns["key"].append(stage.key(item))
        columns["rest"].append(packed(item))
    close()
    return tables


def _alike(items: AlikeItems, stage: Stage | None) -> dict[str, Sequence[str | None]]:
    """The columns of items that differ in their names alone.

    Raises ``ValueError`` where the first one differs from the others in more than that, or the stage makes keys of its
    own.
    """
    columns: dict[str, Sequence[str | None]] = {"id": items.names, "source": items.names}
    columns["rest"] = [text or None for text in _spelled(items, lambda item: packed(item) or "")]
    if stage is not None and items.names:
        columns["key"] = [digest_bytes(text.encode()) for text in _spelled(items, stage.keyed_text)]
        if columns["key"][0] != stage.key(items.make(items.names[0])):
            raise ValueError(f"stage {stage.name}: expected keys that are digests of keyed_text")
    return columns


def _spelled(items: AlikeItems, text_of: Callable[[Item], str]) -> Iterator[str]:
    """A text of each item, whose parts around the name are made once."""
    parts = text_of(items.make(_STAND_IN)).split(_STAND_IN)
    if items.names and items.names[0].join(parts) != text_of(items.make(items.names[0])):
        raise ValueError(f"{items.names[0]}: expected items that differ in their names alone")
    return (name.join(parts) for name in items.names)


def packed(item: Item) -> str | None:
    """What an item has besides its names, as JSON."""
    if not (item.inputs or item.meta or item.hints):
        return None
    inputs = {name: [blob.uri, blob.digest, blob.size] for name, blob in item.inputs.items()}
    return _REST.encode([inputs, dict(item.meta), dict(item.hints)])


def unpacked(item: str, source: str, rest: str | None) -> Item:
    """The item of what :func:`packed` gave."""
    if rest is None:
        return Item(id=item, source_id=source)
    inputs, meta, hints = parse_json(rest)
    blobs = {name: Blob(*blob) for name, blob in inputs.items()}
    return Item(id=item, source_id=source, inputs=blobs, meta=meta, hints=hints)


def keys_of(stage: Stage, digests: dict[str, pa.Array], count: int) -> pa.Array:
    """:meth:`Stage.key` of many items without meta, out of the digests of their inputs (null: absent)."""
    named = [
        pc.binary_join_element_wise(f'{json.dumps(name, ensure_ascii=False)}:"', digests[name], '"', "")
        for name in sorted(digests)
    ]
    inputs = pc.binary_join_element_wise(*named, ",", null_handling="skip") if named else pa.nulls(count, pa.string())
    head, _, tail = stage.key_text("{\0}", "{}").partition("\0")
    texts = pc.binary_join_element_wise(head, inputs.fill_null(""), tail, "")
    blocks = (texts.slice(at, _AT_ONCE).to_pylist() for at in range(0, count, _AT_ONCE))
    parts = [pa.array([digest_bytes(text.encode()) for text in block], pa.string()) for block in blocks]
    return pa.concat_arrays(parts) if parts else pa.array([], pa.string())
