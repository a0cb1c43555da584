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

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import CHECKOUT
from tests.engine.conftest import NAMES, Marks, run, states, toy_recipe, tree
from tests.engine.toys import REGISTRY
from yt360.engine import pipeline
from yt360.engine import recipe as recipes
from yt360.engine.events import EventLog
from yt360.engine.executors import slurm
from yt360.engine.executors.local import WorkerPool
from yt360.engine.executors.slurm import Settings, expression
from yt360.engine.stage import Resources
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


class FakeSlurm:
    """Answers as SLURM's commands do, and remembers what it was asked: words and script."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, config: str = "MaxArraySize            = 1001") -> None:
        self.asked: list[tuple[list[str], str]] = []
        self.config, self.queue = config, "7\n8 9\nJOBID"
        monkeypatch.setattr(slurm, "_command", self)

    def __call__(self, words: list[str], text: str = "") -> str:
        self.asked.append(([str(word) for word in words], text))
        if words[0] == "sbatch":
            return f"{100 + sum(each[0][0] == 'sbatch' for each in self.asked)};cluster\n"
        return self.config if words[:2] == ["scontrol", "show"] else self.queue

    def submitted(self) -> list[dict[str, str]]:
        """Of each job the option that stand as ``--name value``, and what it runs."""
        found = []
        for words, text in self.asked:
            if words[0] == "sbatch":
                found.append({word: words[at + 1] for at, word in enumerate(words[:-1]) if word.startswith("--")})
                found[-1]["script"], found[-1]["words"] = text, " ".join(words)
        return found


@pytest.mark.parametrize(
    ("config", "largest"),
    [
        ("MaxArraySize            = 1001", 1000),
        ("MaxArraySize=2", 1),
        ("MaxArraySize = 0", 1),
        ("MaxJobCount = 7", 1000),
    ],
)
def test_an_array_is_as_large_as_the_site_allows(monkeypatch: pytest.MonkeyPatch, config: str, largest: int) -> None:
    FakeSlurm(monkeypatch, config)
    assert slurm.largest_array() == largest


@pytest.mark.parametrize(
    ("tasks", "window", "site", "arrays", "offsets"),
    [
        (range(5), 1000, 1001, ["0-4"], ["0"]),
        (range(5), 2, 1001, ["0-1", "0-1", "0"], ["0", "2", "4"]),
        (range(5), 1000, 4, ["0-2", "0-1"], ["0", "3"]),
        ([3, 4, 9, 11], 3, 1001, ["0-1,6", "0"], ["3", "11"]),
    ],
)
def test_windows_of_tasks_are_arrays_that_count_from_their_first(
    root: Root,
    monkeypatch: pytest.MonkeyPatch,
    tasks: Any,
    window: int,
    site: int,
    arrays: list[str],
    offsets: list[str],
) -> None:
    fake = FakeSlurm(monkeypatch, f"MaxArraySize = {site}")
    found = slurm.submit_arrays(root, "r1", Path("chunk-0.parquet"), tasks, Resources(), Settings(window=window))
    jobs = fake.submitted()
    assert found == [101 + number for number in range(len(arrays))]
    assert [job["--array"] for job in jobs] == arrays
    assert [job["script"].split("--offset ")[1].strip() for job in jobs] == offsets


@pytest.mark.parametrize(
    ("needs", "workers", "cpus", "memory", "gpus"),
    [
        (Resources(cpus=1, memory_mb=1000), 1, "1", "1000M", None),
        (Resources(cpus=0.2, memory_mb=1000), 1, "1", "1000M", None),
        (Resources(cpus=2, memory_mb=1500), 3, "6", "4500M", None),
        (Resources(cpus=1, memory_mb=1000, gpus=0.25), 1, "1", "1000M", "gpu:1"),
        (Resources(cpus=1, memory_mb=1000, gpus=2), 1, "1", "1000M", "gpu:2"),
    ],
)
def test_a_task_asks_for_what_its_workers_need(
    root: Root,
    monkeypatch: pytest.MonkeyPatch,
    needs: Resources,
    workers: int,
    cpus: str,
    memory: str,
    gpus: str | None,
) -> None:
    fake = FakeSlurm(monkeypatch)
    chosen = Settings(workers=workers, partition="long", time="8:00:00", extra=("--qos", "low"), launcher=("run it",))
    slurm.submit_arrays(root, "r1", Path("chunk-0.parquet"), [4], needs, chosen)
    (job,) = fake.submitted()
    assert (job["--cpus-per-task"], job["--mem"], job.get("--gres")) == (cpus, memory, gpus)
    assert (job["--signal"], job["--job-name"], job["--open-mode"]) == ("B:USR1@90", "yt360-chunk-0", "append")
    assert job["--output"] == str(root.logs / "r1" / "slurm-chunk-0-%A_%a.log")
    assert job["words"].endswith("--partition=long --time=8:00:00 --qos low")
    assert "--account" not in job["words"]
    assert "--requeue" in job["words"].split()
    assert job["script"] == (
        f"#!/bin/sh\nexec 'run it' slurm task --root {root.url} --plan chunk-0.parquet --run r1 --offset 4\n"
    )


def test_a_run_goes_on_until_all_is_done_or_three_arrays_were_not_enough(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody works here, so every round finds the items of the first stage again."""
    fake, made = FakeSlurm(monkeypatch), toy_recipe(["a", "b", "c"])
    root.create()
    options = pipeline.Options(workers=1, min_free_bytes=0)
    slurm.start(root, "r1", "source", options, Settings(items=2, launcher=("yt360",)))
    for round_ in range(3):
        going = slurm.advance(root, made, "r1", None)
        array, after = fake.submitted()[-2:]
        assert (going.stage, going.finished, going.jobs) == ("source", False, (101 + 2 * round_, 102 + 2 * round_))
        assert array["--array"] == "0-1"
        assert after["--dependency"] == f"afterany:{101 + 2 * round_}"
        assert after["--output"].endswith("slurm-source-next-%j.log")
        assert after["script"].endswith(f"exec yt360 slurm next --root {root.url} --run r1\n")
        assert (slurm.folder_of(root, "r1") / f"source-{round_}.parquet").is_file()
        (missing,) = slurm.missing(root, made.stages)
        assert (missing.plan, missing.tasks, missing.items, missing.array) == (f"source-{round_}.parquet", 2, 3, "0-1")
    ended = slurm.advance(root, made, "r1", None)
    assert (ended.finished, ended.left, ended.failed, ended.jobs) == (True, {"source": 3}, 0, ())
    assert json.loads((slurm.folder_of(root, "r1") / "progress.json").read_text())["left"] == {"source": 3}


def test_a_task_does_its_own_items_and_after_a_requeue_those_that_are_left(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeSlurm(monkeypatch)
    made = toy_recipe(["a", "b", "c"])
    root.create()
    slurm.start(root, "r1", "source", pipeline.Options(workers=1, min_free_bytes=0), Settings(items=2))
    slurm.advance(root, made, "r1", None)

    def worked(task: int) -> list[str]:
        before = {record.item for record in ledger.read(root.ledger / "source")}
        slurm.work(root, made, "r1", "source-0.parquet", task, WorkerPool(1))
        return sorted({record.item for record in ledger.read(root.ledger / "source")} - before)

    assert worked(1) == ["c"]
    (missing,) = slurm.missing(root, made.stages)
    assert (missing.tasks, missing.items, missing.array) == (1, 2, "0")
    assert worked(0) == ["a", "b"]
    assert [worked(task) for task in (0, 1)] == [[], []]
    assert len(list(ledger.read(root.ledger / "source"))) == 3
    (missing,) = slurm.missing(root, made.stages)
    assert (missing.tasks, missing.items, missing.array) == (0, 0, "")
    assert slurm.advance(root, made, "r1", None).finished


def test_the_newest_plan_of_a_stage_says_what_is_missing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeSlurm(monkeypatch)
    made = toy_recipe(["a", "b", "c"])
    root.create()
    for run_id, items in (("r2", 1), ("r1", 3)):
        slurm.start(root, run_id, "source", pipeline.Options(workers=1, min_free_bytes=0), Settings(items=items))
        slurm.advance(root, made, run_id, None)
    assert [(one.run, one.tasks) for one in slurm.missing(root, made.stages)] == [("r2", 3)]
    assert list(slurm.missing(root, [])) == []


def test_what_slurm_answers_is_read(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSlurm(monkeypatch)
    assert slurm.queued() == {7, 8, 9}
    for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    assert not slurm.requeue_self()
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert slurm.requeue_self()
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "11")
    assert slurm.requeue_self()
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    assert slurm.requeue_self()
    assert [words for words, _ in fake.asked[1:]] == [["scontrol", "requeue", name] for name in ("12", "12", "11_0")]

    def refused(words: list[str], text: str = "") -> str:
        raise Yt360Error("no")

    monkeypatch.setattr(slurm, "_command", refused)
    assert not slurm.requeue_self()


def test_a_command_that_refuses_or_is_not_there_says_so() -> None:
    assert slurm._command(["cat"], "a script") == "a script"
    with pytest.raises(UsageError, match=r"sh refused \(exit code 3\): not today"):
        slurm._command(["sh", "-c", "echo not today >&2; exit 3"])
    with pytest.raises(Yt360Error, match="no-such-sbatch: expected an answer from SLURM"):
        slurm._command(["no-such-sbatch"])


def test_a_plan_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    for name in ("torn", "other", "missing"):
        with pytest.raises(UsageError, match=rf"{name}\.parquet: expected a frozen plan"):
            slurm._header(tmp_path / f"{name}.parquet")
