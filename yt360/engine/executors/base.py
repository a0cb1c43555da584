"""What a runner asks of an engine: do tasks somewhere, give back how each ended.

The runner plans and records; an engine only knows where processes live. Both ends of the contract hold for
every engine: at most one task at a time in a worker, a task is handed out only when a worker is free
(so nothing piles up), arguments are small (locations, never bytes), and a worker that dies or hangs
is an outcome of its task, never an error of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol

from yt360.engine.stage import Resources


@dataclass(frozen=True)
class Task:
    """A function by its ``module:name``, called in a worker as ``function(state, argument)``.

    ``state`` is a dict that lives as long as the worker. ``timeout_s`` is wall-clock time. ``logs`` is a
    folder where each worker keeps what it says on standard error; empty leaves that on the terminal.
    """

    function: str
    argument: Any
    timeout_s: float
    logs: str = ""


@dataclass(frozen=True)
class Finished:
    """How a task ended. ``value`` is the result, or the words of what went wrong.

    ``refused`` is wrong use of the function, whatever the task. ``lost`` is a worker that went with its machine: the
    task is not to blame. ``log`` is the file with the worker's words.
    """

    task: Task
    status: Literal["ok", "error", "refused", "disk-full", "died", "timeout", "lost"]
    value: Any
    log: str = ""


class Executor(Protocol):
    """Where tasks run."""

    @property
    def stopping(self) -> bool: ...

    def run(
        self, next_task: Callable[[], Task | None], needs: Resources, backlog: Callable[[], int]
    ) -> Iterator[Finished]:
        """Call ``next_task`` whenever a worker is free (``None``: nothing now) and yield results as they come.

        ``needs`` are the resources of each task, ``backlog`` how many tasks still wait to be handed out.
        """
        ...

    def stop(self) -> None:
        """Hand out nothing more; what is in flight is finished."""
        ...

    def kill(self) -> None:
        """End every worker at once, and all that they started."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
