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
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from yt360.engine.stage import StageParams
from yt360.errors import UsageError

_NAMED = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_SECRET_ARGUMENTS = ("po_token", "visitor_data", "data_sync_id", "token", "password")

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pause = tuple[Seconds, Seconds]
Arguments = Mapping[str, Mapping[str, tuple[str, ...]]]


class Access(StageParams):
    """Where and how to ask; excluded from the key of the crawl.

    The pace is kept for each pair of site and own address (a proxy is another address), over all
    processes that share a root. YouTube refuses a visitor who is not signed in after about 300 videos an hour; pauses
    of 5 to 10 s are yt-dlp's maintainers' advice (their wiki, "Extractors"). ``player_clients`` are yt-dlp's
    names of the clients that YouTube is asked as; where they offer nothing that suits, each of
    ``fallback_clients`` is asked in turn. ``bandwidth_mb_s`` is shared by the videos that are ``in_flight``. What a
    channel, playlist or search listed is kept, and asked for again when it is older than
    ``list_again_after_days`` (never by default).
    """

    cookies_file: Path | None = None
    cookies_from_browser: str | None = None
    proxies: tuple[str, ...] = ()
    source_address: str | None = None
    player_clients: tuple[str, ...] = ("default",)
    fallback_clients: tuple[tuple[str, ...], ...] = (("web_embedded", "mweb", "tv"),)
    extractor_arguments: Arguments = Field(default_factory=dict)
    js_runtimes: tuple[Literal["deno", "node", "bun", "quickjs"], ...] = ("deno", "node")
    youtube_videos_per_hour: Annotated[float, Field(gt=0)] = 300.0
    youtube_pause_s: Pause = (5.0, 10.0)
    other_videos_per_hour: Annotated[float, Field(gt=0)] | None = None
    other_pause_s: Pause = (0.0, 0.0)
    request_pause_s: Seconds = 0.75
    in_flight: Annotated[int, Field(ge=1, le=64)] = 1
    bandwidth_mb_s: Annotated[float, Field(gt=0)] | None = 4.0
    socket_timeout_s: Annotated[float, Field(gt=0)] = 20.0
    retries: Annotated[int, Field(ge=0, le=50)] = 5
    retry_pause_s: Seconds = 1.0
    download_timeout_s: Annotated[float, Field(gt=0)] = 4 * 3600.0
    breaker_pause_s: Seconds = 600.0
    breaker_pause_longest_s: Seconds = 6 * 3600.0
    patience_s: Seconds = 24 * 3600.0
    free_disk_floor_gb: Seconds = 1.0
    guest_folder: Path | None = None
    list_again_after_days: Annotated[float, Field(ge=0)] | None = None

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
                raise ValueError(
                    "a proxy with a user or password must not stand in a recipe; put it into an "
                    "environment variable and name that: '$MY_PROXY'"
                )
        return value

    @field_validator("extractor_arguments")
    @classmethod
    def _no_tokens(cls, value: Arguments) -> Arguments:
        for extractor, arguments in value.items():
            for name, texts in arguments.items():
                secret = any(word in name.lower() for word in _SECRET_ARGUMENTS)
                if secret and not all(_NAMED.fullmatch(text) for text in texts):
                    raise ValueError(
                        f"{extractor}:{name} is secret and must not stand in a recipe; put it into an "
                        "environment variable and name that: '$MY_TOKEN'"
                    )
        return value

    def outgoing(self) -> tuple[str, ...]:
        """The own addresses to ask from: proxies as given (names unresolved), or ``direct``."""
        return self.proxies or ("direct",)

    def videos_per_hour(self, site: str) -> float | None:
        return self.youtube_videos_per_hour if site == "youtube" else self.other_videos_per_hour

    def pause_s(self, site: str) -> Pause:
        return self.youtube_pause_s if site == "youtube" else self.other_pause_s


def resolve(value: str, purpose: str) -> str:
    """The value itself, or that of the environment variable that ``$NAME`` names."""
    match = _NAMED.fullmatch(value)
    if match is None:
        return value
    found = os.environ.get(match[1])
    if not found:
        raise UsageError(f"{purpose}: expected the environment variable {match[1]} to be set, found it empty or unset")
    return found


def site_of(url: str) -> str:
    """The site whose patience is asked: ``youtube``, or a host's name in lower case."""
    host = (urlsplit(url).hostname or "").lower() if "://" in url else ""
    if not host or host == "youtu.be" or re.search(r"(^|\.)youtube(-nocookie)?\.com$", host):
        return "youtube"
    return host
