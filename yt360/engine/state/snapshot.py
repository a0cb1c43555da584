"""What was worked out of a ledger of many items, kept for the next who asks: plans, states and counts.

Below ``state/snapshot``, one Parquet file a stage. Nothing here is the truth: a snapshot holds as long as the files
that it was made from have the same names, sizes and times, and is made anew otherwise.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yt360 import __version__
from yt360.engine.stage import FanInStage, Item, Stage
from yt360.engine.state import checksums, evidence
from yt360.engine.state.counts import count
from yt360.engine.state.entries import STATES
from yt360.engine.state.plan import ItemPlan, write_plan
from yt360.engine.storage import SNAPSHOTS
from yt360.errors import Yt360Error
from yt360.files import atomic_write, parse_json
from yt360.hashing import canonical_json, digest_bytes

_PLAN = ("id", "source", "key", "rest")
WORTH_KEEPING = 10_000
"""Items of a stage above which reading a snapshot is quicker than working it out."""


class Dataset(evidence.Dataset, Protocol):
    """What is kept a snapshot of."""

    @property
    def stages(self) -> Mapping[str, Stage]: ...

    def plan_path(self, stage: Stage) -> Path: ...

    def maker(self, stage: Stage) -> Callable[[str, str], Item]: ...


def load(dataset: Dataset, stage: Stage) -> tuple[NDArray[np.uint8], Callable[[], ItemPlan]] | None:
    """The states (codes) of a stage's items, where nothing changed since they were kept, and what gives their plan."""
    file = _open(dataset, stage, "states")
    if file is None:
        return None

    def plan() -> ItemPlan:  # of the same file, though another one may have its name by now
        own = bool(stage.after) and not stage.own_plan
        table = file.read(columns=list(_PLAN), use_threads=False)
        return ItemPlan(table, dataset.maker(stage) if own else None, int(_told(file)["asked"]))

    chunks = file.read(columns=["state"], use_threads=False)["state"].chunks
    # One by one: together, Arrow would bring in pandas for it.
    return np.concatenate([np.empty(0, np.uint8), *(chunk.to_numpy() for chunk in chunks)]), plan


def load_plan(dataset: Dataset, stage: Stage) -> ItemPlan | None:
    """The plan alone, where nothing changed in the stages before: their items, and so this plan, are the same."""
    file = _open(dataset, stage, "plan")
    return None if file is None else ItemPlan(file.read(columns=list(_PLAN), use_threads=False))


def load_counts(dataset: Dataset, stage: Stage) -> dict[str, Any] | None:
    """What :func:`yt360.engine.state.counts.count` said, where nothing changed since."""
    file = _open(dataset, stage, "states")
    return None if file is None else dict(parse_json(_told(file)["counts"]))


def load_one(dataset: Dataset, stage: Stage, item: str) -> tuple[bool, str | None]:
    """Whether there is a snapshot that holds, and the state of one item in it (``None``: not planned)."""
    file = _open(dataset, stage, "states")
    if file is None:
        return False, None
    for group in range(file.num_row_groups):  # of a million names, those that can hold this one
        limits = file.metadata.row_group(group).column(0).statistics
        if limits is None or not limits.has_min_max or limits.min <= item <= limits.max:
            rows = file.read_row_group(group, columns=["id", "state"], use_threads=False)
            place = pc.index(rows["id"], item).as_py()
            if place >= 0:
                return True, STATES[rows["state"][place].as_py()]
    return True, None


def load_settled(dataset: Dataset, stage: FanInStage) -> bool | None:
    """Whether the last reduction was of what is there; ``None`` where no snapshot says."""
    file = _open(dataset, stage, "states")
    return None if file is None else _told(file).get("settled") == "True"


def keep(dataset: Dataset, stage: Stage, counts: dict[str, Any] | None = None) -> None:
    """Keep what is known of a stage of many items. A disk that is full or read-only is no error."""
    if _open(dataset, stage, "states") is not None:
        return
    entries = dataset.entries(stage.name)
    if len(entries) < WORTH_KEEPING:
        return
    plan = entries.plan
    told = {
        "plan": _fingerprint(dataset, stage, own=False),
        "states": _fingerprint(dataset, stage, own=True),
        "asked": str(plan.asked),
        "settled": str(not isinstance(stage, FanInStage) or evidence.stands(dataset, stage)),
        "counts": json.dumps(counts or count(entries)),
    }
    table = plan.table().append_column("state", pa.array(entries.states)).replace_schema_metadata(told)
    folder, names = dataset.root.state / SNAPSHOTS, []

    def write(partial: Path) -> None:
        write_plan(table, partial)
        names.append(checksums.named(folder / f"{stage.name}.parquet", partial))

    with contextlib.suppress(OSError, Yt360Error):
        earlier = _paths(dataset, stage)
        atomic_write(folder / stage.name, write, named=lambda: names[0])
        for path in set(earlier) - set(names):
            path.unlink(missing_ok=True)


def _paths(dataset: Dataset, stage: Stage) -> list[Path]:
    """Those with a checksum; earlier versions set none, and a snapshot that may be damaged is none."""
    return sorted((dataset.root.state / SNAPSHOTS).glob(f"{stage.name}.*.parquet"))


def _open(dataset: Dataset, stage: Stage, what: str) -> pq.ParquetFile | None:
    return next(filter(None, (_open_one(path, dataset, stage, what) for path in _paths(dataset, stage))), None)


def _open_one(path: Path, dataset: Dataset, stage: Stage, what: str) -> pq.ParquetFile | None:
    try:
        checksums.require_whole(path)
        file = pq.ParquetFile(path)
        told = _told(file)
        holds = told[what] == _fingerprint(dataset, stage, own=what == "states")
    except (pa.ArrowException, OSError, LookupError, ValueError):
        return None
    return file if holds else None


def _told(file: pq.ParquetFile) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in (file.schema_arrow.metadata or {}).items()}


def _fingerprint(dataset: Dataset, stage: Stage, *, own: bool) -> str:
    """Of what the stages up to this one are, and of the files that their items come from."""
    root = dataset.root
    names = list(dataset.stages)
    upto = [dataset.stages[name] for name in names[: names.index(stage.name) + 1]]
    told: list[Any] = [__version__, root.url]
    files: list[Path] = []
    for each in upto:
        kind = type(each)
        params = [each.params.keyed(), each.thresholds.keyed()]
        told.append([kind.__module__, kind.__qualname__, each.name, each.version, *params])
        files += each.files_read()
        if own or each is not stage:
            files += sorted((root.ledger / each.name).glob("*"))
        if not each.after:
            files.append(dataset.plan_path(each))
        elif isinstance(each, FanInStage):
            files.append(evidence.path_of(root, each))
        elif each.own_plan:  # may look at what it remembered there
            files += sorted(root.state.glob("*.json*"))
    for file in dict.fromkeys(files):
        with contextlib.suppress(FileNotFoundError):
            found = file.stat()
            told.append([str(file.relative_to(root.path) if file.is_relative_to(root.path) else file),
                         found.st_size, found.st_mtime_ns])  # fmt: skip
    return digest_bytes(canonical_json(told).encode("utf-8", "surrogatepass"))
