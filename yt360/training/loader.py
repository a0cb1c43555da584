"""The data loader of a run: the plan's requests, made into batches by worker processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.context import BaseContext

import cv2
import torch
from torch.utils.data import DataLoader

from yt360.dataset.manifest import ClipSplit
from yt360.training.batch_plan import BatchPlan, Request
from yt360.training.checkpoints import State
from yt360.training.recipe import TrainingRecipe
from yt360.training.samples import Batch, SampleDataset, as_it_is


def data_loader(
    recipe: TrainingRecipe, root: str, splits: Sequence[ClipSplit], plan: BatchPlan, state: State, device: torch.device
) -> DataLoader[Batch]:
    """All batches of the run from ``state`` on, in the plan's order whatever the number of workers."""
    workers = recipe.data.workers
    return DataLoader(
        SampleDataset(recipe, root, splits),
        batch_sampler=_Requests(plan, state),
        collate_fn=as_it_is,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        multiprocessing_context=_worker_context() if workers else None,
        worker_init_fn=_start_worker if workers else None,
        prefetch_factor=2 if workers else None,
    )


class _Requests:
    """The plan's batches from a state on, as the data loader wants them."""

    def __init__(self, plan: BatchPlan, state: State) -> None:
        self._plan, self._phase, self._step = plan, state.phase, state.step

    def __iter__(self) -> Iterator[list[Request]]:
        return self._plan.requests(self._phase, self._step)


def _worker_context() -> BaseContext:
    """Workers forked from a clean process that has imported what they need: no inherited threads, quick to start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["yt360.training.samples"])
    return context


def _start_worker(_: int) -> None:
    """A data worker leaves Ctrl-C and SIGTERM to the main process, which saves and ends it, and uses one core.

    A scheduler sends SIGTERM to all processes of a job at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    cv2.setNumThreads(1)
