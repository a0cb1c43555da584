"""Taking items out of a root: their files, their records, and what was made of them together with others.

Meant for takedowns, so nothing of an item stays that could be read: outputs and records of every
stage go, not only their newest. Each step may be repeated: after a kill the same call ends the work.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yt360.engine import reduction
from yt360.engine.stage import Stage
from yt360.engine.state import ledger, plan
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import SNAPSHOTS, Root
from yt360.files import atomic_write_text


@dataclass
class Removal:
    """What is there of some items: folders of outputs, pictures and pages of the report, records, and shared files.

    ``shared`` are items of stages that join several: they are made again without, or go
    when nothing else is in them.
    """

    folders: list[Path] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    records: int = 0
    shared: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        files = [path for folder in self.folders for path in folder.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in [*files, *self.pictures])


def find(catalog: DatasetState, items: Collection[str]) -> Removal:
    """What :func:`remove` would take away."""
    root, found, parts = catalog.root, Removal(), parts_of(catalog, items)
    for name, stage in catalog.stages.items():
        if stage.flat_folder:
            records = catalog.records(name).values()
            found.shared += sorted(r.item for r in records if parts.intersection(r.meta.get(stage.parts_in, ())))
            continue
        folders = (root.item_folder(name, item) for item in sorted(parts))
        found.folders += [folder for folder in folders if root.holds(folder)]
        found.records += len(ledger.find(root.ledger / name, parts))
    found.pictures = sorted(_reported(catalog, parts))
    return found


def parts_of(catalog: DatasetState, items: Collection[str]) -> frozenset[str]:
    """The items and all parts that they were ever cut into."""
    children = {
        child["id"]
        for stage in catalog.stages
        for record in ledger.find(catalog.root.ledger / stage, items)
        for child in record.children
    }
    return frozenset(items) | children


def _reported(catalog: DatasetState, parts: frozenset[str]) -> Iterator[Path]:
    """Files of the report that are named after an item, and pages that show one (pages hold pictures and sound)."""
    if not catalog.root.report.is_dir():
        return
    known = parts.union(*(catalog.records(name) for name in catalog.stages))
    shown = _naming(parts)
    for path in catalog.root.report.rglob("*"):
        if not path.is_file():
            continue
        if path.suffix == ".html":
            if shown.search(path.read_text(encoding="utf-8", errors="replace")):
                yield path
        elif _subject(path.name, known) in parts:
            yield path


def _subject(name: str, known: Collection[str]) -> str:
    """The item that a file is named after: the longest that its name begins with (`walk-2.png` is not of `walk`)."""
    ends = [len(name), *(match.start() for match in re.finditer(r"[._-]", name))]
    return next((name[:end] for end in sorted(ends, reverse=True) if name[:end] in known), "")


def remove(root: Root, stages: Sequence[Stage], items: frozenset[str], remake: Callable[[], object]) -> Removal:
    """Take ``items`` out; ``remake`` then brings what was made of several items up to date.

    Raises :class:`yt360.errors.RootBusyError` while a run works on the root.
    """
    with root.lock():
        root.pull()
        catalog = DatasetState(root, stages)
        found, parts = find(catalog, items), parts_of(catalog, items)
        for folder in found.folders:
            root.remove(folder)
        for path in found.pictures:
            path.unlink(missing_ok=True)
        for stage in stages:
            if not stage.flat_folder:
                ledger.forget(root.ledger / stage.name, parts, stage.parts_in)
        shutil.rmtree(root.state / SNAPSHOTS, ignore_errors=True)
        for path in sorted(root.logs.rglob("*.log")):
            _drop_if_it_tells(path, parts)
        for path in sorted((root.state / "slurm").rglob("*.parquet")):  # frozen plans; none is needed again
            if plan.names(path) & parts:
                path.unlink()
        reduction.drop_requests(root)
        for path in sorted(root.state.glob("plan-*.parquet")):
            plan.drop(path, parts)
        for path in sorted([*root.state.rglob("*.jsonl"), *root.logs.rglob("*.jsonl")]):
            _drop_lines(path, parts)
        for path in sorted([*root.state.rglob("*.json"), *root.report.glob("*.json")]):
            _drop_names(path, parts)
        root.push()
    remake()
    with root.lock():
        root.pull()
        _drop_orphans(DatasetState(root, stages), parts)
        root.push()
    return found


def _naming(items: frozenset[str]) -> re.Pattern[str]:
    """Finds the names of items in a text, as words of their own."""
    return re.compile("|".join(rf"(?<![\w-]){re.escape(item)}(?![\w-])" for item in sorted(items)))


def _drop_if_it_tells(path: Path, items: frozenset[str]) -> None:
    """A worker's log that names an item goes as a whole; it is not needed again."""
    if _naming(items).search(path.read_text(encoding="utf-8", errors="replace")):
        path.unlink()


def _drop_lines(path: Path, items: frozenset[str]) -> None:
    """Lines of a state file or a log that name an item."""
    kept, dropped = [], False
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict) and _names(value, items) and "removed" not in value:
            dropped = True
        else:
            kept.append(line)
    if dropped:
        atomic_write_text(path, "".join(kept))


def _drop_names(path: Path, items: frozenset[str]) -> None:
    """Names of items, and what a state file says of each."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return  # its own stage says what is wrong with it
    kept = _without(value, items)
    if kept != value:
        atomic_write_text(path, json.dumps(kept, indent=1, sort_keys=True) + "\n")


def _without(value: Any, items: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(inner, items) for name, inner in value.items() if name not in items}
    if isinstance(value, list):
        return [_without(inner, items) for inner in value if not _is_about(inner, items)]
    return value


def _is_about(value: Any, items: frozenset[str]) -> bool:
    return value in items if isinstance(value, str) else isinstance(value, dict) and _names(value, items)


def _names(value: Mapping[str, Any], items: frozenset[str]) -> bool:
    return any(isinstance(inner, str) and inner in items for inner in value.values())


def _drop_orphans(catalog: DatasetState, parts: frozenset[str]) -> None:
    """Files of joining stages that no plan holds any more, with their records and those that name one of ``parts``."""
    for name, stage in catalog.stages.items():
        if stage.flat_folder:
            planned = catalog.entries(name)
            gone = {item: record for item, record in catalog.records(name).items() if item not in planned}
            for record in gone.values():
                for _, blob in record.blobs():
                    catalog.root.remove(catalog.root.path / blob.uri)
            ledger.forget(catalog.root.ledger / name, frozenset(gone) | parts, stage.parts_in)
