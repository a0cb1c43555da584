"""The report of a root: what became of every video, and the cases that a person should look at.

One HTML file that loads nothing. Text from outside is escaped; the size is bounded: media are added until
``most_bytes`` are used, the rest of the cases stand there in words.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yt360.engine.state.dataset_state import DatasetState, ItemState
from yt360.files import atomic_write_text
from yt360.filters.evaluation.scores import SCORES, combined
from yt360.report.cases import Media, look
from yt360.report.charts import histogram, waveform
from yt360.report.funnel import PAPER, Funnel, funnel
from yt360.report.page import escape, page, table

_MOST_CASES_IN_WORDS = 200
_MOST_CLIPS = 6
_BORDER = 0.1
"""Closer to its threshold than this part of the score's range, a case is borderline."""

REPORT = "report.html"


@dataclass(frozen=True)
class Limits:
    """``cases`` with media for each reason, ``kept`` ones likewise, ``most_bytes`` of media in all."""

    cases: int = 6
    kept: int = 8
    most_bytes: int = 24_000_000


class _Budget:
    def __init__(self, catalog: DatasetState, limits: Limits, scratch: Path) -> None:
        self._catalog, self._left, self._scratch = catalog, limits.most_bytes, scratch

    def look(self, item: str) -> Media | None:
        """Media of an item, or ``None`` when the page is full."""
        if self._left <= 0:
            return None
        media = look(self._catalog, item, self._scratch)
        self._left -= media.size()
        return media


def write_report(catalog: DatasetState, path: Path, limits: Limits | None = None) -> Path:
    """Write the page. Equal roots give equal pages."""
    limits = limits or Limits()
    found = funnel(catalog)
    with tempfile.TemporaryDirectory() as scratch:
        budget = _Budget(catalog, limits, Path(scratch))
        name = escape(catalog.root.path.name, 80)
        body = [
            f"<h1>{name}</h1>",
            f'<p class="soft">{found.listed} videos asked for, {found.videos} kept with {found.clips} clips, '
            f"{found.hours:.2f} hours.</p>",
            '<nav><a href="#funnel">Funnel</a><a href="#scores">Scores</a><a href="#dropped">Dropped</a>'
            '<a href="#kept">Kept</a></nav>',
            '<h2 id="funnel">Funnel</h2>',
            *_funnel(found),
            '<h2 id="scores">Scores and thresholds</h2>',
            '<p class="soft">Every video that a filter saw. The dashed line is today\'s threshold; heights are square '
            "roots of counts, so that few are seen as well.</p>",
            '<div class="grid">',
            *_distributions(catalog),
            "</div>",
            '<h2 id="dropped">Dropped</h2>',
            *_dropped(catalog, limits, budget),
            '<h2 id="kept">Kept</h2>',
            *_kept(catalog, limits, budget),
        ]
    atomic_write_text(path, page(f"{catalog.root.path.name}: report", body))
    return path


def _funnel(found: Funnel) -> Iterator[str]:
    most = max([step.kept for step in found.steps], default=0) or 1
    rows = []
    for step in found.steps:
        gone = [f"{escape(reason)} {count}" for reason, count in step.reasons.items()]
        gone += [f"failed: {escape(kind)} {count}" for kind, count in step.failures.items()]
        gone += [f"waiting {step.waiting}"] if step.waiting else []
        bar = f'<div style="width:{100 * step.kept / most:.1f}%"></div>'
        rows.append([escape(step.words), str(step.kept), bar, f'<span class="why">{", ".join(gone)}</span>'])
    yield table(["left", "videos", "", "dropped here"], rows, numbers=(1,)).replace("<td><div", '<td class="bar"><div')
    ours = {"videos": found.videos, "clips": found.clips, "hours": found.hours}
    rows = [
        [words, f"{ours[words]:,.2f}" if words == "hours" else f"{ours[words]:,}", f"{PAPER[words]:,}"]
        for words in ("videos", "clips", "hours")
    ]
    yield "<h3>Beside the paper</h3>"
    yield f'<div class="beside">{table(["", "here", "YouTube-360 (2020)"], rows, numbers=(1, 2))}</div>'


def _distributions(catalog: DatasetState) -> Iterator[str]:
    for score in SCORES:
        if score.stage not in catalog.stages:
            continue
        stage = catalog.stages[score.stage]
        records = [entry.record for entry in catalog.entries(score.stage).values() if entry.record is not None]
        values = [value for record in records if (value := score.value(record.measures)) is not None]
        if not values:
            continue
        limit = score.threshold(stage)
        beyond = int(np.sum((np.array(values) >= limit) == score.drops_above))
        drawing = histogram(values, score.span, limit, score.drops_above, f"{score.stage}: {score.words}")
        yield (
            f'<div class="card"><h4>{escape(score.stage)}: {escape(score.name)}</h4>'
            f'<p class="why">{escape(score.words)}; {beyond} of {len(values)} beyond {limit:.3g}</p>{drawing}</div>'
        )


def _dropped(catalog: DatasetState, limits: Limits, budget: _Budget) -> Iterator[str]:
    """Cases by stage and reason, the borderline ones first."""
    nothing = True
    for name, stage in catalog.stages.items():
        cases: dict[str, list[tuple[float, ItemState]]] = defaultdict(list)
        for entry in catalog.entries(name).values() if name not in ("crawl", "shard") else ():
            if entry.state == "filtered" and entry.record is not None:
                margin = combined(stage, entry.record)
                cases[entry.record.reason].append((np.inf if margin is None else abs(margin), entry))
        for reason, found in sorted(cases.items()):
            nothing = False
            found.sort(key=lambda case: (case[0], case[1].item.id))
            order = ", the borderline ones first" if any(np.isfinite(margin) for margin, _ in found) else ""
            yield f"<h3>{escape(name)}: {escape(reason)} ({len(found)}{order})</h3>"
            yield '<div class="grid">'
            for margin, entry in found[: limits.cases]:
                yield _card(catalog, entry, budget.look(entry.item.id), margin)
            yield "</div>"
            if rest := found[limits.cases : _MOST_CASES_IN_WORDS]:
                names = ", ".join(escape(entry.item.id, 80) for _, entry in rest)
                more = len(found) - limits.cases - len(rest)
                yield f'<p class="why">and {names}{f" and {more} more" if more else ""}</p>'
    if nothing:
        yield "<p>Nothing was dropped.</p>"


def _kept(catalog: DatasetState, limits: Limits, budget: _Budget) -> Iterator[str]:
    """Videos of the dataset, those that came closest to being dropped first."""
    if "chunk" not in catalog.stages:
        return
    kept = []
    for item, entry in catalog.entries("chunk").items():
        if entry.state == "done" and entry.record is not None:
            margins = [
                margin
                for name in ("validate", "stills", "voiceover")
                if name in catalog.stages and (record := catalog.records(name).get(item)) is not None
                if (margin := combined(catalog.stages[name], record)) is not None
            ]
            kept.append((-max(margins, default=-np.inf), entry))
    kept.sort(key=lambda case: (case[0], case[1].item.id))
    yield f'<p class="soft">{len(kept)} videos; those that came closest to a threshold first.</p><div class="grid">'
    for margin, entry in kept[: limits.kept]:
        yield _card(catalog, entry, budget.look(entry.item.id), margin)
    yield "</div>"


def _card(catalog: DatasetState, entry: ItemState, media: Media | None, margin: float) -> str:
    """One video. What comes from outside is escaped here and nowhere else."""
    record = entry.record
    assert record is not None
    told = catalog.records("crawl")[entry.item.id].measures if "crawl" in catalog.stages else {}
    parts = [
        f'<div class="card" id="video-{escape(entry.item.id)}">'
        f"<h4>{escape(told.get('title') or entry.item.id, 120)}</h4>"
    ]
    near = ' <span class="near">borderline</span>' if abs(margin) < _BORDER else ""
    channel = f" · {escape(told['channel'], 80)}" if told.get("channel") else ""
    parts.append(f'<p class="why">{escape(entry.item.id, 80)}{channel}{near}</p>')
    words = record.detail or ", ".join(f"{len(record.children)} clips" for _ in (1,) if record.children)
    parts.append(f"<p>{escape(words)}</p>")
    if media is None:
        parts.append('<p class="why">The page is full; see it with <code>yt360 explain</code>.</p>')
    else:
        parts += _media(media)
    if record.children:
        parts.append(_clips(entry))
    return "".join(parts) + "</div>"


def _clips(entry: ItemState) -> str:
    """A section for each clip that a video was cut into."""
    assert entry.record is not None
    sections = []
    for child in entry.record.children[:_MOST_CLIPS]:
        meta = child["meta"]
        words = (
            f"{meta.get('start_s', 0):g} s: sound from {meta.get('azimuth_deg', 0):+.0f}°, "
            f"{meta.get('elevation_deg', 0):+.0f}°, diffuseness {meta.get('diffuseness', 0):.2f}, "
            f"{meta.get('loudness_db', 0):.0f} dBFS"
        )
        sections.append(f'<section id="clip-{escape(child["id"])}">{escape(words)}</section>')
    more = len(entry.record.children) - len(sections)
    return f'<div class="clips">{"".join(sections)}{f"and {more} more clips" if more > 0 else ""}</div>'


def _media(media: Media) -> Iterator[str]:
    for words, address in media.pictures:
        yield f'<img src="{address}" alt="{escape(words)}" width="320" height="160" loading="lazy">'
    if media.peaks is not None:
        yield waveform(media.peaks, media.marks, "waveform of W; marked where post-production is heard")
    if media.excerpt:
        yield f'<audio controls preload="none" src="{media.excerpt}"></audio>'
        yield f'<p class="why">from {media.excerpt_at_s:.0f} s on</p>'
    if media.problem:
        yield f'<p class="why">{escape(media.problem, 200)}</p>'
