from __future__ import annotations

from yt360.engine.results import StageResult
from yt360.engine.state.record import Record


def record(item: str, seconds: float, size: int = 10) -> Record:
    return Record(stage="s", item=item, source=item, key="k", status="done", sequence=1, seconds=seconds, size=size)


def test_what_was_worked_on_adds_up_and_the_ten_slowest_are_known() -> None:
    result = StageResult("s")
    for number in range(12):
        result.add(record(f"item{number}", float(number)))
    assert (result.worked, result.size, result.worker_seconds) == (12, 120, 66.0)
    assert sorted(result.slowest) == [(float(number), f"item{number}") for number in range(2, 12)]


def test_a_run_that_went_on_counts_what_was_done_before() -> None:
    before, after = StageResult("s", redecided=3, seconds=2.5), StageResult("s", redecided=4, seconds=1.0, planned=9)
    for number in range(9):
        before.add(record(f"a{number}", 10.0 + number))
    for number in range(2):
        after.add(record(f"b{number}", float(number), 5))
    before.counts["done"], after.counts["done"] = 9, 11
    whole = after.went_on(before)
    assert (whole.worked, whole.redecided, whole.seconds, whole.size) == (11, 7, 3.5, 100)
    assert whole.worker_seconds == sum(10.0 + number for number in range(9)) + 1.0
    assert min(whole.slowest) == (1.0, "b1")
    assert len(whole.slowest) == 10
    assert (whole.planned, whole.counts["done"]) == (9, 11), "where the stage stands is as it is now"
