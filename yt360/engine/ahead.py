"""Working on a later stage ahead of its turn, while an earlier one has the same file open.

Two stages that read the same file would each take it apart. Where a run has both before it, the earlier one
(:attr:`yt360.engine.stage.Stage.ahead_for`) is given the later one's job as well, and has it done where its own reading
is shared (:meth:`yt360.engine.stage.Stage.process_ahead`). What comes of it waits in the root's ``tmp``, under the key
of the later job, until that one is handed out: then it is checked, moved into place and recorded as if it had just been
made. A key says all that an outcome depends on but the item's name, so what was guessed wrongly (an item that is
dropped in between, settings that follow from what the earlier stage finds) is never asked for, and goes when the run
ends. Whatever goes wrong ahead of its turn is no matter of the earlier stage, which loses nothing by it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from yt360 import process_tag
from yt360.engine.items import Child, Done, Filtered, Item, Outcome
from yt360.engine.stage import Resources, Stage
from yt360.engine.state.dataset_state import DatasetState
from yt360.hashing import digest_bytes


@dataclass(frozen=True)
class Made:
    """What came of a job that was done ahead, and how long it took."""

    outcome: Done | Filtered
    seconds: float


def folder_name(run: str) -> str:
    """Where a run keeps what it made ahead, below ``tmp``: its own, and known to be left behind once it is gone."""
    return f"{run}{process_tag.mark()}ahead"


def keep(folder: Path, item: str, key: str, outcome: Outcome, made: Path, seconds: float) -> None:
    """Move the files of an outcome from ``made`` into ``folder``. A failure is not kept: the stage will see for itself.

    Raises ``OSError``, and ``TypeError`` or ``ValueError`` for measures that are not JSON.
    """
    if not isinstance(outcome, Done | Filtered):
        return
    value = {"kind": type(outcome).__name__, "seconds": seconds, **asdict(outcome)}
    text, name = json.dumps(value), _name(item, key)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{name}.partial"
    try:
        partial.write_text(text, encoding="utf-8")
        os.rename(made, folder / name)
        os.rename(partial, folder / f"{name}.json")
    except OSError:  # often for want of room: nothing stays that nobody will ask for
        partial.unlink(missing_ok=True)
        shutil.rmtree(folder / name, ignore_errors=True)
        raise


def take(folder: Path, item: str, key: str, out: Path) -> Made | None:
    """What was made ahead for an item and a key, its files moved to ``out``, which is empty; None: nothing is there."""
    name = _name(item, key)
    try:
        text = (folder / f"{name}.json").read_text(encoding="utf-8")
        (folder / f"{name}.json").unlink()
        os.rename(folder / name, out)
    except OSError:  # it may have been cleared just now
        return None
    value = json.loads(text)
    kind, seconds = value.pop("kind"), value.pop("seconds")
    if kind == "Filtered":
        return Made(Filtered(**value), seconds)
    children = tuple(Child(**child) for child in value.pop("children"))
    return Made(Done(**value, children=children), seconds)


def _name(item: str, key: str) -> str:
    """Two items may have the same key, where one file came twice; what is made of them bears the item's own name."""
    return digest_bytes(f"{item} {key}".encode())


def needs_of(stage: Stage, later: Stage | None) -> Resources:
    """What one item of ``stage`` may use where one of ``later`` is done with it."""
    if later is None:
        return stage.needs
    mine, other = stage.needs, later.needs
    return replace(
        mine,
        cpus=max(mine.cpus, other.cpus),
        gpus=max(mine.gpus, other.gpus),
        memory_mb=max(mine.memory_mb, other.memory_mb),
        timeout_s=mine.timeout_s + other.timeout_s,
        grace_s=mine.grace_s + other.grace_s,
    )


def later_stage(stage: Stage, stages: Mapping[str, Stage]) -> Stage | None:
    """The stage of a recipe that ``stage`` may work ahead for: one whose inputs are all among its own."""
    later = stages.get(stage.ahead_for) if stage.works_ahead else None
    if later is None or later.off or list(stages).index(later.name) < list(stages).index(stage.name):
        return None
    return later if later.inputs.items() <= stage.inputs.items() else None


def planner(later: Stage, catalog: DatasetState) -> Callable[[Item], tuple[Item, str] | None]:
    """Gives the item of ``later``, and its key, that follows from one of the earlier stage.

    None where it is on record already: done, dropped or failed.
    """
    plan = later.plan_ahead(catalog)
    records = catalog.records(later.name)

    def planned(item: Item) -> tuple[Item, str] | None:
        inputs = {name: item.inputs[name] for name in later.inputs if name in item.inputs}
        ahead = plan(replace(item, inputs=inputs, meta={}, hints={}))
        key = later.key(ahead)
        record = records.get(ahead.id)
        return None if record is not None and record.key == key else (ahead, key)

    return planned


def clear(folder: Path) -> bool:
    """Remove what nobody asked for, or what there is no room for; whether there was anything.

    It goes in one step, for a worker may be about to take some of it: that is whole, or not there.
    """
    gone = folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}")
    try:
        os.rename(folder, gone)
    except OSError:
        return False
    shutil.rmtree(gone, ignore_errors=True)
    return True


class Stopwatch:
    """Adds up the time of what it is around."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, work: Callable[[], Any]) -> Any:
        began = time.monotonic()
        try:
            return work()
        finally:
            self.seconds += time.monotonic() - began
