"""Worker processes on this machine: one job in flight each, and any of them may die.

A worker is spawned (never forked: media libraries hold threads and locks) into a session of its
own. Everything it starts stays in that session, so ending a worker ends its ffmpeg too, whatever
process group that is in. When the parent vanishes, a watcher thread in the worker sees its
lifeline close and ends the whole session.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import math
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from yt360.engine.executors.base import Finished, Task
from yt360.engine.stage import Resources
from yt360.errors import DiskFullError, UsageError

_CONTEXT = multiprocessing.get_context("spawn")
_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
"""One core a worker: more workers, not more threads. It also keeps sums in one order, so bytes repeat, whatever number
of cores a machine has and whatever number of threads a cluster's settings ask for."""

_QUIT_GRACE_S = 20.0
_START_LIMIT_S = 120.0
_BEGINS = "begins"
_LAST_WORDS_BYTES = 3000


class WorkerPool:
    """Runs tasks on ``workers`` processes; see the module's text.

    A worker that grew beyond ``memory_limit_mb`` is replaced before its next task.
    """

    def __init__(self, workers: int, *, memory_limit_mb: int = 4096) -> None:
        self._size = workers
        self._memory_limit = memory_limit_mb << 20
        self._workers: list[_Worker] = []
        self._stopping = threading.Event()
        self._stopped_at = math.inf

    def stop(self) -> None:
        """Hand out nothing more; what is in flight is finished. Safe to call from a signal handler."""
        self._stopped_at = min(self._stopped_at, time.monotonic())
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def kill(self) -> None:
        """End every worker at once, and all that they started."""
        for worker in self._workers:
            worker.kill()

    def run(
        self,
        next_task: Callable[[], Task | None],
        needs: Resources | None = None,
        backlog: Callable[[], int] | None = None,
    ) -> Iterator[Finished]:
        """Call ``next_task`` whenever a worker is idle (``None``: nothing now) and yield results as they come.

        Ends when nothing is in flight and ``next_task`` has nothing, or after :meth:`stop`; what takes longer then
        than ``needs.grace_s`` is ended. How many workers there are is fixed, so the rest of ``needs`` and ``backlog``
        change nothing.
        """
        while True:
            if needs is not None and time.monotonic() > self._stopped_at + needs.grace_s:
                self.kill()  # found dead below; nobody blames the items
            exhausted = self._hand_out(next_task)
            busy = self._busy()
            if not busy:
                if self.stopping or exhausted:
                    return
                continue
            for finished in self._collect(busy):
                try:
                    if finished.status == "ok":  # its worker goes on while the result is looked at
                        self._hand_out(next_task)
                finally:  # what ended is told of, though there may be no room for another task
                    yield finished

    def _hand_out(self, next_task: Callable[[], Task | None]) -> bool:
        """A task to each idle worker; whether there were too few."""
        while not self.stopping and len(self._busy()) < self._size:
            task = next_task()
            if task is None:
                return True
            self._idle_worker().send(task)
        return False

    def close(self) -> None:
        """Let the workers wind up (stages torn down, ledger files sealed)."""
        for worker in self._workers:
            worker.quit()
        deadline = time.monotonic() + _QUIT_GRACE_S
        for worker in self._workers:
            worker.join(max(0.1, deadline - time.monotonic()))
        self._workers.clear()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.kill()
        self.close()

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.task is not None]

    def _idle_worker(self) -> _Worker:
        for worker in list(self._workers):
            if worker.task is None:
                if worker.process.is_alive() and worker.resident_bytes < self._memory_limit:
                    return worker
                worker.quit()
                worker.join(_QUIT_GRACE_S)
                self._workers.remove(worker)
        self._workers.append(_Worker())
        return self._workers[-1]

    def _collect(self, busy: list[_Worker]) -> Iterator[Finished]:
        wait_s = max(0.0, min(worker.deadline for worker in busy) - time.monotonic())
        # Woken at least twice a second: a signal only sets a flag.
        ready = multiprocessing.connection.wait([w.connection for w in busy], timeout=min(wait_s, 0.5))
        for worker in busy:
            finished: Finished | None
            if worker.connection in ready:
                finished = worker.receive()
            elif time.monotonic() >= worker.deadline:
                finished = worker.time_out()
            else:
                continue
            if finished is None:
                continue
            if finished.status in ("died", "timeout"):
                self._workers.remove(worker)
            yield finished


class _Worker:
    """The parent's side of one worker process."""

    def __init__(self) -> None:
        self.connection, theirs = _CONTEXT.Pipe()
        lifeline_read, self._lifeline = _CONTEXT.Pipe(duplex=False)
        self.process = _CONTEXT.Process(target=_worker_main, args=(theirs, lifeline_read), daemon=False)
        # What a worker imports to understand its first task asks for the number of threads: it is there before.
        with _environment(dict.fromkeys(_SINGLE_THREADED, "1")):
            self.process.start()
        theirs.close()
        lifeline_read.close()
        self.task: Task | None = None
        self.deadline = 0.0
        self.resident_bytes = 0
        self._up = False
        self._log, self._log_start = "", 0

    def send(self, task: Task) -> None:
        self.task = task
        self._log = worker_log(task.logs, self.process.pid) if task.logs else ""
        self._log_start = _size(self._log)
        # Until a new worker says that it begins: its start (on a busy machine, many seconds) is not the task's time.
        self.deadline = time.monotonic() + task.timeout_s + (0.0 if self._up else _START_LIMIT_S)
        with contextlib.suppress(OSError):  # it died meanwhile: receive() finds out and says so
            self.connection.send(task)

    def receive(self) -> Finished | None:
        """How the task ended, or ``None`` when a new worker just began with its first one."""
        try:
            message = self.connection.recv()
            if message == _BEGINS:
                assert self.task is not None
                self._up = True
                self.deadline = time.monotonic() + self.task.timeout_s
                return None
            task = self._take()
            status, value, self.resident_bytes = message
        except (EOFError, OSError):
            task = self._take()
            self.kill()
            words = _how_it_died(self.process.exitcode)
            return Finished(task, "died", words + _last_words(self._log, self._log_start), self._log)
        return Finished(task, status, value, self._log)

    def time_out(self) -> Finished:
        task = self._take()
        self.kill()
        words = f"still running after {task.timeout_s:g} s; stopped"
        return Finished(task, "timeout", words + _last_words(self._log, self._log_start), self._log)

    def _take(self) -> Task:
        assert self.task is not None
        task, self.task = self.task, None
        return task

    def kill(self) -> None:
        if self.process.pid is not None:
            # The worker leads its session; before it gets that far there is only itself.
            kill_session(self.process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def quit(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.send(None)

    def join(self, timeout_s: float) -> None:
        self.process.join(timeout_s)
        if self.process.is_alive():
            self.kill()


def _how_it_died(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name if -exit_code in set(signal.Signals) else str(-exit_code)
        hint = " (often: out of memory)" if name == "SIGKILL" else ""
        return f"the worker process was ended by {name}{hint}"
    return f"the worker process ended with exit code {exit_code}"


def worker_log(folder: str, pid: int | None) -> str:
    """Where a worker's standard error goes."""
    return os.path.join(folder, f"worker-{socket.gethostname()}-{pid}.log")


def _size(log: str) -> int:
    try:
        return os.stat(log).st_size if log else 0
    except FileNotFoundError:
        return 0


def _last_words(log: str, start: int) -> str:
    """What a worker said during its last task, for the record of its death."""
    with contextlib.suppress(OSError):
        if log:
            with open(log, "rb") as stream:
                stream.seek(max(start, _size(log) - _LAST_WORDS_BYTES))
                words = stream.read().decode("utf-8", "replace").strip()
            return f"; its last words:\n{words}" if words else ""
    return ""


def session_members(session: int) -> list[int]:
    """Ids of all living processes of a session (``/proc/PID/stat``: state is field 3, session field 6)."""
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session and fields[0] not in "ZX":
                    members.append(int(entry.name))
    return members


def kill_session(session: int) -> None:
    """SIGKILL every process of a session, and those they start meanwhile."""
    for _ in range(50):
        members = session_members(session)
        for member in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, signal.SIGKILL)
        if not members:
            return
        time.sleep(0.02)


def _watch_lifeline(lifeline: Connection) -> None:
    """Blocks until the parent is gone, then ends this session, this process included."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    own = os.getpid()
    for member in session_members(own):
        if member != own:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
    os.kill(own, signal.SIGKILL)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables for the processes that are started inside."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _worker_main(connection: Connection, lifeline: Connection) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_watch_lifeline, args=(lifeline,), daemon=True).start()
    state: dict[str, Any] = {}
    logs, up = "", False
    while True:
        try:
            task: Task | None = connection.recv()
        except EOFError:
            task = None
        if task is None:
            break
        if task.logs and task.logs != logs:
            logs = task.logs
            _say_into(worker_log(logs, os.getpid()))
        if not up:
            connection.send(_BEGINS)
            up = True
        connection.send((*_call(task, state), _resident_bytes()))
    for name in list(state):
        close = getattr(state[name], "close", None)
        if close is not None:
            close()


def _say_into(log: str) -> None:
    """Standard error of this process, and of what it starts, is appended to a file; a crash leaves its stack there."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(log), exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        faulthandler.enable(file=2)


def _call(task: Task, state: dict[str, Any]) -> tuple[str, Any]:
    try:
        module, _, name = task.function.partition(":")
        return "ok", getattr(importlib.import_module(module), name)(state, task.argument)
    except DiskFullError as error:
        return "disk-full", str(error)
    except UsageError as error:  # not of an item: no stage can be set up by these settings, or on this machine
        return "refused", str(error)
    except Exception:
        return "error", traceback.format_exc()


def _resident_bytes() -> int:
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
