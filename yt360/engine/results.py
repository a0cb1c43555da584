"""How to run a recipe, and what one run did at a stage."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

from yt360.engine.mending import damaged_inputs
from yt360.engine.state.record import Record

_SLOWEST = 10


@dataclass(frozen=True)
class Options:
    """How to run, not what to make.

    ``retry`` names what to do again: ``failed``, ``filtered``, ``all`` or a failure kind.
    ``sample`` takes only that many of the first stage's items, spread over all of them (0: all).
    ``quiet`` shows no progress. ``ahead``: stages that read the same file may be worked on together
    (:mod:`yt360.engine.ahead`).
    """

    workers: int = 1
    min_free_bytes: int = 1_000_000_000
    worker_memory_mb: int = 4096
    retry: str | None = None
    sample: int = 0
    quiet: bool = False
    ahead: bool = True


@dataclass
class StageResult:
    """What one run did at one stage.

    ``counts`` are of the ended items, ``redecided`` of re-judged ones; ``size`` (bytes), ``worker_seconds`` and
    ``slowest`` (seconds, item) of what this run worked on.
    """

    stage: str
    planned: int = 0
    worked: int = 0
    redecided: int = 0
    seconds: float = 0.0
    size: int = 0
    worker_seconds: float = 0.0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Record] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    """Where the inputs lie that were found damaged."""

    def add(self, record: Record) -> None:
        self.worked += 1
        self.size += record.size
        self.worker_seconds += record.seconds
        self.damaged.update(damaged_inputs(record))
        self._slow((record.seconds, record.item))

    def _slow(self, entry: tuple[float, str]) -> None:
        heapq.heappush(self.slowest, entry)
        if len(self.slowest) > _SLOWEST:
            heapq.heappop(self.slowest)

    def went_on(self, before: StageResult) -> StageResult:
        """This with what was done before in the same run; where the stage stands is as it is now."""
        self.worked += before.worked
        self.redecided += before.redecided
        self.seconds += before.seconds
        self.size += before.size
        self.worker_seconds += before.worker_seconds
        for entry in before.slowest:
            self._slow(entry)
        return self
