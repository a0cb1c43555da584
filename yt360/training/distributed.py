"""Several processes under torchrun, or one: the same calls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from yt360.errors import UsageError


@dataclass(frozen=True)
class Processes:
    """This process's place: ``rank`` of ``world``, computing on ``device``."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes logs and checkpoints."""
        return self.rank == 0


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Join the group that torchrun announces in the environment, or be alone. ``device``: auto, cpu or cuda."""
    cuda = torch.cuda.is_available() and device != "cpu"
    if device == "cuda" and not cuda:
        raise UsageError("run.device: cuda, but torch sees no CUDA device: install a CUDA build or use device: auto")
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes(0, 1, torch.device("cuda" if cuda else "cpu"))
        return
    place = int(os.environ.get("LOCAL_RANK", "0"))
    if cuda and place >= torch.cuda.device_count():
        raise UsageError(
            f"run.device: expected a CUDA device for each process of this machine, found {torch.cuda.device_count()} "
            f"for process {place}: start fewer (--nproc-per-node), or use device: cpu"
        )
    local = torch.device("cuda", place) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Processes(dist.get_rank(), world, local)
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """All-gather along the first dimension whose backward sums each process's part over all processes."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.rows = x.shape[0]
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        first = dist.get_rank() * ctx.rows
        return gradient[first : first + ctx.rows]


def gather_with_gradient(x: Tensor) -> tuple[Tensor, int]:
    """``x`` (n, …) of all processes in order of rank, and the row at which this process's part begins."""
    if not dist.is_initialized():
        return x, 0
    return _Gather.apply(x), dist.get_rank() * x.shape[0]


def mean_over_processes(values: Tensor) -> Tensor:
    """Mean of a tensor over all processes (no gradient)."""
    if dist.is_initialized():
        values = values.clone()
        dist.all_reduce(values)
        values /= dist.get_world_size()
    return values


def smallest_over_processes(value: int, device: torch.device) -> int:
    """Minimum of an integer over all processes."""
    if not dist.is_initialized():
        return value
    tensor = torch.tensor(value, device=device)
    dist.all_reduce(tensor, op=dist.ReduceOp.MIN)
    return int(tensor)


def sum_over_processes(value: int, device: torch.device) -> int:
    """Sum of an integer over all processes."""
    if not dist.is_initialized():
        return value
    tensor = torch.tensor(value, device=device)
    dist.all_reduce(tensor)
    return int(tensor)


def barrier() -> None:
    """Wait for all processes."""
    if dist.is_initialized():
        dist.barrier()
