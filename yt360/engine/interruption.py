"""What a signal means to a run: what is in flight is finished; where nothing is in flight, it ends at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from yt360.engine.executors.base import Executor


class Interrupted(KeyboardInterrupt):
    """A signal came while nothing was in flight."""


class Interruption:
    """Turns SIGTERM and Ctrl-C into the end of a run. ``number`` is the signal that came, or 0."""

    def __init__(self, engine: Executor, say: Callable[[str], None]) -> None:
        self._engine, self._say = engine, say
        self._idle = False
        self.number = 0

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """First signal: finish what is in flight and stop. Second: stop at once (that work is redone)."""
        try:
            before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread (a notebook, a test): the caller keeps its own handling
            yield
            return
        try:
            with contextlib.suppress(Interrupted):
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def idle(self) -> Iterator[None]:
        """Nothing is in flight inside, and it may take long (a site that is listed, weights that are fetched).

        Whatever is inside may be left at any point, as by a kill. Raises :class:`Interrupted` there, at a signal.
        """
        self._idle = True
        try:
            yield
        finally:
            self._idle = False

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._engine.stopping:
            self._engine.kill()
        else:
            self.number = number
            self._engine.stop()
            now = "stopping" if self._idle else "finishing the items in flight; once more to stop at once"
            self._say(f"{signal.Signals(number).name}: {now}")
        if self._idle:
            raise Interrupted
