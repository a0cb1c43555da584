"""What it takes to plan a crawl of a list of many ids: from the start of a run to the first item handed out.

    python -m benchmarks.scale_plan [--items 1000000] [--against ac3c3dc] [--rounds 1] [--json]

CPU seconds and the most memory of a process that runs ``pipelines/yt360.yaml`` and stops where the first video would be
asked for. ``--against`` plans the same list by an earlier build in turn; '' leaves it out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.loader_pairs import CHECKOUT, checked_out
from benchmarks.worlds import machine

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PROBE = """
import sys, time
from pathlib import Path
from yt360.engine import pipeline, recipe
try:
    from yt360.engine.executors.local import WorkerPool
except ModuleNotFoundError:  # where earlier commits had it
    from yt360.engine.local import WorkerPool
from yt360.engine.storage import Root
from yt360.stages import REGISTRY

class Stopped(WorkerPool):
    def run(self, next_task, needs=None, backlog=None):
        assert next_task() is not None
        self.stop()
        yield from ()

made = recipe.load(Path("pipelines/yt360.yaml"), REGISTRY, [f"crawl.source={sys.argv[1]}"])
silent = {"quiet": True} if "quiet" in pipeline.Options.__dataclass_fields__ else {}
options = pipeline.Options(workers=1, min_free_bytes=0, **silent)
pipeline.run(made, Root(Path(sys.argv[2])), options, engine=Stopped(1))
"""


def write_list(path: Path, items: int) -> None:
    """Different ids of eleven letters, a line each."""
    with path.open("w", encoding="ascii") as stream:
        for number in range(items):
            mixed = number * 0x9E3779B97F4A7C15 % 2**64
            stream.write("".join(_LETTERS[mixed >> 6 * k & 63] for k in range(10)) + "A\n")


def planned(checkout: Path, listed: Path, root: Path) -> tuple[float, float]:
    """CPU seconds and the most memory (MB) of planning by a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", _PROBE, str(listed), str(root)], env=environment, cwd=checkout)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"planning by {checkout} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def rounds(items: int, against: str, count: int) -> Iterator[dict[str, Any]]:
    """CPU seconds and MB of both builds, in turn."""
    with tempfile.TemporaryDirectory() as name:
        listed = Path(name) / "ids.txt"
        write_list(listed, items)
        for number in range(count):
            found: dict[str, Any] = {"now": planned(CHECKOUT, listed, Path(name) / f"now-{number}")}
            if against:
                with checked_out(against) as old:
                    found["before"] = planned(old, listed, Path(name) / f"before-{number}")
            yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--against", default="ac3c3dc")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = list(rounds(arguments.items, arguments.against, arguments.rounds))
    if arguments.json:
        print(json.dumps({"machine": machine(), "items": arguments.items, "rounds": found}))
        return
    print(f"{machine()}; {arguments.items:,} ids")
    for each in found:
        for build, (seconds, megabytes) in each.items():
            print(f"{seconds:7.1f} CPU s, {megabytes:6.0f} MB  {build}")


if __name__ == "__main__":
    main()
