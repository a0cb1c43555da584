"""The resume rule: what a rerun takes as done, what it decides again, and what is left to do.

An item is left when it has no record, when its record was made of other inputs or parameters (another key), when its
outputs were found damaged, or when it failed and may be tried again (always, where an input was at fault). Measured
under other thresholds, it is only decided again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from yt360.engine.inputs import INPUT_KINDS
from yt360.engine.retry import tries_left
from yt360.engine.stage import Resources, Stage
from yt360.engine.state.entries import STATES
from yt360.engine.state.latest_records import LatestRecords
from yt360.engine.state.record import STATUSES, Record

CODE = {state: np.uint8(code) for code, state in enumerate(STATES)}
"""State -> its number in columns of states."""
_STATUS = {status: code for code, status in enumerate(STATUSES)}


def states_of(stage: Stage, keys: pa.Array, held: LatestRecords, places: NDArray[np.integer]) -> NDArray[np.uint8]:
    """How the items of a stage stand, as codes of :data:`~yt360.engine.state.entries.STATES`.

    ``keys`` are today's; ``places`` the rows of ``held`` with each item's newest record, -1 where there is none.
    """
    states = np.full(len(keys), CODE["waiting"], np.uint8)
    known = np.flatnonzero(places >= 0)
    if not len(known):
        return states
    same = pc.equal(keys.take(pa.array(known)), held.keys.take(pa.array(places[known]))).to_numpy(zero_copy_only=False)
    rows, at = known[same], places[known][same]
    status = held.status[at]
    over = is_over(status, held.retryable[at], held.attempt[at], stage.needs)
    given_up = np.flatnonzero((status == _STATUS["failed"]) & over)
    states[rows[given_up]] = CODE["failed"]
    if len(given_up):  # for want of an input that is made anew: tried again when it is there
        starved = pc.is_in(held.column("kind", at[given_up]), value_set=pa.array(sorted(INPUT_KINDS)))
        states[rows[given_up[starved.to_numpy(zero_copy_only=False)]]] = CODE["waiting"]
    today = pc.is_in(held.decisions.dictionary, value_set=pa.array(["", stage.decision_key()]))
    decided = today.to_numpy(zero_copy_only=False)[held.decisions.indices.to_numpy()[at]]
    for state in ("done", "filtered"):
        here = status == _STATUS[state]
        states[rows[here & decided]] = CODE[state]
        states[rows[here & ~decided]] = CODE["undecided"]
    return states


def is_over(
    status: NDArray[np.uint8], retryable: NDArray[np.bool_], attempt: NDArray[Any], needs: Resources
) -> NDArray[np.bool_]:
    """Whether no further attempt is due after one that ended so (columns; ``status`` in codes of ``STATUSES``)."""
    failed: NDArray[np.bool_] = status == _STATUS["failed"]
    over: NDArray[np.bool_] = (status != _STATUS["damaged"]) & ~(failed & tries_left(retryable, attempt, needs))
    return over


def is_ended(record: Record, key: str, sequence: int, needs: Resources) -> bool:
    """Whether a job that was given out with a key and a sequence has ended, by the newest record of its item."""
    status, retryable = np.array([_STATUS[record.status]], np.uint8), np.array([record.retryable])
    over = is_over(status, retryable, np.array([record.attempt]), needs)
    return bool(over[0]) and record.sequence >= sequence and record.key == key


def ended(plan: pa.Table, held: LatestRecords, needs: Resources) -> NDArray[np.bool_]:
    """:func:`is_ended` of many jobs (columns ``id``, ``key``, ``sequence``)."""
    places = pc.fill_null(pc.index_in(plan["id"], value_set=held.items), -1).to_numpy()
    found = np.zeros(plan.num_rows, bool)
    known = np.flatnonzero(places >= 0)
    at = places[known]
    same = pc.equal(plan["key"].take(pa.array(known)), held.keys.take(pa.array(at))).to_numpy()
    since = held.sequence[at] >= plan["sequence"].to_numpy()[known]
    found[known] = same & since & is_over(held.status[at], held.retryable[at], held.attempt[at], needs)
    return found
