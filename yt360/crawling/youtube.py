"""What an address says of YouTube, without asking anybody: which video it shows, and whether its host leads there.

A video has very many addresses: watch pages, players, shorts, short links, links that carry another one inside, and
other hosts that play YouTube's videos (Invidious, Piped and their like, as yt-dlp knows them). All of one video are
one video, asked for once and at YouTube's pace.
"""

from __future__ import annotations

import functools
import html
import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from yt360.crawling.media_kind import media_kind_of

YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")

_HOST = re.compile(r"(?:.+\.)?(?:youtube(?:-nocookie|kids)?\.com|youtu\.be)|youtube\.googleapis\.com", re.IGNORECASE)
_WITHOUT_SCHEME = re.compile(
    r"(?://)?(?:[a-z0-9-]+\.)*(?:youtube(?:-nocookie|kids)?\.com|youtu\.be|youtube\.googleapis\.com)(?:[/?#].*)?",
    re.IGNORECASE,
)
_PAGE = re.compile(r"/?watch\?(?:\S*&)?v=[A-Za-z0-9_-]{11}\S*")
"""What a link on YouTube's own pages says."""

_GOOGLE = re.compile(r"(?:www\.)?google(?:\.[a-z]{2,3}){1,2}", re.IGNORECASE)
_PLAYERS = frozenset(("shorts", "embed", "v", "e", "live", "vi", "vi_webp"))
"""First steps of a path behind which an id stands (the last two are pictures of a video)."""

_WATCH = re.compile(r"(?:watch|movie)(?:_popup)?(?:\.php)?")
_LISTS = frozenset(("", "playlist", "view_play_list"))
"""Paths that may name the one video that is shown in a list, with ``v=``."""

_NO_VIDEOS = ("videoseries", "live_stream")
"""Eleven characters in an embedded player's address that mean a playlist or a channel."""

_INSIDE = ("u", "url", "q", "continue", "next")
"""Fields of a query that hold another address: links for attribution, consent, signing in, embedding."""

_MAY_SHOW_ONE = re.compile(r"[=/][A-Za-z0-9_-]{11}(?![A-Za-z0-9_.-])")
_DEEPEST = 3


def youtube_address(video: str) -> str:
    """The address of a YouTube video's page."""
    return f"https://www.youtube.com/watch?v={video}"


def with_scheme(text: str) -> str:
    """An address of YouTube as it is copied without ``https://`` or the host with them; other text as it is."""
    if _PAGE.fullmatch(text):
        return f"https://www.youtube.com/{text.removeprefix('/')}"
    return f"https://{text.removeprefix('//')}" if _WITHOUT_SCHEME.fullmatch(text) else text


def is_youtube(url: str) -> bool:
    """Whether an address is one of YouTube's own hosts."""
    return _HOST.fullmatch(urlsplit(url).hostname or "") is not None


@functools.lru_cache(maxsize=4096)
def leads_to_youtube(host: str) -> bool:
    """Whether a host is YouTube's own, or one of those that yt-dlp takes YouTube's videos by."""
    if _HOST.fullmatch(host):
        return True
    from yt_dlp.extractor.youtube import YoutubeIE  # half a second, and seldom needed

    return bool(YoutubeIE.suitable(f"https://{host}/watch?v=AAAAAAAAAAA"))


def youtube_id(url: str) -> str | None:
    """The id of the one video that an address of YouTube (or of a host that leads there) shows, if it shows one.

    Raises :class:`ValueError` where the address is malformed.
    """
    return _video_of(html.unescape(with_scheme(url.strip())), 0)


def is_broken(url: str) -> bool:
    """Whether an address is one video's page and names neither a video nor a list: its id was cut or mistyped."""
    parts = urlsplit(html.unescape(with_scheme(url)))
    if not is_youtube(parts.geturl()) or "list" in parse_qs(parts.query) or youtube_id(url):
        return False
    steps = [step for step in unquote(parts.path).split("/") if step]
    if _WATCH.fullmatch(parts.path.strip("/")) or (len(steps) == 1 and (parts.hostname or "").lower() == "youtu.be"):
        return True
    return len(steps) == 2 and steps[0] in _PLAYERS and not steps[1].startswith(_NO_VIDEOS)


def _video_of(url: str, depth: int) -> str | None:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    own = _HOST.fullmatch(host) is not None
    if not own and _GOOGLE.fullmatch(host) and parts.path == "/url":
        return _inside(parts, depth)
    if not own and (not _MAY_SHOW_ONE.search(url) or media_kind_of(parts.path) or not leads_to_youtube(host)):
        return None
    return _shown(parts, short=host == "youtu.be" or not own) or (_inside(parts, depth) if own else None)


def _shown(parts: SplitResult, *, short: bool) -> str | None:
    """The id as the address itself spells it. ``short``: the host may be followed by nothing but the id."""
    steps = [step for step in unquote(parts.path).split("/") if step]
    if parts.fragment.startswith(("!", "/")):  # pages of old: youtube.com/#!/watch?v=…
        behind = urlsplit("/" + parts.fragment.partition("#")[0].lstrip("!/"))
        if found := _shown(behind, short=False):
            return found
    if len(steps) >= 2 and steps[0] in _PLAYERS:
        return _id(steps[1])
    first = steps[0] if steps else ""
    if "?" in first:  # an address of which all was quoted: watch%3Fv%3D…
        return _shown(urlsplit("/" + first), short=False)
    if _WATCH.fullmatch(first) or first in _LISTS:
        fields = parse_qs(parts.query.replace(";", "&") or parts.fragment)
        return _id(fields.get("v", [""])[0]) or (_id(steps[1]) if len(steps) >= 2 else None)
    return _id(first) if short else None


def _inside(parts: SplitResult, depth: int) -> str | None:
    """The video of an address that stands in the query of this one."""
    if depth >= _DEEPEST:
        return None
    fields = parse_qs(parts.query)
    for field in _INSIDE:
        for value in fields.get(field, ()):
            url = with_scheme(value if not value.startswith("/") else f"https://www.youtube.com{value}")
            if is_youtube(url) and (found := _video_of(url, depth + 1)):
                return found
    return None


def _id(text: str) -> str | None:
    """As yt-dlp reads it: what follows the eleven characters (``watch?v=ID_52``) is no part of the id."""
    found = YOUTUBE_ID.match(text.strip())
    return None if found is None or text.startswith(_NO_VIDEOS) else found[0]
