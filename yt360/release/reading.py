"""Reads what somebody published: a release, the list of 2020, or a table of segments. All of it may be hostile."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yt360 import shipped
from yt360.crawling import tables
from yt360.crawling.removed_ids import Tombstone
from yt360.crawling.targets import name_of_url
from yt360.crawling.text import clean_text
from yt360.crawling.youtube import YOUTUBE_ID, with_scheme, youtube_id
from yt360.dataset.schema import Column
from yt360.errors import UsageError
from yt360.files import parse_json
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.hashing import safe_id
from yt360.release.contents import CLIP_NAME, FORMAT, SPLIT_NAME
from yt360.release.fingerprints import from_row
from yt360.release.schema import FINGERPRINTS, LISTED, RELEASED_VIDEOS
from yt360.release.writing import SUMS
from yt360.stages.clip_cutting import clip_name

_ADDRESS = re.compile(r"https?://[^\s$]{1,2000}( https?://[^\s$]{1,2000})?")
"""Of a video that others can crawl. A ``$`` would be filled in from the environment of who rebuilds."""

_DIGEST = re.compile(r"[0-9a-f]{40}|")
_LONGEST_S = 600.0
_LATEST_S = 1e7


@dataclass(frozen=True)
class PublishedClip:
    """A clip of a list: where it is cut, and the digests of its files (empty: the list has none)."""

    clip: str
    video: str
    split: str
    start_s: float
    duration_s: float
    address: str = ""
    convention: str = ""
    video_digest: str = ""
    foa_digest: str = ""


@dataclass(frozen=True)
class Published:
    """A list of clips. ``digest`` is the SHA-256 of all that it stands for; ``stages`` are the publisher's parameters.

    ``videos``: rows of the release's videos by id (empty for a bare list); ``told``: the content of ``release.json``.
    """

    name: str
    version: str
    digest: str
    clips: tuple[PublishedClip, ...]
    takedowns: tuple[Tombstone, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    videos: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def stages(self) -> Mapping[str, Any]:
        stages = self.told.get("stages")
        return stages if isinstance(stages, Mapping) else {}

    def fingerprint(self, clip: PublishedClip) -> VideoFingerprint | None:
        """The fingerprint of a clip; ``None`` where the list has none that can be read."""
        row = self.prints.get(clip.clip)
        try:
            return None if row is None else from_row(row, clip.duration_s)
        except (ValueError, TypeError, KeyError, OverflowError):
            return None


def read_published(what: str) -> Published:
    """A release's folder, ``yt360-2020``, or a table of segments. Raises :class:`UsageError` for anything else."""
    path = Path(what).expanduser()
    if path.is_dir():
        return read_release(path)
    if path.is_file() and path.suffix.lower() in (".tsv", ".csv"):
        return _of_table(path.stem, path)
    if what == tables.PUBLISHED:
        return _of_table(what, shipped.path(tables.PUBLISHED_TABLE))
    raise UsageError(
        f"{clean_text(what, 200)}: expected the folder of a release, {tables.PUBLISHED}, or a .tsv or .csv table of "
        "segments, found none of them"
    )


def _of_table(name: str, path: Path) -> Published:
    """The segments of a table; those of videos on no side (``none``) are not part of the dataset."""
    clips = []
    for row in tables.read_table(path).values():
        if row.split == "none" or not row.segments:
            continue
        video, address = _video_of(row.video, f"{path}, line {row.line}")
        split = row.split or "all"
        for start_s, end_s in row.segments:
            place = clip_name(video, start_s)
            clips.append(PublishedClip(place, video, split, start_s, end_s - start_s, address, row.convention))
    if not clips:
        raise UsageError(f"{path}: expected segments (start and end, or starts), found videos alone")
    unique = {clip.clip: clip for clip in clips}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Published(safe_id(name), "", digest, tuple(unique[clip] for clip in sorted(unique)))


def _video_of(said: str, where: str) -> tuple[str, str]:
    """Id and address of a video as a table names it."""
    if YOUTUBE_ID.fullmatch(said):
        return said, ""
    try:
        found = youtube_id(with_scheme(said))
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error
    if found:
        return found, ""
    if _ADDRESS.fullmatch(said):
        return safe_id(name_of_url(said)), said
    raise UsageError(
        f"{where}: expected a YouTube id or an http(s) address that others can crawl, found {clean_text(said, 200)!r}"
    )


def read_release(folder: Path) -> Published:
    """A release's folder. Raises :class:`UsageError` where it is none, is damaged, or says what cannot be."""
    sums = _sums(folder)
    told = _json(folder, "release.json", sums)
    if not isinstance(told, dict) or told.get("format") != "yt360-release":
        raise UsageError(f"{folder / 'release.json'}: expected what a release says of itself, found something else")
    if not isinstance(version := told.get("format_version"), int) or version > FORMAT:
        raise UsageError(
            f"{folder}: expected a release of format {FORMAT} at most, found {clean_text(version, 20)}; update yt360"
        )
    clips: list[PublishedClip] = []
    prints: dict[str, Mapping[str, Any]] = {}
    for name in sorted(sums):
        if re.fullmatch(r"clips/[a-z0-9_]{1,20}\.parquet", name):
            clips += [_clip(row, folder / name) for row in _rows(folder, name, sums, LISTED)]
        elif re.fullmatch(r"fingerprints/[a-z0-9_]{1,20}\.parquet", name):
            prints |= {row["clip"]: row for row in _rows(folder, name, sums, FINGERPRINTS)}
    if len({clip.clip for clip in clips}) < len(clips):
        raise UsageError(f"{folder}: expected each clip once, found one of them twice")
    videos = {row["video"]: row for row in _rows(folder, "manifests/videos.parquet", sums, RELEASED_VIDEOS)}
    return Published(
        safe_id(clean_text(told.get("name"), 96) or folder.name),
        clean_text(told.get("version"), 40),
        hashlib.sha256((folder / SUMS).read_bytes()).hexdigest(),
        tuple(sorted(clips, key=lambda clip: clip.clip)),
        tuple(_takedowns(folder, sums)),
        told,
        videos,
        prints,
    )


def _sums(folder: Path) -> dict[str, str]:
    """Path -> SHA-256, of the release's own list."""
    path = folder / SUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected a release's checksums, found: {error}; is {folder} a release?") from error
    pairs = [line.partition("  ") for line in lines]
    return {name: digest for digest, _, name in pairs if name}


def _checked(folder: Path, name: str, sums: Mapping[str, str]) -> bytes:
    """The bytes of one of the listed files. Raises :class:`UsageError` where they are not those of the list."""
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: expected a file of the release, found: {error.strerror}; get it again") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sums.get(name):
        raise UsageError(
            f"{path}: expected the SHA-256 of {SUMS} ({clean_text(sums.get(name, 'none'), 64)}), found {found}; get "
            "the release again"
        )
    return data


def _json(folder: Path, name: str, sums: Mapping[str, str]) -> Any:
    try:
        return parse_json(_checked(folder, name, sums))
    except ValueError as error:
        raise UsageError(f"{folder / name}: expected JSON, found: {clean_text(error, 200)}") from error


def _rows(folder: Path, name: str, sums: Mapping[str, str], columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """Rows of a table with the known columns alone; those of an earlier version that lacks some have none in them."""
    data = _checked(folder, name, sums)
    try:
        table = pq.read_table(pa.BufferReader(data), use_threads=False, page_checksum_verification=True)
        there = [column for column in columns if column.name in table.column_names]
        table = table.select([column.name for column in there])
        table = table.cast(pa.schema([(column.name, column.type) for column in there]))
        table.validate(full=True)
        rows: list[dict[str, Any]] = table.to_pylist()
    except (pa.ArrowException, ValueError, OSError) as error:
        raise UsageError(f"{folder / name}: expected a table of a release, found: {clean_text(error, 200)}") from error
    return [dict.fromkeys((column.name for column in columns), None) | row for row in rows]


def _clip(row: Mapping[str, Any], path: Path) -> PublishedClip:
    """A row of the list, checked: names that are safe as files, times that can be, addresses of the web."""
    clip = PublishedClip(
        str(row["clip"]),
        str(row["video"]),
        str(row["split"]),
        _number(row["start_s"]),
        _number(row["duration_s"]),
        row["address"] or "",
        row["listed_convention"] or "",
        row["video_digest"] or "",
        row["foa_digest"] or "",
    )
    problems = {
        "clip": not CLIP_NAME.fullmatch(clip.clip),
        "video": safe_id(clip.video) != clip.video,
        "split": not SPLIT_NAME.fullmatch(clip.split),
        "start_s": not 0 <= clip.start_s < _LATEST_S,
        "duration_s": not 0 < clip.duration_s <= _LONGEST_S,
        "address": bool(clip.address) and not _ADDRESS.fullmatch(clip.address),
        "listed_convention": clip.convention not in ("", "ambix", "n3d", "fuma"),
        "video_digest": not _DIGEST.fullmatch(clip.video_digest),
        "foa_digest": not _DIGEST.fullmatch(clip.foa_digest),
    }
    if wrong := next((name for name, is_wrong in problems.items() if is_wrong), ""):
        raise UsageError(
            f"{path}: clip {clean_text(clip.clip, 80)!r}: expected a sound value of {wrong}, found "
            f"{clean_text(row[wrong], 80)!r}; this list cannot be used"
        )
    return clip


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else -1.0


def _takedowns(folder: Path, sums: Mapping[str, str]) -> list[Tombstone]:
    found = []
    path = folder / "takedowns.jsonl"
    for number, line in enumerate(_checked(folder, path.name, sums).splitlines(), 1):
        try:
            value = json.loads(line)
            told = {name: clean_text(value.get(name) or "", 80) for name in ("video", "address", "removed")}
            found.append(Tombstone(safe_id(str(value["id"])), **told))
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            raise UsageError(f"{path}, line {number}: expected a takedown, found something else") from error
    return found
