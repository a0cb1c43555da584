"""Two gloo processes against one: the same loss, the same gradients, and whole runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.training.world import tiny

REPOSITORY = Path(__file__).parents[2]

STEP = """
import sys, torch
from torch import nn
from tests.training.world import tiny
from yt360.training.distributed import mean_over_processes, processes
from yt360.training.model import AudioVisualModel
from yt360.training.objectives import align

torch.set_num_threads(1)
with processes("cpu") as group:
    torch.manual_seed(0)
    model = AudioVisualModel(tiny(model={"translator": {"dropout": 0.0}}), translators=True, whole_video=False)
    # Batch norm looks at one process's share of the batch (as in the published DataParallel): fixed here.
    model.video.eval(), model.sound.eval()
    inputs = torch.randn(4, 2, 3, 4, 16, 16), torch.randn(4, 2, 4, 25, 16), torch.randn(4, 2, 3)
    share = 4 // group.world
    own = [x[group.rank * share : (group.rank + 1) * share] for x in inputs]
    wrapped = nn.parallel.DistributedDataParallel(model) if group.world > 1 else model
    found = {}
    for pool in ("full112", "slot31"):
        wrapped.zero_grad()
        result = align(wrapped(*own), pool, 0.07)
        result.loss.backward()
        found[pool] = {n: p.grad.clone() for n, p in model.named_parameters()}
        found[pool]["measures"] = mean_over_processes(torch.stack([value.detach() for value in result]))
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
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors


@pytest.fixture
def port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_loss_and_gradients_of_two_processes_equal_those_of_one(tmp_path, port):
    """Bug 5 (criterion outside DDP, negatives of one process only) cannot come back."""
    for world in (1, 2):
        torchrun(["-c", STEP, str(tmp_path / f"{world}.pt")], world, port)
    one, two = (torch.load(tmp_path / f"{world}.pt", weights_only=True) for world in (1, 2))
    for pool in ("full112", "slot31"):
        assert one[pool].keys() == two[pool].keys()
        for name in one[pool]:
            torch.testing.assert_close(two[pool][name], one[pool][name], rtol=1e-5, atol=1e-5)
        assert float(one[pool]["video.stem.0.weight"].abs().max()) > 1e-3


@pytest.mark.slow
def test_a_run_on_two_processes_trains(root, tmp_path, port):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(tiny(evaluation={"every": 2}).model_dump_json())
    code = "import sys; from yt360.cli.main import main; main(sys.argv[1:])"
    command = ["-c", code, "train", str(recipe), "--root", str(root), "--out", str(tmp_path / "out"), "--quiet"]
    torchrun(command, 2, port)
    records = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert records[0]["processes"] == 2
    assert [r["step"] for r in records if r["kind"] == "step"] == [1, 2, 3, 1, 2, 3, 4]
    assert records[-1]["kind"] == "end"
    assert records[-1]["seen"] == 7 * 4
