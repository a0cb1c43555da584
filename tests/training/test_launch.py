"""The launch files for clusters: they parse, and what they start exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import CHECKOUT
from yt360.cli.train import train_command
from yt360.training.recipe import load_recipe

REPOSITORY = CHECKOUT
CLUSTER = REPOSITORY / "pipelines" / "cluster"


@pytest.mark.parametrize("path", sorted(CLUSTER.glob("train-*")), ids=lambda path: path.name)
def test_recipes_that_launch_files_name_exist(path: Path) -> None:
    named = re.findall(r"pipelines/train/[\w.-]+\.yaml", path.read_text())
    assert named
    for name in named:
        assert load_recipe(REPOSITORY / name).phases


def test_the_slurm_file_starts_a_command_that_exists(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Run with stand-ins for SLURM and torchrun that write down how they are called."""
    script = CLUSTER / "train-slurm.sbatch"
    calls = tmp_path / "calls"
    trap = f'trap "echo stopped >>{calls}; exit 1" TERM'
    bodies = {
        "srun": f'echo "srun $*" >>{calls}; while [[ $1 == --* ]]; do shift; done; exec "$@"',
        "torchrun": f'{trap}; echo "torchrun $*" >>{calls}; sleep ${{STAY:-0}} & wait',
        "scontrol": f'echo "scontrol $*" >>{calls}; echo node0',
    }
    for name, body in bodies.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "node[0-1]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_GPUS_ON_NODE": "4",
    }
    command = ["bash", str(script), "recipe.yaml", "/a root", "/out", "--set", "seed=1"]
    subprocess.run(command, env=environment, check=True, timeout=20)
    torchrun = next(line for line in calls.read_text().splitlines() if line.startswith("torchrun"))
    assert "--nnodes 2 --nproc-per-node 4" in torchrun
    assert "--rdzv-endpoint node0:29500" in torchrun
    assert torchrun.endswith("--no-python yt360 train recipe.yaml --root /a root --out /out --quiet --set seed=1")
    options = {option for parameter in train_command.params for option in parameter.opts}
    assert {"--root", "--out", "--quiet", "--set"} <= options

    # Told to stop, as SLURM does before the time limit, it waits for training's end and queues the job again.
    began = subprocess.Popen(command, env=environment | {"STAY": "30"})
    while calls.read_text().count("\ntorchrun") < 2:
        assert began.poll() is None
    began.terminate()
    assert began.wait(timeout=20) == 0
    assert calls.read_text().splitlines()[-2:] == ["stopped", "scontrol requeue 7"]
    assert subprocess.run(["bash", str(script)], env=environment, capture_output=True).returncode == 2
