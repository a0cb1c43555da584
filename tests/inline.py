"""An engine that runs stages in the process of the tests: what most of them are about are stages, not processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from yt360.engine.executors import local
from yt360.engine.executors.base import Finished, Task
from yt360.engine.stage import Resources


class Inline:
    """Takes the place of a pool of any size: quick, and nothing in it can be killed."""

    stopping = False

    def __init__(self, *_: object, **__: object) -> None:
        self._state: dict[str, Any] = {}

    def run(
        self,
        next_task: Callable[[], Task | None],
        needs: Resources | None = None,
        backlog: Callable[[], int] | None = None,
    ) -> Iterator[Finished]:
        while task := next_task():
            yield Finished(task, *local._call(task, self._state))  # type: ignore[arg-type]

    def stop(self) -> None:
        self.stopping = True

    kill = stop

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._state.values():
            held.close()
