"""Videos that were taken down and must never come back, by whatever name or address they are asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from yt360.crawling.addresses import plain_or_as_it_is
from yt360.crawling.targets import CrawlTarget, address_digest, address_of
from yt360.crawling.youtube import YOUTUBE_ID
from yt360.errors import UsageError
from yt360.files import atomic_write_text, parse_json
from yt360.root_marker import TAKEDOWNS


@dataclass(frozen=True)
class Tombstone:
    """A removed video: its ``id`` in the root, its YouTube id (``video``) and the digest of its ``address``, if any.

    ``removed`` is when (UTC, ISO 8601); two tombstones that differ in nothing else are the same.
    """

    id: str
    video: str = ""
    address: str = ""
    removed: str = field(default="", compare=False)


class Tombstones:
    """All that were removed from a root (``None``: from none), and ``more``; ``held`` are their tombstones."""

    def __init__(self, state_dir: Path | None, more: Iterable[Tombstone] = ()) -> None:
        self.held = (*(_read(state_dir / TAKEDOWNS) if state_dir is not None else ()), *more)
        held = self.held
        self.ids = frozenset(each.id for each in held)
        # Earlier tombstones know the item's name alone, which is the video's where nobody gave it another.
        self._videos = frozenset(each.video or each.id for each in held if YOUTUBE_ID.fullmatch(each.video or each.id))
        self._addresses = frozenset(each.address for each in held if each.address)

    def keep_out(self, target: CrawlTarget, item_id: str) -> bool:
        """Whether this video was removed, under this name or another."""
        if item_id in self.ids:
            return True
        if target.identity.get("source") == "youtube" and target.identity.get("video") in self._videos:
            return True
        address = address_of(target.where) if self._addresses else ""
        spellings = (address, plain_or_as_it_is(address)) if address else ()
        return any(address_digest(each) in self._addresses for each in spellings)


def removed_ids(state_dir: Path) -> frozenset[str]:
    """Item ids of the videos that were removed from a root."""
    return Tombstones(state_dir).ids


def bury(state_dir: Path, removed: Iterable[str | Tombstone], reason: str) -> None:
    """Leave a tombstone for each video and remove what was kept for resuming it.

    Raises :class:`yt360.errors.DiskFullError` where there is no room for them; then none is left.
    """
    path = state_dir / TAKEDOWNS
    known = set(_read(path))
    when = datetime.now(UTC).isoformat(timespec="seconds")
    stones = [Tombstone(each) if isinstance(each, str) else each for each in dict.fromkeys(removed)]
    lines = [_line(stone, reason, when) for stone in stones if stone not in known]
    if lines:  # a file of its own each time: another root's may be the same one, by a link
        held = path.read_text(encoding="utf-8") if path.is_file() else ""
        atomic_write_text(path, held + ("\n" if held and not held.endswith("\n") else "") + "".join(lines))
    for stone in stones:
        shutil.rmtree(state_dir / "crawl-partial" / stone.id, ignore_errors=True)


def _line(stone: Tombstone, reason: str, when: str) -> str:
    told: dict[str, Any] = {"id": stone.id, "reason": reason, "removed": when}
    told |= {name: value for name in ("video", "address") if (value := getattr(stone, name))}
    return json.dumps(told, ensure_ascii=False) + "\n"


def _read(path: Path) -> list[Tombstone]:
    found = []
    try:
        lines = path.read_bytes().split(b"\n") if path.is_file() else []
    except OSError as error:
        raise UsageError(f"{path}: expected records of removals, found: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value: Mapping[str, Any] = parse_json(line.decode("utf-8"))
            told = {name: str(value.get(name, "")) for name in ("video", "address", "removed")}
            found.append(Tombstone(str(value["id"]), **told))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: expected a record of a removal, found something else; "
                "mend or delete the line (then that video may be crawled again)"
            ) from error
    return found
