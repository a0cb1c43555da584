"""What one asks a dataset for: where an item stands, and the parts that items were cut into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from yt360.engine.items import Blob, Item
from yt360.engine.state.record import Record

State = Literal["done", "filtered", "failed", "waiting", "undecided"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class ItemState:
    """One planned item of a stage and where it stands.

    ``undecided``: measured with today's key, but decided by other thresholds; deciding again costs
    nothing. ``attempts`` counts failed attempts with today's key.
    """

    item: Item
    key: str
    state: State
    record: Record | None
    attempts: int


class Standing(NamedTuple):
    """How an item stands in a stage."""

    state: State
    record: Record | None


@dataclass(frozen=True)
class ChildEntry:
    """A part that a passing item was cut into."""

    id: str
    parent: Record
    outputs: Mapping[str, Blob]
    meta: Mapping[str, Any]
