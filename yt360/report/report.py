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
from yt360.report.about import about, clip_charts
from yt360.report.cards import card, check_address
from yt360.report.cases import Media, look
from yt360.report.charts import histogram
from yt360.report.funnel import PAPER, Funnel, clips_of, funnel
from yt360.report.legend import legend
from yt360.report.page import escape, page, table
from yt360.stages.verdicts import failure_words, reason_words

_HEADINGS = {"Scores": "Scores and thresholds", "Videos": "All videos", "Legend": "How to read the cards"}

REPORT = "report.html"

_FEW = {1: "one", 2: "two"}
"""Number of cards -> class of a section that leaves room for others beside it."""


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
    catalog: DatasetState,
    path: Path,
    limits: Limits | None = None,
    said: Callable[[int, int, str], None] | None = None,
    *,
    address: str = "",
) -> Path:
    """Write the page. Equal roots give equal pages, wherever they lie.

    ``said`` hears how many of how many videos were looked at. ``address`` is that of the page of `yt360 view`, to
    which clips and videos are linked. Raises :class:`UsageError` for one that is none.
    """
    limits = limits or Limits()
    check_address(address)
    if said is not None:
        said(0, 0, "counting")
    clips = clips_of(catalog)
    found = funnel(catalog, clips)
    dropped, kept = list(_dropped_groups(catalog, limits)), _kept_group(catalog, limits)
    name = catalog.root.url.rstrip("/").rpartition("/")[2]
    groups = [*dropped, *([kept] if kept is not None else [])]
    shown = [entry.item.id for group in groups for _, entry in group.cases[: group.most]]
    with tempfile.TemporaryDirectory() as scratch:
        budget = _Budget(catalog, limits, Path(scratch), len(shown), said)
        sections = {
            "Funnel": _funnel(found),
            "Clips": clip_charts(clips) if clips else ["<p>No clips yet.</p>"],
            "Scores": _scores(catalog),
            "Legend": legend(address),
            "Dropped": _cards(catalog, dropped, budget, address) if dropped else ["<p>Nothing was dropped.</p>"],
            "Failed": listing.failed(catalog, address),
            "Kept": _cards(catalog, [kept], budget, address) if kept is not None else [],
            "Videos": listing.videos(catalog, frozenset(shown), address),
            "Settings": listing.settings(catalog),
        }
        body = [
            f"<h1>{escape(name, 80)}</h1>",
            f'<p class="soft">{_asked(found)}; {found.videos:,} kept with {found.clips:,} '
            f"clip{'' if found.clips == 1 else 's'}, {found.hours:.2f} hours.</p>",
            *about(catalog, clips),
            "<nav>" + "".join(f'<a href="#{section.lower()}">{section}</a>' for section in sections) + "</nav>",
        ]
        for section, parts in sections.items():
            body += [f'<h2 id="{section.lower()}">{_HEADINGS.get(section, section)}</h2>', *parts]
    atomic_write_text(path, page(f"{name}: report", body))
    return path


def _asked(found: Funnel) -> str:
    """How many videos there were to begin with. A sound that no picture belongs to is no video."""
    sounds = sum(step.reasons.get("no-picture", 0) for step in found.steps)
    videos = found.listed - sounds
    loose = f" (and {sounds} sound file{'' if sounds == 1 else 's'} without a picture)" if sounds else ""
    return f"{videos:,} video{'' if videos == 1 else 's'} asked for{loose}"


def _scores(catalog: DatasetState) -> Iterator[str]:
    yield (
        '<p class="soft">Every video that a filter saw: <span class="keep-key"></span>kept, '
        '<span class="drop-key"></span>dropped; the dashed line is the threshold in force. Heights are square roots of '
        "counts, so that a few are seen as well.</p>"
    )
    yield '<div class="grid">'
    yield from _distributions(catalog)
    yield "</div>"


def _funnel(found: Funnel) -> Iterator[str]:
    most = max([step.kept for step in found.steps], default=0) or 1
    rows = []
    for step in found.steps:
        gone = [_told(reason, reason_words(reason), count) for reason, count in step.reasons.items()]
        gone += [
            f"failed: {_told(kind, failure_words(kind, step.stage)[0], count)}" for kind, count in step.failures.items()
        ]
        gone += [f"waiting {step.waiting}"] if step.waiting else []
        bar = f'<div style="width:{100 * step.kept / most:.1f}%"></div>'
        rows.append([escape(step.words), f"{step.kept:,}", bar, f'<span class="why">{", ".join(gone)}</span>'])
    yield table(["left", "videos", "", "dropped here"], rows, numbers=(1,)).replace("<td><div", '<td class="bar"><div')
    ours = {"videos": found.videos, "clips": found.clips, "hours": found.hours}
    rows = [
        [words, f"{ours[words]:,.2f}" if words == "hours" else f"{ours[words]:,}", f"{PAPER[words]:,}"]
        for words in ("videos", "clips", "hours")
    ]
    yield "<h3>Beside the paper</h3>"
    yield f'<div class="beside">{table(["", "here", "YouTube-360 (2020)"], rows, numbers=(1, 2))}</div>'


def _told(code: str, meaning: str, count: int) -> str:
    """A reason with what it means, where that is known."""
    words = f'<abbr title="{escape(meaning)}">{escape(code)}</abbr>' if meaning else escape(code)
    return f"{words} {count:,}"


def _distributions(catalog: DatasetState) -> Iterator[str]:
    for score in SCORES:
        if score.stage not in catalog.stages:
            continue
        stage = catalog.stages[score.stage]
        records = [entry.record for entry in catalog.entries(score.stage).values() if entry.record is not None]
        seen = [
            (value, score.limit(record.measures, stage))
            for record in records
            if (value := score.value(record.measures)) is not None
        ]
        if not seen:
            continue
        values, limit = [value for value, _ in seen], score.threshold(stage)
        beyond = sum(value >= own if score.drops_above else value <= own for value, own in seen)
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
        for reason, found in sorted(cases.items(), key=lambda group: (-len(group[1]), group[0])):
            found.sort(key=lambda case: (case[0], case[1].item.id))
            order = ", the borderline ones first" if any(np.isfinite(margin) for margin, _ in found) else ""
            meaning = reason_words(reason)
            words = f'<p class="soft">{escape(meaning[:1].upper() + meaning[1:])}.</p>' if meaning else ""
            heading = f"<h3>{escape(name)}: {escape(reason)} ({len(found):,}{order})</h3>{words}"
            yield _Group(heading, found, limits.cases)


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


def _cards(catalog: DatasetState, groups: Sequence[_Group], budget: _Budget, address: str) -> Iterator[str]:
    yield '<div class="groups">'
    for group in groups:
        cases = group.cases[: group.most]
        yield f'<section class="group {_FEW.get(len(cases), "")}">{group.heading}<div class="grid">'
        for margin, entry in cases:
            yield card(catalog, entry, budget.look(entry.item.id), margin, address)
        more = len(group.cases) - len(cases)
        rest = f'<p class="why">and {more:,} more: see <a href="#videos">all videos</a></p>' if more > 0 else ""
        yield f"</div>{rest}</section>"
    yield "</div>"
