"""Runs the stages of a recipe one after the other, and knows what is left to do.

A stage is finished for all its items before the next one starts. A rerun does what is missing or
changed, and only that. After an interruption (a kill included) a rerun ends in the same bytes.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from yt360.engine import ledger
from yt360.engine.catalog import Catalog, Entry
from yt360.engine.contract import Stage
from yt360.engine.ledger import LedgerWriter, Record
from yt360.engine.local import Finished, Task, WorkerPool
from yt360.engine.progress import StageProgress
from yt360.engine.recipe import Recipe
from yt360.engine.storage import Root, atomic_write_text
from yt360.engine.worker import Job, StageHost, execute, redecide, stage_path
from yt360.errors import DiskFullError, UsageError, Yt360Error

_COMPACT_ABOVE_FILES = 8
"""Ledger files of one stage before they are gathered into one."""


@dataclass(frozen=True)
class Options:
    """How to run, not what to make.

    ``retry`` names what to do again: ``failed``, ``filtered``, ``all`` or a failure kind.
    """

    workers: int = 1
    min_free_bytes: int = 1_000_000_000
    worker_memory_mb: int = 4096
    retry: str | None = None


@dataclass
class StageResult:
    """What one run did at one stage. ``counts`` are of the ended items, ``redecided`` of re-judged ones."""

    stage: str
    planned: int = 0
    worked: int = 0
    redecided: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Record] = field(default_factory=list)


@dataclass
class RunResult:
    """``interrupted`` is the signal that ended the run early, or 0."""

    run: str
    stages: list[StageResult] = field(default_factory=list)
    interrupted: int = 0

    @property
    def failed(self) -> list[Record]:
        return [record for stage in self.stages for record in stage.failed]

    @property
    def worked(self) -> int:
        return sum(stage.worked + stage.redecided for stage in self.stages)


def run(
    recipe: Recipe,
    root: Root,
    options: Options,
    *,
    only: str | None = None,
    publish: Callable[[Catalog], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> RunResult:
    """Bring a root up to date with a recipe (or just one stage of it).

    ``publish`` is called at the end to write what others read (the manifests). Raises
    :class:`~yt360.errors.DiskFullError` when the disk is, or becomes, too full; what was finished is kept.
    """
    root.create()
    root.require_free(options.min_free_bytes)
    result = RunResult(run=f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}")
    with root.lock():
        root.clear_tmp()
        _save_recipe(root, recipe)
        catalog = Catalog(root, recipe.stages)
        pool = WorkerPool(options.workers, memory_limit_mb=options.worker_memory_mb)
        with pool, _drain_on_signals(pool, result, say):
            for stage in recipe.stages:
                if pool.stopping:
                    break
                if only in (None, stage.name):
                    result.stages.append(_StageRun(stage, catalog, root, pool, options, result.run).run())
        if not result.interrupted:
            for stage in recipe.stages:
                if len(list((root.ledger / stage.name).glob("*.jsonl"))) > _COMPACT_ABOVE_FILES:
                    ledger.compact(root.ledger / stage.name)
            if publish is not None:
                publish(catalog)
    return result


def _save_recipe(root: Root, recipe: Recipe) -> None:
    value = recipe.to_json()
    if not root.recipe.is_file() or json.loads(root.recipe.read_text(encoding="utf-8")) != value:
        # Not sorted: the order of the stages is part of a recipe.
        atomic_write_text(root.recipe, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _drain_on_signals(pool: WorkerPool, result: RunResult, say: Callable[[str], None]) -> Iterator[None]:
    """First SIGTERM or Ctrl-C: finish what is in flight and stop. Second: stop at once (that work is redone)."""

    def on_signal(number: int, _: FrameType | None) -> None:
        if pool.stopping:
            pool.kill()
            return
        result.interrupted = number
        pool.stop()
        say(f"{signal.Signals(number).name}: finishing the items in flight; once more to stop at once")

    try:
        before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread (a notebook, a test): the caller keeps its own handling
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _StageRun:
    """One stage, from plan to the last record."""

    def __init__(
        self, stage: Stage, catalog: Catalog, root: Root, pool: WorkerPool, options: Options, run_id: str
    ) -> None:
        self._stage = stage
        self._catalog = catalog
        self._root = root
        self._pool = pool
        self._options = options
        self._run = run_id
        self._queue: deque[Job] = deque()
        self._result = StageResult(stage.name)
        self._writer = LedgerWriter(root.ledger / stage.name, f"{run_id}-{socket.gethostname()}-runner")

    def run(self) -> StageResult:
        started = time.monotonic()
        entries = self._plan()
        again: list[Record] = []
        try:
            for entry in entries:
                if entry.state == "undecided" and not self._wanted_again(entry):
                    assert entry.record is not None
                    again.append(redecide(self._stage, entry.record, entry.record.sequence + 1))
                    self._writer.append(again[-1], flush=False)
                elif entry.state == "waiting" or self._wanted_again(entry):
                    self._queue.append(self._job(entry))
            self._writer.flush()
            self._result.redecided = len(again)
            with StageProgress(self._stage.name, len(self._queue)) as progress:
                for finished in self._pool.run(self._next):
                    self._take(finished, progress)
        finally:
            self._writer.close()
        if self._result.worked:
            self._catalog.forget(self._stage.name)
        else:
            self._catalog.renew(self._stage.name, again)
        self._count()
        self._result.seconds = time.monotonic() - started
        return self._result

    def _plan(self) -> list[Entry]:
        items = list(self._stage.plan(self._catalog))
        double = [name for name, count in Counter(item.id for item in items).items() if count > 1]
        if double:
            raise UsageError(f"stage {self._stage.name}: two items have the id {double[0]!r}; ids must differ")
        if not self._stage.after:
            self._catalog.save_plan(self._stage, items)
        self._stage.plan_settled(self._catalog, items)
        self._result.planned = len(items)
        return [self._catalog.entry(self._stage, item) for item in items]

    def _wanted_again(self, entry: Entry) -> bool:
        retry = self._options.retry
        if retry is None or entry.record is None:
            return False
        return (
            retry == "all" or retry == entry.record.status or (entry.state == "failed" and retry == entry.record.kind)
        )

    def _job(self, entry: Entry) -> Job:
        return Job(
            root=str(self._root.path),
            run=self._run,
            stage=stage_path(self._stage),
            params=self._stage.params.model_dump(mode="json"),
            thresholds=self._stage.thresholds.model_dump(mode="json"),
            item=entry.item,
            key=entry.key,
            sequence=entry.record.sequence + 1 if entry.record else 1,
            attempt=entry.attempts + 1 if entry.state == "waiting" else 1,
        )

    def _next(self) -> Task | None:
        if not self._queue:
            return None
        self._root.require_free(self._options.min_free_bytes)
        return Task("yt360.engine.pipeline:attempt", self._queue.popleft(), self._stage.needs.timeout_s)

    def _take(self, finished: Finished, progress: StageProgress) -> None:
        job: Job = finished.task.argument
        if finished.status == "ok":
            record: Record = finished.value
        elif finished.status in ("died", "timeout"):
            if self._pool.stopping and finished.status == "died":
                return  # ended by the second signal: not the item's fault, and no record
            record = self._record_of_death(job, finished)
            self._writer.append(record)
        elif finished.status == "disk-full":
            self._pool.stop()
            raise DiskFullError(finished.value)
        else:
            raise Yt360Error(
                f"stage {self._stage.name}, item {job.item.id}: the engine itself failed:\n{finished.value}"
            )
        if record.status == "failed" and record.retryable and job.attempt < self._stage.needs.max_attempts:
            progress.say(
                f"{self._stage.name} {job.item.id}: {record.kind}, attempt {job.attempt} of "
                f"{self._stage.needs.max_attempts}; it will be tried again"
            )
            self._queue.append(replace(job, sequence=job.sequence + 1, attempt=job.attempt + 1))
            return
        self._result.worked += 1
        progress.add(record.status)

    def _record_of_death(self, job: Job, finished: Finished) -> Record:
        kind = "timeout" if finished.status == "timeout" else "worker-died"
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
            kind=kind,
            error=f"{job.item.id}: {finished.value}",
            retryable=True,
            seconds=finished.task.timeout_s if kind == "timeout" else 0.0,
            started=datetime.now(UTC).isoformat(timespec="milliseconds"),
            host=socket.gethostname(),
            run=job.run,
        )

    def _count(self) -> None:
        for entry in self._catalog.entries(self._stage.name).values():
            self._result.counts[entry.state] += 1
            if entry.state == "failed" and entry.record is not None:
                self._result.failed.append(entry.record)


def attempt(state: dict[str, Any], job: Job) -> Record:
    """Runs in a worker: one attempt, with the stages and ledger files that this worker keeps open."""
    host: StageHost = state.setdefault("stages", StageHost())
    return execute(host, job)
