"""`yt360 embed --root DIR`: the stage `embed` over a dataset that was built here, and its files as one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yt360.cli.run import execute
from yt360.engine import recipe as recipes
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.publishing.features import gather
from yt360.stages import REGISTRY

if TYPE_CHECKING:
    from yt360.inference.embedding import Embedder


def built_here(location: str) -> Root | None:
    """A root that this process can run stages on; ``None`` for a dataset that only can be read."""
    try:
        root = Root(location)
        root.pull()
    except UsageError:
        return None  # a store for readers: who opens it says what is wrong with it
    return root if root.recipe.is_file() and not root.is_read_only() else None


def embed_dataset(
    root: Root, embedder: Embedder, name: str, device: str, split: str, out: Path, engine: dict[str, Any]
) -> int:
    """Bring the features of a root up to date and gather them; the exit code."""
    from yt360.models.folder import find_model
    from yt360.models.hub import local_folder

    values = embedder.settings.to_json() | {
        "model": str(find_model(local_folder(name)).absolute()),
        "weights": embedder.model_digest,
        "batch": embedder.settings.batch,
        "device": device,
        "split": split,
    }
    settings = [f"embed.{parameter}={json.dumps(value)}" for parameter, value in values.items()]
    recipe = recipes.of_root(root.recipe, REGISTRY, settings, also=("embed",))
    code = execute(recipe, root, "embed", engine)
    if engine["dry_run"] or engine["no_wait"] or code > 1:
        return code
    rows = gather(DatasetState(root, recipe.stages), out)
    click.echo(f"wrote {out}: {rows} rows")
    return code
