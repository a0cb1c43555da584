"""What joins videos that go with others (the shards), made again without them, on a full disk as well."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.stage import Stage
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import DiskFullError
from yt360.publishing.manifests import publish

log = logging.getLogger(__name__)


def with_room(work: Callable[[], object], make_room: Callable[[], object]) -> None:
    """Do some work; where the disk is too full for it, once more when there is room."""
    try:
        work()
    except DiskFullError:
        make_room()
        work()


@dataclass(frozen=True)
class Remaking:
    """Brings the joining stages of a recipe, and of earlier ones, up to date when ``parts`` are gone.

    ``whole``: the recipe is the root's own, and not what its records allow to guess.
    """

    root: Root
    recipe: Recipe
    earlier: Sequence[Stage]
    parts: frozenset[str]
    whole: bool

    def __call__(self) -> None:
        """Raises :class:`DiskFullError` where there is no room even without the files that are to be replaced."""
        with_room(self._make, self._delete_old)
        if self._delete_old():  # what they are made of is damaged: the others are published without them
            self._make()

    def _make(self) -> None:
        # It frees room, so it is not held to the floor of what fills it.
        options = pipeline.Options(workers=1, min_free_bytes=0)
        joining = any(stage.flat_folder for stage in self.earlier)
        recipe = self.recipe
        if joining:
            recipe = Recipe(recipe.name, (*recipe.stages, *self.earlier), recipe.plugins)
        remember = self.whole and not joining
        for stage in recipe.stages:
            if stage.flat_folder:
                publishing = functools.partial(publish, judged=remember)
                pipeline.run(recipe, self.root, options, only=stage.name, publish=publishing, remember=remember)
        if self.whole and not remember:  # the tables are about what the recipe makes
            with self.root.lock():
                publish(DatasetState(self.root, self.recipe.stages))
                self.root.push()

    def _delete_old(self) -> bool:
        """Delete files that still hold what went: each is made again of its parts, now or by the next run."""
        old = sorted(set(self._old()))
        for path in old:
            log.warning("%s still holds what is taken down: deleted, to be made again without it", path)
            self.root.remove(path)
        return bool(old)

    def _old(self) -> Iterator[Path]:
        for stage in (*self.recipe.stages, *self.earlier):
            folder = self.root.ledger / stage.name
            joined = ledger.about(folder, self.parts, stage.parts_in) if stage.flat_folder else []
            records = ledger.find(folder, sorted({record.item for record in joined}))
            written = ledger.latest(record for record in records if any(record.blobs()))
            for record in written.values():
                if not self.parts.isdisjoint(record.meta.get(stage.parts_in, ())):
                    for _, blob in record.blobs():
                        path = self.root.path / blob.uri
                        if self.root.store is not None or path.is_file():
                            yield path
