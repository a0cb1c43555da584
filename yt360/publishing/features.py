"""Tables of features that were gathered of a root: written, remembered, and rid of what is taken down.

A copy of a root remembers the tables of the one that it was copied from. They are not its own, and it leaves them alone
as long as that one is there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from yt360.engine.object_store import is_remote
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import DiskFullError, UsageError
from yt360.files import atomic_write_text, leftovers_of, parse_json
from yt360.inference.features_table import about_of, index_files, read_features, write_features
from yt360.stages.embed import Embed

log = logging.getLogger(__name__)

_STATE = "features.json"
"""Below ``state``: where tables of this root were written."""


@dataclass(frozen=True)
class _Table:
    """Where a table was written (relative where it lies in the root) and of which root, by address and inode.

    Earlier versions did not say of which.
    """

    path: str
    root: str = ""
    inode: str = ""

    def is_of(self, root: Root) -> bool:
        """Whether it was gathered of this root, wherever that lay then, or of one that is gone and copied here."""
        if self.root in ("", root.url) or self.inode == _inode(root) != "":
            return True
        return not Path(self.path).is_absolute() or not (is_remote(self.root) or Path(self.root).exists())


def _inode(root: Root) -> str:
    """What stays of a folder that is moved or seen by another name; empty for a store."""
    if root.store is not None:
        return ""
    found = root.path.stat()
    return f"{found.st_dev}-{found.st_ino}"


def gather(catalog: DatasetState, out: Path) -> int:
    """Write the features of all clips that have some, in order of their ids, to ``out``; how many rows.

    Raises :class:`UsageError` where no clip has any.
    """
    records = catalog.passing(Embed.name)
    planned = catalog.entries(Embed.name)
    paths = [catalog.root.local(records[clip].outputs["features"].uri) for clip in sorted(records) if clip in planned]
    if not paths:
        raise UsageError(f"{catalog.root.url}: expected clips with features, found none; `yt360 status` says why")
    _remember(catalog.root, out)  # before: a kill leaves rows beside it
    return write_features(out, (read_features(path)[0] for path in paths), about_of(paths[0]))


def tables(root: Root) -> list[Path]:
    """Tables that were gathered of a root and are still where they were written."""
    return [path for table in _remembered(root) if table.is_of(root) and (path := root.path / table.path).is_file()]


def of_others(root: Root, clips: Collection[str]) -> list[tuple[Path, str]]:
    """Tables with rows of some clips that were gathered of a root that this one is a copy of, and where that is."""
    others = [(Path(table.path), table.root) for table in _remembered(root) if not table.is_of(root)]
    return [(path, root) for path, root in others if path.is_file() and _holds(path, clips)]


def leftovers(root: Root) -> list[Path]:
    """What writes of these tables that were cut short have left beside them."""
    places = [root.path / table.path for table in _remembered(root) if table.is_of(root)]
    return [left for place in places for left in leftovers_of(place)]


def naming(root: Root, clips: Collection[str]) -> list[Path]:
    """The tables of :func:`tables` that hold rows of some clips, and the indices that were made of them."""
    found = []
    for path in tables(root):
        if _holds(path, clips):
            found += [path, *index_files(path)]
    return found


def forget(root: Root, clips: Collection[str]) -> None:
    """Take the rows of some clips out of all tables; their indices go, to be made anew.

    One that does not fit even in its own place is deleted. Raises :class:`UsageError` for one that may not be written.
    """
    for left in leftovers(root):
        left.unlink(missing_ok=True)
    for path in tables(root):
        if not _holds(path, clips):
            continue
        try:
            for index in index_files(path):
                index.unlink(missing_ok=True)
            table, about = read_features(path)
            gone = pc.is_in(table["source"], value_set=pa.array(sorted(clips), pa.string()))
            kept = table.filter(pc.invert(gone))
            try:
                write_features(path, [kept], about)
            except DiskFullError:
                path.unlink()
                _write_in_its_place(path, kept, about)
        except OSError as error:
            raise UsageError(
                f"{path}: expected features of this root that can be written, found: {error.strerror}; become who may "
                "write it, or delete it (`yt360 embed` gathers it again), and give the command again"
            ) from error


def _write_in_its_place(path: Path, table: pa.Table, about: Mapping[str, Any]) -> None:
    try:
        write_features(path, [table], about)
    except DiskFullError:
        log.warning("%s: no room for what is left of it: deleted; `yt360 embed` gathers it again", path)


def _holds(path: Path, clips: Collection[str]) -> bool:
    try:
        sources = read_features(path, ["source"])[0]["source"].unique().to_pylist()
    except UsageError:
        return False  # something else lies there by now
    return not set(clips).isdisjoint(sources)


def _remembered(root: Root) -> list[_Table]:
    try:
        value = parse_json((root.state / _STATE).read_text(encoding="utf-8"))
        return [_read(entry) for entry in value["tables"]]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []


def _read(entry: str | Mapping[str, Any]) -> _Table:
    """An entry of the state; :class:`TypeError` or :class:`LookupError` for what is none."""
    if isinstance(entry, str):
        return _Table(entry)
    found = _Table(entry["path"], entry["root"], entry["inode"])
    if not all(isinstance(value, str) for value in asdict(found).values()):
        raise TypeError(entry)
    return found


def _remember(root: Root, out: Path) -> None:
    path = out.absolute()
    name = root.uri(path) if path.is_relative_to(root.path) else str(path)
    known = _remembered(root)
    table = _Table(name, root.url, _inode(root))
    kept = [each for each in known if each.path != name]
    if table not in known:
        told = [asdict(each) for each in sorted([*kept, table], key=lambda each: each.path)]
        atomic_write_text(root.state / _STATE, json.dumps({"tables": told}, indent=1) + "\n")
