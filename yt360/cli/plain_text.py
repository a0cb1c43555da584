"""Words for a terminal: text from outside made safe for one line, verdicts in their colours."""

from __future__ import annotations

from yt360.cli.talk import coloured

COLOURS = {
    "kept": "green",
    "keep": "green",
    "done": "green",
    "filtered": "yellow",
    "uncertain": "yellow",
    "failed": "red",
    "reject": "red",
}
"""Of columns of counts and of verdicts, on a terminal."""


def clean(text: str, limit: int = 300) -> str:
    """Text from outside on one line of a terminal: no control characters, no direction marks, bounded."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    visible = " ".join(visible.split())
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


def painted(word: str) -> str:
    """A verdict in its colour."""
    return coloured(word, COLOURS[word]) if word in COLOURS else word
