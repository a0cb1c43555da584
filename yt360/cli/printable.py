"""What may be said on a terminal: text that steers it, or that never ends, is shown as what it is."""

from __future__ import annotations

import unicodedata

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
