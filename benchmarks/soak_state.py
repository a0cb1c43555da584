"""A root whose own files are damaged, and every command asked."""

from __future__ import annotations

import shutil

import yaml

from benchmarks.soak_room import Soak, call, use_stand_ins
from tests.cli.test_any_bytes import ASKING, SETTINGS, VIDEOS
from tests.stages.fakes import Dataset


class State:
    """A small root whose own files are damaged one at a time."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        use_stand_ins()
        self._root, self._whole = soak.folder / "state" / "root", soak.folder / "state" / "whole"
        self._recipe = soak.folder / "state" / "recipe.yaml"
        self._recipe.parent.mkdir()
        stages = {"crawl": {"videos": VIDEOS}, "chunk": {}, **SETTINGS}
        self._recipe.write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
        self._made = Dataset(self._root)
        assert self._run()[0] == 0
        self._expected = self._made.bytes()
        shutil.copytree(self._root, self._whole)
        parts = {path: path.relative_to(self._whole).parts[0] for path in self._whole.rglob("*") if path.is_file()}
        self._files = sorted(
            path.relative_to(self._whole)
            for path, first in parts.items()
            if first not in ("logs", "data", "shards") or path.name == "shards.json"
        )

    def once(self) -> None:
        soak = self._soak
        shutil.rmtree(self._root)
        shutil.copytree(self._whole, self._root)
        file = soak.chance.choice(self._files)
        way = soak.damaged(self._root / file)
        soak.tried["state files damaged"] += 1
        for words in ASKING:
            code, said = call(*words, "--root", self._root)
            if code not in (0, 1, 2) or (code == 2 and file.name not in said):
                soak.found(f"state: {file} ({way}): {words[0]} ended with {code}: {said[-300:]}")
        code, said = self._run()
        if code:
            (self._root / file).unlink()
            if file.name not in said or self._run()[0]:
                soak.found(f"state: {file} ({way}): no way out of {said[-300:]}")
        if self._made.bytes() != self._expected:
            soak.found(f"state: {file} ({way}): the dataset's bytes are others")

    def _run(self) -> tuple[int, str]:
        return call("run", self._recipe, "--root", self._root, "--workers", 1, "-q", "--min-free-gb", 0)
