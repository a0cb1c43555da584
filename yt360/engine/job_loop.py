"""Works through the jobs of a stage on any engine: hands them out, takes what comes of them, tries again."""

from __future__ import annotations

import functools
import socket
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from yt360.engine import reduction
from yt360.engine.events import EventLog
from yt360.engine.executors.base import Executor, Finished, Task
from yt360.engine.progress import StageProgress
from yt360.engine.results import Options, StageResult
from yt360.engine.retry import Retries, is_poison
from yt360.engine.stage import FanInStage, Resources, Stage
from yt360.engine.state import ledger
from yt360.engine.state.record import Record
from yt360.engine.storage import Root
from yt360.engine.worker import Attempt, ItemJob
from yt360.errors import DiskFullError, UsageError, Yt360Error


class JobLoop:
    """Hands jobs of one stage to an engine, writes records for what could not write its own, tries again."""

    def __init__(
        self,
        stage: Stage,
        root: Root,
        options: Options,
        run_id: str,
        events: EventLog,
        *,
        needs: Resources | None = None,
        require_free: Callable[[], None] | None = None,
    ) -> None:
        self._stage, self._root, self._options, self._run, self._events = stage, root, options, run_id, events
        self._needs = needs or stage.needs
        self._require_free = require_free or functools.partial(root.require_free, options.min_free_bytes)
        self._jobs: Iterator[ItemJob] = iter(())
        self._left = 0
        self._again: deque[ItemJob] = deque()
        self._retries = Retries(stage.needs)
        self.writer = ledger.open_writer(root, stage.name, f"{run_id}-{socket.gethostname()}-runner")

    def work(self, jobs: Collection[ItemJob], engine: Executor, result: StageResult) -> None:
        """Until all are ended, or the engine is stopped. Raises :class:`DiskFullError`."""
        self._jobs, self._left = iter(jobs), len(jobs)
        items = result.planned if isinstance(self._stage, FanInStage) else self._left
        with StageProgress(self._stage.name, items, quiet=self._options.quiet) as progress:
            for finished in engine.run(self._next, self._needs, self._backlog):
                self._take(finished, engine, progress, result)

    def _backlog(self) -> int:
        return self._left + len(self._again)

    def _next(self) -> Task | None:
        if not self._backlog():
            return None
        self._require_free()
        if self._left:
            self._left -= 1
            job = next(self._jobs)
        else:
            job = self._again.popleft()
        logs = str(self._root.logs / self._run)
        timeout_s = (self._stage.needs if job.later is None else self._needs).timeout_s
        return Task("yt360.engine.stage_run:attempt", job, timeout_s, logs)

    def _take(self, finished: Finished, engine: Executor, progress: StageProgress, result: StageResult) -> None:
        job: ItemJob = finished.task.argument
        if finished.status == "ok":
            ended: Attempt = finished.value
        elif finished.status == "disk-full":
            engine.stop()
            raise DiskFullError(finished.value)
        elif finished.status == "refused":
            raise UsageError(f"stage {self._stage.name}: {finished.value}")
        elif finished.status == "error":
            raise Yt360Error(
                f"stage {self._stage.name}, item {job.item.id}: the engine itself failed:\n{finished.value}"
            )
        else:
            if engine.stopping and finished.status != "timeout":
                return  # ended on purpose: not the item's fault, and no record
            if job.later is not None:
                self._alone_again(job, finished, progress)
                return
            ended = self._died(job, finished)
        record = ended.record
        for written in ended.written:
            self._events.item(written)
        if self._retries.again(record, job.attempt, lost=finished.status == "lost"):
            progress.say(
                f"{self._stage.name} {job.item.id}: {record.kind}, attempt {job.attempt} of "
                f"{self._stage.needs.max_attempts}; it will be tried again"
            )
            spent = 0 if finished.status == "lost" else 1
            self._again.append(replace(job, sequence=job.sequence + 1, attempt=job.attempt + spent, later=None))
            return
        for written in ended.written:
            result.add(written)
        for status, count in ended.counts.items():
            progress.add(status, count)
        if record.status == "failed" and not ended.written:  # as a whole, where no single item waits
            result.failed.append(record)

    def _alone_again(self, job: ItemJob, finished: Finished, progress: StageProgress) -> None:
        """Two stages were in it, and nobody knows which of them it was: that is held against neither."""
        self._events.item(self._record_of_death(job, finished))
        progress.say(
            f"{self._stage.name} {job.item.id}: {finished.value.splitlines()[0]}; it was worked on together with "
            f"{self._stage.ahead_for} and will be tried again without"
        )
        self._again.append(replace(job, later=None))

    def _died(self, job: ItemJob, finished: Finished) -> Attempt:
        record = self._record_of_death(job, finished)
        records = [record]
        if isinstance(self._stage, FanInStage):
            records = reduction.failures(self._root, job, record)
        for each in records:
            self.writer.append(each)
        return Attempt(record, tuple(records), Counter(each.status for each in records))

    def _record_of_death(self, job: ItemJob, finished: Finished) -> Record:
        kind = {"timeout": "timeout", "lost": "machine-lost"}.get(finished.status, "worker-died")
        poison = kind == "worker-died" and is_poison(job.attempt, self._stage.needs)
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
