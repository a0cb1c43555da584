"""Stages of all items at once: one job, when something came, went or changed; what stays the same stays."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engine.conftest import NAMES, run, run_inline, states
from tests.engine.toys import REGISTRY, Rank
from tests.inline import Inline
from yt360.cli.status import summarize
from yt360.engine import pipeline, recipe, reduction, removal
from yt360.engine.executors import slurm
from yt360.engine.items import Filtered
from yt360.engine.state import evidence, ledger, snapshot
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import ItemError
from yt360.report.history import explain


def ranked(names: list[str] = NAMES, misbehave: dict[str, Any] | None = None, **rank: Any) -> recipe.Recipe:
    stages = {"source": {"names": names}, "misbehave": misbehave or {}, "rank": rank}
    return recipe.build({"stages": stages}, REGISTRY, [], where="test")


def worked(result: Any) -> int:
    return int({stage.stage: stage.worked for stage in result.stages}["rank"])


def reductions(root: Root) -> list[str]:
    """The items of each reduction there was."""
    path = root.state / "ranked.txt"
    return path.read_text().splitlines() if path.is_file() else []


def places(root: Root, made: recipe.Recipe) -> dict[str, int]:
    return {name: r.measures["place"] for name, r in DatasetState(root, made.stages).passing("rank").items()}


def test_all_items_are_reduced_by_one_job_and_not_again(root: Root) -> None:
    result = run_inline(root, ranked())
    assert (worked(result), reductions(root)) == (4, ["a bb ccc dddd"])
    assert places(root, ranked()) == {"a": 0, "bb": 1, "ccc": 2, "dddd": 3}
    assert run_inline(root, ranked()).worked == 0
    assert len(reductions(root)) == 1


def test_a_new_item_is_reduced_with_all_and_only_what_differs_is_recorded(root: Root) -> None:
    run_inline(root, ranked(["a", "bb", "dddd"]))
    assert worked(run_inline(root, ranked(["a", "bb", "dddd", "ccc"]))) == 2  # the new one, and who made room for it
    assert reductions(root)[-1] == "a bb ccc dddd"
    assert places(root, ranked()) == {"a": 0, "bb": 1, "ccc": 2, "dddd": 3}


def test_until_then_the_others_stand_as_they_stood(root: Root) -> None:
    run_inline(root, ranked(["a", "bb"]))
    made = ranked(["a", "bb", "ccc"])
    for stage in ("source", "misbehave"):
        pipeline.run(made, root, pipeline.Options(min_free_bytes=0), engine=Inline(), only=stage)
    assert states(root, made, "rank") == {"a": "done", "bb": "done", "ccc": "waiting"}


def test_measures_of_a_reduction_are_decided_on_and_its_own_verdicts_are_not(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(stage: Rank, measures: Mapping[str, Any]) -> Filtered | None:
        return Filtered("high", "its place is high") if measures["place"] >= 2 else None

    monkeypatch.setattr(Rank, "decide", decide)
    made = ranked(behaviour={"a": "filter"})
    run_inline(root, made)
    assert states(root, made, "rank") == {"a": "filtered", "bb": "done", "ccc": "filtered", "dddd": "filtered"}
    records = DatasetState(root, made.stages).records("rank")
    assert [records[name].reason for name in ("a", "ccc", "dddd")] == ["last", "high", "high"]
    # What the reduction itself dropped, no threshold brings back.
    assert [bool(records[name].decision) for name in ("a", "bb", "ccc")] == [False, True, True]
    assert run_inline(root, made).worked == 0


def test_an_item_that_went_makes_all_be_reduced_again(root: Root) -> None:
    run_inline(root, ranked())
    without = {"behaviour": {"a": "filter"}}
    assert worked(run_inline(root, ranked(misbehave=without))) == 3
    assert places(root, ranked(misbehave=without)) == {"bb": 0, "ccc": 1, "dddd": 2}


def test_asking_how_things_stand_reduces_nothing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    run_inline(root, ranked(["a", "bb"]))
    made = ranked()
    run_inline(root, recipe.Recipe("upto", made.stages[:2]))
    monkeypatch.setattr(Rank, "reduce", lambda *_: pytest.fail("it was reduced"))
    counts = {stage["stage"]: stage for stage in summarize(DatasetState(root, made.stages))["stages"]}
    assert (counts["rank"]["done"], counts["rank"]["waiting"]) == (2, 2)
    assert explain(DatasetState(root, made.stages), "bb")["verdict"] == "kept"


def test_what_was_reduced_before_this_file_was_kept_stands_and_is_looked_at_once(root: Root) -> None:
    made = ranked(behaviour={"dddd": "filter"})
    run_inline(root, made)
    kept = evidence.path_of(root, made.stages[2])  # type: ignore[arg-type]
    kept.unlink()
    before = states(root, made, "rank")
    assert before == {"a": "done", "bb": "done", "ccc": "done", "dddd": "filtered"}
    assert run_inline(root, made).worked == 0
    assert kept.is_file()
    assert len(reductions(root)) == 2
    assert states(root, made, "rank") == before


def test_a_changed_parameter_reduces_anew(root: Root) -> None:
    run_inline(root, ranked())
    changed = ranked(longest=7)
    assert states(root, changed, "rank") == dict.fromkeys(NAMES, "waiting")
    assert worked(run_inline(root, changed)) == 4


def test_one_item_may_fail_alone_and_is_tried_when_it_is_asked_for(root: Root) -> None:
    made = ranked(behaviour={"bb": "fail"})
    result = run_inline(root, made)
    assert [(record.item, record.kind) for record in result.failed] == [("bb", "broken")]
    assert run_inline(root, made).worked == 0
    assert len(reductions(root)) == 1
    assert worked(run_inline(root, ranked(), retry="failed")) == 1
    assert states(root, ranked(), "rank") == dict.fromkeys(NAMES, "done")


def _attempts(root: Root, item: str) -> list[tuple[str, int]]:
    """Status and attempt of each record of an item, in order."""
    found = ledger.read(root.ledger / "rank")
    return sorted((record.status, record.attempt) for record in found if record.item == item)


def test_one_item_that_fails_again_in_the_same_way_has_one_attempt_less_left(root: Root) -> None:
    made = ranked(behaviour={"bb": "shaky"})
    for _ in range(3):
        run_inline(root, made)
    assert _attempts(root, "bb") == [("failed", 1), ("failed", 2)]
    assert len(reductions(root)) == 2  # a third is not asked for: the cap is two
    assert _attempts(root, "a") == [("done", 1)]


def test_what_is_asked_for_again_is_recorded_again_though_it_comes_to_the_same(root: Root) -> None:
    run_inline(root, ranked())
    assert worked(run_inline(root, ranked(), retry="all")) == 4
    assert [_attempts(root, name) for name in NAMES] == [[("done", 1), ("done", 1)]] * len(NAMES)


def test_a_reduction_that_fails_is_tried_up_to_the_cap_and_fails_who_waits(root: Root) -> None:
    run_inline(root, ranked(["a", "bb"]))
    shaky = ranked(behaviour={"all": "shaky"})
    result = run_inline(root, shaky)
    assert {record.item: (record.kind, record.attempt) for record in result.failed} == {
        "ccc": ("shaky", 2), "dddd": ("shaky", 2),
    }  # fmt: skip
    assert len(reductions(root)) == 3
    assert states(root, shaky, "rank") == {"a": "done", "bb": "done", "ccc": "failed", "dddd": "failed"}
    run_inline(root, shaky)
    assert len(reductions(root)) == 3  # nobody is left to try for
    run_inline(root, ranked(), retry="shaky")
    assert states(root, ranked(), "rank") == dict.fromkeys(NAMES, "done")


def test_a_reduction_that_fails_though_nobody_waits_is_told_of_too(root: Root) -> None:
    run_inline(root, ranked())
    result = run_inline(root, ranked(misbehave={"behaviour": {"a": "filter"}}, behaviour={"all": "shaky"}))
    assert [(record.item, record.kind) for record in result.failed] == [("rank", "shaky")]
    made = ranked(misbehave={"behaviour": {"a": "filter"}})
    assert worked(run_inline(root, made)) == 3
    assert places(root, made) == {"bb": 0, "ccc": 1, "dddd": 2}


def test_worker_that_dies_of_a_reduction_is_told_of_each_item(root: Root) -> None:
    result = run(root, ranked(["a", "bb"], behaviour={"all": "segfault"}), workers=1)
    assert {record.item: record.kind for record in result.failed} == {"a": "poison", "bb": "poison"}
    assert "SIGSEGV" in result.failed[0].error


@pytest.mark.parametrize(("how", "kind"), [({"all": "forget"}, "no-outcome"), ({"a": "file"}, "bad-output")])
def test_what_a_reduction_may_not_do_is_refused(root: Root, how: dict[str, str], kind: str) -> None:
    result = run_inline(root, ranked(["a"], behaviour=how))
    assert [(record.item, record.kind) for record in result.failed] == [("a", kind)]


def test_an_item_that_was_taken_out_of_the_root_makes_all_be_reduced_again(root: Root) -> None:
    made = ranked()
    run_inline(root, made)
    removal.remove(root, made.stages, frozenset({"a"}), lambda: None)
    assert not list((root.state / "fan-in").glob("*"))
    left = ranked(["bb", "ccc", "dddd"])
    assert worked(run_inline(root, left)) == 3
    assert places(root, left) == {"bb": 0, "ccc": 1, "dddd": 2}


def test_a_snapshot_says_whether_there_is_anything_to_reduce(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "WORTH_KEEPING", 1)
    run_inline(root, ranked())
    monkeypatch.setattr(Rank, "plan", lambda *_: pytest.fail("what is known of the items was gathered"))
    assert run_inline(root, ranked()).worked == 0


def test_array_jobs_reduce_once_too(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on SLURM, with its queue played by this test."""
    monkeypatch.setattr(slurm, "_sbatch", lambda *_: 7)
    monkeypatch.setattr(slurm, "largest_array", lambda: 1000)
    made, run_id = ranked(), pipeline.run_name()
    root.create()
    slurm.start(root, run_id, None, pipeline.Options(min_free_bytes=0), slurm.Settings())
    while not (progress := slurm.advance(root, made, run_id, None)).finished:
        plan = f"{progress.stage}-0.parquet"
        for task in range(4 if progress.stage != "rank" else 1):
            slurm.work(root, made, run_id, plan, task, Inline())  # type: ignore[arg-type]
    assert (progress.failed, dict(progress.left)) == (0, {})
    assert places(root, made) == {"a": 0, "bb": 1, "ccc": 2, "dddd": 3}
    assert all(not one.array for one in slurm.missing(root, made.stages))
    assert slurm.work(root, made, run_id, "rank-0.parquet", 0, Inline()).worked == 0  # type: ignore[arg-type]
    assert reductions(root) == ["a bb ccc dddd"]  # a task that is queued again finds it done


def test_frozen_reduction_that_was_not_done_is_missing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_sbatch", lambda *_: 7)
    monkeypatch.setattr(slurm, "largest_array", lambda: 1000)
    run_inline(root, recipe.Recipe("upto", ranked().stages[:2]))
    run_id = pipeline.run_name()
    slurm.start(root, run_id, None, pipeline.Options(min_free_bytes=0), slurm.Settings())
    assert slurm.advance(root, ranked(), run_id, None).stage == "rank"
    assert [(one.stage, one.array) for one in slurm.missing(root, ranked().stages)] == [("rank", "0")]


def test_the_first_item_without_an_outcome_is_named(root: Root) -> None:
    stage: Any = SimpleNamespace(name="rank", reduce=lambda items, _: {"b": Filtered("rank", "")})
    rows: Any = [SimpleNamespace(item=SimpleNamespace(id=name)) for name in "abcd"]
    with pytest.raises(ItemError, match=r"stage rank: expected an outcome for each item, found none for a$"):
        reduction._outcomes(stage, rows, root)
