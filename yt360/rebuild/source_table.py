"""The table of segments that a root is rebuilt from, as the crawl reads it (``crawl.source``)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from yt360.crawling.targets import CrawlTarget
from yt360.crawling.youtube import YOUTUBE_ID, youtube_address, youtube_id
from yt360.files import atomic_write_text
from yt360.release.reading import PublishedClip

NAME = "rebuild-segments.tsv"
"""Of the table, in a root's state."""


def source_of(clip: PublishedClip) -> str:
    """How a list names a clip's video so that it gets the published id; empty where nobody can crawl it.

    >>> source_of(PublishedClip("a-00000", "a", "train", 0, 10, "https://vimeo.com/1"))
    'a=https://vimeo.com/1'
    >>> source_of(PublishedClip("-oytwMeyR74-00133", "-oytwMeyR74", "train", 133, 10))
    '-oytwMeyR74'
    """
    if not clip.address:
        return clip.video if YOUTUBE_ID.fullmatch(clip.video) else ""
    try:
        if youtube_id(clip.address) == clip.video:
            return clip.video
    except ValueError:
        return ""
    return f"{clip.video}={clip.address}"


def target_of(clip: PublishedClip) -> CrawlTarget:
    """What the crawl would look for: to ask whether a takedown means it."""
    try:
        video = youtube_id(clip.address) if clip.address else clip.video if YOUTUBE_ID.fullmatch(clip.video) else None
    except ValueError:
        video = None
    if video:
        return CrawlTarget(clip.video, {"source": "youtube", "video": video}, {"page": youtube_address(video)})
    first = clip.address.partition(" ")[0]
    return CrawlTarget(clip.video, {"source": "url"}, {"page": first} if first else {})


def write_table(path: Path, clips: Iterable[PublishedClip], starts_s: Mapping[str, float]) -> None:
    """Write the segments of ``clips`` that have a place: ``starts_s`` by clip. Equal clips give equal bytes."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
    writer.writerow(["video", "start", "end", "split", "convention"])
    for clip in clips:
        if clip.clip in starts_s:
            start_s = starts_s[clip.clip]
            times = [f"{time_s:.12g}" for time_s in (start_s, start_s + clip.duration_s)]
            writer.writerow([source_of(clip), *times, _side(clip.split), clip.convention])
    if not path.is_file() or path.read_text(encoding="utf-8") != stream.getvalue():
        atomic_write_text(path, stream.getvalue())


def _side(split: str) -> str:
    """A list without sides is one of training clips."""
    return "train" if split == "all" else split
