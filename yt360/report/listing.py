"""Everything that has no card: what failed and what to do, every video in one table, the settings that were used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from yt360 import __version__
from yt360.engine.state.dataset_state import DatasetState
from yt360.files import parse_json
from yt360.report.cards import told_of
from yt360.report.page import escape, link, table
from yt360.stages.verdicts import failure_words

_MOST_FAILED = 500
_MOST_VIDEOS = 20_000


def failed(catalog: DatasetState) -> Iterator[str]:
    """Each item that failed: its kind, the message, what a person can do."""
    rows = []
    for name in catalog.stages:
        entries = catalog.entries(name)
        for row in entries.rows("failed"):
            record = entries.standing_at(int(row)).record
            if record is None:
                continue
            meaning, advice = failure_words(record.kind, name)
            kind = escape(record.kind) + (f'<br><span class="why">{escape(meaning)}</span>' if meaning else "")
            name_cell = link(told_of(catalog, record.item).get("url"), escape(record.item, 80))
            message = _portable(record.error, catalog)
            rows.append([name_cell, name, kind, escape(message), escape("" if advice in message else advice)])
    if not rows:
        yield "<p>Nothing failed.</p>"
        return
    yield table(["item", "stage", "kind", "message", "what to do"], rows[:_MOST_FAILED])
    if len(rows) > _MOST_FAILED:
        yield f'<p class="why">and {len(rows) - _MOST_FAILED} more: <code>yt360 status --json</code></p>'


def _portable(error: str, catalog: DatasetState) -> str:
    """A message without folders of the machine that ran, and of a traceback the line that says what went wrong."""
    lines = [line for line in error.splitlines() if line.strip()]
    text = lines[-1] if error.startswith("Traceback") and lines else error
    return re.sub(r"/\S*/(?=(data|shards|tmp)/)", "", text.replace(f"{catalog.root.path}/", ""))


def videos(catalog: DatasetState, shown: frozenset[str]) -> Iterator[str]:
    """Every video in one table, folded: where it ended and why; ``shown`` ones lead to their card."""
    ends = _ends(catalog)
    rows = []
    for item, (state, stage, why) in sorted(ends.items())[:_MOST_VIDEOS]:
        name = escape(item, 80)
        told = told_of(catalog, item)
        cell = f'<a href="#video-{escape(item)}">{name}</a>' if item in shown else link(told.get("url"), name)
        title = escape(told.get("title") or "", 80)
        rows.append([cell, title, state, stage, escape(why, 160)])
    more = len(ends) - len(rows)
    yield f"<details><summary>{len(ends)} in order of their names</summary>"
    yield table(["id", "title", "verdict", "at", "why"], rows)
    yield f'<p class="why">and {more} more in manifests/videos.parquet</p></details>' if more > 0 else "</details>"


def _ends(catalog: DatasetState) -> dict[str, tuple[str, str, str]]:
    """Each video -> (kept, filtered, failed or waiting; the stage that said so; why)."""
    found: dict[str, tuple[str, str, str]] = {}
    ended: set[str] = set()
    first = next(iter(catalog.stages), None)
    for name in catalog.stages:
        for item, entry in catalog.entries(name).items():
            if item in ended or (name != first and item not in found):
                continue  # dropped before; or a clip or a shard
            if entry.state == "done":
                found[item] = ("kept", "", "")
                continue
            record = entry.record
            why = (
                f"{record.reason or record.kind}: {record.detail or _portable(record.error, catalog)}" if record else ""
            )
            found[item] = (entry.state, name, why)
            ended.add(item)
    return found


def settings(catalog: DatasetState) -> Iterator[str]:
    """The version and every threshold and parameter that is not what yt360 comes with."""
    rows = []
    for name, stage in catalog.stages.items():
        for what, value in (("threshold", stage.thresholds), ("parameter", stage.params)):
            default = type(value)().model_dump(mode="json")
            for key, now, usual in _changed(value.model_dump(mode="json"), default):
                rows.append([escape(name), what, escape(key), escape(_short(now), 120), escape(_short(usual), 120)])
    recipe = _recipe_name(catalog)
    yield f"<p>Recipe {escape(recipe)}, made with yt360 {escape(__version__)}: " + (
        "these settings are not the usual ones.</p>" if rows else "all settings are the usual ones.</p>"
    )
    if rows:
        yield table(["stage", "", "name", "here", "usual"], rows)
    yield '<p class="why">All of them are in recipe.json; <code>yt360 params</code> says what each means.</p>'


def _changed(now: Mapping[str, Any], usual: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key, value in now.items():
        if key == "source":
            continue  # a path of the machine that crawled
        before = usual.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _changed(value, before, f"{above}{key}.")
        elif value != before:
            yield above + key, value, before


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _recipe_name(catalog: DatasetState) -> str:
    try:
        return str(parse_json(catalog.root.recipe.read_text(encoding="utf-8")).get("name") or "without a name")
    except (OSError, ValueError, AttributeError):
        return "without a name"
