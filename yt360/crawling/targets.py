"""One video to crawl: its name, its identity, and where to get it."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from yt360.crawling.media_kind import MEDIA_EXTENSIONS, extension, split_format
from yt360.crawling.text import clean_text
from yt360.crawling.youtube import youtube_address
from yt360.engine.stage import Item
from yt360.hashing import safe_id

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
    ``notes`` are what a table says about it: ``segments`` ([start, end] pairs in seconds), ``split``
    and ``convention``.
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


LISTING = "listing"
"""``source`` of an item that stands for a channel, playlist or search which could not be listed."""


def listing(url: str, **told: str) -> CrawlTarget:
    """A channel, playlist or search as an item of its own: where it cannot be listed, that is its own failure.

    ``told`` are hints for the crawl: the ``kind`` and ``error`` of the failure.
    """
    base = re.sub(r"[^A-Za-z0-9_]+", "-", posixpath.basename(url.partition("?")[0].rstrip("/")))[:60].strip("-")
    digest = hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    identity = {"source": LISTING, "video": clean_text(url, 500), **({"listed": True} if "listed" in told else {})}
    return CrawlTarget(f"{base or LISTING}-{digest}", identity, {LISTING: url, **told}, said=url)


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
