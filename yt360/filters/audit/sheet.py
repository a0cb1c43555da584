"""The table that a person fills in: one line for each question on a video, tab-separated, read by any spreadsheet.

It does not say what the filter decided, nor how clearly: who knows the verdict tends to agree with it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from yt360.errors import UsageError
from yt360.files import atomic_write_text
from yt360.filters.evaluation.labels import FILTERS

QUESTIONS: Mapping[str, str] = {
    "ambisonics": "Is the sound anything but first-order ambisonics, or is there none?",
    "stills": "Is the picture a still or a slide show for most of the time?",
    "post-production": "Was speech or music added in post-production (narrator, background music)?",
    "duplicates": "Is this a copy of another video of this dataset?",
    "silence": "Is there nothing to hear for most of the time?",
}
"""Filter -> the question whose answer is yes where the filter should drop the video."""

ANSWERS: Mapping[str, bool | None] = {
    "yes": True, "y": True, "1": True, "true": True, "no": False, "n": False, "0": False, "false": False,
    "": None, "?": None,
}  # fmt: skip
"""What may stand under ``answer``. A question mark: looked at, and cannot be told."""

_COLUMNS = ("video", "filter", "question", "answer", "note", "title", "address")
_SEED = re.compile(r"# yt360 audit, seed (\d{1,18})\b")
_LARGEST_BYTES = 64 << 20


@dataclass
class Line:
    """One question. ``answer`` as it stands in the table; ``title`` and ``address`` help to find the video."""

    video: str
    filter: str
    answer: str = ""
    note: str = ""
    title: str = ""
    address: str = ""


@dataclass(frozen=True)
class Sheet:
    """All lines in their order, and the seed that they were drawn with."""

    seed: int
    lines: list[Line]

    def answers(self) -> dict[tuple[str, str], bool]:
        """(filter, video) -> whether the filter should drop it, where that was answered."""
        known = ((line.filter, line.video, ANSWERS[line.answer]) for line in self.lines)
        return {(name, video): answer for name, video, answer in known if answer is not None}

    def unclear(self) -> int:
        """How many were looked at and could not be told."""
        return sum(line.answer == "?" for line in self.lines)


def read(path: Path) -> Sheet:
    """A sheet as :func:`write` left it and a person filled it in.

    Columns may stand in another order and others may be added. Raises :class:`UsageError` with the line.
    """
    if path.stat().st_size > _LARGEST_BYTES:
        raise UsageError(f"{path}: expected a sheet of at most {_LARGEST_BYTES >> 20} MB, found a larger file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: expected a sheet of `yt360 audit` in UTF-8, found: {error}") from error
    first, _, rest = text.partition("\n")
    seed = _SEED.match(first.strip('"'))  # a spreadsheet may have put quotation marks around it
    if seed is None:
        raise UsageError(
            f"{path}: expected a sheet of `yt360 audit`, whose first line names its seed, found {first[:60]!r}; "
            "name another file with --sheet, and it is written anew"
        )
    try:
        reader = csv.DictReader(io.StringIO(rest), delimiter="\t", restval="")
        lines = [_line(path, number, row) for number, row in enumerate(reader, 3) if any(row.values())]
    except csv.Error as error:
        raise UsageError(f"{path}: expected tab-separated columns, found: {error}") from error
    seen: dict[tuple[str, str], str] = {}
    for line in lines:
        if seen.setdefault((line.filter, line.video), line.answer) != line.answer:
            raise UsageError(
                f"{path}: {line.video} has two different answers for {line.filter}; expected one: keep the right line"
            )
    return Sheet(int(seed[1]), lines)


def _line(path: Path, number: int, row: Mapping[str | None, str]) -> Line:
    cells = {key: (row.get(key) or "").strip() for key in _COLUMNS}
    answer = cells["answer"].lower()
    if answer not in ANSWERS:
        raise UsageError(f"{path}: line {number}: expected yes, no, ? or nothing under answer, found {answer[:40]!r}")
    if not cells["video"] or cells["filter"] not in FILTERS:
        raise UsageError(
            f"{path}: line {number}: expected a video and one of the filters {', '.join(FILTERS)}, "
            f"found {cells['video'][:40]!r} and {cells['filter'][:40]!r}"
        )
    return Line(cells["video"], cells["filter"], answer, cells["note"], cells["title"], cells["address"])


def write(path: Path, sheet: Sheet) -> None:
    """Replace the file in one step; the same lines give the same bytes."""
    rows = ["\t".join(_COLUMNS)]
    for line in sheet.lines:
        cells = (line.video, line.filter, QUESTIONS[line.filter], line.answer, line.note, line.title, line.address)
        rows.append("\t".join(_cell(cell) for cell in cells))
    first = f"# yt360 audit, seed {sheet.seed}. Fill in the column answer: yes, no, or ? where it cannot be told."
    atomic_write_text(path, "\n".join([first, *rows]) + "\n")


def _cell(text: str) -> str:
    """One cell: no tab, line break or control character, and nothing that a spreadsheet takes for a formula."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).replace('"', "'").split())
    return f"'{plain}" if plain[:1] in ("=", "+", "@") else plain


def merged(sheet: Sheet | None, seed: int, drawn: Iterable[Line]) -> Sheet:
    """The lines that were there, answers and all, and the drawn ones that were not."""
    lines = list(sheet.lines) if sheet else []
    there = {(line.filter, line.video) for line in lines}
    return Sheet(seed, lines + [line for line in drawn if (line.filter, line.video) not in there])
