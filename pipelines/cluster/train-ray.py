"""Training on a Ray cluster: one actor a GPU, wherever the cluster has them.

    python pipelines/cluster/train-ray.py RECIPE --root ROOT --out OUT [--processes 8] [--set KEY=VALUE …]
    ray job submit -- python pipelines/cluster/train-ray.py pipelines/train/avsa-8gpu.yaml --root … --out …

ROOT and OUT lie where every node sees them; yt360 is installed on all. When a process or its node is
lost, all are started again, at most ``--retries`` times, and go on from the last checkpoint with the
same losses. ``--cpu`` asks for no GPUs, to try it out.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import click
import ray
from ray.exceptions import RayActorError
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from yt360 import shipped
from yt360.errors import Yt360Error
from yt360.training.loop import TrainingSummary, train
from yt360.training.recipe import TrainingRecipe, load_recipe, override


class Process:
    """One process of the group; Ray shows it its own GPU alone, as device 0."""

    def address(self) -> tuple[str, int]:
        """This node's address and a port that is free on it."""
        with socket.socket() as free:
            free.bind(("", 0))
            return ray.util.get_node_ip_address(), free.getsockname()[1]

    def train(
        self, recipe: TrainingRecipe, root: str, out: Path, rank: int, world: int, address: tuple[str, int]
    ) -> TrainingSummary:
        """Train as process ``rank`` of ``world``, whose first process listens at ``address``."""
        group = {"RANK": rank, "WORLD_SIZE": world, "LOCAL_RANK": 0, "MASTER_ADDR": address[0]}
        os.environ.update({name: str(value) for name, value in group.items()}, MASTER_PORT=str(address[1]))
        return train(recipe, root, out, progress=False)


def run_once(recipe: TrainingRecipe, root: str, out: Path, processes: int, bundle: dict[str, float]) -> TrainingSummary:
    """Start all processes, train, and free what they held; raises what the first failing one raised."""
    place: Any = placement_group([bundle] * processes, strategy="PACK")
    try:
        ray.get(place.ready())
        actor: Any = ray.remote(Process).options(
            num_cpus=bundle["CPU"],
            num_gpus=bundle.get("GPU", 0),
            scheduling_strategy=PlacementGroupSchedulingStrategy(place),
        )
        members = [actor.remote() for _ in range(processes)]
        address = ray.get(members[0].address.remote())
        jobs = [member.train.remote(recipe, root, out, rank, processes, address) for rank, member in enumerate(members)]
        summaries: list[TrainingSummary] = ray.get(jobs)
        return summaries[0]
    finally:
        remove_placement_group(place)


@click.command()
@click.argument("recipe")
@click.option("--root", required=True, help="Folder or URL that holds manifests/ and shards/.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where log, checkpoints and model go.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change one value of the recipe.")
@click.option("--processes", type=click.IntRange(1), default=8, show_default=True)
@click.option("--cpus", type=click.IntRange(1), default=15, show_default=True, help="Cores of each process.")
@click.option("--cpu", is_flag=True, help="No GPUs.")
@click.option("--retries", type=click.IntRange(0), default=3, show_default=True)
def main(
    recipe: str,
    root: str,
    out: Path,
    assignments: tuple[str, ...],
    processes: int,
    cpus: int,
    cpu: bool,
    retries: int,
) -> None:
    """Train the model of RECIPE on the Ray cluster that this command runs in, or on this machine alone."""
    try:
        checked = override(load_recipe(shipped.recipe("train", recipe)), list(assignments))
    except Yt360Error as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    ray.init(ignore_reinit_error=True)
    bundle: dict[str, float] = {"CPU": cpus} if cpu else {"CPU": cpus, "GPU": 1}
    for attempt in range(retries + 1):
        try:
            summary = run_once(checked, root, out.absolute(), processes, bundle)
        except RayActorError as error:
            if attempt == retries:
                raise
            click.echo(f"a process was lost ({error}); starting again from the last checkpoint", err=True)
        else:
            break
    click.echo(f"{summary.steps} steps, {summary.bad} of {summary.seen} samples bad, model in {summary.model}")


if __name__ == "__main__":
    main()
