"""What tables of sources said about videos: segments, side of the split, convention of the sound.

It is one file of the root's state. The crawl writes it when it plans; ``validate``, ``chunk`` and ``split`` read it.
What a table said stays when a later crawl has another source, for clips were made by it; another table that speaks of
the same video replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yt360.crawling.targets import CrawlTarget
from yt360.crawling.text import clean_text
from yt360.engine.stage import DatasetView
from yt360.errors import UsageError
from yt360.files import atomic_write_text, parse_json, require_checksum, with_checksum
from yt360.hashing import safe_id

_NAME = "listing.json"
_VIDEOS = "videos"
"""Name of the notes beside their checksum; earlier versions wrote the notes alone."""

_NOTES = ("segments", "split")


class Listed:
    """Gathers what the mentions of each video say: several rows, spellings and tables may speak of one video."""

    def __init__(self) -> None:
        self.said: dict[str, dict[str, Any]] = {}

    def note(self, target: CrawlTarget) -> None:
        """One mention. Raises :class:`UsageError` where it puts a video on another side than one before."""
        said = self.said.setdefault(safe_id(target.name), {})
        split = target.notes.get("split")
        if split and said.setdefault("split", split) != split:
            raise UsageError(
                f"{clean_text(target.said, 200)}: expected one side of the split for a video, found "
                f"{clean_text(said['split'], 40)} and {clean_text(split, 40)}; all tables together may name one"
            )
        convention = target.notes.get("convention")
        if convention and said.setdefault("convention", convention) != convention:
            raise UsageError(
                f"{clean_text(target.said, 200)}: expected one convention of the sound of a video, found "
                f"{clean_text(said['convention'], 40)} and {clean_text(convention, 40)}; all tables may name one"
            )
        for segment in target.notes.get("segments", ()):
            segments = said.setdefault("segments", [])
            if segment not in segments:
                segments.append(segment)


def read_listing(dataset: DatasetView) -> dict[str, dict[str, Any]]:
    """Item id -> what was said of it: ``segments`` ([start, end] pairs in seconds), ``split`` and ``convention``,
    as far as said.

    Raises :class:`UsageError` when the file holds something else.
    """
    path = dataset.state_dir / _NAME
    if path.is_file():
        return {name: dict(notes) for name, notes in _read(path).items() if isinstance(notes, Mapping)}
    return _of_earlier_versions(dataset)


def write_listing(
    dataset: DatasetView, said: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Add what today's tables say to what was ``known`` before (:func:`read_listing` where it is not given).

    Called with the root's lock held.
    """
    path = dataset.state_dir / _NAME
    known = read_listing(dataset) if known is None else known
    listing = dict(known)
    for name, notes in said.items():
        listing[name] = {**listing.get(name, {}), **{note: value for note, value in notes.items() if value}}
    if listing != known or not path.is_file():
        held = with_checksum({_VIDEOS: listing})
        atomic_write_text(path, json.dumps(held, ensure_ascii=False, sort_keys=True) + "\n")
    for note in _NOTES:
        _earlier(dataset, note).unlink(missing_ok=True)


def _of_earlier_versions(dataset: DatasetView) -> dict[str, dict[str, Any]]:
    """The same from where it was before there was this file: a file for each note, and hints in the crawl's plan."""
    listing: dict[str, dict[str, Any]] = {}
    for note in _NOTES:
        path = _earlier(dataset, note)
        for name, value in (_read(path) if path.is_file() else {}).items():
            listing.setdefault(name, {})[note] = value
    for name, entry in dataset.entries("crawl").items() if "crawl" in dataset.stages else ():
        notes = {note: entry.item.hints[note] for note in _NOTES if entry.item.hints.get(note)}
        if notes:
            listing.setdefault(name, {}).update(notes)
    return listing


def _earlier(dataset: DatasetView, note: str) -> Path:
    return dataset.state_dir / f"noted-{note}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
        if isinstance(value, dict) and isinstance(value.get("checksum"), str):
            require_checksum(value)
            value = value.get(_VIDEOS)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: expected what tables say of videos (JSON), found: {error}; delete it and crawl the table again"
        ) from error
    return dict(value) if isinstance(value, dict) else {}
