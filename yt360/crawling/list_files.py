"""Text files that people write or export: lists of one video a line, tables. UTF-8, or UTF-16 that says so."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from yt360.errors import UsageError

LARGEST = 256 << 20
"""Bytes of a list."""

_LONGEST_LINE = 20_000
_LOOKED_AT = 4096
_QUOTED = re.compile(r"([\"'])(?P<text>[^\"']+)\1")


def encoding_of(path: Path) -> str:
    """The encoding of a text file by its first bytes: Windows writes UTF-16 under the name "Unicode".

    Raises :class:`UsageError` where the file is no text, and :class:`OSError` where it cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(_LOOKED_AT)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start:
        raise UsageError(f"{path}: expected text in UTF-8, found zero bytes; is it UTF-16? Save it as UTF-8")
    return "utf-8-sig"


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a list that say something, with their numbers: no empty ones, none that begin with ``#``.

    Raises :class:`UsageError` when the file cannot be read as a list.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: expected a list of at most {LARGEST >> 20} MB, found a larger file")
        with path.open(encoding=encoding_of(path), errors="replace") as stream:
            number = 0
            while line := stream.readline(_LONGEST_LINE):
                number += 1
                text = line.strip().lstrip("\ufeff")
                if text and not text.startswith("#"):
                    yield number, text
    except OSError as error:
        raise UsageError(f"{path}: expected a list that can be read, found: {error.strerror}") from error


def without_note(text: str) -> str:
    """What a line names, without a comment behind it (``ID  # why``) and without quotes around it."""
    cut = re.split(r"\s+#", text, maxsplit=1)[0].strip()
    quoted = _QUOTED.fullmatch(cut)
    return quoted["text"].strip() if quoted else cut
