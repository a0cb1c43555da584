"""Kills, faults and full disks: `python benchmarks/faults.py [--kills 200] [--log FILE]` prints one table.

Every run is killed with SIGKILL at a random moment (the whole run, or one worker), resumed, and its root compared
with an undisturbed one: the same files with the same bytes, each item ended exactly once. ``--log`` keeps what
was done, one line a run, so that the benchmark can be ended and given again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.engine.conftest import toy_recipe, tree
from yt360.engine.catalog import Catalog
from yt360.engine.local import session_members
from yt360.engine.storage import Root

_HOUSE = Path(__file__).resolve().parents[1]
_NAMES = [f"item{number:02d}" for number in range(12)]
_SECONDS = 0.05
_DISKS = 10

_RUN = f"""
import sys
from tests.engine.conftest import run, toy_recipe
from yt360.engine.storage import Root
from yt360.errors import DiskFullError
if __name__ == "__main__":
    names = {_NAMES!r}
    try:
        result = run(Root(sys.argv[1]), toy_recipe(names, seconds={_SECONDS}))
    except DiskFullError as error:
        sys.exit(70)
    sys.exit(1 if result.failed else 0)
"""


def _start(script: Path, root: Root) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(_HOUSE)}
    return subprocess.Popen(
        [sys.executable, str(script), str(root.path)],
        env=environment,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )


def _children(pid: int) -> list[int]:
    """Worker processes of a run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == pid and b"spawn_main" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except (OSError, ValueError, IndexError):
                continue
    return found


def _judge(root: Root, expected: dict[str, str]) -> str:
    if tree(root) != expected:
        return "other bytes"
    made = toy_recipe(_NAMES, seconds=_SECONDS)
    for stage in made.stages:
        states = Counter(entry.state for entry in Catalog(root, made.stages).entries(stage.name).values())
        if set(states) != {"done"}:
            return f"{stage.name}: {dict(states)}"
    return "same"


def kill(script: Path, folder: Path, seed: int, whole: bool, lasts_s: float, expected: dict[str, str]) -> str:
    """One run killed at a random moment and resumed."""
    rng = random.Random(seed)
    root = Root(folder / f"kill-{seed}")
    process = _start(script, root)
    time.sleep(rng.uniform(0.0, lasts_s))
    workers = _children(process.pid)
    if whole:
        process.kill()
    elif workers:
        os.kill(rng.choice(workers), signal.SIGKILL)
    process.wait(300)
    while any(session_members(worker) for worker in workers):
        time.sleep(0.01)
    if whole and _start(script, root).wait(300):
        return "resume failed"
    verdict = _judge(root, expected)
    shutil.rmtree(root.path)
    return verdict


def full_disk(script: Path, folder: Path, number: int, expected: dict[str, str]) -> str:
    """A small file system with room for a part of the work, then with room for all."""
    disk = folder / f"disk-{number}"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=True)
    try:
        root = Root(disk / "root")
        root.create()
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free - (number * 20 + 4) * 1024))
        code = _start(script, root).wait(300)
        if code not in (0, 70):
            return f"no clear stop (exit code {code})"
        ballast.unlink()
        if _start(script, root).wait(300):
            return "resume failed"
        return _judge(root, expected)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--log", type=Path, default=None)
    arguments = parser.parse_args()
    done: dict[str, str] = {}
    if arguments.log and arguments.log.is_file():
        done = dict(json.loads(line) for line in arguments.log.read_text().splitlines())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "run.py"
        script.write_text(_RUN)
        reference = Root(folder / "undisturbed")
        started = time.monotonic()
        if _start(script, reference).wait(300):
            sys.exit("the undisturbed run failed")
        lasts_s = time.monotonic() - started
        expected = tree(reference)
        for number in range(arguments.kills):
            whole = number % 2 == 0
            _once(
                done,
                f"{'whole run' if whole else 'one worker'} killed #{number}",
                lambda n=number, w=whole: kill(script, folder, n, w, lasts_s, expected),
                arguments.log,
            )
        if os.getuid() == 0:
            for number in range(_DISKS):
                _once(
                    done,
                    f"full disk #{number}",
                    lambda n=number: full_disk(script, folder, n, expected),
                    arguments.log,
                )
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    verdicts: dict[str, Counter[str]] = {}
    for what, verdict in done.items():
        verdicts.setdefault(what.partition(" #")[0], Counter())[verdict] += 1
    for what, counts in verdicts.items():
        words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        print(f"{what:<20} {counts.total():>4} runs: {words}")
    sys.exit(0 if set(done.values()) == {"same"} else 1)


def _once(done: dict[str, str], what: str, measure, log: Path | None) -> None:
    if what not in done:
        done[what] = measure()
        if log:
            with log.open("a") as stream:
                stream.write(json.dumps([what, done[what]]) + "\n")


if __name__ == "__main__":
    main()
