"""Runs on a real SLURM (`.ci/slurm` starts one); skipped where there is none."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests import CHECKOUT
from tests.engine.conftest import NAMES, Marks, run, states, toy_recipe, tree
from tests.engine.toys import REGISTRY
from yt360.engine import pipeline
from yt360.engine import recipe as recipes
from yt360.engine.events import EventLog
from yt360.engine.executors import slurm
from yt360.engine.executors.slurm import Settings, expression
from yt360.engine.stage_run import StageRun
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError, Yt360Error

_LAUNCHER = (
    "env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "tests.engine.toy_cli",
)  # fmt: skip


def _slurm_answers() -> bool:
    if shutil.which("sbatch") is None:
        return False
    return subprocess.run(["sinfo", "--noheader"], capture_output=True, timeout=20).returncode == 0


needs_slurm = pytest.mark.skipif(not _slurm_answers(), reason="no SLURM answers here: run .ci/slurm as root")


def _submit(root: Root, made: recipes.Recipe, **settings: Any) -> str:
    run_id = pipeline.run_name()
    root.create()
    options = pipeline.Options(workers=1, min_free_bytes=0)
    slurm.start(root, run_id, None, options, Settings(launcher=_LAUNCHER, **settings))
    slurm.advance(root, made, run_id, None)
    return run_id


@pytest.mark.parametrize(("numbers", "expected"), [([], ""), ([4], "4"), ([0, 1, 2], "0-2"), ([0, 2, 3, 7], "0,2-3,7")])
def test_array_expression(numbers: list[int], expected: str) -> None:
    assert expression(numbers) == expected


@pytest.mark.slow
@needs_slurm
def test_arrays_in_windows_give_the_bytes_of_a_local_run(tmp_path: Path, root: Root) -> None:
    made = toy_recipe()
    run(root, made)
    other = Root(tmp_path / "on-slurm")
    run_id = _submit(other, made, tasks=3, window=2)
    progress = slurm.wait(other, run_id, every_s=0.3)
    assert (progress.finished, progress.failed, dict(progress.left)) == (True, 0, {})
    assert tree(other) == tree(root)
    assert all(not one.array for one in slurm.missing(other, made.stages))
    records = [r for r in ledger.read(other.ledger / "misbehave") if r.item == "a"]
    assert records[0].log.startswith(f"logs/{run_id}/")


@pytest.mark.slow
@needs_slurm
def test_preempted_task_is_queued_again_and_missing_says_which(tmp_path: Path, root: Root, marks: Marks) -> None:
    names = [f"item{n}" for n in range(4)]
    made = toy_recipe(names, seconds=1.0, marks=marks.folder)
    run_id = _submit(root, made, tasks=2)
    deadline = time.monotonic() + 90
    while not marks("*"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    job = json.loads((slurm.folder_of(root, run_id) / "progress.json").read_text())["jobs"][0]
    left = {one.stage: one for one in slurm.missing(root, made.stages)}
    assert left["misbehave"].items >= 3
    assert left["misbehave"].array in ("0-1", "1")
    subprocess.run(["scontrol", "requeue", f"{job}_0"], check=True)  # what preemption with requeue does
    # SLURM waits for two minutes before it starts a requeued job; nobody needs to here.
    subprocess.run(["scontrol", "update", f"JobId={job}_0", "StartTime=now"], check=True)
    assert slurm.wait(root, run_id, every_s=0.3).finished
    assert states(root, made) == dict.fromkeys(names, "done")
    undisturbed = Root(tmp_path / "undisturbed")
    run(undisturbed, toy_recipe(names))
    assert tree(root) == tree(undisturbed)


@pytest.mark.slow
@needs_slurm
def test_command_line_runs_a_recipe_and_explain_finds_the_log(tmp_path: Path) -> None:
    recipe = tmp_path / "toy.yaml"
    behaviour = {"bb": "segfault"}
    recipe.write_text(json.dumps({"stages": {"source": {"names": NAMES[:2]}, "misbehave": {"behaviour": behaviour}}}))
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}

    def toy(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.engine.toy_cli", *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)

    root = str(tmp_path / "root")
    where = ["--root", root, "--min-free-gb", "0", "--engine", "slurm", "--launcher", shlex.join(_LAUNCHER)]
    done = toy("run", str(recipe), *where)
    assert done.returncode == 1, done.stderr  # one item failed
    assert "poison" in toy("status", "--root", root).stdout
    told = json.loads(toy("explain", "bb", "--root", root, "--json").stdout)
    last = told["history"][-1]
    assert (last["reason"], last["attempt"]) == ("poison", 3)
    assert "Segmentation fault" in (Path(root) / last["log"]).read_text()
    assert "nothing left" in toy("status", "--root", root, "--missing").stdout
    assert states(Root(root), recipes.load(recipe, REGISTRY)) == {"a": "done", "bb": "failed"}


def test_a_run_whose_jobs_are_gone_is_given_up_at_the_third_look(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two jobs of a run the queue may be empty for a moment."""
    folder = slurm.folder_of(root, "r1")
    folder.mkdir(parents=True)
    going = slurm.Progress("r1", "chunk", (7, 8))
    (folder / "progress.json").write_text(json.dumps(asdict(going)))
    queues = iter([{7, 8}, set(), set(), {8}, set(), set(), set(), {8}])
    looked: list[set[int]] = []

    def queued() -> set[int]:
        looked.append(next(queues))
        return looked[-1]

    monkeypatch.setattr(slurm, "queued", queued)
    said: list[slurm.Progress] = []
    with pytest.raises(Yt360Error, match="none of its jobs is in SLURM's queue, and stage chunk is not finished"):
        slurm.wait(root, "r1", every_s=0.0, say=said.append)
    assert len(looked) == 7
    assert [one.stage for one in said] == ["chunk"]


@pytest.mark.parametrize(
    ("settings", "tasks"),
    [
        (Settings(tasks=3), [0, 0, 0, 1, 1, 1, 2]),
        (Settings(tasks=7), [0, 1, 2, 3, 4, 5, 6]),
        (Settings(tasks=100), [0, 1, 2, 3, 4, 5, 6]),
        (Settings(tasks=3, items=2), [0, 0, 1, 1, 2, 2, 3]),
    ],
)
def test_items_are_shared_out_over_tasks_in_their_order(
    root: Root, monkeypatch: pytest.MonkeyPatch, settings: Settings, tasks: list[int]
) -> None:
    monkeypatch.setattr(slurm, "_ROWS_AT_ONCE", 4)
    made = toy_recipe([f"item{n}" for n in range(7)])
    root.create()
    run(root, made)
    stage = made.stages[1]
    jobs = StageRun(
        stage, DatasetState(root, made.stages), root, pipeline.Options(workers=1, retry="all"), "r1",
        EventLog(root.logs / "r1.jsonl", "r1"),
    ).settle()  # fmt: skip
    assert len(jobs) == 7
    slurm.folder_of(root, "r1").mkdir(parents=True)
    plan = pq.read_table(slurm.freeze(root, "r1", stage, jobs, settings, 0))
    assert plan["task"].to_pylist() == tasks
    assert plan["id"].to_pylist() == [job.item.id for job in jobs]
    assert json.loads(plan.schema.metadata[b"yt360-frozen"])["tasks"] == tasks[-1] + 1


def test_what_a_run_is_is_written_down_for_its_jobs(root: Root) -> None:
    root.create()
    options = pipeline.Options(workers=3, min_free_bytes=5, retry="failed")
    slurm.start(root, "r1", "chunk", options, Settings(tasks=7, partition="cpu"))
    told = slurm._told(root, "r1")
    assert (told["only"], told["stages"]) == ("chunk", {})
    assert pipeline.Options(**told["options"]) == options
    assert (told["settings"]["tasks"], told["settings"]["partition"]) == (7, "cpu")
    (slurm.folder_of(root, "r1") / "run.json").write_text("{")
    for run_id in ("r1", "unknown"):
        with pytest.raises(UsageError, match=rf"{run_id}/run\.json: expected the settings of a SLURM run, found: "):
            slurm._told(root, run_id)
