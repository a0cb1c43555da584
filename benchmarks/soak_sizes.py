"""A root of a million items under kills and takedowns, and damaged media."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.media_fuzz import mutate, originals
from benchmarks.scale_ledger import fill
from benchmarks.soak_kills import HOUSE, toys
from benchmarks.soak_room import SIGNALS, Soak
from yt360.cli.isolated_inspection import inspect_isolated
from yt360.engine.state import ledger
from yt360.engine.storage import Root

_SLOW_S = 60.0


class Million:
    """A run over a million items, half of them done: it and takedowns are killed, and bits flip in its ledger."""

    def __init__(self, soak: Soak) -> None:
        self._soak, self._root = soak, Root(soak.folder / "million")
        self._recipe = soak.folder / "million.json"
        self._recipe.write_text(json.dumps({"stages": {"count": {"count": soak.items}}}))
        fill(self._root, soak.items, 1)
        self._done = self._count()
        self._lasts_s = 40.0
        assert self._done == soak.items // 2
        soak.tried["items in the ledger"] = soak.items

    def once(self) -> None:
        soak, taken = self._soak, ""
        if soak.chance.random() < 0.3:
            taken = f"item{soak.chance.randrange(soak.items // 2):08d}"
            there = bool(ledger.find(self._root.ledger / "count", [taken]))
            self._yt360("remove", taken, "--yes", kill=True)
            if self._yt360("remove", taken, "--yes"):
                soak.found(f"a million: the takedown of {taken} did not end")
            self._done -= there
            if ledger.find(self._root.ledger / "count", [taken]) or (self._root.data / "count" / taken).exists():
                soak.found(f"a million: {taken} is still there")
        else:
            self._yt360("run", str(self._recipe), "--workers", "2", "--min-free-gb", "0", "-q", kill=True)
        done = self._count()
        if done < self._done:
            soak.found(f"a million: {self._done} items were done, and then {done}")
        self._done = done
        if soak.chance.random() < 0.3:
            self._flip()

    def _flip(self) -> None:
        """A bit of the ledger that is read is named, or the counts are what they were."""
        soak = self._soak
        path = soak.chance.choice(sorted(one for one in (self._root.ledger / "count").iterdir() if one.stat().st_size))
        at, bit = soak.chance.randrange(path.stat().st_size), 1 << soak.chance.randrange(8)
        _flip_bit(path, at, bit)
        soak.tried["a million: bits flipped in the ledger"] += 1
        code, said, _ = self._status()
        if code not in (0, 2) or (code == 2 and path.name not in said) or (code == 0 and self._count() != self._done):
            soak.found(f"a million: bit {bit} of byte {at} of {path.name}: status ended with {code}: {said[-300:]}")
        _flip_bit(path, at, bit)

    def _yt360(self, *words: str, kill: bool = False) -> int:
        soak, given = self._soak, [*words, "--root", str(self._root.path)]
        if not kill:
            return toys(soak, given, None)
        started = time.monotonic()
        code = toys(soak, given, (soak.chance.uniform(2.0, 1.5 * self._lasts_s), soak.chance.choice(SIGNALS)))
        soak.tried[f"a million: {words[0]} killed"] += code != 0
        if code == 0:
            self._lasts_s = time.monotonic() - started
        return code

    def _count(self) -> int:
        """Items that are done."""
        code, said, told = self._status()
        if code:
            self._soak.found(f"a million: status ended with {code}: {said[-300:]}")
            return self._done
        return int(json.loads(told)["stages"][0]["done"])

    def _status(self) -> tuple[int, str, str]:
        words = [sys.executable, "-m", "tests.engine.toy_cli", "status", "--json", "--root", str(self._root.path)]
        done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True)
        return done.returncode, done.stderr, done.stdout


def _flip_bit(path: Path, at: int, bit: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)[0]
        stream.seek(at)
        stream.write(bytes([byte ^ bit]))


class Media:
    """Damaged media, looked into as `yt360 inspect` does: a verdict, or a failure with a kind, within a minute."""

    def __init__(self, soak: Soak) -> None:
        self._soak, self._folder = soak, soak.folder / "media"
        self._folder.mkdir()
        self._whole = originals(self._folder)

    def once(self) -> None:
        soak, path = self._soak, self._folder / "hostile"
        for _ in range(5):
            seed = soak.chance.randrange(1 << 32)
            path.write_bytes(mutate(soak.chance.choice(self._whole), np.random.default_rng(seed)))
            soak.tried["media damaged"] += 1
            started = time.monotonic()
            try:
                report = inspect_isolated(str(path), of_many=True)
                kind = report["error"]["kind"] if "error" in report else report["verdict"]
            except Exception as error:
                soak.found(f"media, seed {seed}: {type(error).__name__}: {str(error)[:200]}")
                continue
            soak.tried["of these, a process died"] += kind == "crash"
            if kind == "timeout" or time.monotonic() - started > _SLOW_S:
                soak.found(f"media, seed {seed}: {kind} after {time.monotonic() - started:.0f} s")
