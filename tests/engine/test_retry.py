"""Which failures are tried again, and how often."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yt360.engine.retry import LOST_AT_MOST, POISON_AFTER, Retries, is_poison, tries_left
from yt360.engine.stage import Record, Resources

FAILED = Record("stage", "a", "a", "key", "failed", 1, retryable=True)


@pytest.mark.parametrize(("attempt", "again"), [(1, True), (2, True), (3, False), (4, False)])
def test_attempts_end_at_the_cap(attempt: int, again: bool) -> None:
    needs = Resources(max_attempts=3)
    assert tries_left(True, attempt, needs) is again
    assert Retries(needs).again(FAILED, attempt, lost=False) is again


def test_what_cannot_pass_by_itself_is_not_tried_again() -> None:
    retries = Retries(Resources(max_attempts=3))
    assert not retries.again(replace(FAILED, retryable=False), 1, lost=False)
    assert not retries.again(replace(FAILED, status="filtered"), 1, lost=True)


def test_a_lost_machine_is_not_the_items_fault_up_to_a_point() -> None:
    retries = Retries(Resources(max_attempts=1))
    assert [retries.again(FAILED, 1, lost=True) for _ in range(LOST_AT_MOST)] == [True] * (LOST_AT_MOST - 1) + [False]
    assert retries.again(replace(FAILED, item="b"), 1, lost=True)


@pytest.mark.parametrize(("most", "sets_aside"), [(1, 1), (2, 2), (POISON_AFTER, POISON_AFTER), (9, POISON_AFTER)])
def test_who_ends_its_workers_is_set_aside(most: int, sets_aside: int) -> None:
    needs = Resources(max_attempts=most)
    assert [is_poison(attempt, needs) for attempt in (sets_aside - 1, sets_aside)] == [False, True]
