"""Which file is the picture and which the sound: by extension and by yt-dlp's format id in the name.

Nothing is opened here; this runs where a hostile file must not be able to crash the planner.
"""

from __future__ import annotations

import re
from typing import Literal

MediaKind = Literal["video", "sound"]

_PICTURE = "mp4 m4v mov mkv webm avi mpg mpeg ts m2ts mts ogv flv wmv 3gp 3g2 asf vob f4v divx insv 360 lrv mjpeg mxf"
_SOUND = (
    "wav wave flac ogg oga opus m4a m4b aac mp3 mp2 amb caf aif aiff aifc wv w64 rf64 mka weba ac3 eac3 ape tta au iamf"
)
_SOUND_ITAGS = "139 140 141 171 172 249 250 251 256 258 325 326 327 328 338 339 380 599 600 773 774"

PICTURE_EXTENSIONS = frozenset(_PICTURE.split())
SOUND_EXTENSIONS = frozenset(_SOUND.split())
MEDIA_EXTENSIONS = PICTURE_EXTENSIONS | SOUND_EXTENSIONS
SOUND_ITAGS = frozenset(_SOUND_ITAGS.split())
"""YouTube's sound-only formats; a ``.webm`` with one of these ids has no picture."""

BEST_SOUND_FIRST = ("338", "339", "327")
"""Ambisonic formats, best first: Opus and Vorbis with four channels, AAC with the four inside 5.1."""

_FORMAT_SUFFIX = re.compile(r"(?P<stem>.+)\.f(?P<format>\d[0-9A-Za-z_-]{0,30})$", re.DOTALL)


def split_format(stem: str) -> tuple[str, str]:
    """Take yt-dlp's ``.f<format id>`` off a file name's stem: ``("ID.f338")`` gives ``("ID", "338")``."""
    match = _FORMAT_SUFFIX.fullmatch(stem)
    return (match["stem"], match["format"]) if match else (stem, "")


def extension(name: str) -> str:
    """Lower-case extension of a file name without its dot; empty when there is none."""
    stem, dot, ending = name.rpartition(".")
    return ending.lower() if dot and stem else ""


def media_kind_of(name: str) -> MediaKind | None:
    """What a file of this name holds: ``video`` (it may hold sound too), ``sound``, or ``None`` (not media)."""
    ending = extension(name)
    if ending in SOUND_EXTENSIONS:
        return "sound"
    if ending in PICTURE_EXTENSIONS:
        _, format_id = split_format(name[: -len(ending) - 1])
        return "sound" if format_id.split("-")[0] in SOUND_ITAGS else "video"
    return None


def sound_rank(name: str) -> tuple[int, int, str]:
    """Sort key of several sound files of one video: ambisonic formats first, then uncompressed ones, then by name."""
    ending = extension(name)
    format_id = split_format(name[: -len(ending) - 1])[1].split("-")[0]
    ambisonic = BEST_SOUND_FIRST.index(format_id) if format_id in BEST_SOUND_FIRST else len(BEST_SOUND_FIRST)
    return ambisonic, 0 if ending in ("amb", "wav", "wave", "flac", "caf", "wv") else 1, name
