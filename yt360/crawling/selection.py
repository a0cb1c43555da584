"""From what one video offers to what to fetch: for each role the acceptable formats, best first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yt360.crawling.failures import KINDS, CrawlError
from yt360.crawling.formats import ANY_FILE, ANY_PICTURE, ANY_SOUND, Choice, Format, candidates, holds
from yt360.crawling.media_kind import MediaKind
from yt360.crawling.text import clean_text

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL

_MOST_NAMED = 12


@dataclass(frozen=True)
class Wanted:
    """What to select: selectors by role, yt-dlp's sort order, and the sites whose formats carry 360° labels.

    ``check`` looks at a file that arrived from such a site and says what speaks against its label
    (empty: nothing does).
    """

    picture: Sequence[str]
    sound: Sequence[str]
    sort: Sequence[str]
    labelled_sites: Sequence[str]
    check: Callable[[MediaKind, Path], str] = lambda role, path: ""


def is_labelled(info: Mapping[str, Any], wanted: Wanted) -> bool:
    """Whether the site of a video labels spherical pictures and ambisonics."""
    site = re.split("[:+]", str(info.get("extractor") or ""))[0].lower()  # a plugin adds "+name"
    return site in wanted.labelled_sites


def choose(
    ydl: YoutubeDL, info: Mapping[str, Any], wanted: Wanted, subject: str, warnings: Sequence[str]
) -> dict[MediaKind, list[Choice]]:
    """Formats by role, best first. Raises :class:`CrawlError` when nothing suits.

    From a site that labels its formats, a spherical picture and ambisonic sound or nothing. From any
    other one: separate ambisonic sound if there is some, else the best whole file, else the best picture
    and the best sound.
    """
    formats = info.get("formats") or [dict(info)]
    picture = list(candidates(ydl, formats, wanted.picture, "video"))
    sound = list(candidates(ydl, formats, wanted.sound, "sound"))
    if is_labelled(info, wanted):
        if not picture or not sound:
            raise _nothing_suits(formats, picture, subject, warnings)
        return {"video": picture, "sound": sound}
    if sound:
        picture = picture or list(candidates(ydl, formats, ANY_PICTURE, "video"))
        return {"video": picture, "sound": sound} if picture else {"sound": sound}
    if whole := list(candidates(ydl, formats, ANY_FILE, "video")):
        role = holds(whole[0].format)
        return {role: [Choice(role, one.format, one.why) for one in whole if holds(one.format) == role]}
    parts: dict[MediaKind, list[Choice]] = {
        "video": list(candidates(ydl, formats, ANY_PICTURE, "video")),
        "sound": list(candidates(ydl, formats, ANY_SOUND, "sound")),
    }
    if not any(parts.values()):
        raise _nothing_suits(formats, [], subject, warnings)
    return {role: choices for role, choices in parts.items() if choices}


def _nothing_suits(
    formats: Sequence[Format], picture: Sequence[Choice], subject: str, warnings: Sequence[str]
) -> CrawlError:
    kind = "no-ambisonic-format" if picture else "no-360-format"
    if any("SABR" in warning for warning in warnings):
        kind = "sabr-only"
    notes = "; ".join(
        f"{clean_text(one.get('format_id'), 20)} ({clean_text(one.get('format_note') or 'no note', 60)})"
        for one in formats[-_MOST_NAMED:]
    )
    found = f"found {len(formats)} formats, the best: {notes}" if formats else "found no formats"
    return CrawlError(kind, f"{subject}: {KINDS[kind].meaning}; {found}; {KINDS[kind].advice}")
