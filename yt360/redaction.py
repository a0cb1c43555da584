"""Secrets of the user: struck from every text that this process says or keeps.

A value that was resolved (an environment variable, a cookie) is known, so it is struck literally, whatever a library
makes of it; :func:`keep_out` also puts a filter in front of standard output and error, for libraries print there
themselves. What nobody resolved is told by its form: users in addresses, and values that are named like secrets.
"""

from __future__ import annotations

import base64
import bisect
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

HIDDEN = "(hidden)"

_SHORTEST = 4
"""Characters of the shortest piece of a secret that is struck; shorter ones are in every other word."""

_ANY_CASE = 8
"""Characters from which on a piece is struck whatever its case; shorter ones are words of their own in another."""

_NAME = re.compile(
    r"passw|passphrase|\bpwd?\b|secret|token|signature|\bsig\b|api_?-?key|access_?-?key|private_?-?key|auth(?!or)|credential"
    r"|session|cookie|\bsid\b|jwt|bearer|visitor_?data|data_?sync_?id|x-(?:amz|goog)-",
    re.IGNORECASE,
)
_NAME_IN_QUERY = re.compile(
    r"key_*$|(?:^|[^a-z])(?:pass|pw|pin|otp|tkn|tok|hmac|sas|sign|signed|creds?|ticket|csrf|xsrf|hdn(?:ts|tl|ea))_*$",
    re.IGNORECASE,
)
"""What a part of a query is called that opens what it leads to, beside what is secret anywhere."""

_DIGEST_NAME = re.compile(r"md5|hash|h|st|s|verify|digest", re.IGNORECASE)
_DIGEST = re.compile(r"[A-Za-z0-9_+/=%-]{16,}")
_END = re.compile(r"e|exp|expir[a-z]*(?:_?(?:at|in|on))?|ttl|valid_?(?:to|until|thru)|deadline", re.IGNORECASE)
_MOMENT = re.compile(r"\d{8,}|\d{4}-\d\d-")
"""A digest beside an end: a signed address (``secure_link`` of nginx and its like)."""

_USER = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)(?!\$[a-z_][a-z0-9_]*@)[^\s/?#'\"]{0,500}@")
_USER_WITH_SLASHES = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s'\"@/:?#]{0,500}:[^\s'\"@]{0,500}@")
_USER_QUOTED = re.compile(r"(?i)(%(?:25)*3A%(?:25)*2F%(?:25)*2F)[^\s/?#'\"&]{0,500}?(?:@|%(?:25)*40)")
_LOGIN = re.compile(
    r"(?<![^\s'\"(=,/])[^\s/:@'\"?#=,()]{1,100}:[^\s/@'\"]{1,200}@(?=[\w-]+\.[\w.-]*[a-z]|localhost\b|\d+\.)",
    re.IGNORECASE,
)
"""``user:password@host`` without a scheme before it."""

_PART = re.compile(
    r"(?:[?&;#]|%(?:25)*(?:3F|26|3B|23))"
    r"((?:[^\s=&?#;'\"%]|%(?!(?:25)*(?:3D|3F|26|3B|23))){1,200})(?:=|%(?:25)*3D)['\"]?",
    re.IGNORECASE,
)
"""A name in a query, also in that of an address that stands quoted inside another one."""

_BETWEEN = re.compile(r"[\s&#'\"]")
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,20}://\S+", re.IGNORECASE)
_QUOTED = 3
"""So many times one address may be quoted inside of others for its user to be found."""

_LOGIN_BY_NAME = frozenset(("sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs"))
_VARIABLE = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE_ALONE = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*(?=$|[\s&#'\";]|%(?:25)*(?:26|3B|23))", re.IGNORECASE)

_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def is_secret_name(name: str) -> bool:
    """Whether something of this name (a parameter, a part of a query) is likely to be a secret."""
    return _NAME.search(name) is not None


def secret_in(text: str) -> str:
    """Which part of the addresses in a text is secret, in words; empty where none is, or it is only named (``$NAME``).

    A user without a password is none where people log in by name (``sftp://``). An address may stand quoted in the
    query of another one.
    """
    for url in _URL.findall(text):
        for _ in range(_QUOTED):
            if _has_user(url):
                return "a user or password"
            if "%" not in url:
                break
            url = unquote(url)
        for name, start, _ in _secret_parts(url):
            if not _VARIABLE_ALONE.match(url, start):
                return f"a secret in its query ({name[:40]})"
    return ""


def _has_user(url: str) -> bool:
    for match in (*_USER_WITH_SLASHES.finditer(url), *_USER.finditer(url)):
        user = match[0].removeprefix(match[1]).removesuffix("@")
        by_name = match[1].partition(":")[0].lower() in _LOGIN_BY_NAME
        if user and not _VARIABLE.fullmatch(user) and (":" in user or not by_name):
            return True
    return False


def _secret_parts(text: str) -> list[tuple[str, int, int]]:
    """The secret parts of queries in a text: name, where the value begins, and where it ends.

    A value may hold ``;`` and what is quoted: rather too much is secret than half of it.
    """
    parts = [(unquote(unquote(match[1])), match.end()) for match in _PART.finditer(text)]
    if not parts:
        return []
    ends = [*(match.start() for match in _BETWEEN.finditer(text)), len(text)]
    signed = any(_END.fullmatch(name) and _MOMENT.match(text, start) for name, start in parts)
    found = [
        (name, start, ends[bisect.bisect_left(ends, start)])
        for name, start in parts
        if is_secret_name(name)
        or _NAME_IN_QUERY.search(name)
        or (signed and _DIGEST_NAME.fullmatch(name) and _DIGEST.match(text, start))
    ]
    return [(name, start, end) for name, start, end in found if end > start]


def keep_out(values: Iterable[str]) -> None:
    """Strike these values, and what they are made of, from everything that this process says from now on."""
    global _pattern
    new = {piece for value in values for piece in _pieces(value) if len(piece) >= _SHORTEST} - _known
    if new:
        _known.update(new)
        _pattern = re.compile("|".join(_found_as(piece) for piece in sorted(_known, key=len, reverse=True)))
    if _known:
        _guard_streams()


def _found_as(piece: str) -> str:
    """A long piece in any case: libraries write hosts in lower case, and a secret may stand where one belongs."""
    return f"(?i:{re.escape(piece)})" if len(piece) >= _ANY_CASE else re.escape(piece)


def strike(text: str) -> str:
    """A text without the secrets that are known."""
    return _pattern.sub(HIDDEN, text) if _pattern is not None else text


def hide(text: str) -> str:
    """A text without known secrets, users of addresses, and parts of queries that are named like secrets."""
    text = _USER_WITH_SLASHES.sub(rf"\1{HIDDEN}@", _USER.sub(rf"\1{HIDDEN}@", strike(text)))
    text = _LOGIN.sub(f"{HIDDEN}@", _USER_QUOTED.sub(rf"\1{HIDDEN}@", text))
    kept, end = [], 0
    for _, start, stop in _secret_parts(text):
        if start >= end and not _VARIABLE_ALONE.match(text, start):
            kept += [text[end:start], HIDDEN]
            end = stop
    return "".join([*kept, text[end:]])


def shown(value: Any, limit: int = 80, name: str = "") -> str:
    """``repr`` of a value for an error message: bounded before it is made, and without what looks like a secret."""
    if name and is_secret_name(name):
        return HIDDEN
    text = hide(repr(_bounded(value, limit, 4)))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _bounded(value: Any, limit: int, depth: int) -> Any:
    """As much of a value as may be shown: aliases of YAML make small files stand for very large values."""
    if isinstance(value, str):
        return hide(value[: limit * 8])[: limit + 1]
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth == 0:
            return _Dots()
        few = list(value.items() if isinstance(value, Mapping) else value)[: max(2, limit // 8)] if value else []
        if isinstance(value, Mapping):
            return {
                _bounded(key, limit, 1) if isinstance(key, str) else repr(key)[:limit]: (
                    _Dots(HIDDEN) if is_secret_name(str(key)[:200]) else _bounded(inner, limit, depth - 1)
                )
                for key, inner in few
            }
        held = [_bounded(inner, limit, depth - 1) for inner in few]
        return tuple(held) if isinstance(value, tuple) else held
    return value


class _Dots:
    def __init__(self, text: str = "...") -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _pieces(value: str) -> set[str]:
    """A secret in all forms in which a library may print it, whole or in part."""
    pieces = {value}
    _, separator, rest = value.partition("://")
    if separator:
        user, at, _ = rest.rpartition("@")
        if not at:
            return pieces
        pieces |= {user, *re.split(r"[:/?#@\\]", user.partition(":")[2] or user), user.partition(":")[2]}
        pieces.add(base64.b64encode(unquote(user).encode()).decode().rstrip("="))
    else:
        # A token may stand behind the name of what it is for (`web.gvs+TOKEN`).
        pieces |= {piece for piece in re.split(r"[+=:;,\s]", value) if len(piece) >= 2 * _SHORTEST}
    return pieces | {unquote(piece) for piece in pieces} | {quote(piece, safe="") for piece in pieces}


def _guard_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, _Struck):
            continue
        guarded = _Struck(stream)
        setattr(sys, name, guarded)
        for logger in [logging.getLogger(), *map(logging.getLogger, list(logging.Logger.manager.loggerDict))]:
            for handler in logger.handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
                    handler.stream = guarded


class _Struck:
    """A stream of text that strikes secrets before it writes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(strike(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> Any:
        return _StruckBytes(self._stream.buffer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _StruckBytes:
    """The bytes below such a stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        text = bytes(data).decode("utf-8", "surrogateescape")
        struck = strike(text)
        self._stream.write(bytes(data) if struck == text else struck.encode("utf-8", "surrogateescape"))
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
