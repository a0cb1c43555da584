"""Channels, playlists and searches of a source: one that cannot be listed costs itself only.

It becomes an item of the crawl that fails with its kind, like a video that is gone. What was listed of it before is
crawled all the same. A later run asks again where the kind may pass by itself; else ``--retry`` does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from yt360.crawling.failures import KINDS, CrawlError
from yt360.crawling.targets import CrawlTarget, listing
from yt360.engine.stage import Record
from yt360.hashing import safe_id

if TYPE_CHECKING:
    from yt360.crawling.discovery import Discovery

log = logging.getLogger("yt360.crawl")

LISTED = "listed"
"""Reason of an item that failed once and was listed since: it is no video, and has done what it was for."""


class Listings:
    """Lists addresses; ``failed`` are the newest records of the root's crawl."""

    def __init__(
        self, discovery: Callable[[], Discovery], limit: int | None, records: Callable[[], Mapping[str, Record]]
    ) -> None:
        self._make, self._limit, self._records = discovery, limit, records

    def videos(self, url: str) -> Iterator[CrawlTarget]:
        """The videos behind an address, and the address itself where it fails (or failed before and is well now)."""
        discovery = self._make()
        failed = self._failed(url)
        if failed is not None and not discovery.is_listed(url, self._limit) and not _may_pass(failed.kind):
            yield from discovery.listed(url, self._limit)
            yield listing(url)
            return
        try:
            yield from discovery.videos(url, self._limit)
        except CrawlError as error:
            if error.kind == "disk-full":
                raise
            log.warning("%s (while listing; the rest of crawl.source is crawled)", error)
            yield from discovery.listed(url, self._limit)
            yield listing(url, kind=error.kind, error=str(error))
            return
        if failed is not None:
            yield listing(url, **{LISTED: "yes"})

    def _failed(self, url: str) -> Record | None:
        record = self._records().get(safe_id(listing(url).name))
        return record if record is not None and record.status == "failed" else None


def _may_pass(kind: str) -> bool:
    return kind not in KINDS or KINDS[kind].retry == "soon"
