"""A run as SLURM array jobs: a frozen plan, one array a stage, and a small job after each that goes on.

:func:`advance` plans a stage, freezes what is to be done (which items each array task has) below
``state/slurm/RUN`` and submits the arrays, in windows no larger than the site allows, and after them
(``afterany``) a job that calls it again: what is missing then is submitted once more, else the next stage
comes. Nothing has to stay on the login node. Which items are ended is read from the ledger, never from SLURM, so
a job that was preempted, requeued or lost costs time only.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yt360.engine import mending, reduction, resume
from yt360.engine.events import EventLog
from yt360.engine.executors.local import WorkerPool
from yt360.engine.job_loop import JobLoop
from yt360.engine.pipeline import finish, prepare
from yt360.engine.recipe import Recipe
from yt360.engine.results import Options, StageResult
from yt360.engine.stage import FanInStage, Resources, Stage
from yt360.engine.stage_run import StageRun
from yt360.engine.state import latest_records, ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.plan import packed, unpacked
from yt360.engine.storage import Root
from yt360.engine.worker import ItemJob
from yt360.errors import UsageError, Yt360Error
from yt360.files import atomic_write, atomic_write_text, parse_json

_ROUNDS = 3
"""Arrays of one stage before it is left as it is: what is missing then is not for want of trying."""

_COMMAND_LIMIT_S = 60.0
_GRACE_S = 90
"""SLURM tells a task this long before its time limit; it finishes what is in flight and is queued again."""


@dataclass(frozen=True)
class Settings:
    """How to use a cluster. ``window`` caps one array, ``items`` is how many an array task has at most.

    ``partition``, ``account``, ``time`` (a SLURM time) and ``extra`` (words for sbatch) go to sbatch as they are.
    ``launcher`` starts yt360 on a node (a container's, say).
    """

    tasks: int = 1000
    window: int = 1000
    items: int = 0
    partition: str = ""
    account: str = ""
    time: str = ""
    extra: tuple[str, ...] = ()
    workers: int = 1
    launcher: tuple[str, ...] = (sys.executable, "-m", "yt360")


@dataclass(frozen=True)
class Progress:
    """Where a run on SLURM is: what :func:`advance` did."""

    run: str
    stage: str = ""
    jobs: tuple[int, ...] = ()
    finished: bool = False
    failed: int = 0
    left: Mapping[str, int] = field(default_factory=dict)


def require_slurm() -> None:
    """Raises :class:`UsageError` where there is no sbatch."""
    if shutil.which("sbatch") is None:
        raise UsageError("--engine slurm: expected SLURM's sbatch on the PATH, found none; run this on a login node")


def folder_of(root: Root, run: str) -> Path:
    return root.state / "slurm" / run


def start(root: Root, run: str, only: str | None, options: Options, settings: Settings) -> None:
    """Write down what the run is, for the jobs that will go on with it."""
    folder = folder_of(root, run)
    folder.mkdir(parents=True, exist_ok=True)
    value = {"only": only, "options": asdict(options), "settings": asdict(settings), "stages": {}}
    atomic_write_text(folder / "run.json", json.dumps(value, indent=1) + "\n")


def advance(root: Root, recipe: Recipe, run: str, publish: Callable[[DatasetState], None] | None) -> Progress:
    """Submit what comes next of a run. Raises :class:`UsageError` where sbatch refuses."""
    root.create()
    with root.lock(), EventLog(root.logs / f"{run}.jsonl", run) as events:
        prepare(root, recipe)
        try:
            progress = _advance(root, recipe, run, events, publish)
            atomic_write_text(folder_of(root, run) / "progress.json", json.dumps(asdict(progress)) + "\n")
            return progress
        finally:
            root.push()


def _advance(
    root: Root, recipe: Recipe, run: str, events: EventLog, publish: Callable[[DatasetState], None] | None
) -> Progress:
    told = _told(root, run)
    options, settings = (
        Options(**told["options"]),
        Settings(**(told["settings"] | {"extra": tuple(told["settings"]["extra"])})),
    )
    catalog = DatasetState(root, recipe.stages)
    failed, left = 0, {}
    for stage in recipe.stages:
        if told["only"] not in (None, stage.name):
            continue
        rounds = told["stages"].get(stage.name, 0)
        again = Options(**(asdict(options) | {"retry": options.retry if rounds == 0 else None}))
        work = StageRun(stage, catalog, root, again, run, events)
        jobs = work.settle()
        if jobs and rounds < _ROUNDS:
            plan = freeze(root, run, stage, jobs, settings, rounds)
            told["stages"][stage.name] = rounds + 1
            atomic_write_text(folder_of(root, run) / "run.json", json.dumps(told, indent=1) + "\n")
            root.push()
            arrays = submit_arrays(root, run, plan, range(_header(plan)["tasks"]), stage.needs, settings)
            after = _sbatch(
                root, run, f"{stage.name}-next", ["slurm", "next", "--root", root.url, "--run", run],
                ["--dependency", "afterany:" + ":".join(map(str, arrays)), "--mem", "2048M", "--requeue"], settings,
            )  # fmt: skip
            return Progress(run, stage.name, (*arrays, after))
        if jobs:
            left[stage.name] = len(jobs)
        failed += catalog.entries(stage.name).count("failed")
    finish(root, catalog, publish)
    return Progress(run, finished=True, failed=failed, left=left)


def _told(root: Root, run: str) -> dict[str, Any]:
    path = folder_of(root, run) / "run.json"
    try:
        value: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: expected the settings of a SLURM run, found: {error}") from error
    return value


_FROZEN = pa.schema(
    {"task": pa.int32()}
    | dict.fromkeys(("id", "source", "key", "rest"), pa.string())
    | {"sequence": pa.int64(), "attempt": pa.int64()}
)
_ROWS_AT_ONCE = 4096


def freeze(root: Root, run: str, stage: Stage, jobs: Collection[ItemJob], settings: Settings, round_: int) -> Path:
    """Write which items each array task has; later changes of the root do not change it."""
    a_task = settings.items or max(1, -(-len(jobs) // settings.tasks))
    path = folder_of(root, run) / f"{stage.name}-{round_}.parquet"
    first = next(iter(jobs))
    common = {name: getattr(first, name) for name in ("root", "run", "stage", "params", "thresholds", "logs")}
    header = json.dumps({"name": stage.name, "common": common, "tasks": -(-len(jobs) // a_task)})

    def write(partial: Path) -> None:
        with pq.ParquetWriter(partial, _FROZEN.with_metadata({"yt360-frozen": header}), compression="zstd") as writer:
            numbered = enumerate(jobs)
            while block := list(itertools.islice(numbered, _ROWS_AT_ONCE)):
                rows = [_frozen(job, number // a_task) for number, job in block]
                writer.write_table(pa.Table.from_pylist(rows, schema=writer.schema))

    atomic_write(path, write)
    return path


def _frozen(job: ItemJob, task: int) -> dict[str, Any]:
    names = {"id": job.item.id, "source": job.item.source_id, "rest": packed(job.item)}
    return {"task": task, **names, "key": job.key, "sequence": job.sequence, "attempt": job.attempt}


def _thawed(common: Mapping[str, Any], row: Mapping[str, Any]) -> ItemJob:
    own = {name: row[name] for name in ("key", "sequence", "attempt")}
    return ItemJob(**common, **own, item=unpacked(row["id"], row["source"], row["rest"]))


def submit_arrays(
    root: Root, run: str, plan: Path, tasks: Sequence[int], needs: Resources, settings: Settings
) -> list[int]:
    """One array job a window of tasks; their ids."""
    largest = min(settings.window, largest_array())
    jobs = []
    for at in range(0, len(tasks), largest):
        window = tasks[at : at + largest]
        offset = window[0]
        words = ["slurm", "task", "--root", root.url, "--plan", plan.name, "--run", run, "--offset", str(offset)]
        wanted = [
            *("--array", expression([task - offset for task in window])),
            *("--cpus-per-task", str(max(1, round(needs.cpus * settings.workers)))),
            *("--mem", f"{needs.memory_mb * settings.workers}M"),
            *(("--gres", f"gpu:{max(1, round(needs.gpus))}") if needs.gpus else ()),
            *("--requeue", "--open-mode", "append", "--signal", f"B:USR1@{_GRACE_S}"),
        ]
        jobs.append(_sbatch(root, run, plan.stem, words, wanted, settings))
    return jobs


def expression(numbers: Sequence[int]) -> str:
    """Task numbers as ``--array`` takes them: ``0,3-5``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def largest_array() -> int:
    """``MaxArraySize`` of the site (array numbers lie below it)."""
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", _command(["scontrol", "show", "config"]))
    return max(1, int(found[1]) - 1) if found else 1000


def _sbatch(root: Root, run: str, name: str, words: Sequence[str], wanted: Sequence[str], settings: Settings) -> int:
    logs = root.logs / run
    logs.mkdir(parents=True, exist_ok=True)
    out = logs / (f"slurm-{name}-%A_%a.log" if "--array" in wanted else f"slurm-{name}-%j.log")
    command = [*settings.launcher, *words]
    script = "#!/bin/sh\n" + f"exec {shlex.join(command)}\n"
    chosen = [f"--{key}={value}" for key in ("partition", "account", "time") if (value := getattr(settings, key))]
    answer = _command(
        [
            "sbatch",
            "--parsable",
            "--job-name",
            f"yt360-{name}",
            "--output",
            str(out),
            *wanted,
            *chosen,
            *settings.extra,
        ],
        script,
    )
    return int(answer.strip().split(";")[0])


def _command(words: Sequence[str], text: str = "") -> str:
    """What a SLURM command answers; nothing goes through a shell."""
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=_COMMAND_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Yt360Error(f"{words[0]}: expected an answer from SLURM, found: {error}; is slurmctld up?") from error
    if done.returncode:
        raise UsageError(f"{words[0]} refused (exit code {done.returncode}): {done.stderr.strip()[:1000]}")
    return done.stdout


def work(root: Root, recipe: Recipe, run: str, plan_name: str, task: int, pool: WorkerPool) -> StageResult:
    """What one array task does: its items that have no record of this task yet."""
    root.declare(recipe.stages)
    path = folder_of(root, run) / Path(plan_name).name
    header = _header(path)
    stage = next(stage for stage in recipe.stages if stage.name == header["name"])
    options = Options(**_told(root, run)["options"])
    rows = pq.read_table(path, filters=[("task", "==", task)]).to_pylist()
    jobs = [_thawed(header["common"], row) for row in rows]
    ended = _ended(root, stage, {job.item.id: job for job in jobs})
    result = StageResult(stage.name)
    name = f"{run}-{path.stem}-{task}"
    with pool, EventLog(root.logs / run / f"{name}.jsonl", run) as events:
        loop = JobLoop(stage, root, options, run, events)
        try:
            loop.work([job for job in jobs if job.item.id not in ended], pool, result)
        finally:
            loop.writer.close()
            mending.mark_makers(root, {each.name: each for each in recipe.stages}, result.damaged, name)
    return result


def _ended(root: Root, stage: Stage, jobs: Mapping[str, ItemJob]) -> set[str]:
    """Items of a task that this run has ended already (before a requeue)."""
    if isinstance(stage, FanInStage):
        return {name for name, job in jobs.items() if reduction.is_done(root, stage, job.key)}
    ended = set()
    for name, record in ledger.latest(ledger.find(root.ledger / stage.name, list(jobs))).items():
        job = jobs[name]
        if resume.is_ended(record, job.key, job.sequence, stage.needs):
            ended.add(name)
    return ended


def _left(root: Root, stage: Stage, plan: pa.Table) -> NDArray[np.bool_]:
    """Which rows of a frozen plan :func:`_ended` would not name, without a record each."""
    if isinstance(stage, FanInStage):
        return np.array([not reduction.is_done(root, stage, key) for key in plan["key"].to_pylist()], bool)
    return ~resume.ended(plan, latest_records.load(root.ledger / stage.name), stage.needs)


def _header(path: Path) -> dict[str, Any]:
    """What all tasks of a frozen plan share, and how many there are."""
    try:
        value: dict[str, Any] = parse_json(pq.read_schema(path).metadata[b"yt360-frozen"])
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
        raise UsageError(f"{path}: expected a frozen plan, found: {error}") from error
    return value


@dataclass(frozen=True)
class Missing:
    """What is left of a frozen plan: ``array`` is the expression of its tasks that are still to do."""

    run: str
    stage: str
    plan: str
    tasks: int
    items: int
    array: str


def missing(root: Root, stages: Sequence[Stage]) -> Iterator[Missing]:
    """The newest frozen plan of each stage set against the ledger."""
    by_name = {stage.name: stage for stage in stages}
    newest_plan: dict[str, tuple[str, Path]] = {}
    for path in sorted((root.state / "slurm").glob("*/*-*.parquet")):
        name = path.stem.rpartition("-")[0]
        if name in by_name and (name not in newest_plan or newest_plan[name][0] <= path.parent.name):
            newest_plan[name] = (path.parent.name, path)
    for name, (run, path) in newest_plan.items():
        plan = pq.read_table(path, columns=["task", "id", "key", "sequence"])
        left = _left(root, by_name[name], plan)
        open_tasks = np.unique(plan["task"].to_numpy()[left]).tolist()
        yield Missing(run, name, path.name, len(open_tasks), int(left.sum()), expression(open_tasks))


def queued() -> set[int]:
    """Ids of all jobs that SLURM still has."""
    return {int(word) for word in _command(["squeue", "--noheader", "--format", "%A"]).split() if word.isdigit()}


def wait(root: Root, run: str, *, every_s: float = 5.0, say: Callable[[Progress], None] = lambda _: None) -> Progress:
    """Until a run is finished. Raises :class:`Yt360Error` when none of its jobs is left and it is not."""
    path = folder_of(root, run) / "progress.json"
    seen, silent = "", 0
    while True:
        root.pull()
        text = path.read_text(encoding="utf-8")
        try:
            progress = Progress(**parse_json(text))
        except (ValueError, TypeError) as error:
            raise UsageError(f"{path}: expected how far a SLURM run is (JSON), found: {error}") from error
        if text != seen:
            seen, silent = text, 0
            say(progress)
        if progress.finished:
            return progress
        silent = 0 if queued().intersection(progress.jobs) else silent + 1
        if silent > 2:
            raise Yt360Error(
                f"run {run}: none of its jobs is in SLURM's queue, and stage {progress.stage} is not finished; "
                f"see {root.logs / run}, then give the same command again: finished work is kept"
            )
        time.sleep(every_s)


def workers_of(root: Root, run: str) -> int:
    """Worker processes of one array task."""
    return int(_told(root, run)["settings"]["workers"])


def requeue_self() -> bool:
    """Ask SLURM to run this task again (it got the signal before its time limit)."""
    job = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    name = f"{job[0]}_{job[1]}" if all(job) else os.environ.get("SLURM_JOB_ID", "")
    if not name:
        return False
    try:
        _command(["scontrol", "requeue", name])
    except Yt360Error:
        return False
    return True
