"""What stands at the top of the page: when and how the dataset was made, and what its clips are like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow.compute as pc

from yt360 import __version__
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.entries import ChildEntry
from yt360.files import parse_json
from yt360.report.charts import distribution
from yt360.report.page import SIDES, escape, table

_MOST_LICENCES = 6
_SIDES = tuple(zip((180.0, 90.0, 0.0, -90.0, -180.0), SIDES, strict=True))
"""Azimuth -> words, from the left edge of a picture to its right one."""


def about(catalog: DatasetState, clips: Sequence[ChildEntry]) -> Iterator[str]:
    """Recipe, versions, dates, splits and licences."""
    first, last = records_span(catalog)
    versions = ", ".join(f"{name} {stage.version}" for name, stage in catalog.stages.items())
    rows = [
        ["recipe", escape(recipe_name(catalog))],
        ["records", f"from {_minute(first)} to {_minute(last)} UTC" if last else "none"],
        ["versions", f"yt360 {escape(__version__)} wrote this page; stages: {escape(versions, 2000)}"],
    ]
    if clips:
        rows += [["splits", _splits(catalog, clips)], ["licences", _licences(catalog, clips)]]
    yield f'<div class="about">{table(["", ""], rows)}</div>'


def clip_charts(clips: Sequence[ChildEntry]) -> Iterator[str]:
    """Distributions over all clips: where the sound comes from, how clearly, how loud it is."""
    if not clips:
        return
    metas = [clip.meta for clip in clips]
    heard = [meta for meta in metas if float(meta.get("diffuseness", 1.0)) < 1]
    charts = (
        ("direction of the sound, across", "azimuth_deg", (180.0, -180.0), _SIDES, heard),
        ("direction of the sound, up and down", "elevation_deg", (-90.0, 90.0),
         ((-90.0, "below"), (0.0, "horizon"), (90.0, "above")), heard),
        ("diffuseness", "diffuseness", (0.0, 1.0),
         ((0.0, "0: from one direction"), (1.0, "1: from everywhere")), metas),
        ("loudness", "loudness_db", (-70.0, 0.0), ((-70.0, "-70"), (0.0, "0 dBFS")), metas),
    )  # fmt: skip
    yield '<p class="soft">All clips, by the mean over each; heights are square roots of counts.</p><div class="grid">'
    for words, name, span, ticks, shown in charts:
        values = [float(meta[name]) for meta in shown if meta.get(name) is not None]
        if values:
            drawing = distribution(values, span, ticks, f"{words} of {len(values)} clips")
            yield f'<div class="card"><h4>{words}</h4>{drawing}</div>'
    yield "</div>"


def records_span(catalog: DatasetState) -> tuple[str, str]:
    """When the oldest and the newest record that stands were begun, ISO 8601 in UTC; empty without records."""
    ends = []
    for name in catalog.stages:
        newest = catalog.newest(name)
        if len(newest):
            least, most = pc.min_max(newest.column("started")).values()
            ends += [text for text in (least.as_py(), most.as_py()) if text]
    return (min(ends), max(ends)) if ends else ("", "")


def recipe_name(catalog: DatasetState) -> str:
    try:
        return str(parse_json(catalog.root.recipe.read_text(encoding="utf-8")).get("name") or "without a name")
    except (OSError, ValueError, AttributeError):
        return "without a name"


def _minute(started: str) -> str:
    """2026-03-01 12:30."""
    return escape(started[:16].replace("T", " "), 20)


def _splits(catalog: DatasetState, clips: Sequence[ChildEntry]) -> str:
    records = catalog.records("split") if "split" in catalog.stages else {}
    videos = {clip.parent.item for clip in clips}
    side_of = {video: str(records[video].meta.get("side", "")) for video in videos if video in records}
    count = Counter(side_of.get(clip.parent.item, "") for clip in clips)
    held = Counter(side_of.get(video, "") for video in videos)
    return "; ".join(
        f"{escape(side or 'none', 40)}: {_number(held[side], 'video')}, {_number(clips, 'clip')}"
        for side, clips in sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))
    )


def _licences(catalog: DatasetState, clips: Sequence[ChildEntry]) -> str:
    """Of the videos that are kept."""
    records = catalog.records("crawl") if "crawl" in catalog.stages else {}
    told = Counter(
        str(records[video].measures.get("license") or "not stated") if video in records else "not stated"
        for video in sorted({clip.parent.item for clip in clips})
    )
    shown = [f"{escape(name, 60)}: {_number(count, 'video')}" for name, count in told.most_common(_MOST_LICENCES)]
    more = len(told) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
