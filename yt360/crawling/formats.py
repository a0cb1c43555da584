"""Which of the offered formats to take: a 360° picture and ambisonic sound, each as a file of its own.

The selectors are yt-dlp's language (its README, "Format selection"), tried in order. Picture and
sound are chosen apart and never joined: merging remuxes, which loses spherical boxes in MP4 and
channel layouts in AAC. yt-dlp's own best sound would be plain 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yt360.crawling.media_kind import MEDIA_EXTENSIONS, SOUND_EXTENSIONS, MediaKind
from yt360.crawling.text import clean_text

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL

Format = dict[str, Any]

_DIRECT = "[protocol~='^https?$']"
"""Plain files only: the HLS copies of a video have odd heights and no word on their projection."""

SOUND = (
    f"ba[format_note*=ambisonics_quad]{_DIRECT}",
    f"ba[format_note*=ambisonics_5_1]{_DIRECT}",
    f"ba[format_note*=foa_with_non_diegetic]{_DIRECT}",
    f"ba[acodec=opus][audio_channels=4]{_DIRECT}",
    f"ba[audio_channels=4]{_DIRECT}",
)
"""Ambisonic sound, best first. Six channels alone are ordinary surround and never enough."""

_SPHERICAL = ("[format_note~='(mesh|equi)']", "[format_note~='[0-9]s(,|$)']")
"""Notes of a spherical picture: its projection, or a quality label that ends in ``s`` (``1080s``)."""


def picture_selectors(lowest: int, highest: int, prefer: str) -> tuple[str, ...]:
    """Selectors of a 360° picture: ``lowest`` to ``highest`` rows, then the nearest taller, then the tallest below.

    Formats have to be sorted by :func:`sort_order`, which makes the nearest taller the best of these.
    ``prefer`` is ``equirectangular`` or ``mesh`` (that projection first) or ``any``.
    """
    first = {"equirectangular": ("[format_note*=equi]",), "mesh": ("[format_note*=mesh]",), "any": ()}[prefer]
    spherical = (*first, *_SPHERICAL)
    inside = [f"bv{note}[height>={lowest}][height<={highest}]{_DIRECT}" for note in spherical]
    above = [f"bv{note}[height>{highest}]{_DIRECT}" for note in spherical]
    below = [f"bv{note}[height<{lowest}]{_DIRECT}" for note in spherical]
    return (*inside, *above, *below)


def sort_order(highest: int, then: Sequence[str]) -> list[str]:
    """yt-dlp's sorting for :func:`picture_selectors`: the tallest up to ``highest`` rows, then the least above."""
    return [f"res:{highest}", *then]


ANY_FILE = ("b[protocol~='^https?$']", "b")
ANY_PICTURE = (f"bv{_DIRECT}", f"b{_DIRECT}", "bv", "b")
ANY_SOUND = (f"ba{_DIRECT}", "ba")


@dataclass(frozen=True)
class Choice:
    """A format that was chosen, for which role, and the selector that chose it."""

    role: MediaKind
    format: Format
    why: str

    @property
    def format_id(self) -> str:
        return str(self.format.get("format_id") or "0")

    @property
    def extension(self) -> str:
        """A safe extension: one that is known, or what is usual for the role."""
        found = str(self.format.get("ext") or "").lower()
        if found in MEDIA_EXTENSIONS:
            return found
        return "mp4" if self.role == "video" else "m4a"


def candidates(
    ydl: YoutubeDL, formats: Sequence[Format], selectors: Sequence[str], role: MediaKind
) -> Iterator[Choice]:
    """All formats that a selector accepts, best first, each with the first selector that accepts it."""
    left = list(formats)
    for selector in selectors:
        choose = ydl.build_format_selector(selector)
        while left:
            context = {
                "formats": left,
                "has_merged_format": any("none" not in (f.get("acodec"), f.get("vcodec")) for f in left),
                "incomplete_formats": all(f.get("vcodec") == "none" for f in left)
                or all(f.get("acodec") == "none" for f in left),
            }
            chosen = next(iter(choose(context)), None)
            if chosen is None:
                break
            yield Choice(role, chosen, selector)
            left = [one for one in left if one.get("format_id") != chosen.get("format_id")]


def holds(offered: Format) -> MediaKind:
    """What a format of a site without labels holds, by its codecs, then by its extension."""
    if offered.get("vcodec") == "none":
        return "sound"
    if offered.get("vcodec") is None and str(offered.get("ext") or "").lower() in SOUND_EXTENSIONS:
        return "sound"
    return "video"


def is_spherical(offered: Format) -> bool:
    """Whether the site labels this format as a spherical picture."""
    note = str(offered.get("format_note") or "").lower()
    return "mesh" in note or "equi" in note


_WORDS = ["format_id", "format_note", "ext", "container", "vcodec", "acodec", "protocol", "language", "dynamic_range"]
_NUMBERS = ["width", "height", "fps", "audio_channels", "asr", "tbr", "vbr", "abr", "filesize", "filesize_approx"]


def describe(offered: Format) -> dict[str, Any]:
    """What is worth keeping of a format: words and numbers that say what it is, no address and no header."""
    kept: dict[str, Any] = {}
    for name in _WORDS:
        if isinstance(offered.get(name), str):
            kept[name] = clean_text(offered[name], 120)
    for name in _NUMBERS:
        value = offered.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
            kept[name] = value
    return kept


def client_of(offered: Format) -> str:
    """The short name of the client that offered a format: the last word of its note, if yt-dlp wrote one."""
    last = str(offered.get("format_note") or "").rpartition(",")[2].strip()
    return last if last.isalpha() and last.isupper() and last not in ("DRC", "HDR") else ""
