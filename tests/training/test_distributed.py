"""Two gloo processes against one: the same loss, the same gradients, and whole runs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests import CHECKOUT
from tests.training.runs import log, losses
from tests.training.world import tiny

REPOSITORY = CHECKOUT

STEP = """
import sys, torch
from torch import nn
from tests.training.world import tiny
from yt360.training.distributed import mean_over_processes, processes
from yt360.models.audio_visual import AudioVisualModel
from yt360.training.losses import align

torch.set_num_threads(1)
with processes("cpu") as group:
    torch.manual_seed(0)
    settings = tiny(model={"translator": {"dropout": 0.0}}).model
    model = AudioVisualModel(settings, 4, translators=True, whole_video=False)
    # Batch norm looks at one process's share of the batch (as in the published DataParallel): fixed here.
    model.video.eval(), model.sound.eval()
    inputs = torch.randn(4, 2, 3, 4, 16, 16), torch.randn(4, 2, 4, 25, 16), torch.randn(4, 2, 3)
    share = 4 // group.world
    own = [x[group.rank * share : (group.rank + 1) * share] for x in inputs]
    wrapped = nn.parallel.DistributedDataParallel(model) if group.world > 1 else model
    found = {}
    for name, pool in (("all_views", "all_views"), ("same_slot", "same_slot"), ("recomputed", "all_views")):
        model.video.recompute = name == "recomputed"
        wrapped.zero_grad()
        result = align(wrapped(*own), pool, 0.07)
        result.loss.backward()
        found[name] = {n: p.grad.clone() for n, p in model.named_parameters()}
        found[name]["measures"] = mean_over_processes(torch.stack([value.detach() for value in result]))
    if group.first:
        torch.save(found, sys.argv[1])
"""


def torchrun(arguments: list[str], world: int, port: int) -> None:
    """Start ``world`` processes the way torchrun does, through the same environment variables."""
    environment = os.environ | {
        "WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(REPOSITORY),
    }
    started = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    said = [process.communicate(timeout=120)[1] for process in started]
    # Of all: the first to complain is often the one that another left alone.
    assert [process.returncode for process in started] == [0] * world, "\n".join(said)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]


@pytest.mark.slow
def test_loss_and_gradients_of_two_processes_equal_those_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug 5 (criterion outside DDP, negatives of one process only) cannot come back."""
    torchrun(["-c", STEP, str(tmp_path / "2.pt")], 2, free_ports(1)[0])
    monkeypatch.setattr(sys, "argv", ["step", str(tmp_path / "1.pt")])
    exec(STEP, {})
    one, two = (torch.load(tmp_path / f"{world}.pt", weights_only=True) for world in (1, 2))
    for case in ("all_views", "same_slot", "recomputed"):
        assert one[case].keys() == two[case].keys()
        for name in one[case]:
            torch.testing.assert_close(two[case][name], one[case][name], rtol=1e-5, atol=1e-5)
        assert float(one[case]["video.stem.0.weight"].abs().max()) > 1e-3
    torch.testing.assert_close(two["recomputed"], two["all_views"])


RUNS = """
import os, signal, sys
from pathlib import Path
from tests.training.runs import run
from yt360.training import checkpoints
from yt360.training.recipe import load_recipe

recipe, root, out = (Path(name) for name in sys.argv[1:4])
ports = iter(sys.argv[4:])
write = checkpoints.write_checkpoint

def train(name):
    os.environ["MASTER_PORT"] = next(ports)
    return run(load_recipe(recipe), root, out / name)

def write_and_be_told_to_stop(*args, **kwargs):
    path = write(*args, **kwargs)
    checkpoints.write_checkpoint = write
    os.kill(os.getpid(), signal.SIGTERM)
    return path

assert not train("whole").interrupted
# Only the first process writes and so is told; both have to stop after the same step.
if os.environ["RANK"] == "0":
    checkpoints.write_checkpoint = write_and_be_told_to_stop
stopped = train("resumed")
assert stopped.interrupted and stopped.steps == 3, stopped
assert not train("resumed").interrupted
"""


@pytest.mark.slow
def test_a_run_on_two_processes_trains_and_resumes_in_the_middle_of_an_epoch(root: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    phase = {"name": "avsa", "objective": "avsa", "views": 2, "batch": 4, "translators": True, "epochs": 2}
    recipe.write_text(tiny(phases=[phase], data={"clips_per_video": 4}, evaluation={"every": 4}).model_dump_json())
    command = ["-c", RUNS, str(recipe), str(root), str(tmp_path), *map(str, free_ports(3))]
    torchrun(command, 2, 0)
    start, *_, end = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert start["processes"] == 2
    assert (end["kind"], end["seen"]) == ("end", 12 * 4)
    # Of the three test videos each process has one in a batch: nothing was evaluated, and nothing said.
    assert [record["step"] for record in log(tmp_path / "whole", "evaluation")] == [4, 8, 12]
    assert [(r["step"], r["epoch"]) for r in log(tmp_path / "whole")] == [(n, (n - 1) // 6 + 1) for n in range(1, 13)]
    assert losses(tmp_path / "resumed") == losses(tmp_path / "whole")
