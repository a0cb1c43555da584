"""What people, or the world's own truth, say about videos: what each is to be dropped for, or that it is to be kept.

Four forms are read: the table of the 2018 predecessor's authors (tab-separated: id, judgement, …), a procedural
world (a folder with ``truth/``, its ``world.json``, or one ``*.truth.json``), what people gave in `yt360 view`
(:mod:`yt360.filters.evaluation.label_table`), and any tab-separated table of ids and words of :data:`WORDS`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from yt360.errors import UsageError
from yt360.files import parse_json
from yt360.filters.evaluation.label_table import HEADER, LabelTable, read_label_table
from yt360.hashing import safe_id

FILTERS: Mapping[str, tuple[str, frozenset[str]]] = {
    "ambisonics": ("validate", frozenset({"invalid-ambisonics", "uncertain-ambisonics", "no-ambisonics"})),
    "stills": ("stills", frozenset({"still"})),
    "post-production": ("voiceover", frozenset({"voice-over", "background-music"})),
    "duplicates": ("duplicates", frozenset({"duplicate"})),
    "silence": ("chunk", frozenset({"silent"})),
}
"""Filter -> the stage that applies it, and the reasons it gives."""

KEEP = "keep"
"""The label of what no filter should drop."""

WORDS: Mapping[str, str] = {
    "outdoor": KEEP,
    "indoor": KEEP,
    "keep": KEEP,
    "fake": "ambisonics",
    "bad ambix": "ambisonics",
    "bad ambisonics": "ambisonics",
    "edited sound": "post-production",
    "repeat": "duplicates",
    "still": "stills",
} | {reason: name for name, (_, reasons) in FILTERS.items() for reason in reasons}
"""A judgement in words -> the filter that is to drop the video, or ``keep``. Other words say nothing about it."""

DISAGREEMENT = "people disagree"
"""Where in ``unused`` videos are counted of which people say different things."""

_LARGEST_BYTES = 64 << 20
"""Size of a table of labels beyond which it is refused."""


@dataclass(frozen=True)
class VideoLabels:
    """``wanted``: video id -> filter that is to drop it, or ``keep``. ``unused`` counts rows that say neither, and
    videos of which people say different things."""

    wanted: dict[str, str]
    unused: dict[str, int]


def read_labels(path: Path) -> VideoLabels:
    """Read any of the four forms. Raises :class:`UsageError` that says what was expected."""
    if path.is_dir() or path.name == "world.json":
        folder = path if path.is_dir() else path.parent
        folder = folder if (folder / "truth").is_dir() else folder.parent
        truths = sorted((folder / "truth").glob("*.truth.json"))
        if not truths:
            raise UsageError(f"{path}: expected a world with truth/*.truth.json, found none; see `yt360 synth`")
        return _gathered([_truth(each) for each in truths], path)
    if not path.is_file():
        raise UsageError(f"{path}: expected a table of labels or a world, found no file")
    if path.stat().st_size > _LARGEST_BYTES:
        raise UsageError(f"{path}: expected a table of at most {_LARGEST_BYTES >> 20} MB, found a larger file")
    if path.name.endswith(".truth.json"):
        return _gathered([_truth(path)], path)
    with path.open("rb") as stream:
        given_in_view = stream.read(len(HEADER) + 3).lstrip(b"\xef\xbb\xbf").startswith(HEADER.encode())
    return _gathered(_agreed(read_label_table(path)) if given_in_view else _table(path), path)


def _agreed(table: LabelTable) -> list[tuple[str, str]]:
    """One row a video: what all who judged it say, or that they disagree."""
    said: dict[str, dict[str, str]] = {}
    for each in table:
        if each.label:
            said.setdefault(each.video, {})[WORDS.get(each.label, each.label)] = each.label
    return [(video, next(iter(words.values())) if len(words) == 1 else DISAGREEMENT) for video, words in said.items()]


def _truth(path: Path) -> tuple[str, str]:
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
        return str(value["name"]), str(value["expected"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: expected the truth of a video (name, expected), found: {error!r}") from error


def _table(path: Path) -> list[tuple[str, str]]:
    rows = []
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            for cells in csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
                name = cells[0].strip() if cells else ""
                if name and not name.startswith("#"):
                    rows.append((name, cells[1] if len(cells) > 1 else ""))
    except (OSError, csv.Error) as error:
        raise UsageError(f"{path}: expected a tab-separated table of ids and judgements, found: {error}") from error
    return rows


def _gathered(rows: list[tuple[str, str]], path: Path) -> VideoLabels:
    wanted: dict[str, str] = {}
    unused: dict[str, int] = {}
    for name, words in rows:
        judgement = words.strip().lower()
        if judgement in WORDS:
            wanted[safe_id(name)] = WORDS[judgement]
        else:
            unused[judgement or "nothing"] = unused.get(judgement or "nothing", 0) + 1
    if not wanted:
        raise UsageError(
            f"{path}: expected ids and judgements, some of {', '.join(sorted(WORDS))}; found none in {len(rows)} rows"
        )
    return VideoLabels(wanted, unused)
