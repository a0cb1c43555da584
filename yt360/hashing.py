"""Digests, canonical JSON, and names that are safe in a file system."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_SAFE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_-]{0,79}")


def safe_id(text: str) -> str:
    """A name for ``text`` that is safe as a file name, a tar member and a WebDataset key.

    Text that already is safe (letters, digits, ``_`` and ``-``, at most 80, so that
    a tar member with an extension still fits the 100 of a plain header) is kept as it is, so
    YouTube ids stay themselves. Anything else is reduced to those characters and gets a digest of
    the original, so that two different texts never share a name.
    """
    if _SAFE_ID.fullmatch(text):
        return text
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:60]
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return f"{slug}-{digest}" if slug else digest


def digest_bytes(data: bytes) -> str:
    """BLAKE2b-160 of ``data`` as lower-case hexadecimal."""
    return hashlib.blake2b(data, digest_size=20).hexdigest()


def digest_file(path: Path, block: int = 1 << 20) -> str:
    """BLAKE2b-160 of a file's content as lower-case hexadecimal."""
    state = hashlib.blake2b(digest_size=20)
    with path.open("rb") as stream:
        while data := stream.read(block):
            state.update(data)
    return state.hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return _CANONICAL.encode(value)


def digest_json(value: Any) -> str:
    """BLAKE2b-80 of a JSON value as lower-case hexadecimal: equal values give equal text."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
