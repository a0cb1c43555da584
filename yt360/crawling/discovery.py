"""Channels, playlists and searches, listed through yt-dlp without a request for each video.

What a listing found is kept as one file of JSON lines below the root, written in one step when the
listing is complete. A later run reads it and asks nobody, unless it is older than the crawl wants.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import logging
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from yt_dlp import YoutubeDL
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.globals import all_plugins_loaded
from yt_dlp.plugins import load_all_plugins

from yt360.crawling.access import Access, site_of
from yt360.crawling.client import YtDlpLogger, open_client
from yt360.crawling.failures import CrawlError, classify
from yt360.crawling.rate_limit import RateLimiter
from yt360.crawling.targets import CrawlTarget, page
from yt360.crawling.text import clean_text, redact
from yt360.crawling.youtube import leads_to_youtube
from yt360.errors import UsageError
from yt360.files import parse_json

log = logging.getLogger("yt360.crawl")

_LISTING_KEYS = ("YoutubeTab", "YoutubePlaylist")
"""Extractors of listings that yt-dlp does not call so by itself (a tab's address may lead to one video)."""

_DEEPEST = 4
_LONGEST_ID = 200
_TRIES = 3


class Discovery:
    """Lists what is behind an address; remembers it in ``state_dir``."""

    def __init__(self, state_dir: Path, access: Access) -> None:
        self._folder = state_dir / "crawl-discovery"
        self._limits = access.rate_limit_folder or state_dir / "crawl-guest"
        self._cache = state_dir / "yt-dlp-cache"
        self._access = access

    def videos(self, url: str, limit: int | None = None) -> Iterator[CrawlTarget]:
        """The videos of a channel, playlist or search in its order, at most ``limit``.

        Raises :class:`CrawlError` when the site refuses; nothing half listed is remembered.
        """
        if not self.is_listed(url, limit):
            self._list(url, limit, self._path(url, limit))
        yield from self.listed(url, limit)

    def is_listed(self, url: str, limit: int | None = None) -> bool:
        """Whether an address was listed, lately enough not to be asked again."""
        path = self._path(url, limit)
        return path.is_file() and path.stat().st_size > 0 and not self._is_old(path)

    def listed(self, url: str, limit: int | None = None) -> Iterator[CrawlTarget]:
        """The videos of the last listing of an address, however old; none where there was none."""
        path = self._path(url, limit)
        if not path.is_file():
            return
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    value = parse_json(line)
                    target = None if number == 1 else page(str(value["site"]), str(value["id"]), str(value["url"]))
                except (ValueError, LookupError, TypeError, RecursionError) as error:
                    raise UsageError(
                        f"{path}, line {number}: expected a video of a listing, found something else; delete this "
                        "file and run again: the address is then listed anew"
                    ) from error
                if target is not None:
                    yield target

    def _path(self, url: str, limit: int | None) -> Path:
        return self._folder / f"{_digest(url, limit)}.jsonl"

    def _is_old(self, path: Path) -> bool:
        longest = self._access.refresh_lists_after_days
        return longest is not None and time.time() - path.stat().st_mtime >= longest * 86_400

    def _list(self, url: str, limit: int | None, path: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
        try:
            for attempt in itertools.count(1):
                try:
                    found = self._write_listing(url, limit, partial)
                    break
                except CrawlError as error:
                    if not error.retryable or attempt >= _TRIES:
                        raise
                    log.warning("%s; trying again", error)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        log.info("%s: %d videos found", redact(url, 200), found)

    def _write_listing(self, url: str, limit: int | None, partial: Path) -> int:
        limiter = RateLimiter(self._limits, _asked_site(url), self._access)
        give_up_at = time.time() + self._access.give_up_after_s
        found = 0
        with limiter.acquire(give_up_at) as slot, partial.open("w", encoding="utf-8") as stream:
            logger = YtDlpLogger()
            stream.write(json.dumps({"listed": clean_text(url, 2000)}) + "\n")
            with open_client(self._access, logger=logger, cache=self._cache, address=slot.address, flat=True) as ydl:
                try:
                    for entry in itertools.islice(flat_entries(ydl, url), limit):
                        stream.write(json.dumps(entry, ensure_ascii=True) + "\n")
                        found += 1
                except Exception as error:
                    failure = classify(error, clean_text(url, 200), logger.warnings)
                    if failure.rule.stops:
                        pause_s = slot.open_circuit(failure.kind, failure.pause_s)
                        log.warning("%s; no request to %s for %.0f s", failure, slot.site, pause_s)
                    raise failure from error
            slot.record_success()
            stream.flush()
            os.fsync(stream.fileno())
        return found


def _asked_site(url: str) -> str:
    """The site that answers: a playlist on another host that plays YouTube's videos is one of YouTube's."""
    return "youtube" if leads_to_youtube((urlsplit(url).hostname or "").lower()) else site_of(url)


def flat_entries(ydl: YoutubeDL, url: str) -> Iterator[dict[str, str]]:
    """What a listing address leads to, one video after the other; ids, never the videos' own pages.

    Listings of listings (a channel's tabs) are followed, a few deep. Entries without an id or an
    address (deleted videos of a playlist) are left out.
    """
    waiting: list[Iterator[Mapping[str, Any]]] = [iter([ydl.extract_info(url, download=False, process=False) or {}])]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        kind = entry.get("_type", "video")
        if kind in ("playlist", "multi_video"):
            if len(waiting) < _DEEPEST:
                waiting.append(iter(entry.get("entries") or ()))
            continue
        refers = kind in ("url", "url_transparent")
        address = entry.get("url") if refers else entry.get("webpage_url") or entry.get("url")
        if not isinstance(address, str):
            continue
        key = str(entry.get("ie_key") or entry.get("extractor_key") or "")
        if refers and is_listing(address, key):
            if len(waiting) < _DEEPEST:
                waiting.append(iter([ydl.extract_info(address, download=False, process=False) or {}]))
            continue
        name = entry.get("id")
        if isinstance(name, str) and 0 < len(name) <= _LONGEST_ID and address.startswith(("http://", "https://")):
            site = clean_text(key.lower() or site_of(address), 80)
            yield {"id": clean_text(name, _LONGEST_ID), "url": address, "site": site}


def is_listing(url: str, key: str = "") -> bool:
    """Whether yt-dlp knows this address as one of many videos (a playlist, channel, search), by its form alone.

    ``key`` is the extractor's name where a listing gave it.
    """
    extractor = _extractors().get(key) or extractor_for(url)
    if extractor is None:
        return False
    return extractor.ie_key() in _LISTING_KEYS or extractor.is_single_video(url) is False


@functools.cache
def _extractors() -> dict[str, Any]:
    if not all_plugins_loaded.value:
        load_all_plugins()
    return {extractor.ie_key(): extractor for extractor in gen_extractor_classes()}


def extractor_for(url: str) -> Any:
    """yt-dlp's extractor class for an address, without asking anybody; ``None`` when only its generic one fits."""
    for key, extractor in _extractors().items():
        if extractor.suitable(url):
            return None if key == "Generic" else extractor
    return None


def _digest(url: str, limit: int | None) -> str:
    return hashlib.blake2b(f"{url}\n{limit}".encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
