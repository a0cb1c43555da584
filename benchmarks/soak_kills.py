"""Runs of toys in worker processes, and of the real stages, killed and resumed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from benchmarks.faults import RealPipeline
from benchmarks.soak_room import SIGNALS, Soak
from tests.engine.conftest import tree
from yt360.engine.storage import Root

HOUSE = str(Path(__file__).resolve().parents[1])
_TOYS = {"source": {"names": [f"item{number}" for number in range(12)]}, "misbehave": {"seconds": 0.05}, "gather": {}}


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
            sent = soak.chance.choice(SIGNALS)
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
        return toys(self._soak, words, kill)

    def _verify(self, root: Root) -> None:
        words = ["verify", "-q", "--workers", "1", "--root", str(root.path)]
        if root.recipe.is_file() and toys(self._soak, words, None) > 2:
            self._soak.found("verify ended otherwise than with 0, 1 or 2")


def toys(soak: Soak, words: list[str], kill: tuple[float, signal.Signals] | None) -> int:
    """``yt360 WORDS`` with the toys as stages, in a process that gets a signal after so many seconds; its exit code."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.toy_cli", *words],
        cwd=HOUSE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
    )  # fmt: skip
    try:
        _, said = process.communicate(timeout=kill[0] if kill else 3600)
    except subprocess.TimeoutExpired:
        process.send_signal(kill[1] if kill else signal.SIGKILL)
        _, said = process.communicate(timeout=600)
    if "Traceback" in said and process.returncode >= 0 and (kill is None or kill[1] != signal.SIGINT):
        soak.found(f"kills, {words[0]}: {said.strip().splitlines()[-1]}")
    return process.returncode


class Real:
    """Crawl to shard over four rendered videos; the whole run is killed one to three times."""

    def __init__(self, soak: Soak) -> None:
        self._soak, folder = soak, soak.folder / "real"
        folder.mkdir()
        self._pipeline = RealPipeline(folder)

    def once(self) -> None:
        seed, times = self._soak.chance.randrange(1 << 30), self._soak.chance.randrange(1, 4)
        verdict = self._pipeline.kill(seed, times)
        self._soak.tried["real stages: kills"] += times
        self._soak.tried["real stages: roots killed and resumed"] += 1
        if verdict != "same":
            self._soak.found(f"real stages: {verdict} after {times} kills, seed {seed}")
