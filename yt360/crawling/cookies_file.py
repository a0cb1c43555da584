"""The user's cookies file: looked at before yt-dlp gets it, for yt-dlp prints each line that it cannot read."""

from __future__ import annotations

import re
from pathlib import Path

from yt360.errors import UsageError
from yt360.redaction import keep_out

_HEAD = re.compile(r"#( Netscape)? HTTP Cookie File")
"""What the first line has to hold (Python's ``http.cookiejar``, and browsers' exports)."""

_FIELDS = 7
_HTTP_ONLY = "#HttpOnly_"
_SHORTEST_SECRET = 8
"""Characters of a value that is struck from messages; shorter ones (`1`, `en`, `true`) are settings, not secrets."""

_LARGEST = 16 << 20


def read(path: Path) -> str:
    """The file's text. Raises :class:`UsageError`, which repeats nothing of it, when yt-dlp could not use it."""
    where = f"crawl.access.cookies_file = {path}"
    try:
        with path.expanduser().open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"{where}: expected a cookies.txt file (Netscape format), found: {error.strerror}; export one from your "
            "browser"
        ) from error
    text = data.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    problem = _problem(text, len(data))
    if problem:
        raise UsageError(
            f"{where}: expected a cookies.txt file (Netscape format: a first line '# Netscape HTTP Cookie File', then "
            f"{_FIELDS} fields a line with tabs between them), found {problem}; export it from your browser anew"
        )
    keep_out(cells[-1] for cells in _cookies(text) if len(cells[-1]) >= _SHORTEST_SECRET)
    return text


def _cookies(text: str) -> list[list[str]]:
    lines = (line.removeprefix(_HTTP_ONLY) for line in text.split("\n"))
    return [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]


def _problem(text: str, size: int) -> str:
    """What yt-dlp would not read, in words that hold nothing of the file; empty where all is well."""
    if size > _LARGEST:
        return f"more than {_LARGEST >> 20} MB"
    if "\ufffd" in text or "\0" in text:
        return "bytes that are not UTF-8"
    if not text.strip():
        return "no line"
    if text.lstrip()[0] in "[{":
        return "JSON (another export of the browser's extension)"
    lines = text.split("\n")
    if not _HEAD.search(lines[0]):
        return "another first line"
    for number, line in enumerate(lines, 1):
        cells = line.removeprefix(_HTTP_ONLY).split("\t")
        if not line.strip() or (line.startswith("#") and not line.startswith(_HTTP_ONLY)):
            continue
        if len(cells) != _FIELDS:
            return f"{len(cells)} of the {_FIELDS} fields in line {number} (spaces in place of tabs?)"
        if (cells[1] == "TRUE") != cells[0].startswith("."):
            return f"in line {number} a second field that contradicts the first (TRUE where that begins with a dot)"
        if not re.fullmatch(r"([0-9]{1,20}(\.[0-9]{1,20})?)?", cells[4]):
            return f"no date in seconds in the fifth field of line {number}"
    return ""
