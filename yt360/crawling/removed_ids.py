"""Videos that were taken down and must never come back."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from yt360.errors import UsageError

_NAME = "removed.jsonl"


def removed_ids(state_dir: Path) -> frozenset[str]:
    """Item ids of the videos that were removed from a root."""
    path = state_dir / _NAME
    if not path.is_file():
        return frozenset()
    found = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.add(str(json.loads(line)["id"]))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path}, line {number}: expected a record of a removal, found something else; "
                "mend or delete the line (then that video may be crawled again)"
            ) from error
    return frozenset(found)


def bury(state_dir: Path, ids: Iterable[str], reason: str) -> None:
    """Leave a tombstone for each id and remove what was kept for resuming it."""
    known = removed_ids(state_dir)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    new = [name for name in dict.fromkeys(ids) if name not in known]
    with (state_dir / _NAME).open("a", encoding="utf-8") as stream:
        for name in new:
            stream.write(json.dumps({"id": name, "reason": reason, "removed": when}, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    for name in new:
        shutil.rmtree(state_dir / "crawl-partial" / name, ignore_errors=True)
