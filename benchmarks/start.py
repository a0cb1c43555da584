"""Commands that only ask, from their start to their first line and to their end, against an earlier commit.

    python -m benchmarks.start [--against ac3c3dc] [--rounds 5] [--inspect FILE] [--json]

Each build makes a root of one short recording of ``../shared/media`` and is asked about it in turn: `status`,
`explain`, `inspect` and `--help`. User and system time of all processes counts, also of those that outlive their
parent; up to the first line wall time is told beside it.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.floor import REAL, RECIPE_IN_CHECKOUT
from benchmarks.loader_pairs import CHECKOUT, checked_out
from benchmarks.worlds import machine

_NAME = "kqAZkf5Odyw_80"
_FILES = (f"{_NAME}.mp4", f"{_NAME}.f327.m4a")
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER: whose parent has ended becomes a child of this process."""


_NS, _TICKS = 1e9, os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """Seconds of one command. Up to its first line: CPU of all its processes, and wall; then CPU up to the end."""

    first_line_cpu_s: float
    first_line_wall_s: float
    cpu_s: float


def asked(root: Path, inspected: Path) -> dict[str, list[str]]:
    """The commands by name."""
    return {
        "--help": ["--help"],
        "status": ["status", "--root", str(root)],
        "explain": ["explain", _NAME, "--root", str(root)],
        "inspect": ["inspect", str(inspected)],
    }


def _tree_cpu_s() -> float:
    """CPU seconds so far of all processes below this one, those that have ended included."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total, waiting = ended.ru_utime + ended.ru_stime, [os.getpid()]
    while waiting:
        below = []
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(OSError):
                below += [int(child) for child in task.read_text().split()]
        for child in below:
            with suppress(OSError, ValueError):
                threads = Path(f"/proc/{child}/task").glob("*/schedstat")
                total += sum(int(one.read_text().split()[0]) for one in threads) / _NS
                of_its_own = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[13:15]
                total += sum(map(int, of_its_own)) / _TICKS
        waiting += below
    return total


def spent(checkout: Path, words: list[str], caches: Path) -> Spent:
    """What ``yt360 WORDS`` by a checkout takes, its modules compiled before. Raises where it fails."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "PYTHONPYCACHEPREFIX": str(caches),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "yt360", *words]
    with tempfile.TemporaryFile("w+") as errors:
        before_s, began_s = _tree_cpu_s(), time.perf_counter()
        with subprocess.Popen(
            command, env=environment, cwd=checkout, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            wall_s, first_s = time.perf_counter() - began_s, _tree_cpu_s() - before_s
            said = first + process.stdout.read()
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said}\n{errors.read()}")
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    return Spent(first_s, wall_s, _tree_cpu_s() - before_s)


def measure(commit: str, rounds: int, inspected: Path, scratch: Path) -> dict[str, dict[str, list[Spent]]]:
    """What each command takes by either build, in turn."""
    media, caches = scratch / "media", scratch / "caches"
    media.mkdir()
    for name in _FILES:
        shutil.copyfile(REAL / "media" / name, media / name)
    found: dict[str, dict[str, list[Spent]]] = {}
    with checked_out(commit) as old:
        builds = {"before": old, "now": CHECKOUT}
        for build, checkout in builds.items():
            made = ["run", str(checkout / RECIPE_IN_CHECKOUT), "--root", str(scratch / build), "--workers", "1"]
            spent(checkout, [*made, "--set", f"crawl.source={media}"], caches)
        for number in range(rounds + 1):  # the first compiles
            for build, checkout in builds.items():
                for name, words in asked(scratch / build, inspected).items():
                    took = spent(checkout, words, caches)
                    if number:
                        found.setdefault(name, {}).setdefault(build, []).append(took)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="ac3c3dc")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--inspect", type=Path, default=REAL / "media" / _FILES[0], help="the file to inspect")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(arguments.against, arguments.rounds, arguments.inspect.resolve(), Path(scratch))
    measures = {
        field.name: {
            name: {build: [getattr(took, field.name) for took in all_of_it] for build, all_of_it in each.items()}
            for name, each in found.items()
        }
        for field in fields(Spent)
    }
    if arguments.json:
        print(json.dumps({"machine": machine(), "against": arguments.against, **measures}))
        return
    print(f"{machine()}; seconds, medians of {arguments.rounds}: {arguments.against}, this build, their ratio")
    for what, by_name in measures.items():
        print(what)
        for name, each in by_name.items():
            before, now = statistics.median(each["before"]), statistics.median(each["now"])
            print(f"  {before:6.2f} {now:6.2f}  x {before / now:.2f}  yt360 {name}")


if __name__ == "__main__":
    main()
