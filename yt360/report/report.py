"""The report of a root: what became of every video, and the cases that a person should look at.

One HTML file that loads nothing. Text from outside is escaped; the size is bounded: media are added until
``most_bytes`` are used, the rest of the cases stand there in words.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yt360.engine.state.dataset_state import DatasetState, ItemState
from yt360.files import atomic_write_text
from yt360.filters.evaluation.scores import SCORES, combined
from yt360.report import listing
from yt360.report.cards import HOW_TO_READ, card
from yt360.report.cases import Media, look
from yt360.report.charts import histogram
from yt360.report.funnel import PAPER, Funnel, funnel
from yt360.report.page import escape, page, table

_HEADINGS = {"Scores": "Scores and thresholds", "Videos": "All videos"}

REPORT = "report.html"


@dataclass(frozen=True)
class Limits:
    """``cases`` with media for each reason, ``kept`` ones likewise, ``most_bytes`` of media in all."""

    cases: int = 6
    kept: int = 8
    most_bytes: int = 24_000_000


class _Budget:
    def __init__(
        self,
        catalog: DatasetState,
        limits: Limits,
        scratch: Path,
        total: int,
        said: Callable[[int, int, str], None] | None,
    ) -> None:
        self._catalog, self._left, self._scratch = catalog, limits.most_bytes, scratch
        self._done, self._total, self._said = 0, total, said

    def look(self, item: str) -> Media | None:
        """Media of an item, or ``None`` when the page is full."""
        if self._said is not None:
            self._said(self._done, self._total, item)
        self._done += 1
        if self._left <= 0:
            return None
        media = look(self._catalog, item, self._scratch)
        self._left -= media.size()
        return media


def write_report(
    catalog: DatasetState, path: Path, limits: Limits | None = None, said: Callable[[int, int, str], None] | None = None
) -> Path:
    """Write the page. Equal roots give equal pages. ``said`` hears how many of how many videos were looked at."""
    limits = limits or Limits()
    found = funnel(catalog)
    dropped, kept = list(_dropped_groups(catalog, limits)), _kept_group(catalog, limits)
    groups = [*dropped, *([kept] if kept is not None else [])]
    shown = [entry.item.id for group in groups for _, entry in group.cases[: group.most]]
    with tempfile.TemporaryDirectory() as scratch:
        budget = _Budget(catalog, limits, Path(scratch), len(shown), said)
        sections = {
            "Funnel": _funnel(found),
            "Scores": _scores(catalog),
            "Dropped": [
                f'<p class="soft">{HOW_TO_READ}</p>',
                *(_cards(catalog, dropped, budget) if dropped else ["<p>Nothing was dropped.</p>"]),
            ],
            "Failed": listing.failed(catalog),
            "Kept": _cards(catalog, [kept], budget) if kept is not None else [],
            "Videos": listing.videos(catalog, frozenset(shown)),
            "Settings": listing.settings(catalog),
        }
        body = [
            f"<h1>{escape(catalog.root.path.name, 80)}</h1>",
            f'<p class="soft">{_asked(found)}; {found.videos:,} kept with {found.clips:,} '
            f"clip{'' if found.clips == 1 else 's'}, {found.hours:.2f} hours.</p>",
            "<nav>" + "".join(f'<a href="#{name.lower()}">{name}</a>' for name in sections) + "</nav>",
        ]
        for name, parts in sections.items():
            body += [f'<h2 id="{name.lower()}">{_HEADINGS.get(name, name)}</h2>', *parts]
    atomic_write_text(path, page(f"{catalog.root.path.name}: report", body))
    return path


def _asked(found: Funnel) -> str:
    """How many videos there were to begin with. A sound that no picture belongs to is no video."""
    sounds = sum(step.reasons.get("no-picture", 0) for step in found.steps)
    videos = found.listed - sounds
    loose = f" (and {sounds} sound file{'' if sounds == 1 else 's'} without a picture)" if sounds else ""
    return f"{videos:,} video{'' if videos == 1 else 's'} asked for{loose}"


def _scores(catalog: DatasetState) -> Iterator[str]:
    yield (
        '<p class="soft">Every video that a filter saw. The dashed line is the threshold in force; heights are square '
        "roots of counts, so that a few are seen as well.</p>"
    )
    yield '<div class="grid">'
    yield from _distributions(catalog)
    yield "</div>"


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
        seen = [record.measures for record in records if score.value(record.measures) is not None]
        values = [value for measures in seen if (value := score.value(measures)) is not None]
        if not values:
            continue
        limit = score.threshold(stage)
        beyond = sum((score.margin(measures, stage) or 0.0) >= 0 for measures in seen)
        drawing = histogram(values, score.span, limit, score.drops_above, f"{score.stage}: {score.words}")
        yield (
            f'<div class="card"><h4>{escape(score.stage)}: {escape(score.name)}</h4>'
            f'<p class="why">{escape(score.words)}; {beyond} of {len(values)} beyond {limit:.3g}</p>{drawing}</div>'
        )


@dataclass(frozen=True)
class _Group:
    """Cases of one section, the borderline ones first; ``heading`` is HTML."""

    heading: str
    cases: list[tuple[float, ItemState]]
    most: int


def _dropped_groups(catalog: DatasetState, limits: Limits) -> Iterator[_Group]:
    """Cases by stage and reason, the borderline ones first."""
    for name, stage in catalog.stages.items():
        cases: dict[str, list[tuple[float, ItemState]]] = defaultdict(list)
        for entry in catalog.entries(name).values() if name not in ("crawl", "shard") else ():
            if entry.state == "filtered" and entry.record is not None:
                margin = combined(stage, entry.record)
                cases[entry.record.reason].append((np.inf if margin is None else abs(margin), entry))
        for reason, found in sorted(cases.items()):
            found.sort(key=lambda case: (case[0], case[1].item.id))
            order = ", the borderline ones first" if any(np.isfinite(margin) for margin, _ in found) else ""
            yield _Group(f"<h3>{escape(name)}: {escape(reason)} ({len(found)}{order})</h3>", found, limits.cases)


def _kept_group(catalog: DatasetState, limits: Limits) -> _Group | None:
    """Videos of the dataset, those that came closest to being dropped first."""
    if "chunk" not in catalog.stages:
        return None
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
    count = f"{len(kept)} video{'' if len(kept) == 1 else 's'}"
    words = f'<p class="soft">{count}; those that came closest to a threshold first.</p>'
    return _Group(words, kept, limits.kept)


def _cards(catalog: DatasetState, groups: Sequence[_Group], budget: _Budget) -> Iterator[str]:
    for group in groups:
        yield group.heading
        yield '<div class="grid">'
        for margin, entry in group.cases[: group.most]:
            yield card(catalog, entry, budget.look(entry.item.id), margin)
        yield "</div>"
        more = len(group.cases) - group.most
        if more > 0:
            yield f'<p class="why">and {more} more: see <a href="#videos">all videos</a></p>'
