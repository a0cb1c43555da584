"""Any bytes in any file of a root's own: an exit code and a named file with a way out, never a traceback."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.inline import Inline
from tests.stages.fakes import FAKES, Dataset
from yt360.cli import common, main, remove, run
from yt360.engine import pipeline, verify
from yt360.engine.state import ledger

VIDEOS = {"alpha": 3, "beta": 1, "gamma": 0}
SETTINGS = {"split": {"test_share": 0.0}, "shard": {"target_mb": 0.02}}
WAYS: dict[str, Callable[[random.Random, bytearray], bytes | bytearray]] = {
    "flip": lambda chance, data: _flipped(chance, data),
    "half": lambda chance, data: data[: len(data) // 2],
    "empty": lambda chance, data: b"",
    "noise": lambda chance, data: chance.randbytes(len(data)),
    "nested": lambda chance, data: b"[" * 100_000,
    "not UTF-8": lambda chance, data: b"\xff\xfe" + data,
    "zeros": lambda chance, data: bytes(len(data)),
    "a web page": lambda chance, data: b"<!DOCTYPE html><html><title>503</title><body>Come back later</body></html>\n",
}
ASKING = (
    ("status",),
    ("explain", "alpha"),
    ("verify", "-q"),
    ("report",),
    ("remove", "alpha", "--dry-run"),
)


def _flipped(chance: random.Random, data: bytearray) -> bytearray:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


class Mutated:
    """A root that is damaged, asked, and put back."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], *, compacted: bool) -> None:
        self.root, self._whole, self._recipe, self._capsys = (
            folder / "root",
            folder / "whole",
            folder / "r.yaml",
            capsys,
        )
        stages = {"crawl": {"videos": VIDEOS}, "chunk": {}, **SETTINGS}
        self._recipe.write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
        made = Dataset(self.root)
        assert self.run()[0] == 0
        if compacted:
            for stage in ("crawl", "chunk"):
                ledger.compact(self.root / "ledger" / stage)
        self.expected = made.bytes()
        self._made = made
        shutil.copytree(self.root, self._whole)
        self.files = sorted(
            path.relative_to(self._whole)
            for path in self._whole.rglob("*")
            if path.is_file()
            and (path.name == "shards.json" or path.relative_to(self._whole).parts[0] not in ("data", "shards", "logs"))
        )

    def call(self, *words: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:  # anything else is a traceback
            main.main([str(word) for word in words])
        printed = self._capsys.readouterr()
        said = printed.out + printed.err
        assert "Traceback" not in said
        return int(ended.value.code or 0), said

    def run(self) -> tuple[int, str]:
        return self.call("run", self._recipe, "--root", self.root, "--workers", 1, "-q", "--min-free-gb", 0)

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self._whole, self.root)

    def try_one(self, file: Path, way: str, chance: random.Random) -> None:
        self.restore()
        path = self.root / file
        path.write_bytes(WAYS[way](chance, bytearray(path.read_bytes() or b"x")))
        for words in ASKING:
            code, said = self.call(*words, "--root", self.root)
            assert code in (0, 1, 2), (words, said)
            assert code != 2 or file.name in said, (file, way, words, said)
        code, said = self.run()
        if code:
            assert file.name in said, (file, way, said)
            path.unlink()
            assert self.run()[0] == 0, (file, way)
        assert self._made.bytes() == self.expected, (file, way)


@pytest.fixture(params=[False, True], ids=["lines", "compacted"])
def mutated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Mutated:
    for module in (run, common, remove):
        monkeypatch.setattr(module, "REGISTRY", FAKES)
    monkeypatch.setattr(pipeline, "WorkerPool", Inline)
    monkeypatch.setattr(verify, "WorkerPool", Inline)
    return Mutated(tmp_path, capsys, compacted=request.param)


def test_each_file_with_a_bit_flipped(mutated: Mutated) -> None:
    chance = random.Random(5)
    for file in chance.sample(mutated.files, 6):
        mutated.try_one(file, "flip", chance)


@pytest.mark.slow
def test_each_file_damaged_in_every_way(mutated: Mutated) -> None:
    chance = random.Random(6)
    for file in mutated.files:
        for way in WAYS:
            for _ in range(5 if way == "flip" else 1):
                mutated.try_one(file, way, chance)
