"""Tasks on a Ray cluster: actors with the resources that a stage declares, one task in each at a time.

Ray decides where actors live; each of them keeps one worker process of its own
(:class:`~yt360.engine.executors.local.WorkerPool` of size one). So a decoder that crashes or hangs costs a process and
not the actor, and time-outs, memory limits and models loaded once are the same on Ray as on one machine. Items travel
as locations. The pool grows with what is left to do and with the cluster, and shrinks towards the end.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.metadata
import logging
import math
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import yt360
from yt360.engine.executors.base import Finished, Task
from yt360.engine.executors.bounded_calls import BoundedCalls, NoAnswerError
from yt360.engine.executors.local import WorkerPool
from yt360.engine.stage import Resources
from yt360.errors import UsageError, Yt360Error

log = logging.getLogger("yt360.ray")

_LOOK_AGAIN_S = 1.0
_MOST_ACTORS = 10_000
_CONNECT_S, _REACH_S, _ANSWER_S, _LEAVE_S = 120.0, 10.0, 180.0, 20.0
"""Patience: with a cluster that is joined or started, with the port of its head, with an answer of its head while
working, and with leaving it."""

_HOST_AND_PORT = re.compile(r"(?:ray://)?\[?([^\s/\[\]]+?)\]?:(\d{1,5})/?")


class ClusterSilentError(Yt360Error):
    """The cluster's head does not answer any more. What was finished is kept."""


class _Host:
    """What an actor is: a worker process of its own."""

    def __init__(self, memory_limit_mb: int) -> None:
        self._pool = WorkerPool(1, memory_limit_mb=memory_limit_mb)

    def ready(self) -> bool:
        return True

    def do(self, task: Task) -> Finished:
        waiting = [task]
        return next(iter(self._pool.run(lambda: waiting.pop() if waiting else None)))

    def close(self) -> None:
        """Stages torn down, ledger files sealed."""
        self._pool.close()


def _show_token() -> None:
    """Before Ray is imported: a token that lies here is shown to the cluster, whatever its address is.

    Ray 2.60 does so by itself for the address ``auto`` only, and `ray start --head` asks for a token wherever one
    lies; a cluster that asks for none does not mind one (ray/_private/authentication/authentication_token_setup.py).
    """
    named = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if named or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


class RayExecutor:
    """Runs tasks on the Ray cluster at ``address``.

    ``auto`` is the one that is up on this machine, ``None`` starts one just for this run. ``workers`` caps the
    actors; without it there are as many as fit. Every node needs yt360 and the root at the same path or URL, and
    the head's token where the cluster wants one.
    Raises :class:`UsageError` when Ray is not installed or the cluster cannot be reached, and
    :class:`ClusterSilentError` from :meth:`run` when its head stops to answer.

    After that a call into Ray is stuck in a thread, and Python crashes when it winds up under one. `yt360` sees to it;
    a program of your own ends with :func:`yt360.engine.executors.bounded_calls.end_process`, which flushes the
    standard streams and ends the process with its exit code (and does nothing where no call is stuck)::

        except ClusterSilentError as error:
            print(error, file=sys.stderr)
            end_process(1)
    """

    def __init__(self, address: str | None = None, *, workers: int | None = None, memory_limit_mb: int = 4096) -> None:
        if address is not None:
            _show_token()
        try:
            import ray
        except ImportError as error:
            raise UsageError("--engine ray: Ray is not installed; pip install 'yt360[ray]'") from error
        self._ray = ray
        self._address = address or "local"
        self._kind: Any = ray.remote(_Host)
        self._most = workers or _MOST_ACTORS
        self._memory_limit_mb = memory_limit_mb
        self._stopping = False
        self._stopped_at = math.inf
        self._killed = False
        self._calls = BoundedCalls(_ANSWER_S, _LEAVE_S, lambda: self._killed)
        self._actors: dict[Any, Any] = {}
        """Actor -> the reference that says it is up, or ``None`` once it is."""
        self._busy: dict[Any, tuple[Any, Task]] = {}
        self._looked = 0.0
        self._room = 0
        self._ours = not ray.is_initialized()
        if self._ours:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            package = str(Path(yt360.__file__).resolve().parents[1])
            paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
            runtime = {"env_vars": {"PYTHONPATH": paths, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}}
            self._join(runtime)

    def _join(self, runtime: dict[str, Any]) -> None:
        """Connect to the cluster, or start one."""
        wanted = f"--address {self._address}: expected a Ray cluster (version {importlib.metadata.version('ray')})"
        if named := _HOST_AND_PORT.fullmatch(self._address):
            try:
                socket.create_connection((named[1], int(named[2])), _REACH_S).close()
            except (OSError, OverflowError) as error:
                raise UsageError(f"{wanted}, found nothing that answers there: {error}; is its head up?") from error
        logging.getLogger("ray").setLevel(logging.ERROR)  # signals are ours, which Ray would warn of
        init = functools.partial(
            self._ray.init,
            address=self._address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env=runtime,
        )
        try:
            self._calls(init, patience_s=_CONNECT_S)
        except NoAnswerError:
            self._forget()
            raise UsageError(
                f"{wanted}, found no answer within {_CONNECT_S:.0f} s; is its head up (ray status)?"
            ) from None
        except (ConnectionError, RuntimeError, ValueError, self._ray.exceptions.RayError) as error:
            raise UsageError(
                f"{wanted}, found: {error}; if it wants a "
                "token, give that of its head (RAY_AUTH_TOKEN_PATH, RAY_AUTH_TOKEN or ~/.ray/auth_token)"
            ) from error

    @property
    def stopping(self) -> bool:
        return self._stopping

    def stop(self) -> None:
        self._stopped_at = min(self._stopped_at, time.monotonic())
        self._stopping = True

    def kill(self) -> None:
        """Comes from a handler of signals, maybe amid a call into Ray: the loop of :meth:`run` drops the actors."""
        self._stopping = self._killed = True

    def run(
        self, next_task: Callable[[], Task | None], needs: Resources, backlog: Callable[[], int]
    ) -> Iterator[Finished]:
        """See :class:`~yt360.engine.executors.base.Executor`. Actors of a stage before are let go: needs differ."""
        try:
            yield from self._run(next_task, needs, backlog)
        except NoAnswerError:
            killed = self._killed
            self.kill()
            if not killed:
                raise ClusterSilentError(
                    f"--address {self._address}: the head of the Ray cluster did not answer for {_ANSWER_S:.0f} s; "
                    "is it up, and has it room to work (ray status)? What was finished is kept: give the command again"
                ) from None

    def _run(
        self, next_task: Callable[[], Task | None], needs: Resources, backlog: Callable[[], int]
    ) -> Iterator[Finished]:
        self._retire(list(self._actors))
        exhausted = False
        while not self._killed:
            if time.monotonic() > self._stopped_at + needs.grace_s:
                self.kill()
                break
            if not self._stopping:
                self._resize(needs, backlog())
                exhausted = False
                for actor in self._free():
                    task = next_task()
                    if task is None:
                        exhausted = True
                        break
                    self._busy[self._ask(actor.do.remote, task)] = (actor, task)
            if not self._busy and (self._stopping or exhausted or not backlog()):
                break
            yield from self._collect()
        self._retire(list(self._actors))

    def _ask(self, call: Callable[..., Any], *words: Any, **named: Any) -> Any:
        return self._calls(functools.partial(call, *words, **named))

    def _free(self) -> list[Any]:
        working = {actor for actor, _ in self._busy.values()}
        return [actor for actor, coming in self._actors.items() if coming is None and actor not in working]

    def _resize(self, needs: Resources, backlog: int) -> None:
        """As many actors as there are tasks for, up to the cap and the room; one more may wait for a new node."""
        now = time.monotonic()
        if now - self._looked > _LOOK_AGAIN_S:
            self._looked, self._room = now, self._capacity(needs)
        wanted = min(self._most, max(1, self._room), len(self._busy) + backlog)
        for _ in range(wanted - len(self._actors)):
            kind = self._kind.options(
                num_cpus=needs.cpus, num_gpus=needs.gpus, memory=needs.memory_mb << 20, max_restarts=0
            )
            actor = self._ask(kind.remote, self._memory_limit_mb)
            self._actors[actor] = self._ask(actor.ready.remote)
        if len(self._actors) > wanted:
            self._retire(self._free()[: len(self._actors) - wanted])

    def _capacity(self, needs: Resources) -> int:
        """Actors that the cluster's nodes have room for, all of a node being ours."""
        total = 0
        for node in self._ask(self._ray.nodes):
            if node["Alive"]:
                has = node["Resources"]
                fits = [has.get("CPU", 0) / needs.cpus if needs.cpus else _MOST_ACTORS]
                fits.append(has.get("GPU", 0) / needs.gpus if needs.gpus else _MOST_ACTORS)
                fits.append(has.get("memory", 0) / (needs.memory_mb << 20) if needs.memory_mb else _MOST_ACTORS)
                total += int(min(fits) + 1e-9)
        return min(total, _MOST_ACTORS)

    def _collect(self) -> Iterator[Finished]:
        coming = {reference: actor for actor, reference in self._actors.items() if reference is not None}
        waiting = [*self._busy, *coming]
        if not waiting:
            time.sleep(0.05)
            return
        ready, _ = self._ask(self._ray.wait, waiting, num_returns=1, timeout=0.5)
        for reference in ready:
            if reference in coming:
                self._came_up(coming[reference], reference)
                continue
            actor, task = self._busy.pop(reference)
            try:
                finished: Finished = self._ask(self._ray.get, reference)
            except self._ray.exceptions.RayError as error:
                self._drop(actor)
                words = str(error).strip().splitlines()
                finished = Finished(task, "lost", f"its machine or actor was lost: {words[0] if words else error!r}")
            yield finished

    def _came_up(self, actor: Any, reference: Any) -> None:
        try:
            self._ask(self._ray.get, reference)
            self._actors[actor] = None
        except self._ray.exceptions.RayError:
            self._drop(actor)

    def _drop(self, actor: Any) -> None:
        self._actors.pop(actor, None)
        with contextlib.suppress(Exception):
            self._calls(self._ray.kill, actor, patience_s=_LEAVE_S)

    def _retire(self, actors: list[Any]) -> None:
        """Let actors wind up, then end them."""
        up = [actor for actor in actors if self._actors.get(actor) is None]
        closing = [] if self._killed else [self._ask(actor.close.remote) for actor in up]
        if closing:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ask(self._ray.wait, closing, num_returns=len(closing), timeout=30)
        for actor in actors:
            self._drop(actor)

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
        try:
            self._retire(list(self._actors))
            if self._ours:
                self._calls(self._ray.shutdown, patience_s=_LEAVE_S)
        except NoAnswerError:
            self._forget()

    def _forget(self) -> None:
        """Leave a cluster that does not answer as it is: Ray itself would wait for it when the process ends."""
        log.warning("--address %s: the Ray cluster does not answer; left without its leave", self._address)
        atexit.unregister(self._ray.shutdown)
