from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests import CHECKOUT
from yt360.engine.executors.base import Task
from yt360.engine.executors.local import WorkerPool, session_members
from yt360.engine.stage import Resources
from yt360.errors import DiskFullError


def tasks(*made: Task) -> Any:
    left = list(made)
    return lambda: left.pop(0) if left else None


def toy(name: str, argument: Any, timeout_s: float = 20.0) -> Task:
    return Task(f"tests.engine.toys:{name}", argument, timeout_s)


def test_one_job_in_flight_a_worker() -> None:
    with WorkerPool(2) as pool:
        started = time.monotonic()
        results = list(pool.run(tasks(*[toy("sleep_ignoring_signals", 1.0) for _ in range(4)])))
    assert [r.value for r in results] == ["slept"] * 4
    assert time.monotonic() - started >= 2.0


def test_what_takes_longer_than_its_grace_is_ended_when_the_run_is_asked_to_stop() -> None:
    """A download of hours, or the wait for a site's pause, does not hold a SIGTERM up."""
    with WorkerPool(1) as pool:
        threading.Timer(4.0, pool.stop).start()
        started = time.monotonic()
        results = list(pool.run(tasks(toy("sleep_ignoring_signals", 600.0, 900.0)), Resources(grace_s=0.5)))
        assert time.monotonic() - started < 30
    assert [r.status for r in results] == ["died"]


def test_every_library_of_a_worker_does_its_sums_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's comes along with the worker's first task, and users of clusters ask for many threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with WorkerPool(1) as pool:
        (done,) = pool.run(tasks(toy("threads_of_libraries", None)))
    assert any("openblas" in name for name in done.value)
    assert set(done.value.values()) == {1}, done.value
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_bug_in_a_task_is_told_and_the_worker_lives_on() -> None:
    with WorkerPool(1) as pool:
        results = list(pool.run(tasks(toy("no_such_function", 1), toy("sleep_ignoring_signals", 0.0))))
    assert [r.status for r in results] == ["error", "ok"]
    assert "no_such_function" in results[0].value


def test_worker_that_grows_is_replaced() -> None:
    with WorkerPool(1, memory_limit_mb=200) as pool:
        workers = [r.value for r in pool.run(tasks(*[toy("grow", 150) for _ in range(4)]))]
    assert len(set(workers)) >= 2


def test_parent_that_vanishes_takes_its_workers_and_their_children_along(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = tmp_path / "parent.py"
    script.write_text(
        "from yt360.engine.executors.base import Task\n"
        "from yt360.engine.executors.local import WorkerPool\n"
        "if __name__ == '__main__':\n"
        f"    task = Task('tests.engine.toys:spawn_and_sleep', {str(mark)!r}, 600.0)\n"
        "    left = [task]\n"
        "    list(WorkerPool(1).run(lambda: left.pop() if left else None))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    parent = subprocess.Popen([sys.executable, str(script)], env=environment)
    deadline = time.monotonic() + 30
    while not (mark.exists() and len(mark.read_text().split()) == 2):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    worker, child = map(int, mark.read_text().split())
    assert set(session_members(worker)) >= {worker, child}
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    while session_members(worker):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_ended_is_told_though_there_is_no_room_for_the_next_task() -> None:
    left = [toy("sleep_ignoring_signals", 0.0)]

    def next_task() -> Task:
        if not left:
            raise DiskFullError("no room")
        return left.pop()

    with WorkerPool(1) as pool:
        results = pool.run(next_task)
        assert next(results).value == "slept"
        with pytest.raises(DiskFullError):
            next(results)
