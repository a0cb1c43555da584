"""What can go wrong in a crawl, and what each kind means for trying again.

yt-dlp reports nearly everything as a sentence. The sentences below are YouTube's and yt-dlp's own
(``yt_dlp/extractor/youtube/_video.py``, ``yt_dlp/networking``) and are matched from the most
specific to the most general.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from yt360.crawling.text import redact
from yt360.errors import ItemError

Retry = Literal["soon", "later", "never"]


@dataclass(frozen=True)
class Kind:
    """A kind of failure.

    ``retry``: ``soon`` (the run tries again by itself, with a cap), ``later`` (may change in days; tried
    again on demand), ``never`` (will not change; tried again on demand only). ``stops`` is true for
    refusals that hold for every video: the crawl pauses as a whole. ``other_format`` is true where
    another format of the same video may still work, ``other_client`` where another client may offer more.
    """

    name: str
    meaning: str
    advice: str
    retry: Retry
    stops: bool = False
    other_format: bool = False
    other_client: bool = False

    @property
    def retryable(self) -> bool:
        return self.retry == "soon"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("removed", "the video is gone", "nothing to do", "never"),
        Kind("private", "only invited accounts may see it", "give cookies of an account that may", "never"),
        Kind("age-gated", "only signed-in adults may see it", "give cookies of an adult's account", "never"),
        Kind("geo-blocked", "not offered in this country", "use a proxy in a country where it is", "never"),
        Kind("members-only", "only paying members may see it", "give cookies of a member's account", "never"),
        Kind("paid", "it has to be bought or rented", "nothing to do", "never"),
        Kind("drm", "it is encrypted", "nothing to do", "never"),
        Kind("live", "it is live, or has not begun", "try again when it is over: --retry live", "later"),
        Kind("bot-wall", "YouTube asks for proof that no robot is asking", "pause, crawl slower, use another address "
             "or a proof-of-origin provider", "soon", stops=True),
        Kind("rate-limited", "too many requests from this address", "pause and crawl slower", "soon", stops=True),
        Kind("no-360-format", "no offered format is a 360° picture", "try another client "
             "(crawl.access.player_clients), see `yt360 crawl doctor`", "later", other_client=True),
        Kind("no-ambisonic-format", "no offered format has ambisonic sound", "try another client "
             "(crawl.access.player_clients), see `yt360 crawl doctor`", "later", other_client=True),
        Kind("sabr-only", "formats are offered only over a protocol that yt-dlp cannot read yet",
             "update yt-dlp, try another client (crawl.access.player_clients)", "later", other_client=True),
        Kind("forbidden", "the server refuses this file (403)", "try another format or client, or a proof-of-origin "
             "provider", "soon", other_format=True, other_client=True),
        Kind("network", "the connection failed", "try again", "soon"),
        Kind("incomplete", "the file that arrived is not whole", "try again", "soon", other_format=True),
        Kind("timeout", "the download took longer than allowed", "raise crawl.access.download_timeout_s", "soon"),
        Kind("too-slow", "the server sends next to nothing", "try again later: --retry too-slow, or lower "
             "crawl.access.least_rate_kb_s", "later"),
        Kind("too-large", "the file is larger than allowed", "raise crawl.access.max_file_gb, then --retry too-large",
             "never"),
        Kind("no-room", "there is no room for this file", "free some space, then --retry no-room", "later"),
        Kind("not-found", "there is nothing at this address", "check the address", "never"),
        Kind("unsupported-url", "yt-dlp cannot read this address", "give the address of a media file", "never"),
        Kind("several-videos", "the address leads to several videos", "list them one by one", "never"),
        Kind("not-media", "what arrived is not a media file", "check the address", "never"),
        Kind("empty-file", "the file has no content", "replace the file", "never"),
        Kind("unreadable", "the file cannot be read", "check its permissions", "later"),
        Kind("disk-full", "no room left on the device", "free some space", "soon"),
        Kind("unexpected", "something that is not known here", "report it with the text", "later"),
    )
}  # fmt: skip

_RULES: tuple[tuple[str, str], ...] = (
    (r"no space left on device|disk quota exceeded", "disk-full"),
    (r"confirm you.{1,3}re not a bot|captcha challenge|unusual traffic from your|your ip is likely being blocked",
     "bot-wall"),
    (r"http error 429|too many requests|content isn.t available, try again later|has been rate.limited",
     "rate-limited"),
    (r"confirm your age|age.restricted|inappropriate (for some users|or offensive)|verify your age|users over 18"
     r"|content warning|viewer discretion|identified by the youtube community", "age-gated"),
    (r"members.only|available to this channel.s members|join this channel to get access", "members-only"),
    (r"private video|video is private|granted access to this video|this playlist is private"
     r"|(^|: )(please )?sign in\b|sign in to (view|watch|access|see)|log.?in (is )?required|login details are needed"
     r"|(only available for|available to) registered users|authentication is required|does not have permission"
     r"|video is restricted", "private"),
    (r"requires payment|rental|purchase|premium members|music premium", "paid"),
    (r"drm protected", "drm"),
    (r"(not |un)available in your (country|location|region)|blocked it in your country|geo.?restrict"
     r"|not made this video available in your country|available from your location"
     r"|blocked by the government|legal complaint", "geo-blocked"),
    (r"live event (will begin|has ended)|premieres? (in|on|will)|live stream (recording is not available|offline)"
     r"|is (currently )?not (currently )?live|live stream has been cancel|starts in|is upcoming|offline\.?$"
     r"|processing this video|is being processed|not yet available", "live"),
    (r"playback on other websites|player configuration error|cannot be embedded", "forbidden"),
    (r"(video|account).{0,80}(has been (removed|terminated|closed)|no longer available|been deleted)"
     r"|no longer available|closed their youtube account|can.t be played|removed (by|for)|copyright (claim|grounds"
     r"|infringement)|account.{0,60}terminated|violat(es|ing|ion).{0,40}(terms|policy|guidelines)", "removed"),
    (r"http error (404|410)|(playlist|channel|page) (type )?(is unviewable|not found)|does not exist"
     r"|does the playlist exist|does not have an? \S{1,40} tab|has no \S{1,40} tab|without video id|looks truncated"
     r"|album to playlist", "not-found"),
    (r"unable to recognize tab page", "unsupported-url"),
    (r"http error (401|403)|forbidden", "forbidden"),
    (r"content too short|bytes read, \d+ more expected|incompleteread|did not get any data blocks", "network"),
    (r"http error (408|425|5\d\d)|timed out|timeout|connection (reset|refused|aborted|closed)|remote end closed"
     r"|name resolution|failed to resolve|getaddrinfo|network is unreachable|no route to host|temporary failure"
     r"|eof occurred|unable to download (webpage|api page|json metadata|video data)|extract any player response"
     r"|page needs to be reloaded|ssl|giving up after|incomplete data received|an error occurred|something went wrong",
     "network"),
    (r"sabr", "sabr-only"),
    (r"unsupported url|no suitable extractor", "unsupported-url"),
    (r"no video formats found|requested format is not available|only images are available", "no-360-format"),
    (r"video (is )?(un|not )available|this video isn.t available|content isn.t available", "removed"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE | re.MULTILINE), kind) for pattern, kind in _RULES)
_SABR = re.compile(r"sabr|missing a url", re.IGNORECASE)
_NO_FORMATS = re.compile(
    r"no video formats found|requested format is not available|only images are available", re.IGNORECASE
)


_BY_TYPE = {
    "GeoRestrictedError": "geo-blocked",
    "UserNotLive": "live",
    "UnsupportedError": "unsupported-url",
    "TransportError": "network",  # with it SSL, proxies, answers that end too early
    "ConnectionError": "network",
    "TimeoutError": "network",
    "gaierror": "network",
    "HTTPException": "network",
}
"""Class of an exception (yt-dlp's, and Python's for connections) -> kind, whatever its sentence says."""


class CrawlError(ItemError):
    """A failure of one video of a known kind. ``pause_s``: what the server asked for (``Retry-After``), if it did."""

    def __init__(self, kind: str, message: str, *, pause_s: float | None = None) -> None:
        super().__init__(kind, message, retryable=KINDS[kind].retryable)
        self.pause_s = pause_s

    @property
    def rule(self) -> Kind:
        return KINDS[self.kind]


def classify_text(text: str, warnings: Iterable[str] = ()) -> str:
    """The kind of failure that a message of yt-dlp tells of.

    ``warnings`` said before it decide why nothing was offered (SABR).
    """
    text = text[:20_000]
    if _NO_FORMATS.search(text) and any(_SABR.search(warning) for warning in warnings):
        return "sabr-only"
    return next((kind for pattern, kind in _COMPILED if pattern.search(text)), "unexpected")


def classify(error: BaseException, subject: str, warnings: Iterable[str] = ()) -> CrawlError:
    """The failure that an exception of yt-dlp (or of the operating system) stands for; ``subject`` names the video."""
    if isinstance(error, CrawlError):
        return error
    kind, pause_s = "", None
    for cause in _causes(error):
        if isinstance(cause, CrawlError):
            return cause
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            kind = "disk-full"
        status = getattr(cause, "status", None)
        if isinstance(status, int):
            kind = kind or _kind_of_status(status)
            if status in (429, 503):
                pause_s = _retry_after(cause)
        for one in type(cause).__mro__:
            kind = kind or _BY_TYPE.get(one.__name__, "")
    said = redact(re.split(r";?\s*please report this issue on", str(error))[0].removeprefix("ERROR: "), 1500)
    # Words first: YouTube's sentence says more than the status that carried it.
    told = classify_text(str(error), warnings)
    if kind and (told in ("unexpected", "network") or kind in ("disk-full", "geo-blocked", "live")):
        told = kind
    rule = KINDS[told]
    return CrawlError(told, f"{subject}: {rule.meaning}; found: {said}; {rule.advice}", pause_s=pause_s)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and everything that it was made from, as yt-dlp keeps it."""
    waiting = [error]
    seen: set[int] = set()
    while waiting and len(seen) < 32:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        info = getattr(current, "exc_info", None)
        held = (current.__cause__, current.__context__, getattr(current, "cause", None), info[1] if info else None)
        waiting.extend(cause for cause in held if isinstance(cause, BaseException))


def _kind_of_status(status: int) -> str:
    if status == 429:
        return "rate-limited"
    if status in (404, 410):
        return "not-found"
    if status in (401, 403):
        return "forbidden"
    return "network" if status >= 500 or status in (408, 425) else ""


def _retry_after(error: BaseException) -> float | None:
    """Seconds from a ``Retry-After`` header (RFC 9110 section 10.2.3), at most a day; dates are not read."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    value = headers.get("Retry-After") if headers is not None else None
    if isinstance(value, str) and value.strip().isdigit():
        return float(min(int(value.strip()[:9]), 86_400))
    return None
