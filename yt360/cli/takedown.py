"""Which videos of a root a person means who asks for a takedown: by id, name, file, YouTube id or address."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow.compute as pc

from yt360.crawling import kept_ids
from yt360.crawling.addresses import plain_or_as_it_is
from yt360.crawling.meanings import meanings
from yt360.crawling.removed_ids import Tombstone
from yt360.crawling.targets import address_digest, address_of, name_of_url
from yt360.crawling.text import clean_text, public_url
from yt360.crawling.youtube import YOUTUBE_ID, is_youtube, with_scheme, youtube_id
from yt360.engine.stage import Item
from yt360.engine.state.dataset_state import DatasetState
from yt360.errors import UsageError
from yt360.hashing import safe_id


def meant(catalog: DatasetState, first: str, asked: str) -> list[Tombstone]:
    """The videos that one word means: those of the root, or else the one that it would become.

    One video may be there under several names; all of them are meant. ``first`` is the stage that brings videos in.
    Raises :class:`UsageError` for what means no single video: its tombstone would keep nothing out.
    """
    entries = catalog.entries(first)
    kept = kept_ids.read(catalog)
    if not any(name in entries for name in meanings(asked, kept)):
        asked = asked.strip()  # as it was copied; where the name of a file begins with a blank that counts
    asked = with_scheme(asked)
    if not asked:
        raise UsageError("expected a video's id, name or address, found an empty word (is a variable unset?)")
    try:
        video = youtube_id(asked) if "://" in asked else asked if YOUTUBE_ID.fullmatch(asked) else None
    except ValueError:
        video = None
    found: dict[str, Tombstone] = {}
    if video:
        for item in _naming(catalog, first, video):
            if item.meta.get("source") == "youtube" and item.meta.get("video") == video:
                found[item.id] = _stone(item)
    elif "://" in asked:
        for item in _naming(catalog, first, asked):
            if asked in item.hints.values():
                found[item.id] = _stone(item)
        if not found:
            found = {item.id: _stone(item) for item in _at(catalog, first, asked)}
    by_name = [name for name in meanings(asked, kept) if name in entries]
    for name in by_name[:1]:
        found.setdefault(name, _stone(entries[name].item))
    return list(found.values()) or [_unknown(asked, video or "")]


def copies(catalog: DatasetState, first: str, items: frozenset[str]) -> list[Tombstone]:
    """Videos that are copies of some, or of which these are copies, as far as ``duplicates`` found."""
    pairs = []
    for name, record in catalog.records("duplicates").items() if "duplicates" in catalog.stages else ():
        copy_of = record.measures.get("copy_of")
        if isinstance(copy_of, Mapping):
            pairs.append((name, str(copy_of.get("video"))))
    found = set(items)
    while more := {name for pair in pairs if found.intersection(pair) for name in pair} - found:
        found |= more
    entries = catalog.entries(first)
    return [_stone(entries[name].item) if name in entries else Tombstone(name) for name in sorted(found - items)]


def _naming(catalog: DatasetState, first: str, text: str, *, whole: bool = True) -> Iterator[Item]:
    """Planned items that have a text (a ``whole`` one) somewhere in what is known of them."""
    plan = catalog.entries(first).plan
    rest = plan.frozen().table()["rest"]
    for row in np.flatnonzero(
        pc.fill_null(pc.match_substring(rest, json.dumps(text) if whole else text), False).to_numpy()
    ):
        yield plan[int(row)]


def _at(catalog: DatasetState, first: str, asked: str) -> Iterator[Item]:
    """Planned items whose address is another spelling of one."""
    wanted = _plain(asked)
    for item in _naming(catalog, first, "://", whole=False):
        if any(_plain(str(hint)) == wanted for hint in item.hints.values() if "://" in str(hint)):
            yield item


def _plain(url: str) -> str:
    """``http`` and ``https`` are the same, as in ids."""
    return re.sub(r"^https?(?=://)", "", plain_or_as_it_is(url))


def _stone(item: Item) -> Tombstone:
    meta: Mapping[str, object] = item.meta
    address = address_of(item.hints)
    return Tombstone(
        item.id,
        video=str(meta["video"]) if meta.get("source") == "youtube" else "",
        address=address_digest(plain_or_as_it_is(address)) if address else "",
    )


def _unknown(asked: str, video: str) -> Tombstone:
    """The tombstone by which a video that the root never saw is kept out: of the id that a crawl would give it."""
    if video:
        return Tombstone(video, video=video)
    if "://" not in asked:
        return Tombstone([*meanings(asked, {})][-1])
    try:
        if is_youtube(asked):
            raise UsageError(
                f"{clean_text(public_url(asked), 200)}: expected the address of a video, found that of a channel or "
                "playlist, or one that was cut; take its videos down one by one, and take it out of the source"
            )
        return Tombstone(safe_id(name_of_url(asked)), address=address_digest(plain_or_as_it_is(asked)))
    except ValueError as error:
        raise UsageError(
            f"{clean_text(asked, 200)!r}: expected a video's address, found one that is malformed"
        ) from error
