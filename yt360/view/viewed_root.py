"""A root as the server of `yt360 view` holds it: read anew when its ledger changes, asked by many requests at once."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from yt360.dataset.dataset import Dataset, open_dataset
from yt360.engine import recipe as recipes
from yt360.engine.recipe import Registry
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.view.clip_payload import ClipPayload
from yt360.view.drawn_views import TrainingRun
from yt360.view.video_table import video_table

_KEPT_PAYLOADS = 3
_AGAIN_S = 2.0
"""How long what was read stands before the ledger's files are looked at again."""


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
        self._videos: bytes | None = None
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
        with self.catalog() as catalog:
            if self._videos is None:
                text = json.dumps(video_table(catalog, said), ensure_ascii=False, separators=(",", ":"))
                self._videos = text.encode("utf-8", "replace")
                # Records of all videos went through memory: what is asked for next is of one.
                self._catalog = DatasetState(self.root, tuple(catalog.stages.values()))
                pa.default_memory_pool().release_unused()
            return self._videos

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

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._catalog is not None and now - self._looked < _AGAIN_S:
            return
        self._looked = now
        stamp = self._files()
        if self._catalog is None or stamp != self._stamp:
            self._stamp = stamp
            self._catalog = DatasetState(self.root, self.recipe().stages)
            self._clips = self._videos = None
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
