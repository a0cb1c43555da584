"""Everything that has no card: what failed and what to do, every video by how it ended, the settings in force."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from yt360.engine.state.dataset_state import DatasetState
from yt360.report.cards import looking, told_of
from yt360.report.page import escape, link, portable, table
from yt360.settings_reference import settings_of
from yt360.stages.verdicts import failure_words, reason_words

_MOST_FAILED = 500
_MOST_VIDEOS = 20_000


def failed(catalog: DatasetState, address: str) -> Iterator[str]:
    """Each item that failed: its kind, the message, what a person can do."""
    asked = catalog.records("crawl") if "crawl" in catalog.stages else {}
    rows = []
    for name in catalog.stages:
        entries = catalog.entries(name)
        for row in entries.rows("failed"):
            record = entries.standing_at(int(row)).record
            if record is None:
                continue
            meaning, advice = failure_words(record.kind, name)
            kind = escape(record.kind) + (f'<br><span class="why">{escape(meaning)}</span>' if meaning else "")
            told = told_of(catalog, record.item)
            title = told.get("title")
            about = f'<br><span class="why">{escape(title, 80)}</span>' if title and title != record.item else ""
            name_cell = link(told.get("url"), escape(record.item, 80)) + about
            message = portable(record.error, catalog.root.path)
            there = looking(address, f"video={record.item}") if record.item in asked else ""
            rows.append([name_cell, name, kind, escape(message), escape("" if advice in message else advice), there])
    if not rows:
        yield "<p>Nothing failed.</p>"
        return
    yield table(["item", "stage", "kind", "message", "what to do", "in <code>yt360 view</code>"], rows[:_MOST_FAILED])
    if len(rows) > _MOST_FAILED:
        more = len(rows) - _MOST_FAILED
        yield f'<p class="why">and {more:,} more: see <a href="#videos">all videos</a></p>'


def videos(catalog: DatasetState, shown: frozenset[str], address: str) -> Iterator[str]:
    """Every video in folded tables, one for each way in which videos ended; ``shown`` ones lead to their card.

    ``address`` is that of the page of `yt360 view`, where it is known.
    """
    groups: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
    ends = sorted(_ends(catalog).items())
    for item, (state, stage, code, why) in ends[:_MOST_VIDEOS]:
        groups[state, stage, code].append((item, why))
    for (state, stage, code), members in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        meaning = reason_words(code) if state == "filtered" else failure_words(code, stage)[0]
        words = " · ".join(
            [
                f"<strong>{state}</strong>",
                *([f"{escape(stage)}: {escape(code)}"] if code else [escape(stage)] if stage else []),
                *([escape(meaning)] if meaning else []),
                f"{len(members):,} video{'' if len(members) == 1 else 's'}",
            ]
        )
        rows = [_row(catalog, item, why, item in shown, address) for item, why in members]
        told = any(why for _, why in members)
        header = ["id", "title", "why" if told else "", "in <code>yt360 view</code>"]
        yield f"<details><summary>{words}</summary>{table(header, rows)}</details>"
    more = len(ends) - _MOST_VIDEOS
    if more > 0:
        yield f'<p class="why">and {more:,} more in manifests/videos.parquet</p>'


def _row(catalog: DatasetState, item: str, why: str, is_shown: bool, address: str) -> list[str]:
    told = told_of(catalog, item)
    name = escape(item, 80)
    cell = f'<a href="#video-{escape(item)}">{name}</a>' if is_shown else link(told.get("url"), name)
    title = told.get("title")
    return [
        cell,
        escape(title, 80) if title and title != item else "",
        escape(why, 160),
        looking(address, f"video={item}"),
    ]


def _ends(catalog: DatasetState) -> dict[str, tuple[str, str, str, str]]:
    """Each video -> (kept, filtered, failed or waiting; the stage that said so; reason or kind; why in words)."""
    found: dict[str, tuple[str, str, str, str]] = {}
    ended: set[str] = set()
    first = next(iter(catalog.stages), None)
    for name in catalog.stages:
        for item, entry in catalog.entries(name).items():
            if item in ended or (name != first and item not in found):
                continue  # dropped before; or a clip or a shard
            if entry.state == "done":
                found[item] = ("kept", "", "", "")
                continue
            record = entry.record
            code, why = "", ""
            if record is not None and entry.state in ("filtered", "failed"):
                code, why = record.reason or record.kind, portable(record.detail or record.error, catalog.root.path)
            found[item] = (entry.state, name, code, why)
            ended.add(item)
    return found


def settings(catalog: DatasetState) -> Iterator[str]:
    """Every threshold in force, what each means, and the parameters that are not what yt360 comes with."""
    yield "<h3>Thresholds in force</h3>"
    judging = [(name, stage) for name, stage in catalog.stages.items() if type(stage.thresholds).model_fields]
    for name, stage in judging:
        meanings = {setting.name: setting for setting in settings_of(type(stage.thresholds))}
        usual = dict(_flat(type(stage.thresholds)().model_dump(mode="json")))
        now = dict(_flat(stage.thresholds.model_dump(mode="json")))
        changed = [key for key, value in now.items() if value != usual.get(key)]
        rows = []
        for key, value in now.items():
            setting = meanings.get(key)
            unit = f" {setting.unit}" if setting is not None and setting.unit else ""
            here = escape(_portable_value(value), 120) + escape(unit)
            before = escape(_portable_value(usual.get(key)), 120)
            cell = f"<strong>{here}</strong> (usually {before})" if key in changed else here
            rows.append([escape(key), cell, escape(setting.summary if setting is not None else "", 240)])
        count = f"{len(now)} threshold{'' if len(now) == 1 else 's'}"
        words = (
            f"{len(changed)} changed: {escape(', '.join(changed), 200)}" if changed else "all as they come with yt360"
        )
        yield (
            f"<details><summary><strong>{escape(name)}</strong>: {count}, {words}</summary>"
            f"{table(['threshold', 'value', 'meaning'], rows)}</details>"
        )
    if not judging:
        yield "<p>No stage has thresholds.</p>"
    yield "<h3>Parameters that are not the usual ones</h3>"
    rows = [
        [escape(name), escape(key), escape(_portable_value(value), 120), escape(_portable_value(usual), 120)]
        for name, stage in catalog.stages.items()
        for key, value, usual in _changed(
            stage.params.model_dump(mode="json"), type(stage.params)().model_dump(mode="json")
        )
    ]
    yield table(["stage", "parameter", "here", "usual"], rows) if rows else "<p>None: all are the usual ones.</p>"
    yield '<p class="why">All of them are in recipe.json; <code>yt360 params</code> says what each means.</p>'


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Settings of sections by dotted names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def _changed(now: Mapping[str, Any], usual: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key, value in now.items():
        if key == "source":
            continue  # a path of the machine that crawled
        before = usual.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _changed(value, before, f"{above}{key}.")
        elif value != before:
            yield above + key, value, before


def _portable_value(value: Any) -> str:
    """A value as text; of a path of the machine that ran, the last part."""
    return portable(json.dumps(value, ensure_ascii=False))
