"""What the server answers: JSON, bytes in part or whole, and errors in words."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from yt360.dataset.dataset import UnknownClipError
from yt360.errors import ItemError, Yt360Error
from yt360.report.history import UnknownItemError

_UNKNOWN = (UnknownClipError, UnknownItemError)
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def json_answer(value: Any, status: int = 200) -> Response:
    """A value as JSON; numbers that JSON has no word for are a bug and raise :class:`ValueError`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")


def bytes_answer(request: Request, data: bytes, content_type: str) -> Response:
    """``data``, or the part of it that a ``Range`` header asks for (RFC 9110, section 14; one range)."""
    headers = {"accept-ranges": "bytes"}
    match = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if match is None or match.groups() == ("", ""):
        return Response(data, media_type=content_type, headers=headers)
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last), len(data) - 1) if last else len(data) - 1
    else:
        start, end = max(0, len(data) - int(last)), len(data) - 1
    if start >= len(data) or end < start:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {start}-{end}/{len(data)}"
    return Response(data[start : end + 1], 206, media_type=content_type, headers=headers)


async def on_error(request: Request, error: Exception) -> Response:
    """An error that was raised on purpose as JSON: its words, and its kind where it has one."""
    assert isinstance(error, Yt360Error)
    kind = error.kind if isinstance(error, ItemError) else "wrong-use"
    return json_answer({"error": str(error), "kind": kind}, 404 if isinstance(error, _UNKNOWN) else 400)
