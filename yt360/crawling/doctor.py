"""Is this machine fit to crawl YouTube, and as which client does YouTube offer ambisonics today?

The second can only be known on the live site, and it changes by the month. So it is asked, as
politely as the crawl itself asks, of a few videos that are known to have been uploaded with
ambisonic sound.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from yt_dlp.plugins import directories
from yt_dlp.version import __version__ as yt_dlp_version

from yt360.crawling import cookies_file
from yt360.crawling.access import Access
from yt360.crawling.client import YtDlpLogger, open_client
from yt360.crawling.failures import CrawlError, classify
from yt360.crawling.formats import SOUND, candidates, is_spherical
from yt360.crawling.rate_limit import RateLimiter, Slot
from yt360.crawling.runtime import explain_missing, find_runtime
from yt360.crawling.youtube import youtube_address
from yt360.errors import UsageError

KNOWN_AMBISONIC = ("kqAZkf5Odyw", "nOoWRhp9ZiA", "i6j5pPD2jnY", "XAmMrXLVJj4", "dAMUnJqNWaw")
"""Videos that had ambisonic sound when they were published or reported on; some may be gone by now."""

CLIENTS = ("default", "visionos", "tv", "tv_samsung", "web_embedded", "mweb", "web_safari", "ios", "android_vr")

_OLD_DAYS = 45
_PATIENCE_S = 120.0
_NOTHING: dict[str, Any] = {"ambisonic": [], "spherical": [], "formats": 0}


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is as it should be, what was found, and what to do if it is not."""

    what: str
    well: bool
    found: str
    advice: str = ""


def check_machine(access: Access, *, today: date | None = None) -> list[Finding]:
    """What can be known without asking anybody."""
    findings = [_version(today or datetime.now(UTC).date()), _runtime(access), _solver(), _provider(), _cookies(access)]
    return [replace(one, advice="") if one.well else one for one in findings]


def check_clients(
    access: Access, state_dir: Path, *, videos: Sequence[str] = KNOWN_AMBISONIC, clients: Sequence[str] = CLIENTS
) -> Iterator[dict[str, Any]]:
    """For each client and video, as they come: ``{client, video, kind, ambisonic, spherical, formats}``.

    ``ambisonic`` and ``spherical`` are format ids; ``kind`` says what went wrong, empty if nothing did.
    A refusal that holds for everyone (bot wall, rate limit) is the last answer: nobody should insist.
    """
    hurried = access.model_copy(update={"give_up_after_s": min(access.give_up_after_s, _PATIENCE_S)})
    limiter = RateLimiter(access.rate_limit_folder or state_dir / "crawl-guest", "youtube", hurried)
    for client in clients:
        for video in videos:
            try:
                yield limiter.call(partial(_look, access, client, video))
            except CrawlError as error:
                yield {**_NOTHING, "client": client, "video": video, "kind": error.kind}
                if error.rule.stops:
                    return


def best_clients(rows: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    """Clients by the number of videos that they offered whole (ambisonics and a spherical picture), best first."""
    counts = {row["client"]: 0 for row in rows}
    for row in rows:
        counts[row["client"]] += bool(row["ambisonic"] and row["spherical"])
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _look(access: Access, client: str, video: str, slot: Slot) -> dict[str, Any]:
    logger = YtDlpLogger()
    with open_client(access, logger=logger, cache=None, address=slot.address, clients=(client,)) as ydl:
        try:
            info = ydl.extract_info(youtube_address(video), download=False) or {}
        except Exception as error:
            raise classify(error, video, logger.warnings) from error
        formats = info.get("formats") or []
        return {
            "client": client,
            "video": video,
            "kind": "",
            "ambisonic": [one.format_id for one in candidates(ydl, formats, SOUND, "sound")],
            "spherical": sorted(str(one.get("format_id")) for one in formats if is_spherical(one)),
            "formats": len(formats),
        }


def _version(today: date) -> Finding:
    year, month, day = (int(part) for part in yt_dlp_version.split(".")[:3])
    age = (today - date(year, month, day)).days
    return Finding(
        "yt-dlp",
        age <= _OLD_DAYS,
        f"{yt_dlp_version}, {age} days old",
        "YouTube changes by the month: `pip install --upgrade 'yt-dlp[default,deno]'`",
    )


def _runtime(access: Access) -> Finding:
    found = find_runtime(access.js_runtimes)
    return Finding("JavaScript runtime", bool(found), found or "none", explain_missing(access.js_runtimes))


def _solver() -> Finding:
    try:
        found = importlib.metadata.version("yt-dlp-ejs")
    except importlib.metadata.PackageNotFoundError:
        found = ""
    return Finding(
        "challenge solver (yt-dlp-ejs)", bool(found), found or "none", "`pip install 'yt-dlp[default]'` brings it"
    )


def _provider() -> Finding:
    """Proof-of-origin providers are plugins; having none is no fault, only fewer clients."""
    found = ", ".join(sorted({Path(folder).parent.name for folder in directories()})) or "none"
    return Finding("yt-dlp plugins", True, found)


def _cookies(access: Access) -> Finding:
    if access.cookies_file is None:
        return Finding("cookies", True, "none (not signed in: about 300 videos an hour)")
    problem = ""
    try:
        cookies_file.read(access.cookies_file)
    except UsageError as error:
        problem = str(error)
    return Finding(
        "cookies",
        not problem,
        problem or f"{access.cookies_file}",
        "export cookies.txt from your browser; an account that crawls may be banned",
    )
