"""What a page says of the dataset as a whole: its stages with the thresholds in force, recipe, versions, counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from yt360 import __version__
from yt360.engine.recipe import Recipe
from yt360.engine.stage import Stage
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.entries import STATES
from yt360.filters.evaluation.label_table import LABELS
from yt360.filters.evaluation.scores import scores_of


def dataset_facts(catalog: DatasetState, recipe: Recipe) -> dict[str, Any]:
    """JSON values; ``last`` is when the newest record was begun (UTC, ISO 8601)."""
    return {
        "name": catalog.root.url.rstrip("/").rpartition("/")[2],
        "recipe": recipe.name,
        "version": __version__,
        "last": max((_last(catalog, name) for name in catalog.stages), default=""),
        "stages": [_stage(catalog, stage) for stage in catalog.stages.values()],
        "labels": [{"word": word, "key": key} for word, key in LABELS.items()],
    }


def _stage(catalog: DatasetState, stage: Stage) -> dict[str, Any]:
    entries = catalog.entries(stage.name)
    counts = np.bincount(entries.states, minlength=len(STATES))
    return {
        "name": stage.name,
        "items": catalog.gates.kinds[stage.name],
        "version": stage.version,
        "thresholds": stage.thresholds.model_dump(mode="json"),
        "counts": {state: int(count) for state, count in zip(STATES, counts, strict=True) if count},
        "redecidable": [score.setting for score in scores_of(stage.name) if score.setting],
    }


def _last(catalog: DatasetState, stage: str) -> str:
    newest = catalog.newest(stage)
    return max((text or "" for text in newest.column("started").to_pylist()), default="") if len(newest) else ""
