"""Verify: are all outputs that the ledger speaks of still whole?

Every file is compared with its recorded size and digest and then opened and decoded as a reader
would. What is broken is recorded as damaged, so that the next run makes exactly that anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from yt360 import process_tag
from yt360.engine import mending
from yt360.engine.executors.base import Finished, Task
from yt360.engine.executors.local import WorkerPool
from yt360.engine.inputs import CHECKED
from yt360.engine.progress import StageProgress
from yt360.engine.stage import FanInStage, Stage
from yt360.engine.state import evidence, ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.plan import ItemPlan
from yt360.engine.state.record import Record
from yt360.engine.storage import Root
from yt360.engine.worker import StageHost, stage_path
from yt360.errors import ItemError, UsageError, Yt360Error
from yt360.files import parse_json, require_checksum
from yt360.hashing import digest_file


@dataclass(frozen=True)
class Damage:
    """One broken output: whose, where, and what is wrong with it.

    ``output`` and ``uri`` are empty for what was found broken earlier and is not made anew yet.
    """

    stage: str
    item: str
    output: str
    uri: str
    problem: str


@dataclass(frozen=True)
class Suspect:
    """What nobody knows to be made from the right input; the next run makes it anew."""

    stage: str
    item: str
    uri: str


@dataclass(frozen=True)
class Verification:
    """What was looked at (``files``, ``size`` in bytes) and what was found broken.

    ``suspect`` was, or may have been, made from a broken output, or failed while it was read: by stage, item and uri of
    that output.
    """

    files: int
    size: int
    damaged: list[Damage]
    suspect: list[Suspect]


@dataclass(frozen=True)
class _Check:
    root: str
    stage: str
    params: Mapping[str, Any]
    thresholds: Mapping[str, Any]
    record: Record


def verify(catalog: DatasetState, *, workers: int, timeout_s: float = 3600.0, quiet: bool = False) -> Verification:
    """Check every output of every current record, in worker processes (a damaged file may crash a decoder).

    Of a root that cannot be written, what is broken is told and not marked. Raises :class:`UsageError` where a folder
    of outputs is a link or mounted: what is not in place is not broken.
    """
    root = catalog.root
    root.require_one_device()
    reads_only = root.is_read_only()
    files, size = 0, 0
    damaged: list[Damage] = []
    with contextlib.nullcontext() if reads_only else root.lock(), WorkerPool(workers) as pool:
        if not reads_only:
            root.clear_tmp()
        for stage in catalog.stages.values():
            checks = list(_checks(stage, catalog))
            files += sum(1 for check in checks for _ in check.record.blobs())
            size += sum(check.record.size for check in checks)
            broken = list(_run(stage, checks, pool, timeout_s, quiet))
            damaged += [*_unmended(stage, catalog), *broken]
            hurt = {damage.item: f"{damage.uri}: {damage.problem}" for damage in broken}
            found = [(job.record, hurt[job.record.item]) for job in checks if job.record.item in hurt]
            if found and not reads_only:
                mending.mark(root, stage.name, found, "verify")
        suspect = _mark_suspects(catalog, [damage for damage in damaged if damage.uri], marks=not reads_only)
        if not reads_only:
            root.push()
    return Verification(files, size, damaged, suspect)


def _unmended(stage: Stage, catalog: DatasetState) -> Iterator[Damage]:
    """What an earlier verification, or a run, found broken and no run made anew since."""
    entries = catalog.entries(stage.name)
    for row in entries.rows("waiting"):
        record = entries.standing_at(int(row)).record
        if record is not None and record.status == "damaged":
            yield Damage(
                record.stage, record.item, "", "", f"found broken before, and not made anew yet: {record.error}"
            )


def check_state(catalog: DatasetState) -> list[str]:
    """What is wrong with plans and other files of the root's state, in words; a run says what to do about each."""
    problems = []
    for stage in catalog.stages.values():
        path = catalog.plan_path(stage)
        if not os.path.lexists(path):
            continue
        if isinstance(stage, FanInStage):
            if evidence.reduced(evidence.path_of(catalog.root, stage)).ids is None:
                problems.append(f"{path}: expected the items of {stage.name} (Parquet), found something else")
            continue
        try:
            ItemPlan.load(path, stage)
        except UsageError as error:
            problems.append(str(error))
    for path in sorted(catalog.root.state.glob("*.json")):
        try:
            held = parse_json(path.read_text(encoding="utf-8"))
            if isinstance(held, dict) and isinstance(held.get("checksum"), str):
                require_checksum(held)
        except (OSError, ValueError) as error:
            problems.append(f"{path}: expected what a run remembers (JSON), found something else ({error})")
    return problems


def _checks(stage: Stage, catalog: DatasetState) -> Iterator[_Check]:
    for entry in catalog.entries(stage.name).values():
        if entry.record is not None and entry.state in ("done", "filtered", "undecided") and any(entry.record.blobs()):
            yield _Check(
                root=catalog.root.url,
                stage=stage_path(stage),
                params=stage.params.model_dump(mode="json"),
                thresholds=stage.thresholds.model_dump(mode="json"),
                record=entry.record,
            )


def _run(stage: Stage, checks: list[_Check], pool: WorkerPool, timeout_s: float, quiet: bool) -> Iterator[Damage]:
    waiting = list(reversed(checks))
    with StageProgress(stage.name, len(checks), quiet=quiet, words={"done": "whole", "failed": "damaged"}) as progress:

        def next_task() -> Task | None:
            return Task("yt360.engine.verify:check", waiting.pop(), timeout_s) if waiting else None

        for finished in pool.run(next_task, stage.needs, lambda: len(waiting)):
            broken = _damage(finished)
            progress.add("failed" if broken else "done")
            yield from broken


def _damage(finished: Finished) -> list[Damage]:
    record: Record = finished.task.argument.record
    if finished.status == "ok":
        broken: list[Damage] = finished.value
        return broken
    if finished.status in ("error", "refused"):
        raise Yt360Error(f"verify, {record.stage} {record.item}: the check itself failed:\n{finished.value}")
    # The decoder died of the file, or hung on it: that is damage too.
    return [Damage(record.stage, record.item, name, blob.uri, str(finished.value)) for name, blob in record.blobs()]


def check(state: dict[str, Any], job: _Check) -> list[Damage]:
    """Runs in a worker: what is broken among the outputs of one record."""
    host: StageHost = state.setdefault("stages", StageHost())
    stage = host.stage(job.stage, job.params, job.thresholds, for_work=False)
    root = host.root(job.root)
    broken = []
    scratch = root.tmp / f"verify{process_tag.mark()}{uuid.uuid4().hex[:12]}"
    for name, blob in job.record.blobs():
        problem = ""
        try:
            path = root.fetch(blob.uri, scratch)
            if not path.is_file():
                problem = "expected a file, found none"
            elif path.stat().st_size != blob.size:
                problem = f"expected {blob.size} bytes, found {path.stat().st_size}"
            elif (found := digest_file(path)) != blob.digest:
                problem = f"expected content with digest {blob.digest}, found {found}"
            else:
                stage.check_output(name.rpartition("/")[2], path)
        except (ItemError, UsageError, OSError, RuntimeError) as error:  # a link out of the root, or in a circle
            problem = str(error)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if problem:
            broken.append(Damage(job.record.stage, job.record.item, name, blob.uri, problem))
    return broken


def _mark_suspects(catalog: DatasetState, damaged: list[Damage], *, marks: bool) -> list[Suspect]:
    """Mark what read a damaged file without looking (earlier versions did), or failed on it."""
    changed = {damage.uri: _changed_ns(catalog.root, damage.uri) for damage in damaged}
    sources = {source for damage in damaged for source in _sources(catalog, damage)}
    suspects: list[Suspect] = []
    for name in catalog.stages if sources else ():
        found = []
        for record in ledger.latest(ledger.find(catalog.root.ledger / name, sorted(sources), "source")).values():
            hurt = next((blob.uri for blob in record.inputs.values() if blob.uri in changed), None)
            if hurt is not None and _is_suspect(record, changed[hurt]):
                found.append((record, f"{hurt}: it was damaged, and this may have been made from it"))
                suspects.append(Suspect(name, record.item, hurt))
        if found and marks:
            mending.mark(catalog.root, name, found, "verify")
    return suspects


def _is_suspect(record: Record, changed_ns: int) -> bool:
    if record.status == "failed":
        return True
    unseen = record.status in ("done", "filtered") and record.tools.get("inputs") != CHECKED["inputs"]
    return unseen and _ended_ns(record) > changed_ns


def _sources(catalog: DatasetState, damage: Damage) -> set[str]:
    return {record.source for record in ledger.find(catalog.root.ledger / damage.stage, [damage.item])}


def _changed_ns(root: Root, uri: str) -> int:
    """When a file was last written; of one that is gone, never: nothing was made from it since."""
    try:
        return (root.path / uri).stat().st_mtime_ns
    except OSError:
        return sys.maxsize


def _ended_ns(record: Record) -> int:
    try:
        return int((datetime.fromisoformat(record.started).timestamp() + record.seconds) * 1e9)
    except ValueError:
        return sys.maxsize
