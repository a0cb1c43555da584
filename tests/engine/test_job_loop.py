"""The loop that works through jobs, with an engine that ends attempts as it is told to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.conftest import toy_recipe
from tests.inline import Inline
from yt360.engine import pipeline
from yt360.engine.events import EventLog
from yt360.engine.executors.base import Finished, Task
from yt360.engine.job_loop import JobLoop
from yt360.engine.recipe import Recipe
from yt360.engine.results import StageResult
from yt360.engine.stage_run import StageRun
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.record import Record
from yt360.engine.storage import Root
from yt360.errors import DiskFullError, UsageError, Yt360Error


class Ending(Inline):
    """Ends some items as ``ends`` says (item -> how each of its attempts ends); the others are worked on."""

    def __init__(self, ends: dict[str, list[str]]) -> None:
        super().__init__()
        self.ends, self.backlogs = ends, list[int]()

    def run(
        self, next_task: Callable[[], Task | None], needs: Any = None, backlog: Callable[[], int] | None = None
    ) -> Iterator[Finished]:
        assert backlog is not None
        while True:
            self.backlogs.append(backlog())
            task = next_task()
            if task is None:
                return
            ends = self.ends.get(task.argument.item.id, [])
            if ends:
                yield Finished(task, ends.pop(0), "its words", "/elsewhere/log")  # type: ignore[arg-type]
            else:
                yield next(iter(super().run(iter([task, None]).__next__)))


def stage_run(root: Root, made: Recipe, events: EventLog, name: str = "source", **options: Any) -> StageRun:
    catalog = DatasetState(root, made.stages)
    asked = pipeline.Options(**{"min_free_bytes": 0, "quiet": True} | options)
    return StageRun(catalog.stages[name], catalog, root, asked, "r1", events)


def ended(root: Root, item: str, stage: str = "source") -> list[Record]:
    found = [record for record in ledger.read(root.ledger / stage) if record.item == item]
    return sorted(found, key=lambda record: record.sequence)


@pytest.mark.parametrize(
    ("ends", "kinds", "attempts"),
    [
        (["died"], ["worker-died", ""], [1, 2]),
        (["died"] * 3, ["worker-died", "worker-died", "poison"], [1, 2, 3]),
        (["timeout"] * 2, ["timeout", "timeout", ""], [1, 2, 3]),
        (["timeout"] * 3, ["timeout"] * 3, [1, 2, 3]),
        (["lost"] * 4, [*["machine-lost"] * 4, ""], [1] * 5),
        (["lost"] * 5, ["machine-lost"] * 5, [1] * 5),
    ],
)
def test_an_attempt_that_ended_badly_is_made_again_as_often_as_the_rule_says(
    root: Root, events: EventLog, ends: list[str], kinds: list[str], attempts: list[int]
) -> None:
    """Three attempts; going down with a machine is none, and five times of that are enough for one run."""
    made = toy_recipe(["a", "b"])
    result = stage_run(root, made, events).run(Ending({"a": list(ends)}))
    records = ended(root, "a")
    assert [record.kind for record in records] == kinds
    assert [record.attempt for record in records] == attempts
    assert [record.sequence for record in records] == list(range(1, len(kinds) + 1))
    state = {"": "done", "machine-lost": "waiting"}.get(kinds[-1], "failed")
    assert dict(result.counts) == Counter(["done", state])
    assert [record.item for record in result.failed] == (["a"] if state == "failed" else [])
    assert [record.status for record in ended(root, "b")] == ["done"]


def test_the_record_of_a_death_says_what_is_known_of_it(root: Root, events: EventLog) -> None:
    made = toy_recipe(["a"])
    needs = made.stages[0].needs
    stage_run(root, made, events).run(Ending({"a": ["timeout", "died", "died"]}))
    slow, dead, poison = ended(root, "a")
    assert (slow.seconds, dead.seconds) == (needs.timeout_s, 0.0)
    assert (slow.error, dead.error) == ("a: its words", "a: its words")
    assert "(it ended 3 workers and is set aside; --retry poison" in poison.error
    assert [record.retryable for record in (slow, dead, poison)] == [True, True, False]
    assert slow.log == "/elsewhere/log"
    assert (slow.run, slow.version, slow.params) == ("r1", made.stages[0].version, poison.params)


def test_what_an_engine_refuses_or_breaks_at_ends_the_run(root: Root, events: EventLog) -> None:
    made = toy_recipe(["a", "b"])
    for status, error in (("disk-full", DiskFullError), ("refused", UsageError), ("error", Yt360Error)):
        engine = Ending({"a": [status]})
        with pytest.raises(error, match="its words"):
            stage_run(root, made, events).run(engine)
        assert engine.stopping is (status == "disk-full")
    assert ended(root, "a") == []


def test_who_is_stopped_is_not_to_blame_and_a_timeout_still_is(root: Root, events: EventLog) -> None:
    made = toy_recipe(["a", "b"])
    engine = Ending({"a": ["died"], "b": ["timeout"] * 3})
    engine.stopping = True
    result = stage_run(root, made, events).run(engine)
    assert ended(root, "a") == []
    assert [record.kind for record in ended(root, "b")] == ["timeout"] * 3
    assert dict(result.counts) == {"waiting": 1, "failed": 1}


def test_a_run_stops_where_the_disk_is_nearly_full(root: Root, events: EventLog) -> None:
    made = toy_recipe(["a"])
    with pytest.raises(DiskFullError, match="the floor is"):
        stage_run(root, made, events, min_free_bytes=1 << 60).run(Ending({}))
    assert ended(root, "a") == []


def test_a_loop_takes_on_no_more_than_it_has(root: Root, events: EventLog) -> None:
    made = toy_recipe(["a"])
    jobs = list(stage_run(root, made, events).settle())
    loop = JobLoop(made.stages[0], root, pipeline.Options(min_free_bytes=0, quiet=True), "r1", events)
    result = StageResult("source")
    engine = Ending({"a": ["died"]})
    loop.work(jobs, engine, result)
    loop.writer.close()
    assert engine.backlogs == [1, 1, 0]
    assert (result.worked, result.failed) == (1, [])
