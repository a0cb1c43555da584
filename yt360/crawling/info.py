"""``info.json``: what a site says about a video, kept by list of names, bounded and without secrets.

It holds nothing that differs between two crawls of the same files (no time, no address of a
server), so the same source gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yt360.crawling.formats import Choice, describe
from yt360.crawling.media_kind import MediaKind
from yt360.crawling.text import clean_text, public_url
from yt360.errors import ItemError
from yt360.files import parse_json

_WORDS = {
    "title": 500,
    "uploader": 200,
    "uploader_id": 120,
    "channel": 200,
    "channel_id": 120,
    "upload_date": 8,
    "license": 300,
    "availability": 40,
    "live_status": 40,
    "language": 40,
    "extractor": 80,
    "extractor_key": 80,
}
_NUMBERS = ("duration", "age_limit", "width", "height", "fps")
_LISTS = ("tags", "categories")
_ADDRESSES = ("webpage_url", "channel_url", "uploader_url")
_LONGEST_LIST = 100
_LONGEST_FORMATS = 400
_LARGEST_FILE = 32 << 20


def sanitise(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The part of yt-dlp's info that is worth keeping, every value bounded (see the module's text)."""
    kept: dict[str, Any] = {}
    if raw.get("id") is not None:
        kept["id"] = clean_text(raw["id"], 200)
    for name, limit in _WORDS.items():
        if isinstance(raw.get(name), str):
            kept[name] = clean_text(raw[name], limit)
    if isinstance(raw.get("description"), str):
        kept["description"] = clean_text(raw["description"], 5000, lines=True)
    for name in _NUMBERS:
        value = raw.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
            kept[name] = value
    for name in _LISTS:
        if isinstance(raw.get(name), list):
            kept[name] = [clean_text(value, 100) for value in raw[name][:_LONGEST_LIST] if isinstance(value, str)]
    for name in _ADDRESSES:
        if isinstance(raw.get(name), str) and raw[name].startswith(("http://", "https://")):
            kept[name] = clean_text(public_url(raw[name]), 500)
    formats = raw.get("formats")
    if isinstance(formats, list):
        offered = [describe(dict(one)) for one in formats[:_LONGEST_FORMATS] if isinstance(one, Mapping)]
        kept["formats"] = sorted((one for one in offered if one), key=lambda one: str(one.get("format_id")))
    return kept


def with_choices(info: dict[str, Any], choices: Mapping[MediaKind, Choice]) -> dict[str, Any]:
    """``info`` with what was chosen and why, by role."""
    return {**info, "chosen": {role: {**describe(one.format), "why": one.why} for role, one in choices.items()}}


def write(path: Path, info: Mapping[str, Any]) -> None:
    """Write ``info`` as JSON with sorted keys."""
    path.write_text(json.dumps(info, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Read an info file, ours or one that yt-dlp left beside a video. Raises :class:`ItemError` when it is not one."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ItemError(
                "bad-info", f"{path}: expected an info file below {_LARGEST_FILE >> 20} MB, found a larger one"
            )
        value = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ItemError("bad-info", f"{path}: expected an info file (JSON), found: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise ItemError("bad-info", f"{path}: expected an info file (a JSON object), found {type(value).__name__}")
    return value
