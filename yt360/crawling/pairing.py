"""Which files of a folder (or of a store's prefix) are one video, by their names alone.

A picture and sounds of the same name (after taking off the ``.f<format id>`` that yt-dlp puts before
the extension) are one video whose sound is the separate file; two pictures of one name are two videos.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from yt360.crawling.media_kind import extension, media_kind_of, sound_rank, split_format
from yt360.errors import UsageError

log = logging.getLogger("yt360.crawl")

_INFO = ".info.json"
_MOST_NAMED = 8


@dataclass(frozen=True)
class Group:
    """The files of one video: relative names with ``/``, at least one of ``video`` and ``sound``."""

    name: str
    video: str | None = None
    sound: str | None = None
    info: str | None = None

    def files(self) -> dict[str, str]:
        """Relative names by role."""
        named = {"video": self.video, "sound": self.sound, "info": self.info}
        return {role: name for role, name in named.items() if name is not None}


def pair(names: Iterable[str], place: str) -> Iterator[Group]:
    """The videos among files of these relative names, in order of their names; ``place`` is for messages.

    Raises :class:`UsageError` when none is a media file.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    infos: dict[str, str] = {}
    ignored: list[str] = []
    for name in names:
        if name.endswith(_INFO):
            infos[name[: -len(_INFO)]] = name
        elif media_kind_of(_base(name)) is None:
            ignored.append(name)
        else:
            groups[split_format(name[: -len(extension(name)) - 1])[0]].append(name)
    if ignored:
        named = ", ".join(repr(name) for name in ignored[:_MOST_NAMED])
        more = f" and {len(ignored) - _MOST_NAMED} more" if len(ignored) > _MOST_NAMED else ""
        log.info("%s: %d files left out, no media by their extension: %s%s", place, len(ignored), named, more)
    if not groups:
        raise UsageError(
            f"{place}: expected a folder with video or sound files, found "
            f"{'none among its ' + str(len(ignored)) + ' files' if ignored else 'no files'}; give another crawl.source"
        )
    for stem in sorted(groups):
        yield from _group(place, stem, sorted(groups[stem]), infos.get(stem))


def _group(place: str, stem: str, names: list[str], info: str | None) -> Iterator[Group]:
    pictures = [name for name in names if media_kind_of(_base(name)) == "video"]
    sounds = sorted((name for name in names if media_kind_of(_base(name)) == "sound"), key=sound_rank)
    if len(sounds) > 1:
        log.info("%s: of %d sound files of %r the first is used: %s", place, len(sounds), stem, ", ".join(sounds))
    sound = sounds[0] if sounds else None
    if len(pictures) == 1:
        yield Group(stem, pictures[0], sound, info)
        return
    for name in pictures:
        yield Group(name, video=name, info=info)
    if sound is not None:
        yield Group(stem, sound=sound, info=info)


def _base(name: str) -> str:
    return name.rpartition("/")[2]
