"""`yt360 slurm …`: what the jobs of a SLURM run call; people call `yt360 run --engine slurm`."""

from __future__ import annotations

import os
import signal
from types import FrameType

import click

from yt360.cli.common import open_root, root_option
from yt360.engine import recipe as recipes
from yt360.engine.executors import slurm
from yt360.engine.executors.local import WorkerPool
from yt360.publishing.manifests import publish
from yt360.stages import REGISTRY

_run_option = click.option("--run", required=True, help="The run, as `yt360 run` named it.")


@click.group("slurm", short_help="Internal commands that SLURM jobs call.")
def slurm_group() -> None:
    """Internal commands that SLURM jobs call. `yt360 run --engine slurm` submits those jobs."""


@slurm_group.command("next")
@root_option
@_run_option
def next_command(root: str, run: str) -> int:
    """Submit what comes next: what is missing of a stage, or the stage after it."""
    folder = open_root(root)
    progress = slurm.advance(folder, recipes.of_root(folder.recipe, REGISTRY), run, publish)
    click.echo(f"{run}: " + ("finished" if progress.finished else f"{progress.stage}: jobs {progress.jobs}"))
    return 0


@slurm_group.command("task")
@root_option
@_run_option
@click.option("--plan", required=True, help="Name of the frozen plan.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Added to SLURM_ARRAY_TASK_ID.")
@click.option("--task", type=click.IntRange(0), default=None, help="The task, where SLURM does not say it.")
def task_command(root: str, run: str, plan: str, offset: int, task: int | None) -> int:
    """Do the items of one array task. SIGTERM (preemption) and SIGUSR1 (time limit near) end it in good order."""
    folder = open_root(root)
    folder.create()
    number = task if task is not None else offset + int(os.environ["SLURM_ARRAY_TASK_ID"])
    pool = WorkerPool(slurm.workers_of(folder, run))
    told = []

    def on_signal(signum: int, _: FrameType | None) -> None:
        told.append(signum)
        pool.stop()

    for signum in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(signum, on_signal)
    result = slurm.work(folder, recipes.of_root(folder.recipe, REGISTRY), run, plan, number, pool)
    click.echo(f"{plan} task {number}: {result.worked} items worked on")
    if signal.SIGUSR1 in told:
        slurm.requeue_self()
    return 128 + told[0] if told else 0
