"""What goes into a stage and what comes out: files, items, parts, outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yt360.errors import ItemError


@dataclass(frozen=True)
class Blob:
    """A file below the root: where it is (POSIX path relative to the root), its digest and size in bytes."""

    uri: str
    digest: str
    size: int

    def to_json(self) -> dict[str, Any]:
        return {"uri": self.uri, "digest": self.digest, "size": self.size}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Blob:
        return Blob(uri=value["uri"], digest=value["digest"], size=int(value["size"]))


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of work.

    ``id`` is unique within the stage and safe as a file name. ``source_id`` is the item of the first
    stage that it comes from. ``inputs`` are files by name; ``files`` are the same as local paths, filled in
    by the worker. ``meta`` (JSON values) takes part in the key. ``hints`` (JSON values) do not: they tell
    where or how to get something, not what will be made (a URL whose host changed leads to the same file).
    """

    id: str
    source_id: str
    inputs: Mapping[str, Blob] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class AlikeItems:
    """Very many items of a first stage that differ in their names alone: a plan spells once what they share.

    ``make`` gives the item of a name, which is its id and source id and may stand in its meta and hints as it is.
    Names are safe as file names (:func:`yt360.hashing.safe_id`), so JSON spells them as they are, too.
    """

    names: Sequence[str]
    make: Callable[[str], Item]


@dataclass(frozen=True)
class Child:
    """A part that a stage cut out of its item: its own files and facts.

    ``outputs`` maps a name to a path relative to the work folder.
    """

    id: str
    outputs: Mapping[str, str]
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """The item was processed. ``outputs`` maps a name to a path relative to the work folder.

    ``measures`` are numbers and words that decisions and manifests are made from (JSON values; NaN
    and infinity are not JSON and are refused).
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, Any] = field(default_factory=dict)
    children: tuple[Child, ...] = ()


@dataclass(frozen=True)
class Filtered:
    """The item is understood and does not belong in the dataset.

    ``reason`` is a stable short code (``too-short``), ``detail`` says it in words with numbers.
    """

    reason: str
    detail: str
    measures: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The item could not be processed. ``kind`` is a stable short code; transient ones are retried.

    ``damaged`` are the uris of inputs that are not what was recorded of them.
    """

    kind: str
    error: str
    retryable: bool = False
    damaged: tuple[str, ...] = ()

    @staticmethod
    def of(error: ItemError) -> Failed:
        return Failed(error.kind, str(error), error.retryable, error.damaged)


Outcome = Done | Filtered | Failed
