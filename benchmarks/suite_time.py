"""How long ``make test`` takes, against an earlier commit: both suites run once, on two processes as it runs them.

    python -m benchmarks.suite_time [--against ac3c3dc] [--jobs 2] [--json]

Wall time and CPU time, and how many tests there were. Both are measured with everything compiled and installed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.floor import cpu_s
from benchmarks.loader_pairs import CHECKOUT, checked_out
from benchmarks.worlds import machine

_COUNTED = re.compile(r"(\d+) (?:passed|failed|skipped|xfailed|error)")


def suite(checkout: Path, jobs: int) -> dict[str, Any]:
    """Wall and CPU seconds, tests, and how many of these did not pass."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    shared = checkout.parent / "shared"
    if not shared.exists():
        shared.symlink_to((CHECKOUT / "../shared").resolve())
    began, before = time.monotonic(), cpu_s()
    command = [sys.executable, "-m", "pytest", "-n", str(jobs), "--dist", "loadfile"]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    wall_s, spent_s = time.monotonic() - began, cpu_s() - before
    last = (done.stdout.strip().splitlines() or [""])[-1]
    tests = sum(map(int, _COUNTED.findall(last)))
    if not tests:
        raise RuntimeError(f"{checkout}: expected tests that ran, found: {last or done.stderr[-300:]}")
    failed = re.search(r"(\d+) failed", last)
    return {"wall_s": wall_s, "cpu_s": spent_s, "tests": tests, "failed": int(failed[1]) if failed else 0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="ac3c3dc")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with checked_out(arguments.against) as old:
        found = {"before": suite(old, arguments.jobs), "now": suite(CHECKOUT, arguments.jobs)}
    if arguments.json:
        print(json.dumps({"machine": machine(), "against": arguments.against, **found}))
        return
    print(machine())
    for build, each in found.items():
        counted = f"{each['tests']} tests, {each['failed']} failed"
        print(f"{each['wall_s']:7.0f} s, {each['cpu_s']:7.0f} CPU s, {counted}  {build}")


if __name__ == "__main__":
    main()
