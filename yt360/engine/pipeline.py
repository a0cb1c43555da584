"""Runs the stages of a recipe one after the other, and knows what is left to do.

A stage is finished for all its items before the next one starts. A rerun does what is missing or
changed, and only that. After an interruption (a kill included) a rerun ends in the same bytes.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from yt360.engine import ahead
from yt360.engine.events import EventLog
from yt360.engine.executors.base import Executor
from yt360.engine.executors.local import WorkerPool
from yt360.engine.interruption import Interruption
from yt360.engine.recipe import Recipe
from yt360.engine.results import Options, StageResult
from yt360.engine.stage_run import StageRun
from yt360.engine.state import ledger, snapshot
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import Record
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.files import atomic_write, atomic_write_text, parse_json, raise_if_disk_full

__all__ = ["Options", "RunResult", "StageResult", "finish", "prepare", "require_usable", "run", "run_name"]

_ROUNDS = 3
"""Times that a run goes through its stages, where what it reads turns out to be damaged and is made anew."""

_COMPACT_ABOVE_FILES = 8
"""Ledger files of one stage before they are gathered into one."""


@dataclass
class RunResult:
    """``interrupted`` is the signal that ended the run early, or 0."""

    run: str
    stages: list[StageResult] = field(default_factory=list)
    interrupted: int = 0

    def add(self, made: StageResult) -> None:
        """What was done at a stage; once more where it is gone through again."""
        for place, before in enumerate(self.stages):
            if before.stage == made.stage:
                self.stages[place] = made.went_on(before)
                return
        self.stages.append(made)

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
    engine: Executor | None = None,
    only: str | None = None,
    publish: Callable[[DatasetState], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
    remember: bool = True,
) -> RunResult:
    """Bring a root up to date with a recipe (or just one stage of it).

    ``remember`` makes it the root's recipe.
    ``engine`` does the work; without one, ``options.workers`` processes of this machine do.
    ``publish`` is called at the end to write what others read (the manifests). Raises
    :class:`~yt360.errors.DiskFullError` when the disk is, or becomes, too full; what was finished is kept.
    """
    try:
        return _run(recipe, root, options, engine, only, publish, say, remember)
    except OSError as error:
        # The lock, the log, the recipe and the plan want room, too.
        raise_if_disk_full(error, root.path)
        raise


def _run(
    recipe: Recipe,
    root: Root,
    options: Options,
    engine: Executor | None,
    only: str | None,
    publish: Callable[[DatasetState], None] | None,
    say: Callable[[str], None],
    remember: bool,
) -> RunResult:
    root.create()
    root.require_free(options.min_free_bytes)
    result = RunResult(run=run_name())
    pool = engine or WorkerPool(options.workers, memory_limit_mb=options.worker_memory_mb)
    with root.lock(), EventLog(root.logs / f"{result.run}.jsonl", result.run) as events:
        require_usable(recipe, only)
        held = root.recipe.read_bytes() if root.recipe.is_file() else None
        prepare(root, recipe, remember=remember)
        catalog = DatasetState(root, recipe.stages)
        # What goes to a store never waits here: a machine need not have room for all of it, and each has its own tmp.
        may_wait = options.ahead and only is None and root.store is None
        together = ahead.folder_name(result.run) if may_wait else ""
        try:
            signals = Interruption(pool, say)
            with pool, signals.watched(), _refusal_changes_nothing(root, held, result):
                for left in reversed(range(_ROUNDS)):
                    damaged = False
                    for stage in recipe.stages:
                        if pool.stopping:
                            break
                        if only in (None, stage.name):
                            work = StageRun(
                                stage, catalog, root, options, result.run, events, idle=signals.idle, ahead_in=together
                            )
                            made = work.run(pool)
                            result.add(made)
                            damaged = bool(made.damaged) and only is None and left > 0
                            if damaged:  # what joins items would be laid out without those that come back
                                break
                    if pool.stopping or not damaged:
                        break
                    options = replace(options, retry=None)
                    catalog = DatasetState(root, recipe.stages)
            result.interrupted = signals.number
            if not result.interrupted:
                finish(root, catalog, publish)
        finally:
            if together:
                ahead.clear(root.tmp / together)
            root.push()
    return result


def run_name() -> str:
    """A name for a run: when it began (for people) and something that no other run has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def prepare(root: Root, recipe: Recipe, *, remember: bool = True) -> None:
    """Before the first stage, with the lock held."""
    root.declare(recipe.stages)
    root.pull()
    root.clear_tmp()
    if remember:
        save_recipe(root, recipe)


def finish(root: Root, catalog: DatasetState, publish: Callable[[DatasetState], None] | None) -> None:
    """After the last stage, with the lock held: gather the ledger, write what others read."""
    root.pull()
    root.clear_tmp()  # of workers that were killed
    for stage in catalog.stages:
        if len(list((root.ledger / stage).glob("*.*"))) > _COMPACT_ABOVE_FILES:
            ledger.compact(root.ledger / stage)
            catalog.forget(stage)
    if publish is not None:
        publish(catalog)
    for kept in catalog.stages.values():
        snapshot.keep(catalog, kept)


def save_recipe(root: Root, recipe: Recipe) -> None:
    value = recipe.to_json()
    try:
        held = parse_json(root.recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        held = None  # none yet, or damaged: this one takes its place
    if held != value:
        # Not sorted: the order of the stages is part of a recipe.
        atomic_write_text(root.recipe, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def require_usable(recipe: Recipe, only: str | None = None) -> None:
    """Refuse files and settings that a later stage would refuse, while nothing has changed yet."""
    for stage in recipe.stages:
        if only not in (None, stage.name):
            continue
        for path in stage.files_read():
            try:
                with path.open("rb"):
                    pass
            except OSError as error:
                raise UsageError(
                    f"{path}: expected a file that stage {stage.name} can read, found: {error.strerror}"
                ) from error
        stage.check()


@contextlib.contextmanager
def _refusal_changes_nothing(root: Root, held: bytes | None, result: RunResult) -> Iterator[None]:
    """Wrong use that shows before any work (a source that is not there) leaves the root's recipe as it was."""
    try:
        yield
    except UsageError:
        if not result.worked:
            if held is not None:
                atomic_write(root.recipe, lambda partial: partial.write_bytes(held))
            else:
                root.recipe.unlink(missing_ok=True)
        raise
