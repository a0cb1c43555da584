"""Text from outside, made safe to keep: bounded, free of control and bidirectional characters, free of secrets."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from yt360.redaction import hide, strike

_BIDI = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF])
"""Characters that reorder what a reader sees (Unicode UAX #9), and the byte-order mark."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_SECRET = re.compile(
    r"\b(cookie|set-cookie|authorization|proxy-authorization|po_token|visitor_data|visitordata|data_sync_id"
    r"|password|access_token)\b(\s*[=:]\s*)([^\r\n]+)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\b(?:[a-z_]+\.)?(?:gvs|player|subs)\+[A-Za-z0-9_=-]{8,}")
_HARMLESS_QUERY = frozenset({"v", "list", "search_query", "sp"})
_LONGEST = 20_000


def clean_text(value: object, limit: int = 500, *, lines: bool = False) -> str:
    """``value`` as text that can be stored and shown.

    Line breaks become spaces unless ``lines``; other control characters, lone surrogates and
    characters that reorder text are taken out; what is longer than ``limit`` characters is cut.
    Markup is left as it is: whoever writes HTML has to escape.
    """
    if isinstance(value, str) and len(value) <= limit and value.isascii() and value.isprintable():
        return value.strip()  # most of what is cleaned: ids and addresses
    text = str(value)[: limit * 8 + 64].translate(_BIDI)
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    kept = []
    for character in text:
        if character == "\n" and lines:
            kept.append(character)
        elif character.isspace():
            kept.append(" ")
        elif unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn"):
            kept.append(character)
    text = "".join(kept).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def public_url(url: str) -> str:
    """``url`` without what could be a secret: user and password, fragment, and the query but for public parts.

    Addresses of YouTube's media servers carry their signature in the path too, so only the host is left.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(an address that cannot be read)"
    if ":" in host:
        host = f"[{host}]"
    if host.endswith("googlevideo.com"):
        return f"{parts.scheme}://{host}/"
    query = urlencode([(key, value) for key, value in parse_qsl(parts.query) if key in _HARMLESS_QUERY])
    return urlunsplit((parts.scheme, host + port, parts.path, query, ""))


def redact(text: str, limit: int = 2000) -> str:
    """A tool's message without escape codes, signatures, tokens and cookies; at most ``limit`` characters."""
    text = _ANSI.sub("", strike(text[:_LONGEST]))
    text = _URL.sub(lambda match: public_url(match.group()), text)
    text = _SECRET.sub(lambda match: f"{match.group(1)}{match.group(2)}(hidden)", text)
    text = _TOKEN.sub("(hidden)", text)
    return clean_text(hide(text), limit, lines=True)
