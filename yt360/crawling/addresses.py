"""Spellings of one address (RFC 3986, section 6.2.2): who takes a video down may write another one than the list."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def plain_address(url: str) -> str:
    """The plainest spelling: no fragment, port, escapes of plain letters, doubled slashes or `.` and `..` in the path.

    Raises :class:`ValueError` for a malformed address.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    kept: list[str] = []
    for piece in _unescaped(parts.path).split("/"):
        if piece == "..":
            kept = kept[:-1]
        elif piece not in ("", "."):
            kept.append(piece)
    return urlunsplit((parts.scheme.lower(), host, "/" + "/".join(kept), _unescaped(parts.query), ""))


def plain_or_as_it_is(url: str) -> str:
    """The plainest spelling of an address, and a malformed one as it is."""
    try:
        return plain_address(url)
    except ValueError:
        return url


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        letter = chr(int(match[1], 16))
        return letter if letter in _PLAIN else match[0].upper()

    return _ESCAPE.sub(plain, text)
