"""yt-dlp, set up as this project needs it: quiet, unmerged, bounded, and with its secrets kept."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL

from yt360.crawling import cookies_file
from yt360.crawling.access import Access, resolve
from yt360.crawling.text import redact

log = logging.getLogger("yt360.crawl")

_MOST_WARNINGS = 50
_BLOCK_BYTES = 32 << 10
"""Read at a time: what is lost with a connection, and what a slow one must bring before anybody hears of it."""


class YtDlpLogger:
    """What yt-dlp says goes to the log, cleaned; its warnings are kept for the diagnosis of a failure."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        # Some reasons (formats withheld behind SABR) are told as debug lines only.
        if "SABR" in message:
            self._keep(message)
        log.debug("%s", redact(message, 500))

    def info(self, message: str) -> None:
        log.debug("%s", redact(message, 500))

    def warning(self, message: str) -> None:
        self._keep(message)
        log.info("%s", redact(message, 500))

    def error(self, message: str) -> None:
        log.debug("%s", redact(message, 2000))

    def _keep(self, message: str) -> None:
        if len(self.warnings) < _MOST_WARNINGS:
            self.warnings.append(redact(message, 500))


def open_client(
    access: Access,
    *,
    logger: YtDlpLogger,
    cache: Path | None,
    address: str = "direct",
    format_sort: tuple[str, ...] = (),
    progress: Callable[[Mapping[str, Any]], None] | None = None,
    clients: tuple[str, ...] | None = None,
    flat: bool = False,
) -> YoutubeDL:
    """A ``YoutubeDL`` for one video (or, ``flat``, for listing a channel, playlist or search).

    ``address`` is one of :meth:`Access.outgoing`, ``clients`` stands in for ``access.player_clients``.
    Close it, or use it as a context manager.
    """
    arguments: dict[str, dict[str, list[str]]] = {"youtube": {"player_client": list(clients or access.player_clients)}}
    for extractor, options in access.extractor_arguments.items():
        purpose = f"crawl.access.extractor_arguments.{extractor}"
        arguments.setdefault(extractor, {}).update(
            {name: [resolve(text, f"{purpose}.{name}") for text in texts] for name, texts in options.items()}
        )
    params: dict[str, Any] = {
        "quiet": True,
        "verbose": True,  # names the client in each format's note; goes to the log, not to the console
        "noprogress": True,
        "color": "never",
        "logger": logger,
        "cachedir": str(cache) if cache else False,
        "ignoreerrors": False,
        "fixup": "never",  # its repairs remux
        "format": "all",
        "format_sort": list(format_sort),
        "noplaylist": True,
        "continuedl": True,
        "updatetime": False,
        "retries": access.retries,
        "fragment_retries": access.retries,
        "file_access_retries": 3,
        "extractor_retries": 2,
        "retry_sleep_functions": {
            name: lambda n: min(access.retry_pause_s * 2.0**n, 60.0)  # yt-dlp calls it by this name
            for name in ("http", "fragment", "file_access", "extractor")
        },
        "concurrent_fragment_downloads": 1,
        "skip_unavailable_fragments": False,
        "buffersize": _BLOCK_BYTES,  # a block that grew with the rate would hide that the rate fell
        "noresizebuffer": True,
        "socket_timeout": access.socket_timeout_s,
        "sleep_interval_requests": access.request_pause_s,
        "extractor_args": arguments,
        "js_runtimes": {name: {} for name in access.js_runtimes},
        "progress_hooks": [progress] if progress else [],
    }
    if flat:
        params |= {"extract_flat": True, "lazy_playlist": True}
    else:
        params["playlistend"] = 2  # enough to see that an address means more than one video
    if access.bandwidth_mb_s is not None:
        # The cap is the address's, and yt-dlp's is a download's.
        params["ratelimit"] = int(access.bandwidth_mb_s * 1e6 / access.concurrent_downloads)
    if access.source_address:
        params["source_address"] = access.source_address
    if address != "direct":
        params["proxy"] = resolve(address, "crawl.access.proxies")
    if access.cookies_file is not None:
        # A stream: yt-dlp writes cookies back when it closes, which must not reach the file.
        params["cookiefile"] = io.StringIO(cookies_file.read(access.cookies_file))
    if access.cookies_from_browser:
        params["cookiesfrombrowser"] = (access.cookies_from_browser, None, None, None)
    return YoutubeDL(params, auto_init="no_verbose_header")
