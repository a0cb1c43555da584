"""Calls into a library that may never come back, waited for so long and no longer.

Ray asks a cluster's head without a time limit in several places (its table of nodes, the classes of actors,
connecting), inside native code that no signal reaches. So the calls are made in a thread, one after the other, and
whoever waits for them hears signals and gives up in time.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

_LOOK_EVERY_S = 0.2


_stuck = threading.Event()


def end_process(code: object) -> None:
    """End this process where a call is stuck: an interpreter that winds up under one crashes, or waits for it."""
    if _stuck.is_set():
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


class NoAnswerError(Exception):
    """A call did not come back in time. It goes on in its thread, and no further call is made."""


class BoundedCalls:
    """A thread that makes calls; it ends with the process, for a call that hangs cannot be ended.

    A call may take ``patience_s``, and ``hurried_s`` from when ``hurry`` says that nobody wants to wait any more.
    """

    def __init__(self, patience_s: float, hurried_s: float, hurry: Callable[[], bool]) -> None:
        self._patience_s, self._hurried_s, self._hurry = patience_s, hurried_s, hurry
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True, name="bounded-calls")
        self._thread.start()
        self.stuck = False

    def __call__(self, call: Callable[..., Any], *words: Any, patience_s: float | None = None) -> Any:
        """What ``call(*words)`` returns or raises.

        Raises :class:`NoAnswerError` where it takes too long, and at once where an earlier call did.
        """
        if self.stuck:
            raise NoAnswerError
        job = _Job(lambda: call(*words))
        self._jobs.put(job)
        ends = time.monotonic() + (self._patience_s if patience_s is None else patience_s)
        hurried = False
        while not job.done.wait(_LOOK_EVERY_S):
            if not hurried and self._hurry():
                hurried, ends = True, min(ends, time.monotonic() + self._hurried_s)
            if time.monotonic() > ends:
                self.stuck = True
                _stuck.set()
                raise NoAnswerError
        if job.error is not None:
            raise job.error
        return job.result

    def _work(self) -> None:
        while True:
            self._jobs.get().do()


class _Job:
    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def do(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error
        self.done.set()
