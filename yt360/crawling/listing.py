"""What a list or table said about videos when they were crawled: their segments, their side of the split.

Such notes travel as hints in the crawl's plan, which a later crawl from another source replaces. What was made
by them must stay, so they are remembered in a file of the root's state.
"""

from __future__ import annotations

import json
from typing import Any

from yt360.engine.stage import DatasetView
from yt360.errors import UsageError
from yt360.files import atomic_write_text


def read_notes(dataset: DatasetView, name: str) -> dict[str, Any]:
    """Item id -> what is noted under ``name`` (``segments``, ``split``): remembered, and replaced by today's plan."""
    notes = _remembered(dataset, name)
    if "crawl" in dataset.stages:
        for item_id, entry in dataset.entries("crawl").items():
            if entry.item.hints.get(name):
                notes[item_id] = entry.item.hints[name]
    return notes


def remember_notes(dataset: DatasetView, name: str) -> None:
    """Write down what :func:`read_notes` finds."""
    notes = read_notes(dataset, name)
    if notes and notes != _remembered(dataset, name):
        atomic_write_text(_path(dataset, name), json.dumps(notes, ensure_ascii=False, sort_keys=True) + "\n")


def _path(dataset: DatasetView, name: str) -> Any:
    return dataset.state_dir / f"noted-{name}.json"


def _remembered(dataset: DatasetView, name: str) -> dict[str, Any]:
    path = _path(dataset, name)
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(
            f"{path}: expected notes on videos (JSON), found: {error}; delete it and crawl the list again"
        ) from error
    return dict(value) if isinstance(value, dict) else {}
