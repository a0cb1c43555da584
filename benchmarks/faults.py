"""Kills, faults and full disks: `python -m benchmarks.faults [--kills 200] [--log FILE]` prints one table.

Every run is disturbed, resumed, and its root compared with an undisturbed one: the same files with the same bytes,
each item ended exactly once. Killed with SIGKILL at a random moment are the whole run, one worker, one node of a real
Ray cluster, and a small run of the real pipeline (crawl to shard, over four rendered videos). Points are explained in
``faults_points.py``. ``--log`` keeps what was done, one line a run, so that the benchmark can be ended and given again.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import logging
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import faults_points
from tests.engine.conftest import run, run_inline, toy_recipe, tree
from yt360.engine.executors.local import session_members
from yt360.engine.recipe import Recipe
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import DiskFullError

_HOUSE = Path(__file__).resolve().parents[1]
_NAMES = [f"item{number:02d}" for number in range(8)]
_SECONDS = 0.05
_DISKS = 10
_PARTS = ["points", "kills", "disks"]
_WORLD = ["--videos", "4", "--seed", "3", "--duration-s", "10.5", "--size", "128x256", "--fps", "8"]
_REAL_EVERY, _RAY_EVERY = 50, 10
"""Of so many kills one is of the real pipeline, one of a node of Ray."""


def _toys() -> Recipe:
    return toy_recipe(_NAMES, seconds=_SECONDS)


def _start(root: Root) -> int:
    """A run in a process of its own, its workers' parent; the id."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        os._exit(1 if run(root, _toys()).failed else 0)
    except DiskFullError:
        os._exit(70)
    except BaseException:
        os._exit(99)


def _wait(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


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


def _judge(root: Root, expected: dict[str, str], made: Recipe) -> str:
    if tree(root) != expected:
        return "other bytes"
    names = made.stages[0].params.names
    for stage in made.stages:
        states = Counter(entry.state for entry in DatasetState(root, made.stages).entries(stage.name).values())
        if set(states) != {"done"} or states["done"] != (1 if stage.name == "gather" else len(names)):
            return f"{stage.name}: {dict(states)}"
    left = [path.name for path in root.tmp.iterdir()]
    return f"left behind: {left}" if left else "same"


def kill(folder: Path, seed: int, whole: bool, lasts_s: float, expected: dict[str, str]) -> str:
    """One run killed at a random moment and resumed."""
    rng = random.Random(seed)
    root = Root(folder / f"kill-{seed}")
    process = _start(root)
    time.sleep(rng.uniform(0.0, lasts_s))
    workers = _children(process)
    if whole:
        os.kill(process, signal.SIGKILL)
    elif workers:
        os.kill(rng.choice(workers), signal.SIGKILL)
    ended = _wait(process)
    while any(session_members(worker) for worker in workers):
        time.sleep(0.01)
    if whole and _wait(_start(root)):
        return "resume failed"
    if not whole and ended:
        return f"the run ended with {ended}"
    return _judge(root, expected, _toys())


_PATIENCE_S = 300.0
"""Without anything new, on a machine that is not busy."""


def _join(thread: threading.Thread, root: Root) -> float:
    """Wait for a run, as long as there is something new in its root every now and then; how long it has been idle.

    A busy machine gives it as much less of its time.
    """
    seen: list[tuple[str, int]] = []
    since = time.monotonic()
    while True:
        thread.join(1.0)
        there = []
        for path in root.path.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                there.append((str(path), path.stat().st_size))
        if there != seen:
            seen, since = there, time.monotonic()
        idle_s = time.monotonic() - since
        if not thread.is_alive() or idle_s > _PATIENCE_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)):
            return idle_s


class RayNodes:
    """A Ray cluster on this machine: one node that stays, and one for each kill."""

    def __init__(self, folder: Path) -> None:
        import ray
        from ray.cluster_utils import Cluster

        os.environ |= {"PYTHONPATH": str(_HOUSE), "RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
        os.environ.setdefault("RAY_raylet_start_wait_time_s", "150")
        self._small: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20, "memory": 4 << 30}
        head = {**self._small, "num_cpus": 0, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            self._cluster.add_node(**self._small)
            self.address = str(self._cluster.address)
            ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR)
        except BaseException:
            self.close()
            raise
        self._made = toy_recipe(_NAMES, seconds=0.2)
        reference = Root(folder / "undisturbed-ray")
        assert not run_inline(reference, self._made).failed
        self._expected = tree(reference)

    def kill(self, folder: Path, seed: int) -> str:
        from yt360.engine import pipeline
        from yt360.engine.executors.ray import RayExecutor

        root = Root(folder / f"ray-{seed}")
        made = self._made
        doomed = self._cluster.add_node(**self._small)
        ended: list[pipeline.RunResult] = []
        options = pipeline.Options(min_free_bytes=0)
        thread = threading.Thread(target=lambda: ended.append(pipeline.run(made, root, options, engine=RayExecutor())))
        thread.start()
        begun = root.ledger / "source"
        while thread.is_alive() and not (begun.is_dir() and any(begun.iterdir())):
            time.sleep(0.02)
        time.sleep(random.Random(seed).uniform(0.0, 6.0))
        self._cluster.remove_node(doomed, allow_graceful=False)
        waited_s = _join(thread, root)
        if not ended:
            return f"the run has done nothing for {waited_s:.0f} s (load {os.getloadavg()[0]:.0f})"
        if ended[0].failed:
            return "the run failed"
        return _judge(root, self._expected, self._made)

    def close(self) -> None:
        import ray

        ray.shutdown()
        self._cluster.shutdown()


class RealPipeline:
    """`yt360 run` over four rendered videos, killed and resumed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        world = folder / "world"
        subprocess.run(
            [*self._yt360(), "synth", str(world), *_WORLD],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=_HOUSE,
        )
        stages = {
            "crawl": {"source": str(world / "media")},
            **{name: {} for name in ("validate", "stills", "voiceover", "fingerprint", "duplicates")},
            "chunk": {"height": 32, "width": 64, "fps": 4},
            "split": {},
            "shard": {"target_mb": 0.2},
        }
        self._recipe = folder / "real.json"
        self._recipe.write_text(json.dumps({"stages": stages}))
        started = time.monotonic()
        reference = folder / "real-undisturbed"
        if self._start(reference).wait():
            raise SystemExit("the undisturbed run of the real pipeline failed")
        self._lasts_s = time.monotonic() - started
        self._expected = self._bytes(reference)

    @staticmethod
    def _yt360() -> list[str]:
        return [sys.executable, "-m", "yt360"]

    def _start(self, root: Path) -> subprocess.Popen[bytes]:
        words = ["run", str(self._recipe), "--root", str(root), "--workers", "2", "--min-free-gb", "0"]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            [*self._yt360(), *words], cwd=_HOUSE, start_new_session=True, stdout=quiet, stderr=quiet
        )

    def _bytes(self, root: Path) -> dict[str, str]:
        """All but what holds times: ledger, logs, state, and when a video was fetched."""
        found = {}
        for part in ("data", "shards", "manifests"):
            for path in sorted((root / part).rglob("*")):
                if path.is_file() and path.name != "info.json":
                    found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def kill(self, seed: int, times: int = 1) -> str:
        root = self._folder / f"real-{seed}"
        rng = random.Random(seed)
        for _ in range(times):
            process = self._start(root)
            time.sleep(rng.uniform(0.1, 0.9) * self._lasts_s)
            workers = _children(process.pid)
            process.kill()
            process.wait()
            while any(session_members(worker) for worker in workers):
                time.sleep(0.01)
        if self._start(root).wait():
            return "resume failed"
        verdict = "same" if self._bytes(root) == self._expected else "other bytes"
        shutil.rmtree(root)
        return verdict


@contextlib.contextmanager
def _small_disk(at: Path) -> Iterator[Path]:
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def room_of_a_run(folder: Path) -> int:
    """Bytes that an undisturbed run leaves behind on a small file system, beyond an empty root."""
    with _small_disk(folder / "disk") as disk:
        root = Root(disk / "root")
        root.create()
        free = shutil.disk_usage(disk).free
        assert _wait(_start(root)) == 0
        return free - shutil.disk_usage(disk).free


def full_disk(folder: Path, room: int, expected: dict[str, str]) -> str:
    """A small file system with ``room`` bytes for a part of the work, then with room for all."""
    with _small_disk(folder / "disk") as disk:
        root = Root(disk / "root")
        root.create()
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free - room))
        code = _wait(_start(root))
        if code != 70:
            return f"no clear stop (exit code {code})"
        ballast.unlink()
        return "resume failed" if _wait(_start(root)) else _judge(root, expected, _toys())


class Done:
    """What was measured before, and a file that remembers it."""

    def __init__(self, log: Path | None) -> None:
        self._log = log
        self.verdicts: dict[str, str] = {}
        if log is not None and log.is_file():
            self.verdicts = dict(json.loads(line) for line in log.read_text().splitlines())

    def once(self, what: str, folder: Path, measure: Callable[[Path], str]) -> None:
        if what in self.verdicts:
            return
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own:
            self.verdicts[what] = measure(Path(own))
        if self._log is not None:
            with self._log.open("a") as stream:
                stream.write(json.dumps([what, self.verdicts[what]]) + "\n")


def _undisturbed(folder: Path) -> tuple[float, dict[str, str]]:
    """Seconds that a run of toys takes, and the root it leaves."""
    reference = Root(folder / "undisturbed")
    started = time.monotonic()
    if _wait(_start(reference)):
        sys.exit("the undisturbed run failed")
    lasts_s = time.monotonic() - started
    expected = tree(reference)
    shutil.rmtree(reference.path)
    return lasts_s, expected


def kills(done: Done, folder: Path, count: int) -> None:
    lasts_s, expected = _undisturbed(folder)
    rare = dict.fromkeys(range(_RAY_EVERY - 1, count, _RAY_EVERY), "one node of Ray")
    rare |= dict.fromkeys(range(0, count, _REAL_EVERY), "real pipeline")
    _kill_the_rare(done, folder, [(kind, number) for number, kind in rare.items()])
    for number in range(count):
        if number not in rare:
            whole = number % 2 == 0
            what = f"{'whole run' if whole else 'one worker'} killed #{number}"
            done.once(what, folder, lambda own, n=number, w=whole: kill(own, n, w, lasts_s, expected))  # type: ignore[misc]


def disks(done: Done, folder: Path) -> None:
    if os.getuid() != 0:
        print("full disk: mounting a small file system needs root; skipped", file=sys.stderr)
        return
    _, expected = _undisturbed(folder)
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own:
        needed = room_of_a_run(Path(own))
    for number in range(_DISKS):
        room = needed * number // _DISKS
        done.once(f"full disk #{number}", folder, lambda own, r=room: full_disk(own, r, expected))  # type: ignore[misc]


def _kill_the_rare(done: Done, folder: Path, chosen: list[tuple[str, int]]) -> None:
    """Those for which something has to be set up first."""
    left = [(kind, number) for kind, number in chosen if f"{kind} killed #{number}" not in done.verdicts]
    if any(kind == "real pipeline" for kind, _ in left):
        real = RealPipeline(folder)
        for kind, number in left:
            if kind == "real pipeline":
                done.once(f"{kind} killed #{number}", folder, lambda _, n=number: real.kill(n))  # type: ignore[misc]
    if any(kind == "one node of Ray" for kind, _ in left):
        nodes = RayNodes(folder)
        for kind, number in left:
            if kind == "one node of Ray":
                done.once(f"{kind} killed #{number}", folder, lambda own, n=number: nodes.kill(own, n))  # type: ignore[misc]
        nodes.close()


def points(done: Done, folder: Path) -> None:
    reference = Root(folder / "undisturbed-points")
    kinds = faults_points.count_points(reference)
    expected = tree(reference)
    for number, way in faults_points.cases(kinds):
        done.once(
            f"{kinds[number]}: {way} #{number}",
            folder,
            lambda own, n=number, w=way: faults_points.fail_at(  # type: ignore[misc]
                own, n, w, lambda root: _judge(root, expected, toy_recipe(faults_points.NAMES))
            ),
        )


def _table(verdicts: dict[str, str]) -> Iterator[str]:
    counts: dict[str, Counter[str]] = {}
    for what, verdict in verdicts.items():
        counts.setdefault(what.partition(" #")[0], Counter())[verdict] += 1
    for what, found in counts.items():
        yield f"{what:<24} {found.total():>4} runs: " + ", ".join(f"{n} {verdict}" for verdict, n in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--log", type=Path, default=None)
    parser.add_argument("--parts", nargs="+", default=_PARTS, choices=_PARTS)
    arguments = parser.parse_args()
    done = Done(arguments.log)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        if "points" in arguments.parts:
            points(done, Path(name))
        if "kills" in arguments.parts:
            kills(done, Path(name), arguments.kills)
        if "disks" in arguments.parts:
            disks(done, Path(name))
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for line in _table(done.verdicts):
        print(line)
    print(f"{len(done.verdicts)} runs, all resumed: {Counter(done.verdicts.values())['same']} ended in the same bytes")
    sys.exit(0 if set(done.verdicts.values()) == {"same"} else 1)


if __name__ == "__main__":
    main()
