"""``labels.tsv``: one row a video and person, as `yt360 view` writes it and `yt360 filters evaluate` reads it.

Tab-separated, UTF-8: video, label, person, seconds into the video, when (UTC), note. A person has one label for a
video; labelling again replaces it. Several people may write one file at once, or merge files of their own.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import math
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from yt360.errors import UsageError
from yt360.files import atomic_write, atomic_write_text

LABELS: Mapping[str, str] = {
    "keep": "k",
    "still": "s",
    "voice-over": "v",
    "background-music": "m",
    "bad ambisonics": "b",
    "wrong projection": "p",
    "duplicate": "d",
}
"""Labels, and the key that gives each."""

FILE = "labels.tsv"
_COLUMNS = ("video", "label", "person", "seconds", "when", "note")
HEADER = "# " + "\t".join(_COLUMNS)
_LONGEST_NOTE, _LONGEST_NAME = 2000, 80
_LARGEST_BYTES = 64 << 20
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


@dataclass(frozen=True)
class Label:
    """What a person says of a video. ``label`` is one of :data:`LABELS`, or empty beside a ``note``.

    ``seconds``: the place in the video that was looked at, ``None`` where none was told; ``when``: UTC, ISO 8601.
    """

    video: str
    label: str
    person: str
    seconds: float | None = None
    when: str = ""
    note: str = ""


class LabelTable:
    """Labels by (video, person)."""

    def __init__(self, labels: Iterable[Label] = ()) -> None:
        self._labels: dict[tuple[str, str], Label] = {}
        for label in labels:
            self.put(label)

    def put(self, label: Label) -> None:
        """Set a label, in the place of an older one of the same person; one that says nothing takes it away."""
        place = (label.video, label.person)
        held = self._labels.get(place)
        if held is not None and held.when > label.when:
            return
        if label.label or label.note:
            self._labels[place] = label
        else:
            self._labels.pop(place, None)

    def __iter__(self) -> Iterator[Label]:
        """In order of videos and people."""
        return (self._labels[place] for place in sorted(self._labels))

    def __len__(self) -> int:
        return len(self._labels)

    def of(self, person: str) -> dict[str, str]:
        """Video -> label of one person; rows with a note alone are left out."""
        return {each.video: each.label for each in self if each.person == person and each.label}

    def people(self) -> list[str]:
        """Who has labelled anything, in order."""
        return sorted({each.person for each in self if each.label})

    def text(self) -> str:
        """The whole file."""
        rows = (
            [each.video, each.label, each.person, "" if each.seconds is None else f"{each.seconds:.2f}", each.when,
             each.note]
            for each in self
        )  # fmt: skip
        return "\n".join([HEADER, *("\t".join(row) for row in rows)]) + "\n"


def one_line(text: str, limit: int) -> str:
    """Text from outside for one cell: no tabs, line ends or control characters, bounded."""
    visible = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(visible.split())[:limit]


def checked(video: str, label: str, person: str, seconds: float | None = None, note: str = "") -> Label:
    """A label of now. Raises :class:`UsageError` for a word that is none, or a video or person without a name."""
    if label and label not in LABELS:
        raise UsageError(f"label {label!r}: expected one of {', '.join(LABELS)}")
    names = one_line(video, 200), one_line(person, _LONGEST_NAME)
    if not all(names) or names[0] != video:
        raise UsageError("a label needs a video and a person, each with a name")
    when = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Label(names[0], label, names[1], seconds, when, one_line(note, _LONGEST_NOTE))


def read_label_table(path: Path, person: str = "") -> LabelTable:
    """The labels of a file that :func:`write_label` wrote, or of any table of videos and labels (then ``person`` gave
    them, or who the file is named after). A file that is not there holds none. Raises :class:`UsageError` for what is
    no such table.
    """
    if not path.exists():
        return LabelTable()
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise UsageError(f"{path}: expected labels of at most {_LARGEST_BYTES >> 20} MB, found a larger file")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: expected a tab-separated table of videos and labels, found: {error}; move it away, or name "
            "another file"
        ) from error
    usual = person or path.stem
    return LabelTable(_label(row, usual) for row in rows if row and row[0].strip() and not row[0].startswith("#"))


def _label(row: list[str], usual: str) -> Label:
    cells = [*(cell.strip() for cell in row), *[""] * len(_COLUMNS)]
    video, label, person, seconds, when, note = cells[: len(_COLUMNS)]
    try:
        at_s = float(seconds) if seconds else None
    except ValueError:
        at_s = None
    if at_s is not None and not math.isfinite(at_s):
        at_s = None
    return Label(video, label.lower(), person or usual, at_s, when, note)


def write_label(path: Path, label: Label) -> LabelTable:
    """Put one label into a file, whole or not at all, beside whatever others wrote meanwhile; gives what it holds."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            table = read_label_table(path)
            table.put(label)
            atomic_write_text(path, table.text())
            return table
    except OSError as error:
        raise UsageError(
            f"{path}: labels cannot be written here ({error.strerror}); name another file: --labels FILE"
        ) from error


def names_any(path: Path, videos: Collection[str]) -> bool:
    """Whether :func:`forget` would change a file."""
    return path.is_file() and _without(text := _text(path), videos) != text


def forget(path: Path, videos: Collection[str]) -> None:
    """Take out what people said of some videos, and the names of these where others are compared with them."""
    if names_any(path, videos):
        with _locked(path):
            left = _without(_text(path), videos).encode("utf-8", "surrogateescape")
            atomic_write(path, lambda partial: partial.write_bytes(left))


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")  # what others wrote stays as it is


def _without(text: str, videos: Collection[str]) -> str:
    if not videos:
        return text
    kept = "".join(line for line in text.splitlines(keepends=True) if line.partition("\t")[0].strip() not in videos)
    named = "|".join(map(re.escape, sorted(videos)))
    return re.sub(rf"(?<![\w-])(?:{named})(?![\w-])", "(removed)", kept)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time, where the file system has locks. The lock's file stays: removing it would race."""
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield
    finally:
        os.close(descriptor)


def merged(tables: Iterable[LabelTable]) -> LabelTable:
    """The labels of several files; of one person's two labels for a video, the newer stands."""
    return LabelTable(label for table in tables for label in table)
