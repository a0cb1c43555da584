"""Runs and takedowns killed at random moments and given again.

In the end nothing of the video is anywhere in the root, everything of the others has the bytes that an undisturbed
takedown leaves, `verify` finds nothing, and a further run changes nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from benchmarks.soak_room import SIGNALS, Soak, call_and_kill

VIDEOS = {"alpha": 3, "alpha-2": 1, "beta": 2, "betatron": 1, "gamma": 2, "silent": 0}
_STAGES = {
    "crawl": {"videos": VIDEOS}, "chunk": {}, "split": {"test_share": 0.0}, "shard": {"target_mb": 0.02},
}  # fmt: skip
_PARTS = ("data", "shards", "manifests", "report")
_MARKS = ("state/removed.jsonl", "recipe.json")
"""The tombstone, and what the person wrote (the source of the stand-in for crawl)."""


class Takedowns:
    """A root whose run is killed, and then its takedown."""

    what = "takedowns"

    def __init__(self, soak: Soak) -> None:
        self._soak, self._room = soak, soak.folder / self.what.replace(" ", "-")
        self._room.mkdir()
        self._place = ""
        self._recipe, self._log = self._room / "recipe.yaml", self._room / "said"
        self._recipe_without("")
        self._fresh()
        started = time.monotonic()
        self._must("run")
        self._lasts_s = {"run": time.monotonic() - started}
        self._must("report")
        self._whole = Path(shutil.copytree(self._copy(), self._room / "whole"))
        self._made = self._tree(self._whole)
        self._expected: dict[str, dict[str, str]] = {}
        self._lasts_s["remove"] = self._lasts_s["run"]
        self._undisturbed("alpha")

    def _undisturbed(self, video: str) -> dict[str, str]:
        """What a takedown leaves that nothing disturbs."""
        if video not in self._expected:
            self._restore()
            started = time.monotonic()
            self._must("remove", video)
            self._lasts_s["remove"] = time.monotonic() - started
            self._expected[video] = self._tree(self._copy())
        return self._expected[video]

    def once(self) -> None:
        soak = self._soak
        before, video = len(soak.wrong), soak.chance.choice(sorted(VIDEOS))
        self._undisturbed(video)
        if soak.chance.random() < 0.3:
            self._fresh()
            self._killed("run", "")
            self._finish("run", "")
            expected = {name: digest for name, digest in self._made.items() if not name.startswith("report/")}
            self._same(self._copy(), expected, "a run")
            soak.tried[f"{self.what}: runs killed and resumed"] += 1
        else:
            self._restore()
        if len(soak.wrong) == before:
            self._take_down(video)
        if len(soak.wrong) > before:
            shutil.copytree(self._copy(), soak.folder / f"kept-{len(soak.wrong)}")

    def _take_down(self, video: str) -> None:
        """Kill a takedown, end it, look, and put the recipe back."""
        self._judge_takedown(video)
        self._recipe_without("")

    def _judge_takedown(self, video: str) -> None:
        soak, what = self._soak, f"the takedown of {video}"
        if dropped := soak.chance.random() < 0.3:
            self._recipe_without("", soak.chance.choice((("shard",), ("split", "shard"), ("chunk", "split", "shard"))))
            self._finish("run", "")
            what += " by a recipe without shards"
            soak.tried[f"{self.what}: by a recipe that had dropped stages"] += 1
        if soak.chance.random() < 0.3:  # a run that found nothing to do, or was about to
            self._killed("run", video)
        self._killed("remove", video)
        self._finish("remove", video)
        soak.tried[f"{self.what}: ended after kills"] += 1
        left = self._copy()
        if held := holding(left, video):
            soak.found(f"{self.what}: {video} is still in {', '.join(held)}")
        expected = self._expected[video]
        if not (left / "report").exists():  # of a root made anew, no report was made
            expected = {name: digest for name, digest in expected.items() if not name.startswith("report/")}
        if not dropped:  # else the tables speak of less
            self._same(left, expected, what)
        self._recipe_without(video)
        self._finish("run", "")
        self._same(self._copy(), expected, f"a run after {what}")
        code, said = self._yt360("verify", "-q")
        if code:
            soak.found(f"{self.what}: verify after {what} ended with {code}: {said[-300:]}")

    def _recipe_without(self, video: str, dropped: tuple[str, ...] = ()) -> None:
        """The stand-in for crawl knows no tombstones (those of the real one have their tests)."""
        videos = {name: clips for name, clips in VIDEOS.items() if name != video}
        stages = {name: made for name, made in _STAGES.items() if name not in dropped} | {"crawl": {"videos": videos}}
        self._recipe.write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))

    def _killed(self, command: str, video: str) -> None:
        for _ in range(self._soak.chance.randrange(1, 4)):
            sent = self._soak.chance.choice(SIGNALS)
            after_s = self._soak.chance.uniform(0.0, 1.2) * self._lasts_s[command]
            code, said = self._yt360(*self._words(command, video), kill=(after_s, sent))
            self._soak.tried[f"{self.what}: {command} killed"] += code != 0
            if "Traceback" in said and sent.name != "SIGINT":
                self._soak.found(f"{self.what}: {command} under {sent.name}: {said.strip().splitlines()[-1]}")

    def _finish(self, command: str, video: str) -> None:
        code, said = self._yt360(*self._words(command, video))
        if code:
            self._soak.found(f"{self.what}: {command} {video} given again ended with {code}: {said[-300:]}")

    def _same(self, found: Path, expected: dict[str, str], what: str) -> None:
        there = self._tree(found)
        if there != expected:
            names = sorted(name for name in {*there, *expected} if there.get(name) != expected.get(name))
            self._soak.found(f"{self.what}: {what} left other bytes in {', '.join(names[:5])}")

    def _must(self, command: str, video: str = "") -> None:
        code, said = self._yt360(*self._words(command, video))
        if code:
            raise SystemExit(f"undisturbed, {command} {video} ended with {code}: {said}")

    def _words(self, command: str, video: str) -> tuple[object, ...]:
        if command == "run":
            return ("run", self._recipe, "--workers", 1, "-q", "--min-free-gb", 0)
        return ("remove", video, "--yes") if command == "remove" else (command,)

    def _yt360(self, *words: object, kill=None) -> tuple[int, str]:  # type: ignore[no-untyped-def]
        return call_and_kill((*words, "--root", self._place), self._log, kill)

    def _fresh(self) -> None:
        """An empty place for a root."""
        self._place = str(self._room / "root")
        shutil.rmtree(self._place, ignore_errors=True)

    def _restore(self) -> None:
        """A root that a run has finished."""
        self._fresh()
        shutil.copytree(self._whole, self._place)

    def _copy(self) -> Path:
        """The root as files, to look at."""
        return Path(self._place)

    @staticmethod
    def _tree(folder: Path) -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for part in _PARTS
            for path in sorted((folder / part).rglob("*"))
            if path.is_file()
        }


def holding(folder: Path, video: str) -> list[str]:
    """Files below a folder whose name or content holds a video's name, as it is and inside Parquet."""
    longer = [other for other in VIDEOS if other != video and video in other]
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in _MARKS:
            held = f"{name}\n".encode() + path.read_bytes()
            if path.suffix == ".parquet":
                held += repr(pq.read_table(path).to_pylist()).encode()
            for other in longer:
                held = held.replace(other.encode(), b"")
            if video.encode() in held:
                found.append(name)
    return found
