"""What is left to do, against the rule written down for one item at a time."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.engine.conftest import toy_recipe
from yt360.engine.inputs import INPUT_KINDS
from yt360.engine.resume import ended, is_ended, states_of
from yt360.engine.stage import Record, Stage
from yt360.engine.state.entries import STATES
from yt360.engine.state.record import STATUSES

STAGE = toy_recipe().stages[1]
TODAY = STAGE.decision_key()


def state_by_hand(stage: Stage, key: str, record: Record | None) -> str:
    """The rule for one item, case by case."""
    if record is None or record.key != key or record.status == "damaged":
        return "waiting"
    if record.status == "failed" and record.kind in INPUT_KINDS:
        return "waiting"  # for an input that is made anew
    if record.status == "failed":
        return "waiting" if record.retryable and record.attempt + 1 <= stage.needs.max_attempts else "failed"
    if record.decision not in ("", stage.decision_key()):
        return "undecided"
    return record.status


def held(records: list[Record]) -> Any:
    """Columns of records, as :class:`~yt360.engine.state.latest_records.LatestRecords` has them."""
    return SimpleNamespace(
        items=pa.array([record.item for record in records], pa.string()),
        keys=pa.array([record.key for record in records], pa.string()),
        status=np.array([STATUSES.index(record.status) for record in records], np.uint8),
        retryable=np.array([record.retryable for record in records], bool),
        attempt=np.array([record.attempt for record in records], np.int64),
        sequence=np.array([record.sequence for record in records], np.int64),
        column=lambda name, at: pa.array([getattr(records[place], name) for place in at], pa.string()),
        decisions=pa.array([record.decision for record in records], pa.string()).dictionary_encode(),
    )


records = st.builds(
    Record,
    stage=st.just("misbehave"),
    item=st.just("a"),
    source=st.just("a"),
    key=st.sampled_from(["today", "before"]),
    status=st.sampled_from(STATUSES),
    sequence=st.integers(1, 3),
    attempt=st.integers(1, STAGE.needs.max_attempts + 1),
    decision=st.sampled_from(["", TODAY, "other thresholds"]),
    retryable=st.booleans(),
    kind=st.sampled_from(["", "broken", *sorted(INPUT_KINDS)]),
)


def last_attempt(number: int) -> Record:
    return Record("misbehave", "a", "a", "today", "failed", 1, attempt=number, retryable=True)


@given(st.lists(st.none() | records, min_size=1, max_size=6))
@example([last_attempt(STAGE.needs.max_attempts - 1), last_attempt(STAGE.needs.max_attempts), None])
@settings(max_examples=600, deadline=None)
def test_states_of_many_are_those_of_each_by_hand(drawn: list[Record | None]) -> None:
    there = [record for record in drawn if record is not None]
    places = np.full(len(drawn), -1)
    places[[record is not None for record in drawn]] = np.arange(len(there))
    keys = pa.array(["today"] * len(drawn), pa.string())
    found = [STATES[code] for code in states_of(STAGE, keys, held(there), places)]
    assert found == [state_by_hand(STAGE, "today", record) for record in drawn]


@given(records, st.integers(1, 3))
@example(last_attempt(STAGE.needs.max_attempts - 1), 1)
@example(last_attempt(STAGE.needs.max_attempts), 1)
@settings(max_examples=500, deadline=None)
def test_a_job_has_ended_when_its_record_leaves_nothing_to_do(record: Record, sequence: int) -> None:
    """Thresholds do not count: who does the job does not decide again, nor make inputs anew."""
    over = state_by_hand(STAGE, "today", replace(record, kind="")) != "waiting" and record.sequence >= sequence
    assert is_ended(record, "today", sequence, STAGE.needs) == over
    job = pa.table({"id": ["a", "b"], "key": ["today", "today"], "sequence": [sequence, sequence]})
    assert ended(job, held([record]), STAGE.needs).tolist() == [over, False]
