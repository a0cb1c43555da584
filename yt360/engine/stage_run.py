"""One stage of a run, from plan to the last record; and the loop that works through jobs on any engine."""

from __future__ import annotations

import heapq
import socket
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from yt360.engine import ledger
from yt360.engine.base import Engine, Finished, Task
from yt360.engine.catalog import Catalog, Entry
from yt360.engine.contract import Item, Stage
from yt360.engine.events import EventLog
from yt360.engine.ledger import Record
from yt360.engine.progress import StageProgress
from yt360.engine.storage import Root
from yt360.engine.worker import Job, StageHost, execute, redecide, stage_path
from yt360.errors import DiskFullError, UsageError, Yt360Error

_SLOWEST = 10
_POISON_AFTER = 3
"""Workers that an item may end before it is set aside."""
_LOST_AT_MOST = 5
"""Times that an item may go down with a machine before that is held against it."""


@dataclass(frozen=True)
class Options:
    """How to run, not what to make.

    ``retry`` names what to do again: ``failed``, ``filtered``, ``all`` or a failure kind.
    ``sample`` takes only that many of the first stage's items, spread over all of them (0: all).
    """

    workers: int = 1
    min_free_bytes: int = 1_000_000_000
    worker_memory_mb: int = 4096
    retry: str | None = None
    sample: int = 0


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

    def add(self, record: Record) -> None:
        self.worked += 1
        self.size += record.size
        self.worker_seconds += record.seconds
        heapq.heappush(self.slowest, (record.seconds, record.item))
        if len(self.slowest) > _SLOWEST:
            heapq.heappop(self.slowest)


class JobLoop:
    """Hands jobs of one stage to an engine, writes records for what could not write its own, tries again."""

    def __init__(self, stage: Stage, root: Root, options: Options, run_id: str, events: EventLog) -> None:
        self._stage, self._root, self._options, self._run, self._events = stage, root, options, run_id, events
        self._queue: deque[Job] = deque()
        self._lost: Counter[str] = Counter()
        self.writer = ledger.open_writer(root, stage.name, f"{run_id}-{socket.gethostname()}-runner")

    def work(self, jobs: Iterable[Job], engine: Engine, result: StageResult) -> None:
        """Until all are ended, or the engine is stopped. Raises :class:`DiskFullError`."""
        self._queue.extend(jobs)
        with StageProgress(self._stage.name, len(self._queue)) as progress:
            for finished in engine.run(self._next, self._stage.needs, lambda: len(self._queue)):
                self._take(finished, engine, progress, result)

    def _next(self) -> Task | None:
        if not self._queue:
            return None
        self._root.require_free(self._options.min_free_bytes)
        logs = str(self._root.logs / self._run)
        return Task("yt360.engine.stage_run:attempt", self._queue.popleft(), self._stage.needs.timeout_s, logs)

    def _take(self, finished: Finished, engine: Engine, progress: StageProgress, result: StageResult) -> None:
        job: Job = finished.task.argument
        if finished.status == "ok":
            record: Record = finished.value
        elif finished.status == "disk-full":
            engine.stop()
            raise DiskFullError(finished.value)
        elif finished.status == "error":
            raise Yt360Error(
                f"stage {self._stage.name}, item {job.item.id}: the engine itself failed:\n{finished.value}"
            )
        else:
            if engine.stopping and finished.status != "timeout":
                return  # ended on purpose: not the item's fault, and no record
            record = self._record_of_death(job, finished)
            self.writer.append(record)
        self._events.item(record)
        if record.status == "failed" and record.retryable and self._may_try_again(finished, job):
            progress.say(
                f"{self._stage.name} {job.item.id}: {record.kind}, attempt {job.attempt} of "
                f"{self._stage.needs.max_attempts}; it will be tried again"
            )
            spent = 0 if finished.status == "lost" else 1
            self._queue.append(replace(job, sequence=job.sequence + 1, attempt=job.attempt + spent))
            return
        result.add(record)
        progress.add(record.status)

    def _may_try_again(self, finished: Finished, job: Job) -> bool:
        if finished.status == "lost":
            self._lost[job.item.id] += 1
            return self._lost[job.item.id] < _LOST_AT_MOST
        return job.attempt < self._stage.needs.max_attempts

    def _record_of_death(self, job: Job, finished: Finished) -> Record:
        kind = {"timeout": "timeout", "lost": "machine-lost"}.get(finished.status, "worker-died")
        poison = kind == "worker-died" and job.attempt >= min(_POISON_AFTER, self._stage.needs.max_attempts)
        return Record(
            stage=self._stage.name,
            item=job.item.id,
            source=job.item.source_id,
            key=job.key,
            status="failed",
            sequence=job.sequence,
            attempt=job.attempt,
            version=self._stage.version,
            meta=dict(job.item.meta),
            params=self._stage.recorded_params(job.item),
            inputs=dict(job.item.inputs),
            kind="poison" if poison else kind,
            error=f"{job.item.id}: {finished.value}"
            + (f" (it ended {job.attempt} workers and is set aside; --retry poison tries again)" if poison else ""),
            retryable=not poison,
            seconds=finished.task.timeout_s if kind == "timeout" else 0.0,
            started=datetime.now(UTC).isoformat(timespec="milliseconds"),
            host=socket.gethostname(),
            run=job.run,
            log=_relative(finished.log, self._root),
        )


def _relative(path: str, root: Root) -> str:
    prefix = f"{root.path}/"
    return path.removeprefix(prefix)


class StageRun:
    """One stage: what there is to do, and doing it."""

    def __init__(
        self, stage: Stage, catalog: Catalog, root: Root, options: Options, run_id: str, events: EventLog
    ) -> None:
        self._stage, self._catalog, self._root, self._options, self._run = stage, catalog, root, options, run_id
        self._events = events
        self.result = StageResult(stage.name)

    def run(self, engine: Engine) -> StageResult:
        started = time.monotonic()
        jobs = self.settle()
        if jobs:
            loop = JobLoop(self._stage, self._root, self._options, self._run, self._events)
            try:
                loop.work(jobs, engine, self.result)
            finally:
                loop.writer.close()
        self.count(started)
        return self.result

    def settle(self) -> list[Job]:
        """Plan the stage, decide again what only has new thresholds, and give the jobs that are left."""
        again: list[Record] = []
        jobs = []
        writer = ledger.open_writer(self._root, self._stage.name, f"{self._run}-{socket.gethostname()}-planner")
        try:
            for entry in self._plan():
                if entry.state == "undecided" and not self._wanted_again(entry):
                    assert entry.record is not None
                    again.append(redecide(self._stage, entry.record, entry.record.sequence + 1))
                    writer.append(again[-1], flush=False)
                elif entry.state == "waiting" or self._wanted_again(entry):
                    jobs.append(self._job(entry))
            writer.flush()
        finally:
            writer.close()
        self.result.redecided = len(again)
        self._catalog.renew(self._stage.name, again)
        return jobs

    def count(self, started: float) -> None:
        """Where the stage stands after the work."""
        if self.result.worked:
            self._root.pull()
            self._catalog.forget(self._stage.name)
        for entry in self._catalog.entries(self._stage.name).values():
            self.result.counts[entry.state] += 1
            if entry.state == "failed" and entry.record is not None:
                self.result.failed.append(entry.record)
        self.result.seconds = time.monotonic() - started
        self._events.stage(self.result)

    def _plan(self) -> Iterator[Entry]:
        items: list[Item] = list(self._stage.plan(self._catalog))
        double = [name for name, count in Counter(item.id for item in items).items() if count > 1]
        if double:
            raise UsageError(f"stage {self._stage.name}: two items have the id {double[0]!r}; ids must differ")
        self.result.planned = len(items)
        if not self._stage.after:
            if 0 < self._options.sample < len(items):
                items = [items[k * len(items) // self._options.sample] for k in range(self._options.sample)]
            self._catalog.save_plan(self._stage, items)
        self._stage.plan_settled(self._catalog, items)
        self._root.push()
        for item in items:
            yield self._catalog.entry(self._stage, item)

    def _wanted_again(self, entry: Entry) -> bool:
        retry = self._options.retry
        if retry is None or entry.record is None:
            return False
        return (
            retry == "all" or retry == entry.record.status or (entry.state == "failed" and retry == entry.record.kind)
        )

    def _job(self, entry: Entry) -> Job:
        return Job(
            root=self._root.url,
            run=self._run,
            stage=stage_path(self._stage),
            params=self._stage.params.model_dump(mode="json"),
            thresholds=self._stage.thresholds.model_dump(mode="json"),
            item=entry.item,
            key=entry.key,
            sequence=entry.record.sequence + 1 if entry.record else 1,
            attempt=entry.attempts + 1 if entry.state == "waiting" else 1,
            logs=f"logs/{self._run}",
        )


def attempt(state: dict[str, Any], job: Job) -> Record:
    """Runs in a worker: one attempt, with the stages and ledger files that this worker keeps open."""
    host: StageHost = state.setdefault("stages", StageHost())
    return execute(host, job)
