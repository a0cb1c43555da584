"""Kills, takedowns and damaged files, as long as there is time: `python -m benchmarks.soak [--minutes 5] [--seed 1]`.

Three parts take turns until the time is up. *Kills*: a run over stages of toys is killed at random moments, its files
are damaged in between, and in the end its bytes are those of an undisturbed one. *State*: a file of a root's own is
damaged, and every command asked; it ends with an exit code and a word, and the root can be brought back. *Files*: what
a person gives (recipes, tables, lists, labels, cookies, checkpoints, models, shards, manifests) is damaged; each reader
comes to a result or to an error of ours. Media have `benchmarks.media_fuzz`. Whatever else happens is printed, and the
exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.soak_files import READERS, make_files
from tests.cli.test_any_bytes import ASKING, SETTINGS, VIDEOS, WAYS
from tests.engine.conftest import Inline, tree
from tests.stages.fakes import FAKES, Dataset
from yt360.cli import common, main, remove, run
from yt360.engine import pipeline, verify
from yt360.engine.storage import Root
from yt360.errors import Yt360Error

_HOUSE = str(Path(__file__).resolve().parents[1])
_TOYS = {"source": {"names": [f"item{number}" for number in range(12)]}, "misbehave": {"seconds": 0.05}, "gather": {}}


class _Pool(Inline):
    """Workers of ``run`` and ``verify`` in this process: thousands of roots would start thousands of processes."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def run(self, next_task: Any, needs: Any = None, backlog: Any = lambda: 0) -> Iterator[Any]:
        return super().run(next_task, needs, backlog)


class Soak:
    """Counts what was tried, and keeps what went wrong."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.tried: Counter[str] = Counter()
        self.wrong: list[str] = []

    def found(self, what: str) -> None:
        self.wrong.append(what)
        print(f"FOUND {what}", flush=True)

    def damaged(self, path: Path) -> str:
        """Damage a file in one of the ways; which."""
        way = self.chance.choice(["flip", "flip", *WAYS])
        path.write_bytes(WAYS[way](self.chance, bytearray(path.read_bytes() or b"x")))
        return way


class Kills:
    """A run of three stages in processes of its own, killed again and again."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        self._recipe = soak.folder / "toys.yaml"
        self._recipe.write_text(yaml.safe_dump({"stages": _TOYS}, sort_keys=False))
        reference = Root(soak.folder / "undisturbed")
        self._run(reference, None)
        self._expected = tree(reference)
        assert len(self._expected) == 12 * 4 + 1

    def once(self) -> None:
        soak, root = self._soak, Root(self._soak.folder / "killed")
        shutil.rmtree(root.path, ignore_errors=True)
        for _ in range(soak.chance.randrange(1, 5)):
            sent = soak.chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
            code = self._run(root, (soak.chance.uniform(0.3, 6.0), sent))
            soak.tried[f"kills, {sent.name}"] += code != 0
            outputs = sorted(root.data.rglob("*.txt")) if root.data.is_dir() else []
            if outputs and soak.chance.random() < 0.5:
                soak.damaged(soak.chance.choice(outputs))
                soak.tried["outputs damaged between kills"] += 1
                self._verify(root)
        if self._run(root, None) or tree(root) != self._expected:
            self._verify(root)  # what nobody read again is found by verify alone
            if self._run(root, None) or tree(root) != self._expected:
                soak.found(f"kills: {root.path} is not the undisturbed root")
                shutil.move(root.path, soak.folder / f"kept-{len(soak.wrong)}")
        soak.tried["roots killed and resumed"] += 1

    def _run(self, root: Root, kill: tuple[float, signal.Signals] | None) -> int:
        words = ["run", str(self._recipe), "--root", str(root.path), "--workers", "2", "-q", "--min-free-gb", "0"]
        return self._toys(words, kill)

    def _verify(self, root: Root) -> None:
        if root.recipe.is_file() and self._toys(["verify", "-q", "--workers", "1", "--root", str(root.path)], None) > 2:
            self._soak.found("verify ended otherwise than with 0, 1 or 2")

    def _toys(self, words: list[str], kill: tuple[float, signal.Signals] | None) -> int:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.toy_cli", *words],
            cwd=_HOUSE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            _, said = process.communicate(timeout=kill[0] if kill else 300)
        except subprocess.TimeoutExpired:
            process.send_signal(kill[1] if kill else signal.SIGKILL)
            _, said = process.communicate(timeout=120)
        if "Traceback" in said and process.returncode >= 0 and (kill is None or kill[1] != signal.SIGINT):
            self._soak.found(f"kills, {words[0]}: {said.strip().splitlines()[-1]}")
        return process.returncode


class State:
    """A small root whose own files are damaged one at a time."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        for module in (run, common, remove):
            module.REGISTRY = FAKES  # type: ignore[attr-defined]
        pipeline.WorkerPool = verify.WorkerPool = _Pool  # type: ignore[assignment, attr-defined]
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
            if first not in ("logs", "data", "shards") or path.name == "index.json"
        )

    def once(self) -> None:
        soak = self._soak
        shutil.rmtree(self._root)
        shutil.copytree(self._whole, self._root)
        file = soak.chance.choice(self._files)
        way = soak.damaged(self._root / file)
        soak.tried["state files damaged"] += 1
        for words in ASKING:
            code, said = self._call(*words, "--root", self._root)
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
        return self._call("run", self._recipe, "--root", self._root, "--workers", 1, "-q", "--min-free-gb", 0)

    @staticmethod
    def _call(*words: object) -> tuple[int, str]:
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                main.main([str(word) for word in words])
        except SystemExit as ended:
            return int(ended.code or 0), said.getvalue()
        except Exception:
            return 99, traceback.format_exc()
        return 98, said.getvalue()


class Files:
    """What a person gives, damaged."""

    def __init__(self, soak: Soak) -> None:
        self._soak, self._folder = soak, soak.folder / "files"
        self._folder.mkdir()
        self._whole = {name: path.read_bytes() for name, path in make_files(self._folder).items()}
        for name, reader in READERS.items():
            if not name.startswith("model/"):  # a whole model takes a minute to make
                reader(self._folder / name)

    def once(self) -> None:
        soak = self._soak
        name = soak.chance.choice(sorted(READERS))
        path = self._folder / name
        for _ in range(20):
            path.write_bytes(self._whole[name])
            way = soak.damaged(path)
            soak.tried["given files damaged"] += 1
            started = time.monotonic()
            try:
                READERS[name](path)
            except Yt360Error:
                pass
            except Exception as error:
                soak.found(f"files: {name} ({way}): {type(error).__name__}: {str(error)[:200]}")
            if time.monotonic() - started > 20:
                soak.found(f"files: {name} ({way}): took {time.monotonic() - started:.0f} s")
        path.write_bytes(self._whole[name])


def main_soak() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", default=["kills", "state", "files"], choices=["kills", "state", "files"])
    arguments = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    kinds: dict[str, Callable[[Soak], Kills | State | Files]] = {"kills": Kills, "state": State, "files": Files}
    with tempfile.TemporaryDirectory(prefix="yt360-soak-") as folder:
        soak = Soak(Path(folder), arguments.seed)
        parts = [kinds[name](soak) for name in arguments.parts]
        ends = time.monotonic() + arguments.minutes * 60
        while time.monotonic() < ends:
            for part in parts:
                part.once()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_h = sum(one.ru_utime + one.ru_stime for one in used) / 3600
    print(json.dumps({**soak.tried, "found": len(soak.wrong), "CPU hours": round(cpu_h, 3)}, indent=1))
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main_soak())
