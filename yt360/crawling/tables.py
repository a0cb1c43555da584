"""Tables of videos and segments: the list published in 2020, and those of later datasets.

A table is a ``.csv`` or ``.tsv`` file with a line of column names: a video (``video``, ``id``,
``youtube_id``, ``ytid``, ``video_id`` or ``url``) and, if wanted, ``start`` and ``end`` of a segment in
seconds (a row a segment), or ``starts`` (comma-separated, a row a video), and ``split``. What it says
about segments and split goes along with each video as hints; it is not part of what is crawled.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from yt360 import shipped
from yt360.crawling.text import clean_text
from yt360.errors import UsageError

PUBLISHED = "yt360-2020"
PUBLISHED_TABLE = "manifests/yt360-2020.tsv"
SEGMENT_S = 10.0
"""Length of a segment of which only the start is given: that of the published list."""

_VIDEO = ("video", "id", "youtube_id", "ytid", "video_id", "url")
_START = ("start", "start_s", "start_seconds", "start_time")
_END = ("end", "end_s", "end_seconds", "end_time")
_LONGEST_FIELD = 1 << 20


@dataclass
class ListedVideo:
    """A video of a table: its segments as [start, end] in seconds, and its side of the split (empty: not said)."""

    video: str
    split: str = ""
    segments: list[list[float]] = field(default_factory=list)

    def notes(self) -> dict[str, object]:
        told: dict[str, object] = {"segments": self.segments} if self.segments else {}
        return {**told, "split": self.split} if self.split else told


def read_table(path: Path) -> dict[str, ListedVideo]:
    """The videos of a table in its order. Raises :class:`UsageError` that names the line of what is wrong."""
    rows: dict[str, ListedVideo] = {}
    for number, line in _lines(path):
        try:
            _take_line(rows, line)
        except ValueError as error:
            raise UsageError(f"{path}, line {number}: {error}") from error
    if not rows:
        raise UsageError(f"{path}: expected rows of videos, found none")
    return rows


def published(part: str = "") -> list[ListedVideo]:
    """The list of 2020: 4506 videos of ``train`` and 1000 of ``test``; ``part`` names one of them, or ``none``.

    ``none`` are the 217 videos of which segments were published but no side of the split.
    """
    wanted = {"": ("train", "test"), "train": ("train",), "test": ("test",), "none": ("none",)}.get(part)
    if wanted is None:
        raise UsageError(f"{PUBLISHED}:{clean_text(part, 40)}: expected train, test or none after the colon")
    return [row for row in read_table(shipped.path(PUBLISHED_TABLE)).values() if row.split in wanted]


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(_LONGEST_FIELD)
    names: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            for number, cells in enumerate(csv.reader(stream, delimiter=delimiter, skipinitialspace=True), 1):
                if not cells or (cells[0].startswith("#") and not names and not _is_header(cells)):
                    continue
                if not names:
                    names = [cell.strip().lstrip("# ").lower() for cell in cells]
                    if not _is_header(cells):
                        raise UsageError(
                            f"{path}, line {number}: expected column names, one of them {' or '.join(_VIDEO[:3])}; "
                            f"found {clean_text(cells, 120)}"
                        )
                    continue
                yield number, dict(zip(names, (cell.strip() for cell in cells), strict=False))
    except (OSError, csv.Error) as error:
        raise UsageError(f"{path}: expected a table that can be read, found: {clean_text(error, 200)}") from error


def _is_header(cells: list[str]) -> bool:
    return any(cell.strip().lstrip("# ").lower() in _VIDEO for cell in cells)


def _take_line(rows: dict[str, ListedVideo], line: dict[str, str]) -> None:
    video = _first(line, _VIDEO)
    if not video:
        raise ValueError("expected a video, found an empty field")
    row = rows.setdefault(video, ListedVideo(video))
    split = line.get("split", "")
    if split:
        if row.split and row.split != split:
            raise ValueError(
                f"expected one side of the split for {clean_text(video, 40)!r}, found {row.split} and {split}"
            )
        row.split = clean_text(split, 40)
    for text in filter(None, line.get("starts", "").split(",")):
        start = _seconds(text)
        row.segments.append([start, start + SEGMENT_S])
    if text := _first(line, _START):
        start = _seconds(text)
        end = _seconds(_first(line, _END)) if _first(line, _END) else start + SEGMENT_S
        if end <= start:
            raise ValueError(f"expected an end after the start, found {start:g} to {end:g}")
        row.segments.append([start, end])


def _first(line: dict[str, str], names: tuple[str, ...]) -> str:
    return next((line[name] for name in names if line.get(name)), "")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e7:
        raise ValueError(f"expected seconds, found {clean_text(text, 40)!r}")
    return value
