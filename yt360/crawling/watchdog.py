"""A look at the clock while a download waits for bytes.

A read of a socket comes back when all that was asked for is there. A server that sends a byte now and then keeps it
waiting for hours, and no time limit of the connection ever passes.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def watched(look: Callable[[], object], every_s: float) -> Iterator[None]:
    """Call ``look`` every so often while the body runs, also while it waits; what it raises ends the body.

    Signals reach the main thread alone: in another one nobody looks.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, lambda *_: look())
    signal.setitimer(signal.ITIMER_REAL, every_s, every_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)


class Pace:
    """Whether bytes arrive at a least rate (bytes a second), looked at over a span of time. ``None`` asks for none."""

    def __init__(self, least_bytes_s: float | None, span_s: float, clock: Callable[[], float]) -> None:
        self._least, self._span_s, self._clock = least_bytes_s, span_s, clock
        self._arrived = 0
        self._last = 0
        self._since, self._then = clock(), 0

    def saw(self, done: int) -> None:
        """So much of a file is there; less than before means that another one began."""
        self._arrived += max(0, done - self._last)
        self._last = done

    def too_slow(self) -> float | None:
        """The rate of the last span in bytes a second where it was too low, else ``None``."""
        passed_s = self._clock() - self._since
        if self._least is None or passed_s < self._span_s:
            return None
        rate = (self._arrived - self._then) / passed_s
        self._since, self._then = self._clock(), self._arrived
        return rate if rate < self._least else None
