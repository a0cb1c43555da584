"""All videos of a root in columns: where each ended, why, and how close to its thresholds. No item is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.entries import STATES
from yt360.engine.state.item_states import ItemStates
from yt360.engine.state.latest_records import LatestRecords, places_in
from yt360.errors import what_a_traceback_says
from yt360.filters.evaluation.scores import Score, scores_of
from yt360.stages.verdicts import failure_words, reason_words

KEPT = "kept"
_TOLD = ("title", "channel", "license", "url")
_LONGEST = {"title": 300, "channel": 120, "license": 120, "url": 1000, "detail": 600}
"""Characters of texts from outside; a site may send any number."""

_DIGITS = 4
"""Of scores and margins, after the decimal point."""


@dataclass
class Column:
    """Words of which each row has one: ``words`` without repetition, ``codes`` one number a row."""

    words: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    _known: dict[str, int] = field(default_factory=dict)

    def append(self, word: str) -> None:
        """Add a row."""
        if word not in self._known:
            self._known[word] = len(self.words)
            self.words.append(word)
        self.codes.append(self._known[word])

    def to_json(self) -> dict[str, Any]:
        return {"words": self.words, "codes": self.codes}


@dataclass(frozen=True)
class Seen:
    """One stage's view of the videos: of each, the row of its newest record (-1: none) and how it stands there."""

    stage: str
    entries: ItemStates
    places: NDArray[np.int64]
    states: NDArray[np.int64]


def stages_of_videos(catalog: DatasetState) -> list[str]:
    """The stages whose items are videos, in order."""
    kinds = catalog.gates.kinds
    first = next(iter(kinds.values()), "")
    return [name for name in catalog.stages if kinds[name] == first]


def video_ids(catalog: DatasetState) -> pa.Array:
    """Ids of all videos, in the order of the plan of the first stage."""
    names = stages_of_videos(catalog)
    return catalog.entries(names[0]).plan.ids if names else pa.array([], pa.string())


def seen_by_stages(catalog: DatasetState, ids: pa.Array) -> Iterator[Seen]:
    """How videos stand in each stage; ``states`` are codes of :data:`STATES`, -1 where a stage has not planned them."""
    for name in stages_of_videos(catalog):
        entries = catalog.entries(name)
        rows = places_in(entries.plan.ids, ids)
        known = rows >= 0
        places = np.full(len(ids), -1, np.int64)
        states = np.full(len(ids), -1, np.int64)
        places[known] = entries.places[rows[known]]
        states[known] = entries.states[rows[known]]
        yield Seen(name, entries, places, states)


@dataclass
class _Table:
    """What is gathered of all videos, row by row of ``ids``."""

    stage: list[str]
    state: list[str]
    reason: list[str]
    detail: list[str]
    margin: NDArray[np.float64]
    scores: dict[str, NDArray[np.float64]]
    told: dict[str, list[str]]
    clips: NDArray[np.int64]
    split: list[str]


def video_table(catalog: DatasetState, said: Callable[[str], object] = lambda stage: None) -> dict[str, Any]:
    """All videos as plain JSON values; ``said`` hears which stage is being read.

    ``columns`` has a list for each of ``id``, ``title``, ``url``, ``detail``, ``clips`` and ``margin``, and words with
    codes for ``state`` (kept, filtered, failed, waiting, undecided), ``stage`` (where it ended), ``reason`` (of a drop)
    or kind (of a failure), ``channel``, ``license`` and ``split``. ``scores`` holds, for each score, the number of
    every video, its threshold and what it means. A margin is how far beyond its threshold a video is, as a part of the
    score's range: negative on the side that is kept, ``null`` where no score decided.
    """
    ids = video_ids(catalog)
    table = _Table(
        [""] * len(ids), ["waiting"] * len(ids), [""] * len(ids), [""] * len(ids),
        np.full(len(ids), np.nan), {}, {name: [""] * len(ids) for name in _TOLD},
        np.zeros(len(ids), np.int64), [""] * len(ids),
    )  # fmt: skip
    going = np.ones(len(ids), bool)
    scores: list[dict[str, Any]] = []
    first = True
    for seen in seen_by_stages(catalog, ids):
        said(seen.stage)
        if first:
            _tell(table, seen)
            first = False
        rows = np.flatnonzero(going & (seen.states >= 0))
        _judge(table, seen, rows)
        if scores_of_stage := list(scores_of(seen.stage)):
            _score(catalog, table, seen, rows, scores_of_stage)
            # Of a stage of the same name that is somebody's own, there is nothing to tell.
            scores += [_describe(catalog, score) for score in scores_of_stage if _key(score) in table.scores]
        if seen.stage == "chunk":
            _count_clips(table, seen, rows)
        if seen.stage == "split":
            _sides(table, seen, rows)
        going[rows] = seen.states[rows] == STATES.index("done")
    return {"count": len(ids), "columns": _columns(ids, table), "scores": scores, "words": _words(table)}


def _tell(table: _Table, seen: Seen) -> None:
    """What the source says of each video."""
    for row, measures in _measures(seen, np.flatnonzero(seen.places >= 0)):
        for name in _TOLD:
            value = measures.get(name)
            table.told[name][row] = value[: _LONGEST[name]] if isinstance(value, str) else ""


def _judge(table: _Table, seen: Seen, rows: NDArray[np.int64]) -> None:
    """Where videos stand in a stage, and in which words."""
    known = rows[seen.places[rows] >= 0]
    newest = seen.entries.newest
    words = {name: dict(zip(known.tolist(), _texts(newest, name, seen.places[known]), strict=True))
             for name in ("reason", "kind", "detail", "error")}  # fmt: skip
    for row in rows.tolist():
        state = STATES[seen.states[row]]
        table.stage[row] = seen.stage
        table.state[row] = KEPT if state == "done" else state
        said = {name: found.get(row, "") for name, found in words.items()} if state in ("filtered", "failed") else {}
        table.reason[row] = said.get("reason") or said.get("kind") or ""
        error = said.get("error", "")
        table.detail[row] = (said.get("detail") or what_a_traceback_says(error) or error)[: _LONGEST["detail"]]


def _score(catalog: DatasetState, table: _Table, seen: Seen, rows: NDArray[np.int64], scores: Iterable[Score]) -> None:
    """The numbers of a stage that decide; of each video the margin that comes closest to dropping it, or that did."""
    stage = catalog.stages[seen.stage]
    scores = list(scores)
    for row, measures in _measures(seen, rows[seen.places[rows] >= 0]):
        margins = []
        for score in scores:
            value = score.value(measures)
            if value is None or not np.isfinite(value):
                continue
            table.scores.setdefault(_key(score), np.full(len(seen.places), np.nan))[row] = value
            margin = score.margin_of(value, measures, stage)
            if np.isfinite(margin) and _counts(table, row, score):
                margins.append(margin)
        filtered = table.state[row] == "filtered"
        if margins and not (filtered and max(margins) < 0):
            # A kept one by what came closest to dropping it; a dropped one by what dropped it.
            best = max(margins)
            held = table.margin[row]
            table.margin[row] = best if filtered or np.isnan(held) else max(held, best)
        elif filtered or table.state[row] == "failed":
            table.margin[row] = np.nan


def _counts(table: _Table, row: int, score: Score) -> bool:
    return table.state[row] != "filtered" or table.reason[row] in score.reasons


def _key(score: Score) -> str:
    return f"{score.stage}: {score.name}"


def _describe(catalog: DatasetState, score: Score) -> dict[str, Any]:
    stage = catalog.stages[score.stage]
    return {
        "key": _key(score),
        "stage": score.stage,
        "name": score.name,
        "words": score.words,
        "threshold": score.threshold(stage),
        "drops_above": score.drops_above,
        "span": list(score.span),
        "setting": score.setting,
    }


def _count_clips(table: _Table, seen: Seen, rows: NDArray[np.int64]) -> None:
    done = rows[(seen.states[rows] == STATES.index("done")) & (seen.places[rows] >= 0)]
    if len(done):
        lists = seen.entries.newest.column("children", seen.places[done])
        table.clips[done] = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)


def _sides(table: _Table, seen: Seen, rows: NDArray[np.int64]) -> None:
    done = rows[(seen.states[rows] == STATES.index("done")) & (seen.places[rows] >= 0)]
    for row, measures in _measures(seen, done):
        table.split[row] = str(measures.get("split", ""))


def _measures(seen: Seen, rows: NDArray[np.int64]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row, measures) of videos that have a record in a stage."""
    if not len(rows):
        return
    column = seen.entries.newest.column("measures", seen.places[rows])
    for row, text in zip(rows.tolist(), column, strict=True):
        yield row, json.loads(text.as_py())


def _texts(newest: LatestRecords, name: str, places: NDArray[np.int64]) -> list[str]:
    return [text or "" for text in newest.column(name, places).to_pylist()] if len(places) else []


def _columns(ids: pa.Array, table: _Table) -> dict[str, Any]:
    coded = {
        "state": table.state,
        "stage": table.stage,
        "reason": table.reason,
        "channel": table.told["channel"],
        "license": table.told["license"],
        "split": table.split,
    }
    found: dict[str, Any] = {"id": ids.to_pylist(), "title": table.told["title"], "url": table.told["url"]}
    for name, values in coded.items():
        column = Column()
        for value in values:
            column.append(value)
        found[name] = column.to_json()
    found |= {"detail": table.detail, "clips": table.clips.tolist(), "margin": _rounded(table.margin)}
    found["scores"] = {name: _rounded(values) for name, values in table.scores.items()}
    return found


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else round(value, _DIGITS) for value in values.tolist()]


def _words(table: _Table) -> dict[str, str]:
    """What the reasons and kinds that stand in the table mean."""
    found: dict[str, str] = {}
    for stage, state, reason in set(zip(table.stage, table.state, table.reason, strict=True)):
        if reason:
            meaning = failure_words(reason, stage)[0] if state == "failed" else reason_words(reason)
            found[reason] = found.get(reason) or meaning
    return dict(sorted(found.items()))
