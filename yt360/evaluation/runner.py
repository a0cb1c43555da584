"""Runs an evaluation: each task once, its result in the run folder, everything kept to go on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from yt360.errors import UsageError
from yt360.evaluation.context import TaskContext, TaskResult
from yt360.evaluation.frozen_features import Stopped
from yt360.evaluation.pretrained import load_pretrained
from yt360.evaluation.recipe import EvaluationRecipe, Task
from yt360.evaluation.results import read_result, result_path, write_result
from yt360.evaluation.tasks import all_tasks
from yt360.hashing import digest_json
from yt360.training.distributed import barrier, processes
from yt360.training.run_lock import only_run, stop_on_signals

_LEAVES = ("results/", "features/", "checkpoints/", "pictures/")
"""What a run writes into its folder."""


@dataclass(frozen=True)
class EvaluationSummary:
    """How a run ended: the files of its results, in order of the tasks."""

    results: tuple[Path, ...]
    interrupted: bool


def evaluate(
    recipe: EvaluationRecipe,
    root: str,
    checkpoint: Path | None,
    out: Path,
    *,
    said: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> EvaluationSummary:
    """Run all tasks of ``recipe`` on the model in ``checkpoint`` and the data below ``root``.

    What ``out`` holds already is not done again; an interrupted run goes on. ``said`` hears of progress.
    Raises :class:`UsageError` for what is missing or does not fit.
    """
    if recipe.run.threads is not None:
        torch.set_num_threads(recipe.run.threads)
    stop: list[bool] = []
    with (
        processes(recipe.run.device) as group,
        only_run(out, first=group.first, holds=_LEAVES),
        stop_on_signals(lambda: stop.append(True)),
    ):
        pretrained = load_pretrained(recipe, checkpoint, group.device)
        job = TaskContext(recipe, pretrained, root, out, group, stopped=lambda: bool(stop), said=said)
        finished: list[Path] = []
        left = _left(job)
        try:
            for place, task in enumerate(recipe.tasks):
                names = all_tasks.result_names(task)
                if identity := left.get(place):
                    began = time.monotonic()
                    found = all_tasks.measure(job, task)
                    if group.first:
                        for name, outcome in zip(names, found, strict=True):
                            fields = _fields(job, task, outcome) | {"identity": identity}
                            write_result(out, name, fields | {"seconds": round(time.monotonic() - began, 1)})
                    barrier()
                finished += [result_path(out, name) for name in names]
        except Stopped:
            return EvaluationSummary(tuple(finished), interrupted=True)
    return EvaluationSummary(tuple(finished), interrupted=False)


def _left(job: TaskContext) -> dict[int, str]:
    """Place in the recipe of each task that is still to be done, and what its results depend on.

    Raises :class:`UsageError` for what any task lacks, before the first of them begins.
    """
    left = {}
    names = [name for task in job.recipe.tasks for name in all_tasks.result_names(task)]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(
            f"{job.recipe.name}: expected tasks whose results have names of their own, found {doubled[0]} twice; "
            "put one of them into an evaluation of its own"
        )
    for place, task in enumerate(job.recipe.tasks):
        identity = digest_json([task.model_dump(mode="json"), job.identity(task)])
        there = [_holds(result_path(job.out, name), identity) for name in all_tasks.result_names(task)]
        if not all(there):
            all_tasks.require(job, task)
            left[place] = identity
    return left


def _holds(path: Path, identity: str) -> bool:
    """Whether the result of this very evaluation is there; :class:`UsageError` when another one's is."""
    if not path.exists():
        return False
    if read_result(path).get("identity") == identity:
        return True
    raise UsageError(
        f"{path}: is of another evaluation (other weights, data, seed or settings): use a new --out, or remove it"
    )


def _fields(job: TaskContext, task: Task, outcome: TaskResult) -> dict[str, Any]:
    return {
        "task": task.task,
        "row": job.pretrained.row,
        "evaluation": job.recipe.name,
        "seed": job.recipe.seed,
        "settings": task.model_dump(mode="json") | outcome.settings,
        "model": job.pretrained.about(),
        "data": job.about_data(task),
        "measures": outcome.measures,
        "details": outcome.details,
        "unreadable": [{"clip": clip, "error": error} for clip, error in outcome.unreadable],
        "processes": job.group.world,
    }


def results_in(summary: EvaluationSummary) -> Iterator[dict[str, Any]]:
    """The results of a run as they stand on disk."""
    for path in summary.results:
        yield read_result(path)
