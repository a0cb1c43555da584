"""What a whole run will cost, from a few of its items worked through in a folder that is thrown away."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

from yt360 import process_tag
from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.results import Options
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.plan import ItemPlan
from yt360.engine.storage import Root
from yt360.errors import UsageError


@dataclass(frozen=True)
class Cost:
    """Of one stage, for the whole source: items, hours of one worker, outputs in bytes, hours of GPUs."""

    stage: str
    sampled: int
    items: int
    worker_hours: float
    size: int
    gpu_hours: float


def estimate(recipe: Recipe, root: Root, options: Options, sample: int) -> list[Cost]:
    """Work through ``sample`` items, spread over the source, and scale up.

    A stage that joins items counts in proportion. Raises :class:`UsageError` for an empty source.
    """
    root.create()
    scratch = Root(root.tmp / f"estimate{process_tag.mark()}{uuid.uuid4().hex[:8]}")
    try:
        result = pipeline.run(recipe, scratch, replace(options, sample=sample))
    finally:
        shutil.rmtree(scratch.path, ignore_errors=True)
    first = result.stages[0]
    if not first.planned:
        raise UsageError("the source of this recipe has no items; there is nothing to estimate")
    scale = first.planned / min(sample, first.planned)
    return [
        Cost(
            stage=stage.stage,
            sampled=stage.worked,
            items=round(stage.worked * scale),
            worker_hours=stage.worker_seconds * scale / 3600,
            size=round(stage.size * scale),
            gpu_hours=stage.worker_seconds * scale / 3600 * of_recipe.needs.gpus,
        )
        for stage, of_recipe in zip(result.stages, recipe.stages, strict=False)
    ]


def to_do(recipe: Recipe, root: Root) -> Iterator[tuple[str, int, int]]:
    """Stage, items that are known so far, and those of them that a run would work on. Changes nothing."""
    catalog = DatasetState(root, recipe.stages)
    for stage in recipe.stages:
        if stage.after:
            entries = catalog.entries(stage.name)
        else:
            entries = catalog.judged(stage, ItemPlan.of_items(stage, stage.plan_in_blocks(catalog)))
        yield stage.name, len(entries), len(entries.rows("waiting", "undecided"))
