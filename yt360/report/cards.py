"""The card of a video on the page: who it is, why it was dropped or kept, pictures, sound, clips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from yt360.direction_words import direction_words
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.entries import ItemState
from yt360.errors import UsageError
from yt360.report.cases import Media
from yt360.report.charts import waveform
from yt360.report.page import BORDERLINE, escape, link, portable, ruler

_MOST_CLIPS = 6
_BORDER = 0.1
"""Closer to its threshold than this part of the score's range, a case is borderline."""


def card(catalog: DatasetState, entry: ItemState, media: Media | None, margin: float, address: str = "") -> str:
    """One video. What comes from outside is escaped here and nowhere else.

    ``address`` is that of the page of `yt360 view`, where it is known.
    """
    record = entry.record
    assert record is not None
    told = told_of(catalog, entry.item.id)
    title = told.get("title") or entry.item.id
    near = f" {BORDERLINE}" if abs(margin) < _BORDER else ""
    about = [escape(entry.item.id, 80)] if title != entry.item.id else []
    about += [escape(told["channel"], 80)] if told.get("channel") else []
    parts = [
        f'<div class="card" id="video-{escape(entry.item.id)}"><h4>{link(told.get("url"), escape(title, 120))}</h4>',
        f'<p class="why">{" · ".join(about)}{near}</p>' if about or near else "",
    ]
    count = len(record.children)
    words = portable(record.detail) or (f"{count} clip{'' if count == 1 else 's'}" if count else "")
    parts.append(f"<p>{escape(words)}</p>" if words else "")
    if media is None:
        parts.append('<p class="why">The page is full; see it with <code>yt360 explain</code>.</p>')
    else:
        parts += _media(media)
    if record.children:
        parts.append(_clips(entry, address))
    else:
        parts.append(f'<p class="why">{looking(address, f"video={entry.item.id}")}</p>')
    return "".join(parts) + "</div>"


def told_of(catalog: DatasetState, item: str) -> dict[str, Any]:
    """What the crawl was told about a video: title, channel, address."""
    if "crawl" not in catalog.stages:
        return {}
    record = catalog.records("crawl").get(item)
    return dict(record.measures) if record is not None else {}


def check_address(address: str) -> None:
    """Raises :class:`UsageError` for what is neither an address of the web nor a relative one."""
    if address and not re.fullmatch(r"(https?://[^\s<>\"#]+|[^\s<>\"#:]+)", address):
        raise UsageError(
            f"{address[:200]}: expected the address of a page of `yt360 view`, as in http://127.0.0.1:8000/?token=… or "
            "../exported/, without #"
        )


def looking(address: str, fragment: str) -> str:
    """A link into the page of `yt360 view`, or what to add to its address. ``fragment``: ``clip=ID``, ``video=ID``."""
    name, _, value = fragment.partition("=")
    place = f"#{name}={quote(value, safe='')}" + ("&layers=energy" if name == "clip" else "")
    return (
        f'<a href="{escape(address + place, 1500)}">look around</a>'
        if address
        else f"<code>{escape(place, 300)}</code>"
    )


def _clips(entry: ItemState, address: str) -> str:
    """A section for each clip that a video was cut into."""
    assert entry.record is not None
    sections = []
    for child in entry.record.children[:_MOST_CLIPS]:
        meta = child["meta"]
        where = direction_words(float(meta.get("azimuth_deg", 0)), float(meta.get("elevation_deg", 0)))
        words = (
            f"from {meta.get('start_s', 0):g} s: sound comes from {where} (diffuseness "
            f"{meta.get('diffuseness', 0):.2f}, {meta.get('loudness_db', 0):.0f} dBFS)"
        )
        there = looking(address, f"clip={child['id']}")
        sections.append(f'<section id="clip-{escape(child["id"])}">{escape(words)}. {there}</section>')
    more = len(entry.record.children) - len(sections)
    rest = f"and {more} more clip{'' if more == 1 else 's'}" if more > 0 else ""
    return f'<div class="clips">{"".join(sections)}{rest}</div>'


def _media(media: Media) -> Iterator[str]:
    for picture in media.pictures:
        words = escape(picture.words)
        yield (
            f'<figure><img src="{picture.address}" alt="{words}" width="320" height="160" loading="lazy">'
            f"{ruler() if picture.sphere else ''}<figcaption>{words}</figcaption></figure>"
        )
    if media.peaks is not None:
        yield waveform(media.peaks, media.marks, "loudness of W; marked where added speech or music is heard")
    if media.excerpt:
        yield f'<audio controls preload="none" src="{media.excerpt}"></audio>'
        yield f'<p class="why">heard from {media.excerpt_at_s:.0f} s on: {escape(media.excerpt_of)}</p>'
    if media.missing:
        yield f'<p class="why">Not everything of it can be shown: {escape(", ".join(media.missing), 200)}.</p>'
