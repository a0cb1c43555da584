"""What a line that a person wrote may mean: the id of a video, its name or file at the source, or its address."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yt360.crawling.kept_ids import KeptIds
from yt360.crawling.media_kind import extension, media_kind_of, split_format
from yt360.crawling.targets import address_digest, name_of_url
from yt360.crawling.youtube import with_scheme, youtube_id
from yt360.hashing import safe_id


def meanings(line: str, kept: KeptIds, *, notes: bool = False) -> Iterator[str]:
    """The item ids that a line of a list may stand for: an id, a name, a file, an address.

    With ``notes`` something may follow it: a comment behind ``#``, or fields behind a comma.
    """
    cut = line if not notes else re.split(r"\s+#|,", line, maxsplit=1)[0].strip().strip("\"'")
    for text in dict.fromkeys([line, cut]):
        if not text:
            continue
        text = with_scheme(text)
        if "://" in text:
            yield from _ids_of_address(text, kept)
            continue
        yield text
        yield safe_id(text)
        for name in (text, text.replace("\\", "/").rpartition("/")[2]):
            stem = split_format(name[: -len(extension(name)) - 1])[0] if media_kind_of(name) else name
            yield safe_id(stem.removeprefix("./"))


def _ids_of_address(url: str, kept: KeptIds) -> Iterator[str]:
    try:
        if video := youtube_id(url):
            yield video
        if found := kept.get(address_digest(url)):
            yield found[0]
        yield safe_id(name_of_url(url))
    except ValueError:
        return  # a malformed address is nobody's
