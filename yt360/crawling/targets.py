"""One video to crawl: its name, its identity, and where to get it."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from yt360.crawling.access import site_of
from yt360.crawling.media_kind import MEDIA_EXTENSIONS, extension, split_format
from yt360.crawling.text import clean_text
from yt360.engine.stage import Item
from yt360.hashing import safe_id

YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_NO_VIDEOS = frozenset(("videoseries", "live_stream"))
"""Eleven characters in an embedded player's address that mean a playlist or a channel."""

NAME_IT = (
    "put the secret into an environment variable and name that in its place: "
    "https://$MY_USER@host/a.mp4, https://host/a.mp4?token=$MY_TOKEN"
)
"""What to do with an address that holds a secret: addresses become ids and records."""


@dataclass(frozen=True)
class CrawlTarget:
    """``name`` is the video's id as its source spells it; ``identity`` goes into the key, ``where`` does not.

    ``where`` is one of ``{"page": URL}`` (ask yt-dlp), ``{"video": URL, "sound": URL}`` (media files) and
    ``{"video_file": path, "sound_file": path, "info_file": path}`` (local files); all but one may be missing.
    ``said`` is how the source spells it, ``named`` whether the source gave the name itself (``NAME=ADDRESS``).
    ``notes`` are what a table says about it: ``segments`` ([start, end] pairs in seconds) and ``split``.
    """

    name: str
    identity: Mapping[str, Any]
    where: Mapping[str, str]
    notes: Mapping[str, Any] = field(default_factory=dict)
    said: str = field(default="", compare=False)
    named: bool = field(default=False, compare=False)

    def item(self) -> Item:
        name = safe_id(self.name)
        # The address of a YouTube video follows from its id: a plan of very many holds none.
        hints = {} if self.where == _youtube_page(self.identity) else self.where
        return Item(id=name, source_id=name, meta=self.identity, hints=hints)


def page(site: str, name: str, url: str) -> CrawlTarget:
    """A video that yt-dlp knows how to get. ``site`` is its extractor in lower case."""
    return CrawlTarget(name, {"source": site, "video": clean_text(name, 200)}, {"page": url}, said=url)


def _youtube_page(identity: Mapping[str, Any]) -> dict[str, str]:
    return {"page": youtube_address(identity["video"])} if identity.get("source") == "youtube" else {}


def youtube_address(video: str) -> str:
    """The address of a YouTube video's page."""
    return f"https://www.youtube.com/watch?v={video}"


def youtube_id(url: str) -> str | None:
    """The id of the one video that a YouTube address shows, if it shows one."""
    parts = urlsplit(url)
    if site_of(url) != "youtube":
        return None
    steps = [step for step in parts.path.split("/") if step]
    if (parts.hostname or "").lower() == "youtu.be":
        found = steps[0] if steps else ""
    elif steps[:1] == ["watch"]:
        found = parse_qs(parts.query).get("v", [""])[0]
    elif len(steps) >= 2 and steps[0] in ("shorts", "embed", "v", "live", "e"):
        found = steps[1]
    else:
        found = ""
    if found in _NO_VIDEOS:
        return None
    # As yt-dlp reads it: what follows the eleven characters (`watch?v=ID_52`) is no part of the id.
    found = found[:11] if len(found) > 11 and steps[:1] == ["watch"] else found
    return found if YOUTUBE_ID.fullmatch(found) else None


def page_of(item: Item) -> str | None:
    """The address of the page that yt-dlp gets an item by, if it is one of these."""
    if page := item.hints.get("page"):
        return str(page)
    return youtube_address(item.meta["video"]) if item.meta.get("source") == "youtube" else None


def direct(video: str | None, sound: str | None, name: str = "") -> CrawlTarget:
    """Media files at plain addresses. What they are called follows from the first address alone."""
    first = video or sound or ""
    where = {role: url for role, url in (("video", video), ("sound", sound)) if url}
    return CrawlTarget(name or name_of_url(first), {"source": "url"}, where, said=first, named=bool(name))


def name_of_url(url: str) -> str:
    """An id for what lies at ``url``: its file name without extension, and a digest of the address.

    So it does not depend on what else is listed. The scheme and the port do not count.
    """
    base = _base_of_url(url)
    return f"{base}-{address_digest(url)}"


def address_digest(url: str) -> str:
    """A short digest of what an address points at: host, path and query."""
    parts = urlsplit(url)
    said = f"{(parts.hostname or '').lower()}\n{parts.path}?{parts.query}"
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


def address_of(where: Mapping[str, str]) -> str:
    """The address by which a video is known, of where to get it; empty for files."""
    return where.get("page") or where.get("video") or where.get("sound") or ""


def _base_of_url(url: str) -> str:
    parts = urlsplit(url)
    base = posixpath.basename(unquote(parts.path).rstrip("/"))
    ending = extension(base)
    if ending in MEDIA_EXTENSIONS:
        base = split_format(base[: -len(ending) - 1])[0]
    return base or parts.hostname or "video"
