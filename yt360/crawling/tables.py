"""Tables of videos and segments: the list published in 2020, and those of later datasets.

A table is a ``.csv`` or ``.tsv`` file with a line of column names: a video (``video``, ``youtube_id``, ``ytid``,
``url``, ``video_id`` or ``id``) and, if wanted, the start and end of a segment in seconds (``start``, ``end`` and the
names of AudioSet, Kinetics, VGGSound and Imagine360; a row a segment), or ``starts`` (comma-separated, a row a video),
``split``, and ``convention`` (of the ambisonics: ``ambix``, ``n3d``, ``orthonormal``, ``fuma``). Case, spaces, ``_``
and ``-`` in a name do not count. Columns that describe (labels, captions) are left alone; one whose name is unknown is
refused, for it may mean the segments. A row may name a list of videos (a playlist, a channel, a folder): its split and
convention are those of every video in it; with segments it is refused. What a table says about segments, split and
convention goes along with each video as hints; it is not part of what is crawled.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from yt360 import shipped
from yt360.crawling.list_files import encoding_of
from yt360.crawling.text import clean_text
from yt360.crawling.youtube import YOUTUBE_ID, youtube_id
from yt360.errors import UsageError
from yt360.media.ambisonic.hypotheses import declarable

PUBLISHED = "yt360-2020"
PUBLISHED_TABLE = "manifests/yt360-2020.tsv"
SEGMENT_S = 10.0
"""Length of a segment of which only the start is given: that of the published list."""

_VIDEO = ("video", "youtubeid", "ytid", "url", "videoid", "id")
_START = ("start", "starttime", "startseconds", "startsec", "timestart", "tstart", "begin", "begintime")
_END = ("end", "ends", "endtime", "endseconds", "endsec", "timeend", "tend", "stop", "stoptime")
_SPLIT = ("split", "subset")
_SIDE = re.compile(r"[a-z0-9_]{1,20}")
_CONVENTION = ("convention", "soundconvention", "ambisonicconvention")
_STARTS = "starts"
_LENGTH = ("duration", "durations", "length", "lengths")
"""Understood nowhere: of the segment or of the video? Left alone where an end is given."""

_DESCRIBING = frozenset(
    re.findall(
        r"\w+",
        """
        label labels positivelabels category categories class classname classid caption captions text description title
        tags channel channelid channelname uploader license iscc fps totalframes frames numframes width height
        resolution projection format views likes date uploaddate language source notes note comment comments index name
        filename clip clipid segmentid
        """,
    )
)
"""Columns that say something of a video which nothing here needs."""

_LONGEST_FIELD = 1 << 20


@dataclass
class ListedVideo:
    """A video of a table: its segments as [start, end] in seconds, its side of the split, the convention of its sound
    (both empty where not said)."""

    video: str
    split: str = ""
    segments: list[list[float]] = field(default_factory=list)
    convention: str = ""
    line: int = field(default=0, compare=False)

    def notes(self) -> dict[str, object]:
        told: dict[str, object] = {"segments": self.segments} if self.segments else {}
        told |= {"split": self.split} if self.split else {}
        return told | ({"convention": self.convention} if self.convention else {})


def read_table(path: Path) -> dict[str, ListedVideo]:
    """The videos of a table in its order. Raises :class:`UsageError` that names the line of what is wrong."""
    rows: dict[str, ListedVideo] = {}
    for number, line in _lines(path):
        try:
            _take_line(rows, line, number)
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
        with path.open(encoding=encoding_of(path), errors="replace", newline="") as stream:
            delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
            for number, cells in enumerate(csv.reader(stream, delimiter=delimiter, skipinitialspace=True), 1):
                if not any(map(str.strip, cells)) or (  # an empty row of a spreadsheet
                    cells[0].startswith("#") and not names and not _is_header(cells)
                ):
                    continue
                if not names:
                    names = [_column(cell) for cell in cells]
                    if not _is_header(cells):
                        raise UsageError(
                            f"{path}, line {number}: expected column names, one of them video or youtube_id or url; "
                            f"found {clean_text(cells, 120)} (columns are separated by "
                            f"{'tabs' if delimiter == chr(9) else 'commas'})"
                        )
                    _require_known(cells, names, f"{path}, line {number}")
                    continue
                yield number, dict(zip(names, (cell.strip() for cell in cells), strict=False))
    except (OSError, csv.Error) as error:
        raise UsageError(f"{path}: expected a table that can be read, found: {clean_text(error, 200)}") from error


def _column(cell: str) -> str:
    """A column's name without what spellings differ in."""
    return re.sub(r"[\s_-]+", "", cell.strip().lstrip("\ufeff# ")).lower()


def _is_header(cells: list[str]) -> bool:
    return any(_column(cell) in _VIDEO for cell in cells)


def _require_known(cells: list[str], names: list[str], where: str) -> None:
    """Refuse columns whose meaning is not known: they may be the segments, and would be ignored."""
    known = {*_VIDEO, *_START, *_END, *_SPLIT, *_CONVENTION, _STARTS, *_DESCRIBING, ""}
    if any(name in _END for name in names) or not any(name in _START for name in names):
        known |= set(_LENGTH)
    doubled = sorted({name for name in names if names.count(name) > 1 and name in known - _DESCRIBING - {""}})
    if doubled:
        raise UsageError(f"{where}: expected each column once, found {doubled[0]!r} {names.count(doubled[0])} times")
    strange = [clean_text(cell, 40) for cell, name in zip(cells, names, strict=True) if name not in known]
    if strange:
        raise UsageError(
            f"{where}: expected known column names, found {', '.join(map(repr, strange[:5]))}; segments are start and "
            "end (seconds), the side is split; rename the column, or take it out"
        )


def _take_line(rows: dict[str, ListedVideo], line: dict[str, str], number: int = 0) -> None:
    for names in (_START, _END, _SPLIT):
        if len(found := {name: line[name] for name in names if line.get(name)}) > 1 and len(set(found.values())) > 1:
            raise ValueError(f"expected one column of each meaning, found {' and '.join(found)} that differ")
    video = _first(line, _VIDEO)
    if not video:
        raise ValueError("expected a video, found an empty field")
    _require_one_video(line)
    row = rows.setdefault(video, ListedVideo(video, line=number))
    split = _first(line, _SPLIT).strip().lower()
    if split:
        if not _SIDE.fullmatch(split):
            raise ValueError(
                "expected a side of the split in up to 20 letters, digits and _ (train, test), found "
                f"{clean_text(split, 40)!r}"
            )
        if row.split and row.split != split:
            raise ValueError(
                f"expected one side of the split for {clean_text(video, 40)!r}, found {row.split} and {split}"
            )
        row.split = split
    convention = _first(line, _CONVENTION)
    if convention:
        named = declarable(clean_text(convention, 40))
        if row.convention and row.convention != named:
            raise ValueError(
                f"expected one convention for {clean_text(video, 40)!r}, found {row.convention} and {named}"
            )
        row.convention = named
    for text in filter(None, line.get(_STARTS, "").split(",")):
        start = _seconds(text)
        row.segments.append([start, start + SEGMENT_S])
    if text := _first(line, _START):
        start = _seconds(text)
        end = _seconds(_first(line, _END)) if _first(line, _END) else start + SEGMENT_S
        if end <= start:
            raise ValueError(f"expected an end after the start, found {start:g} to {end:g}")
        row.segments.append([start, end])


def _require_one_video(line: dict[str, str]) -> None:
    """Refuse a row whose columns name different videos of YouTube: whichever won, its segments might be the other's.

    A number is no id of a video but of the row.
    """
    found: dict[str, str] = {}
    for column in _VIDEO:
        text = line.get(column, "")
        named = youtube_id(text) if "://" in text else text if YOUTUBE_ID.fullmatch(text) else None
        if named and not text.isdigit():
            found.setdefault(named, column)
    if len(found) > 1:
        told = " and ".join(f"{clean_text(video, 40)} ({column})" for video, column in found.items())
        raise ValueError(
            f"expected one video, found {told}; rename the column that means something else (note), or mend the row"
        )


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
