"""A static folder with chosen clips: the page of `yt360 view` for any web server, without one of ours.

The same page reads files below ``data/`` where it would ask the server. Nothing can be labelled or decided there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from yt360.errors import UsageError
from yt360.files import parse_json
from yt360.hashing import safe_id
from yt360.view.clip_payload import ClipPayload
from yt360.view.server import HRIRS, STATIC
from yt360.view.video_facts import video_facts
from yt360.view.video_table import Column
from yt360.view.viewed_root import ViewedRoot

_OF_SERVER = '<meta name="yt360-data" content="api">'
_OF_FOLDER = '<meta name="yt360-data" content="data">'


def export(
    viewed: ViewedRoot, folder: Path, clips: Sequence[str], said: Callable[[int, int, str], object] | None = None
) -> None:
    """Write the page, and the videos that ``clips`` are of, into a new folder. ``said`` hears how far it is.

    The folder appears whole or not at all. Raises :class:`UsageError` for clips that are not there, or a folder that
    is.
    """
    if folder.exists():
        raise UsageError(f"{folder}: expected the name of a new folder, found something there; name another one")
    if not clips:
        raise UsageError("--clips: expected at least one clip to export")
    payloads = {key: viewed.payload(key) for key in clips}
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(STATIC, partial / "static")
        shutil.copytree(HRIRS, partial / "static" / "hrirs")
        page = (STATIC / "index.html").read_text(encoding="utf-8")
        assert _OF_SERVER in page
        (partial / "index.html").write_text(page.replace(_OF_SERVER, _OF_FOLDER), encoding="utf-8")
        (partial / "static" / "index.html").unlink()
        _tables(viewed, partial / "data", list(payloads.values()))
        for number, (key, payload) in enumerate(payloads.items()):
            if said is not None:
                said(number, len(payloads), key)
            _clip(partial / "data" / "clips" / _name(key), payload)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _clip(folder: Path, payload: ClipPayload) -> None:
    for name in payload.names():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(payload.read(name).data)


def _tables(viewed: ViewedRoot, folder: Path, payloads: Sequence[ClipPayload]) -> None:
    """What the page asks for besides clips: the dataset, its videos in a table, each of them."""
    chosen = {payload.clip.id for payload in payloads}
    videos = list(dict.fromkeys(payload.clip.video for payload in payloads))
    with viewed.catalog() as catalog:
        told = [video_facts(catalog, video, None) for video in videos]
    for each in told:
        each["clips"] = [{**clip, "in_shard": True} for clip in each["clips"] if clip["id"] in chosen]
        each["end_s"] = max((clip["start_s"] + clip["duration_s"] for clip in each["clips"]), default=0.0)
        _write(folder / "videos" / f"{_name(each['id'])}.json", each)
    _write(folder / "dataset.json", {**parse_json(viewed.dataset()), "person": "", "labels": []})
    _write(folder / "videos.json", _rows(parse_json(viewed.videos()), frozenset(videos)))


def _rows(table: dict[str, Any], videos: frozenset[str]) -> dict[str, Any]:
    """The table of all videos, of some of them."""
    columns = table["columns"]
    rows = [row for row, video in enumerate(columns["id"]) if video in videos]

    def of(values: Any) -> Any:
        if isinstance(values, dict) and "codes" in values:
            column = Column()  # with their own words only: those of other videos are nobody's business
            for row in rows:
                column.append(values["words"][values["codes"][row]])
            return column.to_json()
        if isinstance(values, dict):
            return {name: of(inner) for name, inner in values.items()}
        return [values[row] for row in rows]

    reasons = set(of(columns["reason"])["words"])
    words = {reason: meaning for reason, meaning in table["words"].items() if reason in reasons}
    chosen = {name: of(values) for name, values in columns.items()}
    return {**table, "words": words, "count": len(rows), "columns": chosen}


def _name(item: str) -> str:
    """A file's name for an item; names in manifests are safe, unless somebody else wrote them."""
    if safe_id(item) != item:
        raise UsageError(f"{item!r}: expected the name of a clip or video (letters, digits, '_' and '-')")
    return item


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def chosen_clips(viewed: ViewedRoot, words: Iterable[str]) -> list[str]:
    """Clips by name; a video stands for all its clips. Raises :class:`UsageError` for what is neither."""
    known = viewed.clip_ids()
    found: dict[str, None] = {}
    for word in words:
        named = [key for key in known if key == word] or [key for key in known if key.rpartition("-")[0] == word]
        if not named:
            viewed.payload(word)  # says what is like it
        found.update(dict.fromkeys(named))
    return list(found)
