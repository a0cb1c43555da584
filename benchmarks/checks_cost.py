"""What it costs to compare what is read with what was recorded: `python -m benchmarks.checks_cost [--rounds 5]`.

The pipeline (crawl to shard, over rendered videos) and three stages of toys over many small items run in this process,
in pairs: with all checks, and with those taken out (digests of inputs, checksums of the ledger's lines and files,
digests of plans). Each pair gives the CPU time (ffmpeg's included) that the checks add. In the runs with checks each
is timed by itself as well, in the CPU time of its thread: that share is what a noisy machine can resolve.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.worlds import machine
from tests.engine.conftest import run_inline
from tests.engine.toys import REGISTRY as TOYS
from yt360.engine import inputs, recipe, reduction, worker
from yt360.engine.recipe import Recipe
from yt360.engine.state import checksums
from yt360.engine.storage import Root
from yt360.stages import REGISTRY

_WORLD = ["--videos", "3", "--seed", "3", "--duration-s", "12", "--size", "256x512", "--fps", "16"]
_ITEMS = 1000


class _Unchecked:
    """In place of :class:`yt360.engine.inputs.InputCheck`."""

    def __init__(self, *_: object) -> None: ...

    def require(self, item: str, *, wait: bool) -> None: ...


@contextlib.contextmanager
def without_checks() -> Iterator[None]:
    """What is read is believed."""
    with contextlib.ExitStack() as stack:
        for where, name, instead in (
            (worker, "InputCheck", _Unchecked),
            (reduction, "problems", lambda *_: iter(())),
            (checksums, "sealed", lambda line: line.rstrip(b"\n") + b"\n"),
            (checksums, "is_whole", lambda *_: True),
            (checksums, "require_whole", lambda *_: None),
            (checksums, "_of", lambda *_: 0),
        ):
            stack.enter_context(mock.patch.object(where, name, instead))
        yield


class Timed:
    """Seconds of CPU time in what is called through :meth:`around`, of whatever thread."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*given: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*given, **named)
            finally:
                self.seconds += time.thread_time() - began

        return timed

    @contextlib.contextmanager
    def checks(self) -> Iterator[None]:
        """Each check adds its time. Those that call another of them are not in the list themselves."""
        with contextlib.ExitStack() as stack:
            for where, name in (
                (inputs, "problems"),
                (reduction, "problems"),
                (checksums, "sealed"),
                (checksums, "is_whole"),
                (checksums, "_of"),
            ):
                stack.enter_context(mock.patch.object(where, name, self.around(getattr(where, name))))
            yield


def cpu_s() -> float:
    """CPU time so far of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def pair(folder: Path, made: Recipe, rounds: int, **options: Any) -> tuple[list[float], list[float], list[float]]:
    """CPU seconds with checks, without, and of the checks themselves, round by round; the order changes each time."""
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    for number in range(rounds):
        for checked in (True, False) if number % 2 else (False, True):
            root, timed = Root(folder / "root"), Timed()
            shutil.rmtree(root.path, ignore_errors=True)
            with timed.checks() if checked else without_checks():
                began = cpu_s()
                if run_inline(root, made, **options).failed:
                    sys.exit("a run failed")
                found[0 if checked else 1].append(cpu_s() - began)
            if checked:
                found[2].append(timed.seconds)
        with_s, without_s, own_s = (each[-1] for each in found)
        print(f"round {number + 1}: {with_s:.2f} s with, {without_s:.2f} s without, checks {own_s:.3f} s", flush=True)
    return found


def pipeline(folder: Path) -> Recipe:
    """Crawl to shard over rendered videos, without maps."""
    words = [sys.executable, "-m", "yt360", "synth", str(folder / "world"), *_WORLD]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    stages = {
        "crawl": {"source": str(folder / "world" / "media")},
        **{name: {} for name in ("validate", "stills", "voiceover", "fingerprint", "duplicates")},
        **{"chunk": {}, "split": {}, "shard": {}},
    }
    return recipe.build({"stages": stages}, REGISTRY, [], where="benchmark")


def toys(items: int) -> Recipe:
    """Three stages over small items, the second in two parts."""
    stages: dict[str, Any] = {"count": {"count": items}, "second": {}, "third": {}}
    return recipe.build({"stages": stages}, TOYS, [], where="benchmark")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--items", type=int, default=_ITEMS)
    arguments = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="yt360-checks-") as name:
        with_s, without_s, own_s = pair(Path(name), pipeline(Path(name)), arguments.rounds)
        share = 100 * statistics.median(own / (all_ - own) for own, all_ in zip(own_s, with_s, strict=True))
        added = 100 * statistics.median(on / off - 1 for on, off in zip(with_s, without_s, strict=True))
        with_s, without_s, own_s = pair(Path(name), toys(arguments.items), arguments.rounds)
        each_ms = 1000 * statistics.median(own_s) / (3 * arguments.items)
        differs_ms = 1000 * statistics.median(a - b for a, b in zip(with_s, without_s, strict=True))
    told = {
        "pipeline: checks, % of the rest": round(share, 2),
        "pipeline: added, median of pairs, %": round(added, 2),
        "small items: checks, ms an item and stage": round(each_ms, 3),
        "small items: added, median of pairs, ms an item and stage": round(differs_ms / (3 * arguments.items), 3),
    }
    print(json.dumps(told, indent=1))
    return 0 if share <= 2 and each_ms <= 0.2 else 1


if __name__ == "__main__":
    sys.exit(main())
