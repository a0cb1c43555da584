"""One stage of a run, from plan to the last record."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.engine import ahead, mending, reduction
from yt360.engine.events import EventLog
from yt360.engine.executors.base import Executor
from yt360.engine.job_loop import JobLoop
from yt360.engine.results import Options, StageResult
from yt360.engine.retry import asked_for
from yt360.engine.stage import FanInStage, Stage
from yt360.engine.state import evidence, ledger, snapshot
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.entries import STATES
from yt360.engine.state.item_states import ItemStates
from yt360.engine.state.plan import ItemPlan
from yt360.engine.storage import Root
from yt360.engine.worker import WRONG_USE, Attempt, ItemJob, StageHost, execute, redecide, stage_path
from yt360.errors import DiskFullError, UsageError


class StageRun:
    """One stage: what there is to do, and doing it. Inside ``idle`` nothing is in flight, and nothing half written.

    ``ahead_in`` is the folder below the root's ``tmp`` for what is made ahead; empty: nothing is.
    """

    def __init__(
        self,
        stage: Stage,
        catalog: DatasetState,
        root: Root,
        options: Options,
        run_id: str,
        events: EventLog,
        *,
        idle: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
        ahead_in: str = "",
    ) -> None:
        self._stage, self._catalog, self._root, self._options, self._run = stage, catalog, root, options, run_id
        self._events, self._idle, self._ahead = events, idle, ahead_in
        self._changed = self._short = False
        self.result = StageResult(stage.name)

    def run(self, engine: Executor) -> StageResult:
        started = time.monotonic()
        jobs = self.settle()
        if jobs:
            self._changed = True
            later = ahead.later_stage(self._stage, self._catalog.stages) if self._ahead else None
            needs = ahead.needs_of(self._stage, later)
            loop = JobLoop(
                self._stage,
                self._root,
                self._options,
                self._run,
                self._events,
                needs=needs,
                require_free=self._require_free,
            )
            try:
                loop.work(self._with_ahead(jobs, later), engine, self.result)
            finally:
                loop.writer.close()
                mending.mark_makers(self._root, self._catalog.stages, self.result.damaged, self._run)
        self.count(started)
        return self.result

    def _with_ahead(self, jobs: Collection[ItemJob], later: Stage | None) -> Collection[ItemJob]:
        """The jobs, each told where to look for what was made ahead, and what it may do ahead itself."""
        if not self._ahead or isinstance(self._stage, FanInStage):
            return jobs
        if later is None:
            return ChangedJobs(jobs, lambda job: replace(job, ahead=self._ahead))
        planned = ahead.planner(later, self._catalog)
        settings = job_settings(later, self._root, self._run)

        def with_later(job: ItemJob) -> ItemJob:
            if self._short or job.attempt > 1:
                return job
            made = planned(job.item)
            if made is None:
                return job
            item, key = made
            return replace(job, later=ItemJob(item=item, key=key, sequence=1, attempt=1, ahead=self._ahead, **settings))

        return ChangedJobs(jobs, with_later)

    def _require_free(self) -> None:
        """What was made ahead takes room that nobody may need in the end: it goes before a run ends for want of it."""
        try:
            self._root.require_free(self._options.min_free_bytes)
        except DiskFullError:
            if not self._ahead or not ahead.clear(self._root.tmp / self._ahead):
                raise
            self._short = True
            self._root.require_free(self._options.min_free_bytes)

    def settle(self) -> Collection[ItemJob]:
        """Plan the stage, decide again what only has new thresholds, and give the jobs that are left."""
        entries = self._plan()
        again = failed = entries.rows("failed")
        if len(failed):  # else the ledger need not be read
            # What failed for a setting is no item's fault: this run may have another.
            again = asked_for(WRONG_USE, entries.newest, entries.places, failed)
        if self._options.retry is not None:
            asked = asked_for(self._options.retry, entries.newest, entries.places, failed)
            again = np.union1d(again, asked)
        rows = np.union1d(entries.rows("waiting"), again)
        undecided = np.setdiff1d(entries.rows("undecided"), rows)
        if len(undecided):
            self._redecide(entries, undecided)
        else:
            snapshot.keep(self._catalog, self._stage)
        jobs: Collection[ItemJob] = Jobs(self._stage, self._root, self._run, entries, rows)
        if isinstance(self._stage, FanInStage):
            jobs = self._reduction(self._stage, again, waiting=len(rows) > 0)
        if jobs:
            self._prepare_host()
        return jobs

    def _prepare_host(self) -> None:
        with self._idle():
            self._stage.prepare_host()

    def _reduction(self, stage: FanInStage, again: NDArray[np.integer], *, waiting: bool) -> list[ItemJob]:
        """The one job of all items, where something is new or asked for again."""
        if not waiting and self._catalog.is_settled(stage):
            return []
        known, entries = self._catalog.evidence(stage), self._catalog.entries(stage.name)
        item = reduction.request(self._root, stage, known, entries, again)
        self._root.push()
        key = evidence.digest(known)
        return [ItemJob(item=item, key=key, sequence=1, attempt=1, **job_settings(stage, self._root, self._run))]

    def _redecide(self, entries: ItemStates, rows: NDArray[np.integer]) -> None:
        writer = ledger.open_writer(self._root, self._stage.name, f"{self._run}-{socket.gethostname()}-planner")
        try:
            for row in rows:
                record = entries.standing_at(int(row)).record
                assert record is not None
                writer.append(redecide(self._stage, record, record.sequence + 1), flush=False)
            writer.flush()
        finally:
            writer.close()
        self.result.redecided = len(rows)
        self._catalog.forget(self._stage.name)

    def count(self, started: float) -> None:
        """Where the stage stands after the work."""
        if self._changed:
            self._root.pull()
            self._catalog.forget(self._stage.name)
        entries = self._catalog.entries(self._stage.name)
        self.result.counts.update({state: count for state in STATES if (count := entries.count(state))})
        self.result.failed += [
            record for row in entries.rows("failed") if (record := entries.standing_at(int(row)).record) is not None
        ]
        if self._changed or self.result.redecided:
            snapshot.keep(self._catalog, self._stage)
        self.result.seconds = time.monotonic() - started
        self._events.stage(self.result)

    def _plan(self) -> ItemStates:
        stage, catalog = self._stage, self._catalog
        if stage.after:
            entries = catalog.entries(stage.name)
            self.result.planned = len(entries)
            if stage.own_plan:
                self._require_different(entries.plan)
        else:
            with self._idle():
                plan = ItemPlan.of_items(stage, stage.plan_in_blocks(catalog))
            self._require_different(plan)
            self.result.planned = len(plan)
            if 0 < self._options.sample < len(plan):
                plan = plan.take(np.arange(self._options.sample) * len(plan) // self._options.sample)
            if not plan.is_saved(catalog.plan_path(stage), stage) and catalog.judged(stage, plan).count("waiting"):
                self._prepare_host()  # what it refuses changes nothing
            catalog.save_plan(stage, plan)
            entries = catalog.planned(stage, plan)
        stage.remember(catalog, entries.plan)
        self._root.push()
        return entries

    def _require_different(self, plan: ItemPlan) -> None:
        double = plan.first_double()
        if double is not None:
            raise UsageError(f"stage {self._stage.name}: two items have the id {double!r}; ids must differ")


class Jobs(Collection[ItemJob]):
    """What is to be done, in plan order. A job is made when it is handed out."""

    def __init__(self, stage: Stage, root: Root, run_id: str, entries: ItemStates, rows: NDArray[np.integer]) -> None:
        self._entries, self._rows = entries, rows
        self._made_for = job_settings(stage, root, run_id)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, job: object) -> bool:
        return any(job == each for each in self)

    def __iter__(self) -> Iterator[ItemJob]:
        for row in self._rows:
            entry = self._entries.at(int(row))
            yield ItemJob(
                item=entry.item,
                key=entry.key,
                sequence=entry.record.sequence + 1 if entry.record else 1,
                attempt=entry.attempts + 1 if entry.state == "waiting" else 1,
                **self._made_for,
            )


class ChangedJobs(Collection[ItemJob]):
    """Jobs of a collection, each changed when it is handed out."""

    def __init__(self, jobs: Collection[ItemJob], change: Callable[[ItemJob], ItemJob]) -> None:
        self._jobs, self._change = jobs, change

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job: object) -> bool:
        return any(job == each for each in self)

    def __iter__(self) -> Iterator[ItemJob]:
        return map(self._change, self._jobs)


def job_settings(stage: Stage, root: Root, run_id: str) -> dict[str, Any]:
    """What all jobs of a stage in one run share."""
    return {
        "root": root.url,
        "run": run_id,
        "stage": stage_path(stage),
        "params": stage.params.model_dump(mode="json"),
        "thresholds": stage.thresholds.model_dump(mode="json"),
        "logs": f"logs/{run_id}",
    }


def attempt(state: dict[str, Any], job: ItemJob) -> Attempt:
    """Runs in a worker: one attempt, with the stages and ledger files that this worker keeps open."""
    host: StageHost = state.setdefault("stages", StageHost())
    if isinstance(host.stage(job.stage, job.params, job.thresholds), FanInStage):
        return reduction.reduce(host, job)
    record = execute(host, job)
    return Attempt(record, (record,), {record.status: 1})
