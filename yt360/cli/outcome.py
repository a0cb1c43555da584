"""The end of a run in words: what was dropped and why, each cause of failure once, the result, the next commands."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from yt360.cli.common import from_here
from yt360.cli.plain_text import clean
from yt360.engine.stage import Stage
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import Record
from yt360.engine.storage import Root
from yt360.errors import what_a_traceback_says
from yt360.stages.verdicts import failure_words, reason_words

_NAMED = 3
"""Ids that stand for all items of one cause."""

_CAUSES = 20
_MESSAGE = 1500
"""Characters of a message: what to do stands at its end, and has to be seen."""


@dataclass(frozen=True)
class Cause:
    """Items of one stage that failed for one cause; ``words`` are those of the first."""

    stage: str
    kind: str
    words: str
    items: tuple[str, ...]


def causes(failed: Iterable[tuple[str, str, str, str]]) -> list[Cause]:
    """Failures (stage, item, kind, error), grouped by what is the same but for names, paths and numbers."""
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for stage, item, kind, error in failed:
        words = last_line(error) if kind == "unexpected" else clean(error, _MESSAGE)
        found.setdefault((stage, kind, _gist(words, item)), []).append((item, words))
    return [
        Cause(stage, kind, cases[0][1].removeprefix(f"{cases[0][0]}: "), tuple(item for item, _ in cases))
        for (stage, kind, _), cases in found.items()
    ]


def last_line(error: str) -> str:
    """The line of a traceback that says what went wrong; of another text the last one."""
    lines = [line for line in error.splitlines() if line.strip()]
    return clean(what_a_traceback_says(error) or (lines[-1] if lines else ""), _MESSAGE)


def _gist(words: str, item: str) -> str:
    without = re.sub(rf"(?<!\w){re.escape(item)}(?!\w)", "ITEM", re.sub(r"\S*/\S*", "PATH", words))
    return re.sub(r"\d+(\.\d+)?", "#", without)


def told_causes(found: Sequence[Cause], root: Root) -> Iterator[str]:
    """Lines on what failed: how many items, what happened, which ones, what to do."""
    for cause in found[:_CAUSES]:
        shown = ", ".join(clean(item, 80) for item in cause.items[:_NAMED])
        more = f" and {len(cause.items) - _NAMED} more" if len(cause.items) > _NAMED else ""
        yield f"failed: {cause.stage}: {plural(len(cause.items), 'item')}, {cause.kind}: {cause.words}"
        advice = failure_words(cause.kind, cause.stage)[1]
        yield f"        {shown}{more}" + (f"; {advice}" if advice and advice not in cause.words else "")
    if len(found) > _CAUSES:
        yield f"… and {len(found) - _CAUSES} more causes: `yt360 status --root {shlex.quote(where(root))} --json`"


def told_reasons(stage: str, reasons: dict[str, int]) -> Iterator[str]:
    """Lines on what a stage dropped, in counts and plain words."""
    for reason, count in reasons.items():
        words = reason_words(reason)
        yield f"{stage:>11}: {count} filtered: {reason}" + (f" ({words})" if words else "")


def told_off(stages: Iterable[Stage]) -> Iterator[str]:
    """Lines on stages whose parameters switch them off."""
    for stage in stages:
        if stage.off:
            yield f"{stage.name:>11}: off ({stage.off})"


def reasons_of(catalog: DatasetState, stage: str) -> dict[str, int]:
    """Reasons of what a stage dropped and how often each, the most frequent first."""
    entries = catalog.entries(stage)
    rows = entries.rows("filtered")
    if not len(rows):
        return {}
    return dict(Counter(entries.newest.column("reason", entries.places[rows]).to_pylist()).most_common())


def loose_sounds(catalog: DatasetState) -> list[str]:
    """Items that are a sound and no picture: they were in the source, and are no videos."""
    if "validate" not in catalog.stages:
        return []
    entries = catalog.entries("validate")
    records = (entries.standing_at(int(row)).record for row in entries.rows("filtered"))
    return [record.item for record in records if record is not None and record.reason == "no-picture"]


def first_dropped(catalog: DatasetState, besides: Sequence[str]) -> str | None:
    """A dropped item to ask about that is none of ``besides``; ``None`` where all were kept."""
    for name in catalog.stages:
        entries = catalog.entries(name)
        items = entries.newest.column("item", entries.places[entries.rows("filtered")]).to_pylist()
        found = next((item for item in items if item not in besides), None)
        if found is not None:
            return str(found)
    return None


def told_sounds(names: Sequence[str]) -> str:
    """A line that names sound files that pair with nothing."""
    shown = ", ".join(clean(name, 60) for name in names[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{plural(len(names), 'sound file')} without a picture, not counted as videos: {shown}{more}"


def result(root: Root) -> str:
    """Where the dataset is and how much of it there is; empty where there is none yet."""
    manifests = root.manifests
    try:
        clips = pq.ParquetFile(manifests / "clips.parquet").read(["duration_s", "video"], use_threads=False)
        clips.validate(full=True)  # texts are not decoded before they are looked at
        shards = pq.ParquetFile(manifests / "shards.parquet").metadata.num_rows
    except (OSError, pa.ArrowException):
        return ""
    if not clips.num_rows:
        return "no clips: nothing came through all stages"
    hours = sum(clips["duration_s"].to_pylist()) / 3600
    videos = len(set(clips["video"].to_pylist()))
    return (
        f"{plural(clips.num_rows, 'clip')} of {plural(videos, 'video')}, {hours:.2f} hours: "
        f"{where(root)}/manifests/clips.parquet, {plural(shards, 'file')} in {where(root)}/shards/"
    )


def still_waiting(catalog: DatasetState, after: str) -> str:
    """What waits beside a stage that was run by itself, and the commands for it; empty where nothing does."""
    entries = {name: catalog.entries(name) for name in catalog.stages if name != after}
    waiting = {name: each.count("waiting") + each.count("undecided") for name, each in entries.items()}
    found = {name: count for name, count in waiting.items() if count}
    if not found:
        return ""
    words = ", ".join(f"{name} {count}" for name, count in found.items())
    commands = " && ".join(f"yt360 {name} --root {shlex.quote(catalog.root.url)}" for name in found)
    return f"waiting now: {words}; until then the shards and manifests hold what they held\nnext:\n  {commands}"


def next_commands(root: Root, dropped: str | None, *, kept: bool) -> Iterator[str]:
    """What a person does next; ``dropped`` is an id to ask about."""
    here = f"--root {shlex.quote(where(root))}"
    yield f"  yt360 report {here}    what was kept and dropped, to look at and listen to"
    if dropped is not None:
        yield f"  yt360 explain {shlex.quote(dropped)} {here}    why a video was dropped"
    if kept:
        yield f"  yt360 verify {here}    open and check every file"
        yield f"  yt360 train tiny {here} --out {shlex.quote(_beside(root))}    a first small model"


def where(root: Root) -> str:
    """A root as a person here would write it: relative where that is shorter."""
    return root.url if root.store is not None else from_here(root.path)


def _beside(root: Root) -> str:
    """Where a model may go: beside a folder, and never into a store."""
    return f"{where(root)}-model" if root.store is None else "model"


def plural(count: int, noun: str) -> str:
    """``1 clip``, ``2 clips``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def of_records(records: Iterable[Record]) -> Iterator[tuple[str, str, str, str]]:
    """Records as :func:`causes` takes them."""
    return ((record.stage, record.item, record.kind, record.error) for record in records)
