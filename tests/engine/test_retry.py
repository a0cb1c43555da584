"""Which failures are tried again, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import run_inline, states, toy_recipe
from yt360.engine.retry import LOST_AT_MOST, POISON_AFTER, Retries, is_poison, tries_left
from yt360.engine.stage import Record, Resources
from yt360.engine.storage import Root

READ: Any = "".join(["fai", "led"])
"""As it comes out of a file: equal to the word, and not the same object."""

FAILED = Record("stage", "a", "a", "key", READ, 1, retryable=True)


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


def test_wrong_use_is_worked_on_again_by_the_next_run(root: Root, marks: Callable[[str], int]) -> None:
    """F18: a setting that is no part of a key was mended, and every item stayed failed."""
    made = toy_recipe(["a", "b", "c"], behaviour={"a": "wrong-use", "b": "fail"}, marks=marks.folder)  # type: ignore[attr-defined]
    result = run_inline(root, made)
    assert sorted((record.item, record.kind) for record in result.failed) == [("a", "wrong-use"), ("b", "broken")]
    assert marks("a") == 1  # not again within the run
    again = run_inline(root, made)
    assert (marks("a"), marks("b"), marks("c")) == (2, 1, 1)
    assert [record.item for record in again.failed if record.kind == "wrong-use"] == ["a"]
    Path(marks.folder, "mended").touch()  # type: ignore[attr-defined]
    run_inline(root, made)
    assert states(root, made) == {"a": "done", "b": "failed", "c": "done"}
    assert (marks("a"), marks("b"), marks("c")) == (3, 1, 1)
