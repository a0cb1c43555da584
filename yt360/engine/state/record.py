"""The record of one attempt, and how it lies in a file: one row, whether of JSON lines or of Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import pyarrow as pa

from yt360.engine.items import Blob
from yt360.engine.state import checksums

FORMAT = 2
"""Of the ledger's files; another number is refused by name."""

Status = Literal["done", "filtered", "failed", "damaged"]
STATUSES: tuple[Status, ...] = ("done", "filtered", "failed", "damaged")


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

    def text(self, name: str) -> str:
        """A mapping of any shape (``measures``, ``meta``, ``params``, ``tools``) as the JSON text of the ledger."""
        return _dump(getattr(self, name))

    def changed(self, **values: Any) -> Record:
        """The same with other values in some fields."""
        return replace(self, **values)

    def to_row(self) -> dict[str, Any]:
        """The values of :data:`SCHEMA`: files are lists of named blobs, free-form mappings JSON text."""
        return {name: unparsed(name, getattr(self, name)) for name in FIELDS}

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> Record:
        """Raises :class:`KeyError`, :class:`TypeError` or :class:`ValueError` for what is no record."""
        return Record(**{name: parsed(name, row[name]) for name in FIELDS})

    def line(self) -> bytes:
        """The record as one line of JSON, with its checksum."""
        value = {"format": FORMAT, **self.to_row()}
        return checksums.sealed(_LINE(value).encode("utf-8", "replace"))


FIELDS = tuple(entry.name for entry in fields(Record))
_TEXTS = ("measures", "meta", "params", "tools")
"""Mappings of any shape. They are kept as JSON text, so that reading a column never has to look into them."""
_BLOBS = ("inputs", "outputs")
PLAIN = frozenset(FIELDS) - {*_TEXTS, *_BLOBS, "children"}
"""Fields that lie in a file as they are."""
_BLOB_LIST = pa.list_(
    pa.struct([("name", pa.string()), ("uri", pa.string()), ("digest", pa.string()), ("size", pa.int64())])
)
_CHILD_LIST = pa.list_(pa.struct([("id", pa.string()), ("outputs", _BLOB_LIST), ("meta", pa.string())]))
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("sequence", "attempt", "version", "size"), pa.int64()),
    "seconds": pa.float64(),
    "retryable": pa.bool_(),
    **dict.fromkeys(_BLOBS, _BLOB_LIST),
    "children": _CHILD_LIST,
}
SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in FIELDS], {"yt360-ledger": str(FORMAT)})


def parsed(name: str, value: Any) -> Any:
    """A field of a record from the value of its column."""
    if name in _TEXTS:
        return json.loads(value)
    if name in _BLOBS:
        return {blob["name"]: Blob.from_json(blob) for blob in value}
    if name == "children":
        return tuple(
            {"id": child["id"], "outputs": _blobs(child["outputs"]), "meta": json.loads(child["meta"])}
            for child in value
        )
    return value


def unparsed(name: str, value: Any) -> Any:
    """The value of a column from a field of a record: the inverse of :func:`parsed`."""
    if name in _TEXTS:
        return _dump(value)
    if name in _BLOBS:
        return [{"name": key, **blob.to_json()} for key, blob in value.items()]
    if name == "children":
        return [
            {
                "id": child["id"],
                "outputs": [{"name": name, **blob} for name, blob in child["outputs"].items()],
                "meta": _dump(child["meta"]),
            }
            for child in value
        ]
    return value


def _blobs(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["name"]: {name: row[name] for name in ("uri", "digest", "size")} for row in rows}


_LINE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ASCII = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
"""In ASCII, half a character of a broken file name survives as its escape."""


def _dump(value: Mapping[str, Any]) -> str:
    return _ASCII(dict(value)) if value else "{}"
