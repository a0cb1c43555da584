"""Who may ask the server of `yt360 view`: the browser of the person who started it, and no other page in it.

A server on the loopback address can be reached by every page that the same browser has open. Three things keep them
out: a token that only the printed address holds, a check of ``Host`` against names that lead elsewhere (DNS
rebinding), and a check of ``Origin`` and ``Sec-Fetch-Site`` against requests that another site makes.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Iterable, Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Content security policy: nothing from elsewhere, and no script or style inside the page's own text."""

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

_NETLOC = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:/@]+))(?::\d{1,5})?")

_WITHOUT_TOKEN = "Open the address that `yt360 view` printed: it holds the token that this server asks for.\n"


def new_token() -> str:
    """A token that cannot be guessed, fit for an address."""
    return secrets.token_urlsafe(24)


def own_names(host: str) -> frozenset[str]:
    """Host names under which a server that listens on ``host`` may be addressed, besides addresses in numbers."""
    names = {"localhost", host.lower()}
    if _is_wildcard(host):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _is_number(name: str) -> bool:
    """Whether a host is an address in numbers: no name that somebody's DNS could point here."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def host_of(netloc: str) -> str:
    """The host in ``host:port``, brackets of IPv6 taken off; empty for what is none.

    >>> host_of("[::1]:8000"), host_of("localhost"), host_of("[::1].elsewhere")
    ('::1', 'localhost', '')
    """
    match = _NETLOC.fullmatch(netloc)
    return (match[1] or match[2]).lower() if match else ""


class Guard:
    """ASGI middleware that lets only the owner's requests through, and adds the headers that every answer has."""

    def __init__(self, app: ASGIApp, token: str, names: Iterable[str]) -> None:
        self._app, self._token, self._names = app, token, frozenset(names)
        # Cookies of a host are shared by its ports: each server has a name of its own.
        self.cookie = f"yt360_view_{hashlib.sha256(token.encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # there are no web sockets here; "lifespan" is the server's own
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = self._foreign(scope["method"], scope["path"], headers)
        fresh = self._fits(parse_qs(scope["query_string"].decode("latin-1")).get("token", ()))
        if not problem and not fresh and not self._fits(self._kept(headers)):
            problem = _WITHOUT_TOKEN

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    found.setdefault(name, value)
                found.setdefault("cache-control", "no-store")
                if fresh and not problem:
                    found.append("set-cookie", f"{self.cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict")
            await send(message)

        if problem:
            await PlainTextResponse(problem, status_code=403)(scope, receive, answer)
        else:
            await self._app(scope, receive, answer)

    def _foreign(self, method: str, path: str, headers: Headers) -> str:
        """What of a request says that it comes from elsewhere; empty for one of our own."""
        hosts = headers.getlist("host")
        host = host_of(hosts[0]) if len(hosts) == 1 else ""
        if host not in self._names and not _is_number(host):
            return f"Host {hosts[0][:100] if hosts else '(none)'!r} is no name of this server.\n"
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{hosts[0].lower()}":
            return "This server answers its own pages only.\n"
        navigates = method == "GET" and path == "/" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not navigates:
            return "This server answers its own pages only.\n"
        return ""

    def _kept(self, headers: Headers) -> Sequence[str]:
        """Tokens in cookies; a cookie of another server of this host is none."""
        found = []
        for text in headers.getlist("cookie"):
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(text)
            except CookieError:
                continue
            if self.cookie in jar:
                found.append(jar[self.cookie].value)
        return found

    def _fits(self, given: Iterable[str]) -> bool:
        expected = self._token.encode()
        return any(hmac.compare_digest(each.encode("utf-8", "surrogatepass"), expected) for each in given)
