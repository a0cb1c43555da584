"""How many items of a stage stand how, and what they took."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from yt360.engine.state.entries import State
from yt360.engine.state.item_states import ItemStates


def count(entries: ItemStates) -> dict[str, Any]:
    """Counts by state, reasons, kinds of failure, bytes and seconds; those that failed are listed."""
    states = {state: entries.count(state) for state in ("done", "filtered", "failed")}
    waiting = entries.count("waiting") + entries.count("undecided")
    known = entries.places[entries.places >= 0]
    seconds = float(entries.newest.seconds[known].sum())
    ended = sum(states.values())
    failed = _places(entries, "failed")
    listed = {name: entries.newest.column(name, failed).to_pylist() for name in ("item", "kind", "error")}
    return {
        **states,
        "waiting": waiting,
        "reasons": _frequent(entries, "reason", "filtered"),
        "failures": _frequent(entries, "kind", "failed"),
        "bytes": int(entries.newest.sizes[_places(entries, "done")].sum()),
        "worker_seconds": round(seconds, 2),
        "items_per_worker_second": round(ended / seconds, 3) if seconds else None,
        "failed_items": [dict(zip(listed, values, strict=True)) for values in zip(*listed.values(), strict=True)],
    }


def _places(entries: ItemStates, state: State) -> NDArray[np.integer]:
    places: NDArray[np.integer] = entries.places[entries.rows(state)]
    return places


def _frequent(entries: ItemStates, name: str, state: State) -> dict[str, int]:
    """Words and how often each stands, the most frequent first."""
    places = _places(entries, state)
    words = entries.newest.column(name, places) if len(places) else pa.array([], pa.string())
    counts = {each["values"]: each["counts"] for each in pc.value_counts(words).to_pylist()}
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))
