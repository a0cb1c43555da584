"""One attempt at one item, from start to record. Every runner (local, Ray, SLURM) calls this.

The order is what makes a kill harmless: outputs are written to a work folder, checked, flushed and
moved into place in one step; only then the record is written. A kill before the record leaves
nothing that counts; doing the item again gives the same bytes under the same names.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from yt360 import process_tag
from yt360.arrow_alone import leave_out_pandas
from yt360.engine import ahead
from yt360.engine.inputs import CHECKED, DAMAGED_INPUTS, InputCheck
from yt360.engine.object_store import ObjectStore, redact
from yt360.engine.stage import Blob, Child, Context, Done, Failed, Filtered, Item, Outcome, Stage
from yt360.engine.state.ledger import Record, Writer, open_writer
from yt360.engine.storage import Root, publish_files, publish_folder
from yt360.errors import DiskFullError, ItemError, UsageError
from yt360.files import fsync_path, raise_if_disk_full
from yt360.hashing import digest_file
from yt360.plugins import Plugin, load_plugin

T = TypeVar("T")

WRONG_USE = "wrong-use"
"""Kind of a failure that lies in the settings."""

_ERROR_CHARS = 4000
"""Longest error text kept in a record: the end of a traceback or of a tool's words."""


@dataclass(frozen=True)
class ItemJob:
    """An item, its stage by name and parameters, and its place in the ledger. Small and picklable."""

    root: str
    run: str
    stage: str
    params: Mapping[str, Any]
    thresholds: Mapping[str, Any]
    item: Item
    key: str
    sequence: int
    attempt: int
    logs: str = ""
    ahead: str = ""
    """Folder below the root's ``tmp`` with what was made ahead; empty: nothing was."""
    later: ItemJob | None = None
    """The job of a later stage that may be done ahead."""


def stage_path(stage: Stage) -> str:
    """``module:Class`` of a stage, by which a worker finds it."""
    return f"{type(stage).__module__}:{type(stage).__qualname__}"


class StageHost:
    """Keeps stages set up, ledger files open and a folder to work in for as long as a worker lives."""

    def __init__(self) -> None:
        leave_out_pandas()
        self._stages: dict[str, Stage] = {}
        self._writers: dict[tuple[str, str], Writer] = {}
        self._roots: dict[str, Root] = {}
        self._workdirs: dict[str, Path] = {}

    def stage(
        self, path: str, params: Mapping[str, Any], thresholds: Mapping[str, Any], *, for_work: bool = True
    ) -> Stage:
        """The stage, set up where it is there ``for_work``; its outputs can be checked without."""
        name = json.dumps([path, dict(params), dict(thresholds), for_work], sort_keys=True)
        if name not in self._stages:
            kind: type[Stage] = load_plugin("the stage's class", Plugin(path))
            stage = kind(kind.params_type.model_validate(params), kind.thresholds_type.model_validate(thresholds))
            if for_work:
                stage.setup()
            self._stages[name] = stage
        return self._stages[name]

    def root(self, url: str) -> Root:
        if url not in self._roots:
            self._roots[url] = Root(url)
        return self._roots[url]

    def writer(self, root: Root, stage_name: str, run: str) -> Writer:
        where = (root.url, stage_name)
        if where not in self._writers:
            self._writers[where] = open_writer(root, stage_name, f"{run}-{socket.gethostname()}")
        return self._writers[where]

    def workdir(self, root: Root, run: str) -> Path:
        """A folder of this worker alone; it may not exist yet. Making one for each item would cost a third of it."""
        if root.url not in self._workdirs:
            self._workdirs[root.url] = root.tmp / f"{run}{process_tag.mark()}{uuid.uuid4().hex[:12]}"
        return self._workdirs[root.url]

    def close(self) -> None:
        for stage in self._stages.values():
            stage.teardown()
        for writer in self._writers.values():
            writer.close()
        for workdir in self._workdirs.values():
            shutil.rmtree(workdir, ignore_errors=True)


@dataclass(frozen=True)
class Attempt:
    """How a job ended.

    ``record`` decides whether it is tried again; ``written`` are the records that it left in the ledger, ``counts``
    how many items ended how, those included that needed no new record.
    """

    record: Record
    written: tuple[Record, ...]
    counts: Mapping[str, int]


def execute(host: StageHost, job: ItemJob) -> Record:
    """Do one attempt and write its record.

    Raises :class:`yt360.errors.DiskFullError` when there is no room (no record: the item is not to
    blame) and nothing else.
    """
    root = host.root(job.root)
    workdir = host.workdir(root, job.run)
    out = workdir / f"out-{uuid.uuid4().hex[:8]}"  # no other item's: what a stage left running writes nowhere else
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    clock = time.monotonic()
    stage = host.stage(job.stage, job.params, job.thresholds)
    spent = ahead.Stopwatch()
    try:
        out.mkdir(parents=True)
        record = Record(
            stage=stage.name,
            item=job.item.id,
            source=job.item.source_id,
            key=job.key,
            status="done",
            sequence=job.sequence,
            attempt=job.attempt,
            version=stage.version,
            meta=dict(job.item.meta),
            params=stage.recorded_params(job.item),
            inputs=dict(job.item.inputs),
            started=started,
            host=socket.gethostname(),
            run=job.run,
            log=f"{job.logs}/worker-{socket.gethostname()}-{os.getpid()}.log" if job.logs else "",
            tools=CHECKED if job.item.inputs else {},
        )
        made = ahead.take(root.tmp / job.ahead, job.item.id, job.key, out) if job.ahead else None
        ended = _commit_made(stage, made, record, root, out) if made is not None else None
        if ended is None:
            made = None
            later = functools.partial(spent.around, functools.partial(_work_ahead, host, job, root, workdir))
            outcome = _process(stage, job.item, root, workdir / "in", out, later if job.later else None)
            try:
                ended = _commit(stage, outcome, record, root, out)
            except ItemError as error:
                raise_if_disk_full(error, root.path)
                ended = replace(record, **failed_fields(Failed(error.kind, str(error), error.retryable)))
        seconds = time.monotonic() - clock - spent.seconds + (made.seconds if made is not None else 0.0)
        ended = replace(ended, seconds=round(seconds, 4))
        host.writer(root, stage.name, job.run).append(ended)
        return ended
    except OSError as error:
        raise_if_disk_full(error, root.path)
        raise
    finally:
        _empty(workdir)


def _commit_made(stage: Stage, made: ahead.Made, record: Record, root: Root, out: Path) -> Record | None:
    """The record of what was made ahead; None, and ``out`` empty, where it is not whole."""
    try:
        return _commit(stage, made.outcome, record, root, out)
    except ItemError as error:
        raise_if_disk_full(error, root.path)
        shutil.rmtree(out)
        out.mkdir()
        return None


def _work_ahead(host: StageHost, job: ItemJob, root: Root, workdir: Path) -> None:
    """Do the work of the later job, and keep what comes of it. Whatever goes wrong shows in the later one's turn."""
    later = job.later
    if later is None:
        return
    began, out = time.monotonic(), workdir / f"ahead-{uuid.uuid4().hex[:8]}"

    def work() -> None:
        out.mkdir()
        stage = host.stage(later.stage, later.params, later.thresholds)
        outcome = _process(stage, later.item, root, workdir / "in", out)
        ahead.keep(root.tmp / later.ahead, later.item.id, later.key, outcome, out, time.monotonic() - began)

    with contextlib.suppress(DiskFullError):
        guarded(work, root, later.item.id)
    shutil.rmtree(out, ignore_errors=True)  # room for the work that this is beside


def _empty(folder: Path) -> None:
    with contextlib.suppress(OSError), os.scandir(folder) as left:
        for entry in left:
            shutil.rmtree(entry, ignore_errors=True)


def _process(
    stage: Stage, item: Item, root: Root, fetched: Path, out: Path, later: Callable[[], None] | None = None
) -> Outcome:
    """The stage's outcome, whatever it raises; ``later`` is what it may do ahead."""

    def process() -> Outcome:
        files = {name: root.fetch(blob.uri, fetched) for name, blob in item.inputs.items()}
        check = InputCheck(item.inputs, {} if stage.checks_inputs else files)
        check.require(item.id, wait=False)
        try:
            whole, context = replace(item, files=files), Context(out, root.state)
            return stage.process(whole, context) if later is None else stage.process_ahead(whole, context, later)
        finally:  # whatever came of it: of a damaged input nothing is believed, not even a failure
            check.require(item.id, wait=True)

    return guarded(process, root, item.id)


def guarded(work: Callable[[], T], root: Root, name: str) -> T | Failed:
    """What a stage gives back, or how it failed, whatever it raises; only a full disk is not held against it."""
    try:
        return work()
    except ItemError as error:
        raise_if_disk_full(error, root.path)
        return Failed.of(error)
    except DiskFullError:
        raise
    except MemoryError as error:
        return Failed("out-of-memory", f"{name}: {error}", retryable=True)
    except UsageError as error:
        return Failed(WRONG_USE, str(error))
    except Exception as error:
        raise_if_disk_full(error, root.path)
        return Failed("unexpected", traceback.format_exc())


def failed_fields(outcome: Failed) -> dict[str, Any]:
    """What a record says of a failure: without secrets, and not endless."""
    error = redact(outcome.error)[-_ERROR_CHARS:].encode("utf-8", "replace").decode()
    fields: dict[str, Any] = {
        "status": "failed",
        "kind": outcome.kind,
        "error": error,
        "retryable": outcome.retryable,
        "tools": {},
    }
    return fields | ({"measures": {DAMAGED_INPUTS: list(outcome.damaged)}} if outcome.damaged else {})


def _commit(stage: Stage, outcome: Outcome, record: Record, root: Root, out: Path) -> Record:
    """Check and publish what an attempt wrote; the record to append."""
    if isinstance(outcome, Failed):
        return replace(record, **failed_fields(outcome))
    final = root.item_folder(stage.name, record.item, stage.flat_folder)
    replaced = out.with_name("replaced")
    kept: set[Path] = set()
    outputs = {name: _blob(stage, name, path, out, final, root, kept) for name, path in outcome.outputs.items()}
    children = [
        _child(stage, child, out, final, root, kept)
        for child in (outcome.children if isinstance(outcome, Done) else ())
    ]
    _drop_extras(out, kept)
    measures = json_safe(outcome.measures, stage.name)
    verdict = outcome if isinstance(outcome, Filtered) else stage.decide(measures)
    record = replace(
        record,
        measures=measures,
        outputs=outputs,
        children=tuple(children),
        size=sum(blob.size for blob in outputs.values())
        + sum(b["size"] for c in children for b in c["outputs"].values()),
        decision="" if isinstance(outcome, Filtered) else stage.decision_key(),
    )
    if verdict is not None:
        record = replace(record, status="filtered", reason=verdict.reason, detail=verdict.detail)
    if root.store is not None:
        _put(root, root.store, kept, out, final, flat=stage.flat_folder is not None)
    elif stage.flat_folder:
        publish_files(sorted(kept), final)
    elif kept:
        publish_folder(out, final, replaced)
    elif os.path.lexists(final):  # an earlier version left files, this one has none
        os.rename(final, replaced)
    return record


def _put(root: Root, store: ObjectStore, kept: set[Path], out: Path, final: Path, *, flat: bool) -> None:
    """Put the outputs into a store, each whole and checked; then what an earlier version left beside them goes."""
    names = {root.uri(final / path.relative_to(out)): path for path in sorted(kept)}
    for name, path in names.items():
        store.put(path, name)
    if not flat:
        store.delete(name for name in store.stamps(root.uri(final) + "/") if name not in names)


def redecide(stage: Stage, record: Record, sequence: int) -> Record:
    """The same measures under today's thresholds."""
    verdict = stage.decide(record.measures)
    return record.changed(
        sequence=sequence,
        decision=stage.decision_key(),
        status="filtered" if verdict else "done",
        reason=verdict.reason if verdict else "",
        detail=verdict.detail if verdict else "",
        seconds=0.0,
        started=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _blob(stage: Stage, name: str, relative: str, out: Path, final: Path, root: Root, kept: set[Path]) -> Blob:
    """Check one output file and describe it at its final place."""
    parts = PurePosixPath(relative)
    path = out / parts
    if parts.is_absolute() or ".." in parts.parts or path.is_symlink() or not path.is_file():
        raise ItemError(
            "bad-output", f"stage {stage.name} promised the output {name!r} at {relative!r}, found no such file"
        )
    if path.stat().st_size == 0:
        raise ItemError("bad-output", f"stage {stage.name} left the output {name!r} ({relative}) empty")
    stage.check_output(name, path)
    fsync_path(path)
    kept.add(path)
    return Blob(uri=root.uri(final / parts), digest=digest_file(path), size=path.stat().st_size)


def _child(stage: Stage, child: Child, out: Path, final: Path, root: Root, kept: set[Path]) -> dict[str, Any]:
    blobs = {name: _blob(stage, name, path, out, final, root, kept).to_json() for name, path in child.outputs.items()}
    return {"id": child.id, "outputs": blobs, "meta": json_safe(child.meta, stage.name)}


def json_safe(values: Mapping[str, Any], stage_name: str) -> dict[str, Any]:
    """The values as JSON gives them back. Raises :class:`ItemError` for what is not JSON."""
    try:
        safe: dict[str, Any] = json.loads(json.dumps(dict(values), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ItemError("bad-measures", f"stage {stage_name} left measures that are not JSON: {error}") from error
    return safe


def _drop_extras(out: Path, kept: set[Path]) -> None:
    """Only promised files are published; whatever else a tool left behind goes."""
    for folder, names, files in os.walk(out, topdown=False):
        for name in files:
            if Path(folder, name) not in kept:
                Path(folder, name).unlink()
        for name in names:
            with contextlib.suppress(OSError):  # not empty: it holds something that is kept
                Path(folder, name).rmdir()
        fsync_path(Path(folder))
