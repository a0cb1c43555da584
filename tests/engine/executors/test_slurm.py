"""Runs on a real SLURM (`.ci/slurm` starts one); skipped where there is none."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import CHECKOUT
from tests.engine.conftest import NAMES, Marks, run, states, toy_recipe, tree
from tests.engine.toys import REGISTRY
from yt360.engine import pipeline
from yt360.engine import recipe as recipes
from yt360.engine.executors import slurm
from yt360.engine.executors.slurm import Settings, expression
from yt360.engine.storage import Root

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
    records = [r for r in slurm.ledger.read(other.ledger / "misbehave") if r.item == "a"]
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

    def toy(*words: str) -> subprocess.CompletedProcess:
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
