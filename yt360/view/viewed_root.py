"""A root as the server of `yt360 view` holds it: read anew when its ledger changes, asked by many requests at once."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yt360.dataset.dataset import Dataset, open_dataset
from yt360.engine import recipe as recipes
from yt360.engine.recipe import Registry
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.view.clip_payload import ClipPayload
from yt360.view.dataset_facts import dataset_facts
from yt360.view.drawn_views import TrainingRun
from yt360.view.video_table import video_ids, video_table

_MANY = 2000
"""Videos from which on a process of its own reads them all: it gives its memory back, the server would not."""

_KEPT_PAYLOADS = 3
_AGAIN_S = 2.0
"""How long what was read stands before the ledger's files are looked at again."""


@dataclass(frozen=True)
class _Whole:
    """What is told of all videos and of the dataset, as JSON."""

    videos: bytes
    dataset: bytes


class ViewedRoot:
    """``root`` must exist (:meth:`Root.require`); ``registry`` knows the stages. Nothing is ever written into it.

    ``run``: folder of a training run, whose views are shown with its clips.

    The engine's state is made of parts that are read when they are asked for: one request at a time may use it.
    """

    def __init__(self, root: Root, registry: Registry, run: Path | None = None) -> None:
        self.root, self._registry = root, registry
        self._run_folder = run
        self._run: TrainingRun | None = None
        self._lock = threading.RLock()
        self._catalog: DatasetState | None = None
        self._clips: Dataset | None = None
        self._payloads: OrderedDict[str, ClipPayload] = OrderedDict()
        self._held: frozenset[str] | None = None
        self._told: _Whole | None = None
        self._stamp: tuple[Any, ...] = ()
        self._looked = 0.0

    @contextmanager
    def catalog(self) -> Iterator[DatasetState]:
        """The state of the root, for one at a time."""
        with self._lock:
            self._refresh()
            assert self._catalog is not None
            yield self._catalog

    def recipe(self, settings: list[str] | None = None) -> recipes.Recipe:
        """The recipe of the last run, with ``stage.name=value`` changed; :class:`UsageError` for wrong ones."""
        return recipes.of_root(self.root.recipe, self._registry, settings or ())

    def videos(self, said: Callable[[str], object] = lambda stage: None) -> bytes:
        """:func:`video_table` as JSON, made once for a state of the ledger."""
        return self._whole(said).videos

    def dataset(self) -> bytes:
        """:func:`dataset_facts` as JSON, made once for a state of the ledger."""
        return self._whole().dataset

    def _whole(self, said: Callable[[str], object] = lambda stage: None) -> _Whole:
        with self.catalog() as catalog:
            if self._told is None:
                if len(video_ids(catalog)) < _MANY:
                    self._told = _whole(catalog, self.recipe(), said)
                else:
                    self._told = _made_elsewhere(self.root.url, self._registry)
            return self._told

    def payload(self, key: str) -> ClipPayload:
        """A clip that lies in a shard, for the player. Raises :class:`UsageError` where there is none of this name.

        The last ones stay: a player asks for their parts one after the other.
        """
        with self._lock:
            self.clip_ids()
            assert self._clips is not None
            if key not in self._payloads:
                self._payloads[key] = ClipPayload(self._clips[key], self._run)
                while len(self._payloads) > _KEPT_PAYLOADS:
                    self._payloads.popitem(last=False)
            return self._payloads[key]

    def clip_ids(self) -> list[str]:
        """Ids of the clips that lie in shards.

        Raises :class:`UsageError` where there are no shards yet, or the training run is none of this root.
        """
        with self._lock:
            self._refresh()
            if self._clips is None:
                if self._run_folder is not None:
                    self._run = TrainingRun(self._run_folder, self.root.url)
                self._clips = open_dataset(self.root.url)
            return self._clips.ids

    def held_clips(self) -> frozenset[str]:
        """Ids of the clips that lie in shards; none before there are shards."""
        with self._lock:
            self._refresh()
            if self._held is None:
                try:
                    self._held = frozenset(self.clip_ids())
                except UsageError:
                    self._held = frozenset()
            return self._held

    def read_anew(self) -> None:
        """Keep nothing of what was read."""
        with self._lock:
            self._catalog, self._looked = None, 0.0
            self._clips = self._held = self._told = None
            self._payloads.clear()

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._catalog is not None and now - self._looked < _AGAIN_S:
            return
        self._looked = now
        stamp = self._files()
        if self._catalog is None or stamp != self._stamp:
            self._stamp = stamp
            self._catalog = DatasetState(self.root, self.recipe().stages)
            self._clips = self._held = self._told = None
            self._payloads.clear()

    def _files(self) -> tuple[Any, ...]:
        """Names, sizes and times of the files that what is shown comes from."""
        paths = [self.root.recipe, *self.root.ledger.rglob("*"), *self.root.manifests.glob("*.parquet")]
        found = []
        for path in sorted(paths):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            found.append((str(path), stat.st_size, stat.st_mtime_ns))
        return tuple(found)


def _whole(catalog: DatasetState, recipe: recipes.Recipe, said: Callable[[str], object] = lambda stage: None) -> _Whole:
    return _Whole(_json(video_table(catalog, said)), _json(dataset_facts(catalog, recipe)))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _made_elsewhere(location: str, registry: Registry) -> _Whole:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_made_here, location, registry).result()


def _made_here(location: str, registry: Registry) -> _Whole:
    root = Root(location)
    recipe = recipes.of_root(root.recipe, registry)
    return _whole(DatasetState(root, recipe.stages), recipe)
