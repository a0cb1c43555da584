"""Looking before fetching: what a site offers of each video, and what fetching it all would take.

Each answer is a JSON line in a file below the root, written when it is there; a torn last line (a
kill) is ignored, and a video that was looked at is not looked at again unless asked to refresh.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yt360.crawling import info as infos
from yt360.crawling.access import Access
from yt360.crawling.failures import CrawlError
from yt360.crawling.formats import client_of, is_spherical
from yt360.files import parse_json

if TYPE_CHECKING:
    from yt360.crawling.download import Fetched
    from yt360.engine.stage import Item

Row = dict[str, Any]
Look = Callable[["Item"], "Fetched"]
"""What a video offers (:meth:`yt360.stages.crawl.Crawl.look`); raises :class:`CrawlError`."""

_NAME = "crawl-probe.jsonl"
_TOLD = ("title", "channel", "channel_id", "license", "upload_date")


def probes_file(state_dir: Path) -> Path:
    """Where the answers of a root are kept."""
    return state_dir / _NAME


def read_probes(state_dir: Path) -> dict[str, Row]:
    """The newest answer about each video, by item id."""
    path = probes_file(state_dir)
    rows: dict[str, Row] = {}
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                try:
                    row = parse_json(line)
                    numbers = [row.get(name) for name in ("duration_s", "bytes")]
                    if isinstance(row["kind"], str) and all(isinstance(each, int | float | None) for each in numbers):
                        rows[str(row["video"])] = row
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    continue  # torn by a kill, or damaged; that video is asked for again
    return rows


def probe(items: Iterable[Item], look: Look, state_dir: Path, *, refresh: bool = False) -> Iterator[Row]:
    """Look at each video that was not looked at yet; yields the new answers as they come.

    A failure is an answer too: its ``kind`` says why nothing can be had. Transient failures are asked
    for again by the next call.
    """
    known = {} if refresh else read_probes(state_dir)
    path = probes_file(state_dir)
    with path.open("a+b") as stream:
        _end_line(stream.fileno(), path)
        for item in items:
            if item.id in known and not known[item.id].get("retryable"):
                continue
            row = _row(item, look)
            stream.write(json.dumps(row, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
            yield row


def budget(rows: Iterable[Mapping[str, Any]], access: Access) -> dict[str, Any]:
    """What fetching all offered videos would take: numbers of videos, bytes, hours, and why the rest cannot be had.

    ``hours`` is for one own address: the larger of what the pace and what the bandwidth allow.
    """
    kinds: Counter[str] = Counter()
    sounds: Counter[str] = Counter()
    projections: Counter[str] = Counter()
    offered, size, unsized, seconds = 0, 0, 0, 0.0
    for row in rows:
        if row["kind"]:
            kinds[row["kind"]] += 1
            continue
        offered += 1
        size += row.get("bytes") or 0
        unsized += row.get("bytes") is None
        seconds += row.get("duration_s") or 0.0
        sounds[row.get("sound") or "unknown"] += 1
        projections[row.get("projection") or "unknown"] += 1
    paced_h = offered / access.youtube_videos_per_hour
    moved_h = size / (access.bandwidth_mb_s * 1e6) / 3600 if access.bandwidth_mb_s else 0.0
    addresses = len(access.outgoing())
    return {
        "videos": offered + sum(kinds.values()),
        "offered": offered,
        "unavailable": dict(sorted(kinds.items())),
        "sound": dict(sorted(sounds.items())),
        "projection": dict(sorted(projections.items())),
        "media_hours": round(seconds / 3600, 2),
        "bytes": size,
        "videos_of_unknown_size": unsized,
        "crawl_hours": round(max(paced_h, moved_h) / addresses, 2),
    }


def _row(item: Item, look: Look) -> Row:
    row: Row = {"video": item.id, "kind": "", "probed": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        seen = look(item)
    except CrawlError as error:
        return {**row, "kind": error.kind, "error": str(error)[:2000], "retryable": error.retryable}
    told = infos.sanitise(seen.info)
    row |= {name: told[name] for name in _TOLD if told.get(name)}
    row["duration_s"] = told.get("duration")
    sizes = [one.format.get("filesize") or one.format.get("filesize_approx") for one in seen.choices.values()]
    row["bytes"] = sum(sizes) if sizes and all(isinstance(size, int | float) for size in sizes) else None
    row["itags"] = {role: choice.format_id[:40] for role, choice in seen.choices.items()}
    row["clients"] = {role: client_of(choice.format) for role, choice in seen.choices.items()}
    if picture := seen.choices.get("video"):
        note = str(picture.format.get("format_note") or "").lower()
        row["height"] = picture.format.get("height")
        row["projection"] = ("mesh" if "mesh" in note else "equirectangular") if is_spherical(picture.format) else None
    if sound := seen.choices.get("sound"):
        words = [word.strip() for word in str(sound.format.get("format_note") or "").lower().split(",")]
        row["sound"] = next((word for word in words if "ambisonics" in word or "foa" in word), None)
        row["channels"] = sound.format.get("audio_channels")
    return row


def _end_line(descriptor: int, path: Path) -> None:
    """Give a line that a kill tore an end, so that the next one starts on its own."""
    size = path.stat().st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
