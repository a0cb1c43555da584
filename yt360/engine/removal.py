"""Taking items out of a root: their files, their records, and what was made of them together with others.

Meant for takedowns, so nothing of an item stays that could be read: outputs and records of every
stage go, not only their newest. Each step may be repeated: after a kill the same call ends the work.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from yt360.engine import reduction
from yt360.engine.earlier_stages import UnknownStage
from yt360.engine.items import Done, Item
from yt360.engine.stage import FanInStage, Stage
from yt360.engine.state import ledger, plan
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.record import Record
from yt360.engine.storage import SNAPSHOTS, Root
from yt360.errors import UsageError
from yt360.files import atomic_write, parse_json, with_checksum


@dataclass
class Removal:
    """What is there of some items.

    ``folders`` of outputs and unfinished files (of outputs that lie elsewhere the files), ``pictures`` and pages of
    the report, ``files`` that go as a whole (logs that tell of them, leftovers of writes, snapshots), ``edited`` files
    that lose what they say of them (plans among them). ``ledger`` is the number of each stage's records that go.
    ``shared`` are items of stages that join several: they are made again without, or go when nothing else is in them.
    ``parts``: names of what the items were ever cut into.
    """

    folders: list[Path] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    edited: list[Path] = field(default_factory=list)
    ledger: dict[str, int] = field(default_factory=dict)
    shared: list[str] = field(default_factory=list)
    parts: frozenset[str] = frozenset()

    @property
    def bytes(self) -> int:
        files = [path for folder in self.folders for path in (folder, *folder.rglob("*")) if path.is_file()]
        return sum(path.stat().st_size for path in [*files, *self.pictures, *self.files])


class _Names:
    """What goes, in each stage's own name space: a part of one item may be called as another item is.

    ``items`` are of the first stage's kind, ``parts`` what they were ever cut into.
    """

    def __init__(self, catalog: DatasetState, items: Collection[str]) -> None:
        self.items = frozenset(items)
        self.parts = frozenset(
            child["id"]
            for stage in catalog.stages
            for record in ledger.find(catalog.root.ledger / stage, items)
            if record.source in self.items
            for child in record.children
        )
        kinds = catalog.gates.kinds
        first = next(iter(kinds.values()))
        self._joining = tuple(f"{name}-" for name, stage in catalog.stages.items() if stage.flat_folder)
        others = set(catalog.entries(next(iter(catalog.stages)))) - self.items if self.parts else set()
        self.loose = self.items | (self.parts - others)
        """Names by which a text that is of no one stage speaks of what goes, and of nothing else."""
        self._of = {
            name: self._unknown(catalog, name)
            if isinstance(stage, UnknownStage)
            else self.items
            if kinds[name] == first
            else self.parts | self._by_source(catalog, name)
            for name, stage in catalog.stages.items()
        }

    def of(self, stage: str) -> frozenset[str]:
        return self._of.get(stage, self.loose)

    def of_state_file(self, path: Path) -> frozenset[str]:
        """What a state file may name: that of a joining stage knows parts alone."""
        return self.parts if path.name.startswith(self._joining) else self.loose

    def _unknown(self, catalog: DatasetState, stage: str) -> frozenset[str]:
        """Of a stage whose kind of items is not known: what its records say, and folders that have no record yet."""
        folder = catalog.root.data / stage
        there = {path.name for path in folder.iterdir()} & self.loose if folder.is_dir() else set()
        recorded = {record.item for record in ledger.find(catalog.root.ledger / stage, sorted(there))}
        return self._by_source(catalog, stage) | (there - recorded)

    def _by_source(self, catalog: DatasetState, stage: str) -> frozenset[str]:
        return frozenset(
            record.item for record in ledger.find(catalog.root.ledger / stage, sorted(self.items), "source")
        )


def find(catalog: DatasetState, items: Collection[str]) -> Removal:
    """What :func:`remove` would take away."""
    return _find(catalog, _Names(catalog, items))


def _find(catalog: DatasetState, names: _Names) -> Removal:
    root, found = catalog.root, Removal(parts=names.parts)
    for name, stage in catalog.stages.items():
        found.ledger[name] = _records(root, stage, names)
        if stage.flat_folder:
            records = catalog.records(name).values()
            found.shared += sorted(r.item for r in records if names.parts.intersection(r.meta.get(stage.parts_in, ())))
            continue
        folders = (root.item_folder(name, item) for item in sorted(names.of(name)))
        found.folders += [folder for folder in folders if root.holds(folder)]
        if isinstance(stage, UnknownStage):
            found.folders += [path for path in _naming_outputs(root, name, names) if path not in found.folders]
        unfinished = (root.state / entry / item for entry in sorted(stage.host_local) for item in sorted(names.items))
        found.folders += [folder for folder in unfinished if folder.is_dir()]
    found.pictures = sorted(_reported(catalog, names.loose))
    kept = (path for path in (root.state / SNAPSHOTS).rglob("*") if path.is_file())
    found.files = sorted({*_telling(root, names), *root.partials(), *reduction.requests(root), *kept})
    plans = (path for path in sorted(root.state.glob("plan-*.parquet")) if plan.names(path) & names.items)
    found.edited = [*(path for path, _ in _edits(root, names)), *plans]
    return found


def _records(root: Root, stage: Stage, names: _Names) -> int:
    """How many records of a stage go: those of the items, of what joined them, and those of others that name them."""
    folder = root.ledger / stage.name
    gone = ledger.about(folder, names.parts if stage.flat_folder else names.of(stage.name), stage.parts_in)
    if isinstance(stage, FanInStage):
        gone += ledger.naming(folder, names.items)
    if isinstance(stage, UnknownStage):
        gone += ledger.naming(folder, names.loose)
    return len({(record.item, record.sequence, record.started, record.status) for record in gone})


def _naming_outputs(root: Root, stage: str, names: _Names) -> Iterator[Path]:
    """Outputs of a stage that nobody knows whose records name what goes: it may have joined it with others."""
    for record in ledger.naming(root.ledger / stage, names.loose):
        if root.holds(folder := root.item_folder(stage, record.item)):
            yield folder
        for _, blob in record.blobs():
            path = root.path / blob.uri
            if not path.is_relative_to(folder) and ".." not in path.parts and (root.store or path.is_file()):
                yield path


def _telling(root: Root, names: _Names) -> Iterator[Path]:
    """Files that go as a whole, for they are not needed again: workers' logs, and plans frozen for an array."""
    words = _naming(names.loose)
    for path in sorted(root.logs.rglob("*.log")):
        if words.search(path.read_text(encoding="utf-8", errors="replace")):
            yield path
    for path in sorted((root.state / "slurm").rglob("*.parquet")):
        try:
            if plan.names(path) & (names.items | names.parts):
                yield path
        except (UsageError, OSError):
            yield path  # it cannot be read by anybody


def _edits(root: Root, names: _Names) -> Iterator[tuple[Path, str]]:
    """Texts that name what goes, and what is left of each."""
    for path in sorted([*root.state.rglob("*.jsonl"), *root.logs.rglob("*.jsonl")]):
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if (kept := _without_lines(text, names)) != text:
            yield path, kept
    words = _naming(names.loose)
    for path in sorted(root.state.rglob("*.tsv")):
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if words.search(text):
            yield path, "".join(line for line in text.splitlines(keepends=True) if not words.search(line))
    for path in sorted([*root.state.rglob("*.json"), *root.report.glob("*.json")]):
        try:
            value = parse_json(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            continue  # its own stage says what is wrong with it
        about = names.of_state_file(path)
        if (left := _without(value, about)) != value:
            if isinstance(left, dict) and "checksum" in left:
                left = with_checksum(left)
            yield path, json.dumps(left, indent=1, sort_keys=True) + "\n"


def _reported(catalog: DatasetState, parts: frozenset[str]) -> Iterator[Path]:
    """Files of the report that are named after an item, and pages that show one (pages hold pictures and sound)."""
    if not catalog.root.report.is_dir():
        return
    known = parts.union(*(catalog.records(name) for name in catalog.stages))
    shown = _naming(parts)
    for path in catalog.root.report.rglob("*"):
        if not path.is_file():
            continue
        if path.suffix in (".html", ".md"):
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
        root.clear_tmp()  # a run that was killed may have left what it made of them
        catalog = DatasetState(root, stages)
        names = _Names(catalog, items)
        found = _find(catalog, names)
        for folder in found.folders:
            root.remove(folder)
        for path in [*found.pictures, *found.files]:
            path.unlink(missing_ok=True)
        for path, text in list(_edits(root, names)):
            _replace(path, text.encode("utf-8", "surrogateescape"))
        for path in sorted(root.state.glob("plan-*.parquet")):
            plan.drop(path, names.items)
        shutil.rmtree(root.state / SNAPSHOTS, ignore_errors=True)
        # The ledger last: it says which parts there were, to a second call that ends this one.
        for stage in reversed(stages):
            if not stage.flat_folder:
                ledger.forget(root.ledger / stage.name, names.of(stage.name), stage.parts_in)
            if isinstance(stage, FanInStage):
                _unname(root, stage, names.items)
            if isinstance(stage, UnknownStage):
                ledger.forget_naming(root.ledger / stage.name, names.loose)
        root.push()
    remake()
    with root.lock():
        root.pull()
        _drop_orphans(DatasetState(root, stages), names.parts)
        root.push()
    return found


def _unname(root: Root, stage: FanInStage, items: frozenset[str]) -> None:
    """Others may be judged by what goes (as its copy, in its group), and their records then name it.

    Who was dropped for its sake waits for the next reduction, and loses the records that say so. Who was kept stays
    kept, by a name that the next reduction would give: the first of those that are left.
    """
    folder = root.ledger / stage.name
    naming = ledger.latest(ledger.naming(folder, items))
    newest = ledger.latest(ledger.find(folder, list(naming)))
    kept = {name: record for name, record in newest.items() if record.status == "done"}
    writer = ledger.open_writer(root, stage.name, "removal")
    for name, record in kept.items():
        instead = {
            item: min(other for other in kept if _tells(kept[other], item)) for item in items if _tells(record, item)
        }
        if instead:
            measures = _with_names(record.measures, instead)
            meta = stage.meta_of(Done(measures=measures))
            key = stage.key(Item(name, record.source, meta=meta))
            writer.append(replace(record, sequence=record.sequence + 1, measures=measures, meta=meta, key=key))
    writer.close()
    ledger.forget_naming(folder, items)


def _tells(record: Record, item: str) -> bool:
    return json.dumps(item) in record.text("measures")


def _with_names(value: Any, instead: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_names(inner, instead) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_names(inner, instead) for inner in value]
    return instead.get(value, value) if isinstance(value, str) else value


def _replace(path: Path, data: bytes) -> None:
    atomic_write(path, lambda partial: partial.write_bytes(data))


def _naming(items: frozenset[str]) -> re.Pattern[str]:
    """Finds the names of items in a text, as words of their own."""
    return re.compile("|".join(rf"(?<![\w-]){re.escape(item)}(?![\w-])" for item in sorted(items)))


def _without_lines(text: str, names: _Names) -> str:
    """Lines of a state file or a log without those about an item; records of removals stay."""
    kept = []
    for line in text.splitlines(keepends=True):
        try:
            value = parse_json(line)
        except (ValueError, RecursionError):
            value = None
        if not (isinstance(value, dict) and "removed" not in value and _line_is_about(value, names)):
            kept.append(line)
    return "".join(kept)


def _line_is_about(value: Mapping[str, Any], names: _Names) -> bool:
    stage, item = value.get("stage"), value.get("item")
    if isinstance(stage, str) and isinstance(item, str):
        return item in names.of(stage) or value.get("source") in names.items
    return _names(value, names.loose)


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
