"""CPU of commands that only ask, from their start to their end, against an earlier commit.

    python -m benchmarks.start [--against ac3c3dc] [--rounds 5] [--json]

Each build makes a root of one short recording of ``../shared/media`` and is asked about it in turn: `status`,
`explain`, `inspect` and `--help`. User and system time of all processes counts, also of those that outlive their
parent.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from benchmarks.floor import REAL, RECIPE_IN_CHECKOUT
from benchmarks.loader_pairs import CHECKOUT, checked_out
from benchmarks.worlds import machine

_NAME = "kqAZkf5Odyw_80"
_FILES = (f"{_NAME}.mp4", f"{_NAME}.f327.m4a")
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER: whose parent has ended becomes a child of this process."""


def asked(root: Path) -> dict[str, list[str]]:
    """The commands by name."""
    return {
        "--help": ["--help"],
        "status": ["status", "--root", str(root)],
        "explain": ["explain", _NAME, "--root", str(root)],
        "inspect": ["inspect", str(REAL / "media" / _FILES[0])],
    }


def cpu_s(checkout: Path, words: list[str], caches: Path) -> float:
    """CPU seconds of ``yt360 WORDS`` by a checkout, its modules compiled before. Raises where it fails."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "PYTHONPYCACHEPREFIX": str(caches),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "yt360", *words]
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(commit: str, rounds: int, scratch: Path) -> dict[str, dict[str, list[float]]]:
    """CPU seconds of each command by either build, in turn."""
    media, caches = scratch / "media", scratch / "caches"
    media.mkdir()
    for name in _FILES:
        shutil.copyfile(REAL / "media" / name, media / name)
    found: dict[str, dict[str, list[float]]] = {}
    with checked_out(commit) as old:
        builds = {"before": old, "now": CHECKOUT}
        for build, checkout in builds.items():
            made = ["run", str(checkout / RECIPE_IN_CHECKOUT), "--root", str(scratch / build), "--workers", "1"]
            cpu_s(checkout, [*made, "--set", f"crawl.source={media}"], caches)
        for number in range(rounds + 1):  # the first compiles
            for build, checkout in builds.items():
                for name, words in asked(scratch / build).items():
                    spent = cpu_s(checkout, words, caches)
                    if number:
                        found.setdefault(name, {}).setdefault(build, []).append(spent)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="ac3c3dc")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(arguments.against, arguments.rounds, Path(scratch))
    if arguments.json:
        print(json.dumps({"machine": machine(), "against": arguments.against, "cpu_s": found}))
        return
    print(f"{machine()}; CPU seconds, least of {arguments.rounds}: {arguments.against}, this build")
    for name, each in found.items():
        before, now = min(each["before"]), min(each["now"])
        print(f"{before:6.2f} {now:6.2f}  x {before / now:.2f}  yt360 {name}")


if __name__ == "__main__":
    main()
