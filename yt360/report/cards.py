"""The card of a video on the page: who it is, why it was dropped or kept, pictures, sound, clips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from yt360 import sphere
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.entries import ItemState
from yt360.report.cases import Media
from yt360.report.charts import waveform
from yt360.report.page import escape, link
from yt360.stages.verdicts import reason_words

_MOST_CLIPS = 6
_BORDER = 0.1
"""Closer to its threshold than this part of the score's range, a case is borderline."""

HOW_TO_READ = (
    "Pictures are frames as the dataset sees them; on the third one the sound's energy lies over the frame, the "
    "brighter, the more comes from there. Below is the loudness of the whole video (channel W): "
    '<span class="key"></span> yellow marks seconds in which added speech or music is heard, the stronger, the surer. '
    "The excerpt is five seconds of it, two cardioid microphones to the left and right. "
    '<span class="near">borderline</span> stands where a score is within a tenth of its range of the threshold.'
)
"""HTML on what the parts of a card are."""


def card(catalog: DatasetState, entry: ItemState, media: Media | None, margin: float) -> str:
    """One video. What comes from outside is escaped here and nowhere else."""
    record = entry.record
    assert record is not None
    told = told_of(catalog, entry.item.id)
    title = told.get("title") or entry.item.id
    near = ' <span class="near">borderline</span>' if abs(margin) < _BORDER else ""
    about = [escape(entry.item.id, 80)] if title != entry.item.id else []
    about += [escape(told["channel"], 80)] if told.get("channel") else []
    parts = [
        f'<div class="card" id="video-{escape(entry.item.id)}"><h4>{link(told.get("url"), escape(title, 120))}</h4>',
        f'<p class="why">{" · ".join(about)}{near}</p>' if about or near else "",
    ]
    count = len(record.children)
    words = record.detail or (f"{count} clip{'' if count == 1 else 's'}" if count else "")
    meaning = reason_words(record.reason)
    parts.append(f"<p>{escape(meaning[:1].upper() + meaning[1:])}.</p>" if meaning else "")
    parts.append(f"<p>{escape(words)}</p>" if words else "")
    if media is None:
        parts.append('<p class="why">The page is full; see it with <code>yt360 explain</code>.</p>')
    else:
        parts += _media(media)
    if record.children:
        parts.append(_clips(entry))
    return "".join(parts) + "</div>"


def told_of(catalog: DatasetState, item: str) -> dict[str, Any]:
    """What the crawl was told about a video: title, channel, address."""
    if "crawl" not in catalog.stages:
        return {}
    record = catalog.records("crawl").get(item)
    return dict(record.measures) if record is not None else {}


def _clips(entry: ItemState) -> str:
    """A section for each clip that a video was cut into."""
    assert entry.record is not None
    sections = []
    for child in entry.record.children[:_MOST_CLIPS]:
        meta = child["meta"]
        where = sphere.direction_words(float(meta.get("azimuth_deg", 0)), float(meta.get("elevation_deg", 0)))
        words = (
            f"from {meta.get('start_s', 0):g} s: sound comes from {where} (diffuseness "
            f"{meta.get('diffuseness', 0):.2f}, {meta.get('loudness_db', 0):.0f} dBFS)"
        )
        sections.append(f'<section id="clip-{escape(child["id"])}">{escape(words)}</section>')
    more = len(entry.record.children) - len(sections)
    rest = f"and {more} more clip{'' if more == 1 else 's'}" if more > 0 else ""
    return f'<div class="clips">{"".join(sections)}{rest}</div>'


def _media(media: Media) -> Iterator[str]:
    for words, address in media.pictures:
        yield (
            f'<figure><img src="{address}" alt="{escape(words)}" width="320" height="160" loading="lazy">'
            f"<figcaption>{escape(words)}</figcaption></figure>"
        )
    if media.peaks is not None:
        yield waveform(media.peaks, media.marks, "loudness of W; marked where added speech or music is heard")
    if media.excerpt:
        yield f'<audio controls preload="none" src="{media.excerpt}"></audio>'
        yield f'<p class="why">from {media.excerpt_at_s:.0f} s, {escape(media.excerpt_of)}</p>'
    if media.missing:
        yield f'<p class="why">Not everything of it can be shown: {escape(", ".join(media.missing), 200)}.</p>'
