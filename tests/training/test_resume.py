"""Runs that are interrupted go on with the losses they would have had; others are refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch

from tests import CHECKOUT
from tests.training.runs import log, long_recipe, losses, run
from tests.training.world import make_root, tiny
from yt360.errors import RootBusyError, UsageError
from yt360.models import tensor_files
from yt360.models.folder import list_checkpoints
from yt360.training import checkpoints
from yt360.training.metrics_log import last_evaluations

REPOSITORY = CHECKOUT


class InterruptError(Exception):
    pass


def interrupt_after(monkeypatch: pytest.MonkeyPatch, checkpoints_written: int) -> None:
    """Die like a killed process right after a checkpoint: nothing of the loop runs after it."""
    real, count = checkpoints.write_checkpoint, [0]

    def write(*args: Any, **kwargs: Any) -> Any:
        path = real(*args, **kwargs)
        count[0] += 1
        if count[0] == checkpoints_written:
            raise InterruptError
        return path

    monkeypatch.setattr(checkpoints, "write_checkpoint", write)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_resumed_run_has_the_losses_of_an_uninterrupted_one(
    root: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Killed after step 2 of 3, at the end of a phase, and in the middle of the second phase."""
    with monkeypatch.context() as patched:
        interrupt_after(patched, after)
        with pytest.raises(InterruptError):
            run(tiny(), root, tmp_path)
    assert len(losses(tmp_path)) < len(losses(finished))
    summary = run(tiny(), root, tmp_path)
    assert losses(tmp_path) == losses(finished)
    assert summary.evaluations == last_evaluations(finished / "log.jsonl")  # those of phases before it, too
    for name in ("model.safetensors", "config.json", "preprocessor_config.json", "README.md"):
        assert (tmp_path / "model" / name).read_bytes() == (finished / "model" / name).read_bytes()


def test_resume_in_the_middle_of_a_log_interval(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny(run={"log_every": 3}, data={"clips_per_video": 6})
    run(recipe, root, tmp_path / "whole")
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        with pytest.raises(InterruptError):
            run(recipe, root, tmp_path / "resumed")
    run(recipe, root, tmp_path / "resumed")
    assert losses(tmp_path / "resumed") == losses(tmp_path / "whole")


@pytest.mark.slow
def test_workers_change_nothing_and_resume_exactly(
    root: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(data={"workers": 2})
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        with pytest.raises(InterruptError):
            run(recipe, root, tmp_path)
    run(recipe, root, tmp_path)
    assert losses(tmp_path) == losses(finished)


def test_a_finished_run_is_left_alone(root: Path, finished: Path) -> None:
    before = (finished / "log.jsonl").read_bytes(), (finished / "model" / "model.safetensors").stat().st_mtime_ns
    summary = run(tiny(), root, finished)
    assert summary.evaluations["avsa"]["avsa_chance"] == 0.5
    after = (finished / "log.jsonl").read_bytes(), (finished / "model" / "model.safetensors").stat().st_mtime_ns
    assert after == before


def test_another_recipe_in_the_same_folder_is_refused(root: Path, finished: Path) -> None:
    with pytest.raises(UsageError, match=r"another run, which differs in model\.width, seed"):
        run(tiny(seed=9, model={"width": 4}), root, finished)


def test_another_dataset_under_the_same_run_is_refused(finished: Path, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", clips=1, seconds=1.2, test_videos=3, seed=1)
    with pytest.raises(UsageError, match="holds now"):
        run(tiny(), root, finished)


def test_truncated_checkpoint_is_named(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        with pytest.raises(InterruptError):
            run(tiny(), root, tmp_path)
    checkpoint = list_checkpoints(tmp_path / "checkpoints")[-1]
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UsageError, match=r"model\.safetensors: expected the file that was written .*remove"):
        run(tiny(), root, tmp_path)


def test_a_checkpoint_that_was_not_finished_is_not_one(
    root: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while writing the second checkpoint: the run goes on from the first."""
    real, count = safetensors.torch.save_file, [0]

    def save(*args: Any, **settings: Any) -> None:
        count[0] += 1
        if count[0] == 4:
            raise InterruptError
        real(*args, **settings)

    with monkeypatch.context() as patched:
        patched.setattr(tensor_files, "save_file", save)
        with pytest.raises(InterruptError):
            run(tiny(), root, tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["00-avc-00000002"]
    run(tiny(), root, tmp_path)
    assert losses(tmp_path) == losses(finished)


def test_only_the_newest_checkpoints_and_phase_ends_are_kept(finished: Path) -> None:
    names = [path.name for path in list_checkpoints(finished / "checkpoints")]
    assert names == ["00-avc-00000003", "01-avsa-00000002", "01-avsa-00000004"]


@pytest.mark.slow
def test_sigterm_ends_with_a_checkpoint_and_the_same_losses_follow(root: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json.yaml"
    long = long_recipe(steps=20, run={"checkpoint_every": 1000})
    recipe.write_text(long.model_dump_json())
    run(long, root, tmp_path / "whole")
    out = tmp_path / "out"
    code = "import sys; from yt360.cli.main import main; main(['train', *sys.argv[1:]])"
    command = [sys.executable, "-c", code, str(recipe), "--root", str(root), "--out", str(out), "--quiet"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "log.jsonl").exists() or len(log(out)) < 3:
        assert time.monotonic() < deadline
        assert process.stderr is not None
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, 130), errors
    if process.returncode == 130:
        assert "run the same command to go on" in errors
    run(long, root, out)
    assert losses(out) == losses(tmp_path / "whole")


def test_two_runs_in_one_folder_are_refused(root: Path, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RootBusyError, match="another run is working there"):
            run(tiny(), root, tmp_path)
