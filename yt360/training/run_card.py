"""The card of a model that a run leaves: what it was trained with, and what was measured on the held-out split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from yt360.dataset.manifest import ClipSplit
from yt360.models.card import model_card
from yt360.training.recipe import TrainingRecipe


def run_card(
    recipe: TrainingRecipe,
    splits: Sequence[ClipSplit],
    evaluations: Mapping[str, Mapping[str, float]],
    model: nn.Module,
) -> str:
    """The text of ``README.md``. ``evaluations``: phase -> measure -> value."""
    sizes = "; ".join(
        f"split `{split.name}`: {len(split.videos)} videos, {len(split.clips)} clips (digest `{split.digest}`)"
        for split in splits
    )
    return model_card(
        recipe.description(),
        name=recipe.name,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        data=[
            f"Recipe `{recipe.name}`, seed {recipe.seed}. {sizes}.",
            "",
            "The licence of each video stands in the dataset's `videos.parquet`; say here which of them bind these "
            "weights before you publish them.",
        ],
        results=evaluations,
        command="the held-out evaluation of `yt360 train`",
    )
