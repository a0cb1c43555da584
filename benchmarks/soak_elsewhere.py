"""Kills where the root, or the work, is not on this machine's disk: an object store (a local server), a Ray cluster."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.soak_kills import toys
from benchmarks.soak_room import SIGNALS, Soak
from benchmarks.soak_takedowns import Takedowns, holding
from tests.engine.conftest import NAMES, run_inline, toy_recipe, tree
from tests.engine.servers import BUCKET, s3_server
from yt360.engine.object_store import ObjectStore
from yt360.engine.storage import Root


class Stores(Takedowns):
    """Runs and takedowns of a root in a store; what is looked at is the store's objects and this machine's mirror."""

    what = "takedowns in a store"

    def __init__(self, soak: Soak) -> None:
        soak.ends_with.enter_context(s3_server())
        self._cache, self._number = soak.folder / "cache", 0
        os.environ["XDG_CACHE_HOME"] = str(self._cache)
        super().__init__(soak)

    def _fresh(self) -> None:
        if self._place:
            store = ObjectStore(self._place)
            store.delete(store.stamps(""))
        self._number += 1
        self._place = f"s3://{BUCKET}/root-{self._number}"
        self._elsewhere()

    def _restore(self) -> None:
        self._fresh()
        store = ObjectStore(self._place)
        for path in sorted(self._whole.rglob("*")):
            if path.is_file():
                store.put(path, path.relative_to(self._whole).as_posix())

    def _copy(self) -> Path:
        copy, store = self._room / "copy", ObjectStore(self._place)
        shutil.rmtree(copy, ignore_errors=True)
        for name in store.stamps(""):
            store.get(name, copy / name)
        return copy

    def _finish(self, command: str, video: str) -> None:
        if self._soak.chance.random() < 0.3:
            self._elsewhere()
            self._soak.tried[f"{self.what}: went on on another machine"] += 1
        super()._finish(command, video)
        if command == "remove" and (held := holding(Root(self._place).path, video)):
            self._soak.found(f"{self.what}: {video} is still in the mirror: {', '.join(held)}")

    def _elsewhere(self) -> None:
        """From here on by a machine that has no mirror of it yet."""
        shutil.rmtree(self._cache, ignore_errors=True)


class Ray:
    """A cluster of its own for a few runs: a node is killed, or the process that gives out the work."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak

    def once(self) -> None:
        from benchmarks.faults import RayNodes

        soak = self._soak
        with tempfile.TemporaryDirectory(dir=soak.folder) as folder, contextlib.ExitStack() as ends_with:
            try:
                nodes = RayNodes(Path(folder))
            except Exception:  # Ray's own limit of half a minute, on a busy machine
                soak.tried["Ray: clusters that did not come up"] += 1
                return
            ends_with.callback(nodes.close)
            for _ in range(2):
                seed = soak.chance.randrange(1 << 30)
                verdict = nodes.kill(Path(folder), seed)
                soak.tried["Ray: nodes killed"] += 1
                if verdict != "same":
                    soak.found(f"Ray: {verdict} after a node was killed, seed {seed}")
            self._kill_driver(Path(folder), nodes.address, soak.chance)

    def _kill_driver(self, folder: Path, address: str, chance: random.Random) -> None:
        soak, root, made = self._soak, Root(folder / "driver"), toy_recipe(seconds=0.3)
        recipe = folder / "toys.json"
        stages: dict[str, Any] = {"source": {"names": NAMES}, "misbehave": {"seconds": 0.3}, "gather": {}}
        recipe.write_text(json.dumps({"stages": stages}))
        words = ["run", str(recipe), "--root", str(root.path), "-q", "--min-free-gb", "0", "--engine", "ray"]
        words += ["--address", address]
        code = toys(soak, words, (chance.uniform(3.0, 20.0), chance.choice(SIGNALS)))
        soak.tried["Ray: drivers killed"] += code != 0
        undisturbed = Root(folder / "undisturbed")
        run_inline(undisturbed, made)
        if toys(soak, words, None) or tree(root) != tree(undisturbed):
            soak.found("Ray: other bytes after the driver was killed")
