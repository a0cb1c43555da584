"""The engine against injected faults; each test is named after what goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import CHECKOUT
from tests.engine.conftest import NAMES, Marks, run, run_inline, states, toy_recipe, tree
from tests.engine.toys import REGISTRY
from yt360.engine import pipeline, recipe
from yt360.engine.executors.local import session_members
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import DiskFullError, RootBusyError, UsageError


def test_a_run_does_everything_and_a_second_run_nothing(root: Root, marks: Marks) -> None:
    made = toy_recipe(marks=marks.folder)
    first = run(root, made)
    assert not first.failed
    assert states(root, made) == dict.fromkeys(NAMES, "done")
    before = tree(root)
    assert set(before) >= {"data/misbehave/a/upper.txt", "gathered/all.json", "data/source/a/text.txt"}
    assert "left-behind" not in " ".join(before)
    second = run(root, made)
    assert second.worked == 0
    assert tree(root) == before
    assert [marks(name) for name in NAMES] == [1, 1, 1, 1]


def test_worker_count_does_not_change_the_bytes(tmp_path: Path) -> None:
    roots = [Root(tmp_path / str(workers)) for workers in (1, 4)]
    for root, workers in zip(roots, (1, 4), strict=True):
        run(root, toy_recipe(), workers=workers)
    assert tree(roots[0]) == tree(roots[1])


def test_done_filtered_and_failed_are_three_things(root: Root) -> None:
    made = toy_recipe(behaviour={"a": "filter", "bb": "fail", "ccc": "raise"})
    result = run_inline(root, made)
    assert states(root, made) == {"a": "filtered", "bb": "failed", "ccc": "failed", "dddd": "done"}
    kinds = {record.item: record.kind for record in result.failed}
    assert kinds == {"bb": "broken", "ccc": "unexpected"}
    error = next(record.error for record in result.failed if record.item == "ccc")
    assert "RuntimeError: a bug" in error
    assert set(DatasetState(root, made.stages).passing("misbehave")) == {"dddd"}


def test_transient_failure_is_tried_again_up_to_the_cap(root: Root, marks: Marks) -> None:
    made = toy_recipe(behaviour={"a": "fail-twice", "bb": "always-shaky", "ccc": "fail"}, marks=marks.folder)
    run_inline(root, made)
    assert states(root, made) == {"a": "done", "bb": "failed", "ccc": "failed", "dddd": "done"}
    assert (marks("a"), marks("bb"), marks("ccc")) == (3, 3, 1)
    run_inline(root, made)
    assert (marks("a"), marks("bb"), marks("ccc")) == (3, 3, 1)
    run_inline(root, made, retry="shaky")
    assert (marks("a"), marks("bb"), marks("ccc")) == (3, 6, 1)
    run_inline(root, made, retry="failed")
    assert (marks("bb"), marks("ccc"), marks("dddd")) == (9, 2, 1)


def test_worker_that_dies_costs_an_attempt_and_nothing_else(root: Root, marks: Marks) -> None:
    made = toy_recipe(behaviour={"a": "segfault-once", "bb": "segfault"}, marks=marks.folder)
    result = run(root, made)
    assert states(root, made) == {"a": "done", "bb": "failed", "ccc": "done", "dddd": "done"}
    assert (marks("a"), marks("bb")) == (2, 3)
    assert [(r.item, r.kind) for r in result.failed] == [("bb", "poison")]
    assert "SIGSEGV" in result.failed[0].error


@pytest.mark.slow
def test_hanging_decoder_is_cut_at_its_timeout_with_all_it_started(root: Root, marks: Marks) -> None:
    made = toy_recipe(behaviour={"a": "hang"}, marks=marks.folder)
    started = time.monotonic()
    result = run(root, made)
    assert [(r.item, r.kind) for r in result.failed] == [("a", "timeout")]
    assert time.monotonic() - started < 30
    child = Path("/proc", Path(marks.folder, "child-a").read_text(), "stat")
    assert not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z"
    assert states(root, made)["dddd"] == "done"


@pytest.mark.parametrize("how", ["nan", "escape", "link", "empty", "missing"])
def test_bad_output_is_refused_and_published_nowhere(root: Root, how: str) -> None:
    made = toy_recipe(behaviour={"a": how})
    result = run_inline(root, made)
    assert [(r.item, r.kind) for r in result.failed] == [("a", "bad-measures" if how == "nan" else "bad-output")]
    assert not (root.data / "misbehave" / "a").exists()
    assert not list(root.path.parent.rglob("escaped.txt"))
    assert not list(root.tmp.iterdir())


def test_full_disk_stops_the_run_blames_no_item_and_resumes(root: Root) -> None:
    with pytest.raises(DiskFullError, match="free some space"):
        run_inline(root, toy_recipe(behaviour={"ccc": "disk-full"}), workers=1)
    made = toy_recipe()  # the disk has room again
    records = ledger.latest(ledger.read(root.ledger / "misbehave"))
    assert "ccc" not in records
    assert not run_inline(root, made).failed
    assert states(root, made) == dict.fromkeys(NAMES, "done")


def test_refuses_to_start_below_the_free_disk_floor(root: Root) -> None:
    with pytest.raises(DiskFullError, match="--min-free-gb"):
        run_inline(root, toy_recipe(), min_free_bytes=1 << 62)
    assert not list(root.data.iterdir())


def test_free_disk_that_shrinks_below_the_floor_stops_the_run(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([10**12] * 3)
    monkeypatch.setattr(Root, "free_bytes", lambda self: next(free, 0))
    with pytest.raises(DiskFullError):
        run_inline(root, toy_recipe(), min_free_bytes=10**9, workers=1)
    monkeypatch.undo()
    assert not run_inline(root, toy_recipe()).failed


def test_two_runs_on_one_root_the_second_is_refused(root: Root) -> None:
    root.create()
    with root.lock(), pytest.raises(RootBusyError, match="process"):
        run(root, toy_recipe())
    assert not run(root, toy_recipe()).failed


def test_changed_parameter_redoes_exactly_what_it_touches(root: Root, marks: Marks) -> None:
    run_inline(root, toy_recipe(marks=marks.folder))
    made = toy_recipe(names=[*NAMES, "new"], marks=marks.folder)
    result = run_inline(root, made)
    assert {stage.stage: stage.worked for stage in result.stages} == {"source": 1, "misbehave": 1, "gather": 1}
    changed = toy_recipe(names=[*NAMES, "new"], marks=marks.folder, behaviour={"zzz": "fail"})
    assert {stage.stage: stage.worked for stage in run_inline(root, changed).stages} == {
        "source": 0,
        "misbehave": 5,
        "gather": 0,  # the parts came out with the same bytes, so nothing behind them is done again
    }


def test_changed_threshold_redecides_and_decodes_nothing(root: Root, marks: Marks) -> None:
    run_inline(root, toy_recipe(marks=marks.folder))
    strict = toy_recipe(marks=marks.folder, thresholds={"longest": 9})
    result = run_inline(root, strict)
    assert {stage.stage: (stage.worked, stage.redecided) for stage in result.stages}["misbehave"] == (0, 4)
    assert states(root, strict) == {"a": "done", "bb": "done", "ccc": "filtered", "dddd": "filtered"}
    assert [marks(name) for name in NAMES] == [1, 1, 1, 1]
    back = toy_recipe(marks=marks.folder)
    run_inline(root, back)
    assert states(root, back) == dict.fromkeys(NAMES, "done")
    assert [marks(name) for name in NAMES] == [1, 1, 1, 1]


def test_changed_upstream_makes_what_follows_wait(root: Root) -> None:
    run_inline(root, toy_recipe())
    stages = {"source": {"names": NAMES, "text": "bye"}, "misbehave": {}, "gather": {}}
    changed = recipe.build({"name": "toy", "stages": stages}, REGISTRY, [], where="test")
    assert states(root, changed, "source") == dict.fromkeys(NAMES, "waiting")
    assert states(root, changed, "misbehave") == {}
    pipeline.run(changed, root, pipeline.Options(min_free_bytes=0), only="source")
    assert states(root, changed, "misbehave") == dict.fromkeys(NAMES, "waiting")


def test_source_that_shrinks_keeps_what_was_made(root: Root) -> None:
    run_inline(root, toy_recipe())
    made = toy_recipe(names=["a"])
    run_inline(root, made)
    assert states(root, made) == dict.fromkeys(NAMES, "done")


def test_two_items_with_one_id_are_refused(root: Root) -> None:
    with pytest.raises(UsageError, match="two items have the id 'a'"):
        run_inline(root, toy_recipe(names=["a", "b", "a"]))


def test_a_refused_run_leaves_the_recipe_of_the_root_as_it_was(root: Root) -> None:
    run_inline(root, toy_recipe(names=["a", "b"]))
    held = root.recipe.read_bytes()
    with pytest.raises(UsageError, match="two items have the id 'a'"):
        run_inline(root, toy_recipe(names=["a", "a"]))
    assert root.recipe.read_bytes() == held


def test_a_refused_first_run_leaves_no_recipe(root: Root) -> None:
    with pytest.raises(UsageError, match="two items have the id 'a'"):
        run_inline(root, toy_recipe(names=["a", "a"]))
    assert not root.recipe.exists()


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UsageError, match="expected a folder"):
        run_inline(Root(tmp_path / "file"), toy_recipe())


_RUN = """
import sys
from tests.engine.conftest import run, toy_recipe
from yt360.engine.storage import Root
if __name__ == "__main__":
    names = [f"item{n}" for n in range(12)]
    result = run(Root(sys.argv[1]), toy_recipe(names, seconds=0.05, marks=sys.argv[2]))
    sys.exit(result.interrupted)
"""


def _start(root: Root, marks: str) -> subprocess.Popen[bytes]:
    script = root.path.parent / "run.py"
    script.write_text(_RUN)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(
        [sys.executable, str(script), str(root.path), marks], env=environment, start_new_session=True
    )


def _resume(root: Root, marks: str) -> None:
    """The same run in this process: what counts is what lies on the disk."""
    assert not run_inline(root, toy_recipe([f"item{n}" for n in range(12)], seconds=0.05, marks=marks)).failed


def _wait_for(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "marks").mkdir()
    _resume(Root(folder / "root"), str(folder / "marks"))
    return tree(Root(folder / "root"))


@pytest.mark.parametrize("after", [1, 5, 9])
def test_sigkill_at_any_moment_then_resume_gives_the_same_bytes(
    root: Root, marks: Marks, undisturbed: dict[str, str], after: int
) -> None:
    process = _start(root, marks.folder)
    _wait_for(lambda: marks("*") >= after)
    workers = {int(name.name.split("-")[1]) for name in Path(marks.folder).glob("*.*-*")}
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _wait_for(lambda: not any(session_members(worker) for worker in workers))
    _resume(root, marks.folder)
    assert tree(root) == undisturbed


def test_sigkill_of_one_worker_gives_the_same_bytes(root: Root, marks: Marks, undisturbed: dict[str, str]) -> None:
    process = _start(root, marks.folder)
    _wait_for(lambda: marks("*") >= 3)
    worker = int(next(Path(marks.folder).glob("*.*-*")).name.split("-")[1])
    os.kill(worker, signal.SIGKILL)
    assert process.wait(60) == 0
    assert tree(root) == undisturbed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_and_ctrl_c_drain_cleanly(root: Root, marks: Marks, undisturbed: dict[str, str], number: int) -> None:
    process = _start(root, marks.folder)
    _wait_for(lambda: marks("*") >= 2)
    process.send_signal(number)
    assert process.wait(30) == number
    begun = len({path.name.split(".")[0] for path in Path(marks.folder).iterdir()})
    finished = ledger.latest(ledger.read(root.ledger / "misbehave"))
    assert len(finished) == begun < 12  # what was in flight was finished, nothing new was begun
    assert not list(root.ledger.rglob("*.open"))
    _resume(root, marks.folder)
    assert tree(root) == undisturbed
    assert marks("*") == 12
