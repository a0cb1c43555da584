"""One stage from plan to last record, by an engine that ends attempts as it is told to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.conftest import run_inline, states, toy_recipe
from tests.engine.test_job_loop import Ending, ended, stage_run
from yt360.engine.events import EventLog
from yt360.engine.stage_run import Jobs
from yt360.engine.storage import Root
from yt360.errors import UsageError


def test_all_items_of_a_stage_are_done_and_counted(root: Root, events: EventLog) -> None:
    made = toy_recipe(["a", "bb", "ccc"])
    engine = Ending({})
    result = stage_run(root, made, events).run(engine)
    assert (result.planned, result.worked, dict(result.counts)) == (3, 3, {"done": 3})
    assert engine.backlogs == [3, 2, 1, 0]
    assert result.size == sum(len(f"hello {name}\n") for name in ("a", "bb", "ccc"))
    again = stage_run(root, made, events).run(Ending({}))
    assert (again.planned, again.worked, dict(again.counts)) == (3, 0, {"done": 3})


@pytest.mark.parametrize(
    ("sample", "taken"),
    [(0, "abcdefg"), (1, "a"), (2, "ad"), (3, "ace"), (6, "abcdef"), (7, "abcdefg"), (8, "abcdefg")],
)
def test_a_sample_is_spread_over_all_items(root: Root, events: EventLog, sample: int, taken: str) -> None:
    made = toy_recipe(list("abcdefg"))
    result = stage_run(root, made, events, sample=sample).run(Ending({}))
    assert result.planned == 7
    assert sorted(states(root, made, "source")) == sorted(taken)


def test_two_items_of_one_name_are_refused(root: Root, events: EventLog) -> None:
    with pytest.raises(UsageError, match="stage source: two items have the id 'b'"):
        stage_run(root, toy_recipe(["a", "b", "c", "b"]), events).run(Ending({}))


def test_retry_asks_for_what_it_names(root: Root, events: EventLog) -> None:
    behaviour = {"a": "fail", "b": "filter", "c": "raise"}
    made = toy_recipe(["a", "b", "c", "d"], behaviour=behaviour)
    run_inline(root, made)
    assert states(root, made) == {"a": "failed", "b": "filtered", "c": "failed", "d": "done"}

    def jobs(retry: str | None) -> list[tuple[str, int, int]]:
        found = stage_run(root, made, events, "misbehave", retry=retry).settle()
        return [(job.item.id, job.sequence, job.attempt) for job in found]

    assert jobs(None) == []
    assert jobs("failed") == [("a", 2, 1), ("c", 2, 1)]
    assert jobs("filtered") == [("b", 2, 1)]
    assert jobs("broken") == [("a", 2, 1)]
    assert jobs("nothing-like-it") == []
    assert jobs("all") == [("a", 2, 1), ("b", 2, 1), ("c", 2, 1), ("d", 2, 1)]


def test_what_failed_for_a_setting_is_tried_again_unasked(root: Root, events: EventLog, marks: Any) -> None:
    made = toy_recipe(["a", "b"], behaviour={"a": "wrong-use"}, marks=marks.folder)
    run_inline(root, made)
    assert [job.item.id for job in stage_run(root, made, events, "misbehave").settle()] == ["a"]


def test_a_new_threshold_decides_again_and_works_on_nothing(root: Root, events: EventLog) -> None:
    names = ["a", "bbbbbbbb"]
    run_inline(root, toy_recipe(names))
    assert states(root, toy_recipe(names)) == {"a": "done", "bbbbbbbb": "done"}
    strict = toy_recipe(names, thresholds={"longest": 10})
    result = stage_run(root, strict, events, "misbehave").run(Ending({}))
    assert (result.redecided, result.worked, dict(result.counts)) == (2, 0, {"done": 1, "filtered": 1})
    newest = ended(root, "bbbbbbbb", "misbehave")[-1]
    assert (newest.sequence, newest.reason, newest.seconds) == (2, "too-long", 0.0)
    again = stage_run(root, strict, events, "misbehave").run(Ending({}))
    assert (again.redecided, again.worked) == (0, 0)


def test_jobs_are_a_collection_in_the_order_of_the_plan(root: Root, events: EventLog) -> None:
    made = toy_recipe(["c", "a", "b"])
    jobs = stage_run(root, made, events).settle()
    assert isinstance(jobs, Jobs)
    assert (len(jobs), [job.item.id for job in jobs]) == (3, ["c", "a", "b"])
    first = next(iter(jobs))
    assert first in jobs
    assert "c" not in jobs  # type: ignore[comparison-overlap]
    assert (first.sequence, first.attempt, first.run, first.logs) == (1, 1, "r1", "logs/r1")
    none = Jobs(made.stages[0], root, "r1", jobs._entries, np.array([], int))
    assert list(none) == []
