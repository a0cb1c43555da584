"""Whole runs in the test's own process, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.training.world import tiny
from yt360.training.loop import TrainingSummary, train
from yt360.training.recipe import TrainingRecipe


def log(out: Path, kind: str = "step") -> list[dict[str, Any]]:
    """The records of one kind."""
    return [r for r in map(json.loads, (out / "log.jsonl").read_text().splitlines()) if r["kind"] == kind]


def losses(out: Path) -> list[tuple[Any, ...]]:
    """All that must not depend on how often a run was interrupted."""
    names = ("phase", "step", "epoch", "loss", "avc_accuracy", "avsa_accuracy")
    return [tuple(r[n] for n in names if n in r) for kind in ("step", "evaluation") for r in log(out, kind)]


def run(recipe: TrainingRecipe, root: Path, out: Path) -> TrainingSummary:
    """Train without a progress bar."""
    return train(recipe, str(root), out, progress=False)


def long_recipe(steps: int = 40, **changes: Any) -> TrainingRecipe:
    """One phase of ``steps`` steps, four samples each."""
    phase = {"name": "avc", "objective": "avc", "views": 1, "batch": 4, "translators": False, "steps": steps}
    return tiny(phases=[phase], data={"clips_per_video": 8, "verify_digests": False}, **changes)
