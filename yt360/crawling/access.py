"""How a crawl gets at its videos: addresses, pace, cookies, clients. Nothing here changes what is made.

Secrets are named, never held: where a value is secret (a proxy with a password, a proof-of-origin
token), the recipe says ``$NAME`` and the value is taken from the environment when it is needed. So
a recipe, a record or a log has nothing to leak.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from yt360.crawling import cookies_file
from yt360.crawling.youtube import is_youtube
from yt360.errors import UsageError
from yt360.redaction import is_secret_name, keep_out
from yt360.settings import SecretError, Settings

_NAMED = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_VARIABLE = re.compile(r"(?<=[=/])\$[A-Za-z_][A-Za-z0-9_]*(?=[&@#]|$)")
"""A variable that stands for the whole user, or for the whole value of a part of the query, of an address."""

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pause = tuple[NonNegative, NonNegative]
Arguments = Mapping[str, Mapping[str, tuple[str, ...]]]


class Access(Settings):
    """Where and how politely to ask; the rate is kept per site and outgoing address by all processes of a root.

    YouTube refuses clients without an account after about 300 videos an hour; pauses of 5 to 10 s are the advice of
    yt-dlp's maintainers (their wiki, "Extractors").
    """

    aliases: ClassVar[Mapping[str, str]] = {
        "in_flight": "concurrent_downloads",
        "patience_s": "give_up_after_s",
        "breaker_pause_s": "backoff_s",
        "breaker_pause_longest_s": "max_backoff_s",
        "guest_folder": "rate_limit_folder",
        "list_again_after_days": "refresh_lists_after_days",
        "free_disk_floor_gb": "min_free_gb",
    }

    cookies_file: Path | None = Field(
        default=None, description="Netscape cookies file to ask with. It is read, never written."
    )
    cookies_from_browser: str | None = Field(
        default=None, description="Browser whose cookies are used, as yt-dlp names it (firefox, chrome:PROFILE)."
    )
    proxies: tuple[str, ...] = Field(
        default=(),
        description="Proxies to ask through, each an outgoing address of its own. One with a password is named by an "
        "environment variable: $MY_PROXY.",
    )
    source_address: str | None = Field(default=None, description="Local IP address to ask from.")
    player_clients: tuple[str, ...] = Field(
        default=("default",), description="YouTube clients to ask as (yt-dlp's names)."
    )
    fallback_clients: tuple[tuple[str, ...], ...] = Field(
        default=(("web_embedded", "mweb", "tv"),),
        description="Lists of clients that are tried in turn where player_clients offer nothing suitable.",
    )
    extractor_arguments: Arguments = Field(
        default_factory=dict,
        description="More of yt-dlp's extractor arguments: {youtube: {name: [value]}}. Secret ones are named by "
        "environment variables.",
    )
    js_runtimes: tuple[Literal["deno", "node", "bun", "quickjs"], ...] = Field(
        default=("deno", "node"), description="JavaScript runtimes that yt-dlp may use, best first."
    )
    youtube_videos_per_hour: Annotated[float, Field(gt=0)] = Field(
        default=300.0, description="Most videos per hour from YouTube, for each outgoing address."
    )
    youtube_pause_s: Pause = Field(
        default=(5.0, 10.0), description="Shortest and longest pause between two videos from YouTube (drawn at random)."
    )
    other_videos_per_hour: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="The same for every other site; null sets no limit."
    )
    other_pause_s: Pause = Field(
        default=(0.0, 0.0), description="Shortest and longest pause between two videos from any other site."
    )
    request_pause_s: NonNegative = Field(default=0.75, description="Pause between the requests for one video.")
    concurrent_downloads: Annotated[int, Field(ge=1, le=64)] = Field(
        serialization_alias="in_flight",
        default=1,
        description="Concurrent downloads for each site and outgoing address.",
    )
    bandwidth_mb_s: Annotated[float, Field(gt=0)] | None = Field(
        default=4.0, description="Download rate that concurrent downloads share; null sets no limit."
    )
    socket_timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=20.0, description="A connection that is silent for longer is closed."
    )
    retries: Annotated[int, Field(ge=0, le=50)] = Field(
        default=5, description="Times that a request is repeated after a network error."
    )
    retry_pause_s: NonNegative = Field(
        default=1.0, description="Pause before the first repetition; it doubles each time."
    )
    download_timeout_s: Annotated[float, Field(gt=0)] = Field(
        default=4 * 3600.0, description="A download that takes longer is stopped; the partial file is kept and resumed."
    )
    max_file_gb: Annotated[float, Field(gt=0)] | None = Field(
        default=100.0,
        description="A larger file is not downloaded, and its partial file is deleted; null sets no limit.",
    )
    least_rate_kb_s: NonNegative | None = Field(
        default=10.0,
        description="A download slower than this over least_rate_span_s is stopped, and its partial file is deleted; "
        "null sets no limit.",
    )
    least_rate_span_s: Annotated[float, Field(gt=0)] = Field(
        default=120.0, description="Time over which least_rate_kb_s is measured."
    )
    backoff_s: NonNegative = Field(
        serialization_alias="breaker_pause_s",
        default=600.0,
        description="Pause of the whole site after a bot check or HTTP 429; it doubles each time.",
    )
    max_backoff_s: NonNegative = Field(
        serialization_alias="breaker_pause_longest_s", default=6 * 3600.0, description="Longest such pause."
    )
    give_up_after_s: NonNegative = Field(
        serialization_alias="patience_s",
        default=24 * 3600.0,
        description="A video that could not be asked for within this time fails, and is retried.",
    )
    min_free_gb: NonNegative = Field(
        serialization_alias="free_disk_floor_gb",
        default=1.0,
        description="A download that would leave less free disk space than this is stopped, and its partial file is "
        "deleted; the others continue.",
    )
    rate_limit_folder: Path | None = Field(
        serialization_alias="guest_folder",
        default=None,
        description="Folder that holds the state of the rate limits; several roots can share one. Null: in the root.",
    )
    refresh_lists_after_days: Annotated[float, Field(ge=0)] | None = Field(
        serialization_alias="list_again_after_days",
        default=None,
        description="What a channel, playlist or search listed is kept, and asked for again when it is older than "
        "this; null never asks again.",
    )

    @field_validator("youtube_pause_s", "other_pause_s")
    @classmethod
    def _ordered(cls, value: Pause) -> Pause:
        if value[0] > value[1]:
            raise ValueError(f"expected shortest and longest pause in seconds, found {value[0]} > {value[1]}")
        return value

    @field_validator("proxies")
    @classmethod
    def _no_password_in_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            if not _NAMED.fullmatch(proxy) and "@" in proxy:
                raise SecretError(
                    "a proxy with a user or password must not stand in a recipe; put it into an "
                    "environment variable and name that: '$MY_PROXY'"
                )
        return value

    @field_validator("extractor_arguments")
    @classmethod
    def _no_tokens(cls, value: Arguments) -> Arguments:
        for extractor, arguments in value.items():
            for name, texts in arguments.items():
                if is_secret_name(name) and not all(_NAMED.fullmatch(text) for text in texts):
                    raise SecretError(
                        f"{extractor}:{name} is secret and must not stand in a recipe; put it into an "
                        "environment variable and name that: '$MY_TOKEN'"
                    )
        return value

    def require_secrets(self) -> None:
        """Raise :class:`UsageError` where a variable that is named is not set, or proxies or cookies cannot be used.

        Asked before the first video: a wrong setting would fail all of them one by one.
        """
        for proxy in self.proxies:
            _require_proxy(resolve(proxy, "crawl.access.proxies"), proxy)
        for extractor, arguments in self.extractor_arguments.items():
            for name, texts in arguments.items():
                for text in texts:
                    resolve(text, f"crawl.access.extractor_arguments.{extractor}.{name}")
        if self.cookies_file is not None:
            cookies_file.read(self.cookies_file)

    def outgoing(self) -> tuple[str, ...]:
        """The own addresses to ask from: proxies as given (names unresolved), or ``direct``."""
        return self.proxies or ("direct",)

    def videos_per_hour(self, site: str) -> float | None:
        return self.youtube_videos_per_hour if site == "youtube" else self.other_videos_per_hour

    def pause_s(self, site: str) -> Pause:
        return self.youtube_pause_s if site == "youtube" else self.other_pause_s


_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def _require_proxy(value: str, named: str) -> None:
    """Refuse what no request could go through, without repeating it; ``named`` is how the recipe calls it."""
    scheme, separator, rest = value.strip().rpartition("://")
    user, _, place = rest.rpartition("@")
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        found = "a host or port that cannot be read"
    else:
        found = "no host" if not host else "a word without a port" if not separator and port is None else ""
    if separator and scheme.lower() not in _PROXY_SCHEMES:
        found = "another scheme"
    elif not found and re.search(r"[/?#\s@]", user):
        found = "a user or password with one of / ? # @ or a space in it: write these as %2F %3F %23 %40 %20"
    elif not found and (parts.path.strip("/") or parts.query or parts.fragment):
        found = "something behind the port"
    if value and found:
        raise UsageError(
            f"crawl.access.proxies, {named if _NAMED.fullmatch(named) else 'one of them'}: expected "
            f"SCHEME://HOST:PORT with one of the schemes {', '.join(_PROXY_SCHEMES)} (where it asks for them "
            f"USER:PASSWORD and @ before the host), found {found}"
        )


def resolve(value: str, purpose: str) -> str:
    """The value itself, or that of the environment variable that ``$NAME`` names."""
    match = _NAMED.fullmatch(value)
    if match is None:
        return value
    found = os.environ.get(match[1])
    if not found:
        raise UsageError(f"{purpose}: expected the environment variable {match[1]} to be set, found it empty or unset")
    keep_out([found])
    return found


def resolve_address(url: str) -> str:
    """An address with the variables that it names (``?token=$MY_TOKEN``) replaced by their values."""
    return _VARIABLE.sub(lambda match: resolve(match[0], "crawl.source"), url)


def site_of(url: str) -> str:
    """The site whose patience is asked: ``youtube``, or a host's name in lower case."""
    host = (urlsplit(url).hostname or "").lower() if "://" in url else ""
    return "youtube" if not host or is_youtube(url) else host
