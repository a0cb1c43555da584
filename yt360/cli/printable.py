"""What may be said on a terminal: text that steers it, or that never ends, is shown as what it is."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

_LONGEST = 8000
"""Characters of a message; of a longer one the beginning and the end are said."""


def printable(text: str) -> str:
    """A message with its lines and tabs; other characters that are no letters, signs or spaces are escaped."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(
        letter if letter in "\n\t" or unicodedata.category(letter)[0] != "C" else ascii(letter)[1:-1] for letter in text
    )


def printable_json(value: Any, *, allow_nan: bool = True) -> str:
    """JSON on one line, readable in every language and without a character that steers a terminal: those are escaped.

    Raises :class:`ValueError` for numbers that JSON does not have, unless ``allow_nan``.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=allow_nan)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter if unicodedata.category(letter)[0] != "C" else json.dumps(letter)[1:-1] for letter in text
    ).replace("\x7f", "\\u007f")
