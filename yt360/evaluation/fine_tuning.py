"""Training of what has to be trained on pictures: a seeded plan, a checkpoint to go on from, several processes.

Gradients are those of the sum of losses over all processes divided by the number of labels there, so
they do not depend on how a batch is shared out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.utils.data import Dataset

from yt360.errors import UsageError, Yt360Error
from yt360.evaluation.context import TaskContext
from yt360.evaluation.frozen_features import Stopped
from yt360.evaluation.recipe import ActionTask, SegmentationTask
from yt360.evaluation.samples import HEAD, Unreadable, judge_unreadable, read_blocks
from yt360.files import atomic_write, parse_json
from yt360.models.tensor_files import save_tensors
from yt360.training.distributed import Processes, barrier, sum_over_processes

Loss = Callable[[dict[str, Tensor]], tuple[Tensor, Tensor]]
"""A batch to (sum of losses, number of labels), both scalars on the device."""


@dataclass
class Fit:
    """``module``: all that has a state, of which ``parameters`` learn. ``dataset(epoch)`` gives the epoch's samples.

    ``path`` of the checkpoint, which is gone on from where its ``identity`` is the same.
    """

    module: nn.Module
    parameters: Sequence[nn.Parameter]
    loss: Loss
    dataset: Callable[[int], Dataset[Any]]
    samples: int
    task: SegmentationTask | ActionTask
    path: Path
    identity: str
    job: TaskContext

    @property
    def group(self) -> Processes:
        return self.job.group

    def run(self) -> None:
        """Train to the end, from the checkpoint at ``path`` if there is one of the same ``identity``."""
        task = self.task
        batch = min(task.batch, self.samples)
        per_epoch = self.samples // batch
        total = task.epochs * per_epoch
        self.optimiser = torch.optim.Adam(list(self.parameters), lr=task.learning_rate, weight_decay=task.weight_decay)
        step = self._resume()
        unreadable: list[tuple[str, str]] = []
        seen = 0
        for epoch in range(step // per_epoch, task.epochs):
            rate = task.learning_rate * task.decay ** sum(epoch >= milestone for milestone in task.milestones)
            for settings in self.optimiser.param_groups:
                settings["lr"] = rate
            for block in self._blocks(epoch, batch, step - epoch * per_epoch if epoch == step // per_epoch else 0):
                bad: Sequence[Unreadable] = block[1]
                unreadable += [(sample.clip, sample.error) for sample in bad]
                seen += batch
                if len(unreadable) > 10:
                    judge_unreadable(unreadable, seen)
                step += 1
                self._step(step, block[0])
                self.job.said("train", step, total)
                stopping = sum_over_processes(int(self.job.stopped()), self.group.device) > 0
                if stopping or step % self.job.recipe.run.checkpoint_every == 0 or step == total:
                    self._save(step)
                if stopping:
                    raise Stopped

    def _blocks(self, epoch: int, batch: int, done: int) -> Iterator[tuple[dict[str, Tensor], Sequence[Unreadable]]]:
        """This process's part of the epoch's batches from number ``done`` on."""
        order = np.random.default_rng((self.job.recipe.seed, HEAD, epoch)).permutation(self.samples)
        rows = order[: self.samples // batch * batch].reshape(-1, batch)[done:]
        rank, world = self.group.rank, self.group.world
        own = [(number, row[rank::world].tolist()) for number, row in enumerate(rows)]
        for found in read_blocks(self.dataset(epoch), own, self.job.recipe.run.workers, self.group.device):
            yield found.tensors, found.unreadable

    def _step(self, step: int, batch: dict[str, Tensor]) -> None:
        torch.manual_seed(
            int(np.random.SeedSequence((self.job.recipe.seed, step, self.group.rank)).generate_state(1)[0])
        )
        self.optimiser.zero_grad(set_to_none=True)
        device = self.group.device
        total, count = torch.zeros((), device=device), torch.zeros((), device=device)
        if batch:
            total, count = self.loss(batch)
            if total.requires_grad:
                total.backward()
        sums = torch.stack([total.detach().float(), count.detach().float()])
        if self.group.world > 1:
            dist.all_reduce(sums)
        if not torch.isfinite(sums).all():
            raise Yt360Error(f"step {step}: the loss is not finite; a lower learning_rate may help")
        if sums[1] == 0:
            return
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            if self.group.world > 1:
                dist.all_reduce(parameter.grad)
            parameter.grad /= sums[1]
        self.optimiser.step()

    def _save(self, step: int) -> None:
        if self.group.first:
            tensors = {f"module/{name}": value for name, value in self.module.state_dict().items()}
            for number, parameter in enumerate(self.parameters):
                for key, value in self.optimiser.state.get(parameter, {}).items():
                    tensors[f"{key}/{number}"] = value
            metadata = {"state": json.dumps({"step": step, "identity": self.identity})}
            atomic_write(self.path, lambda partial: save_tensors(partial, tensors, metadata))
        barrier()

    def _resume(self) -> int:
        if not self.path.exists():
            return 0
        try:
            with safe_open(str(self.path), "pt") as held:
                state: dict[str, Any] = parse_json((held.metadata() or {})["state"])
                tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118 - not a dictionary
            if state["identity"] != self.identity:
                raise UsageError(f"{self.path}: belongs to another evaluation: use a new --out, or remove it")
            self.module.load_state_dict(
                {name.removeprefix("module/"): value for name, value in tensors.items() if name.startswith("module/")}
            )
            for number, parameter in enumerate(self.parameters):
                if f"step/{number}" in tensors:
                    self.optimiser.state[parameter] = {
                        key: tensors[f"{key}/{number}"].to("cpu" if key == "step" else parameter.device)
                        for key in ("step", "exp_avg", "exp_avg_sq")
                    }
            return int(state["step"])
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"{self.path}: cannot be read as a checkpoint ({error}); remove it and run again"
            ) from error
