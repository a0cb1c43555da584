"""Everything that happened to one video, clip or shard: its records in order, with the numbers that decided."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from yt360.crawling import kept_ids
from yt360.crawling.meanings import meanings
from yt360.engine.stage import Stage
from yt360.engine.state import ledger, snapshot
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import Record
from yt360.errors import UsageError
from yt360.filters.evaluation.scores import scores_of

_MOST_COMPARED = 20_000
"""Ids that an unknown one is compared with: a root may hold a million."""

_LONGEST_ID = 300


class UnknownItemError(UsageError):
    """The root has never seen an item of this name."""


def explain(catalog: DatasetState, item: str) -> dict[str, Any]:
    """The history of a video, clip or shard. Keys are those of ``explain --json`` (docs/reference/json.md).

    Raises :class:`UnknownItemError` when the root has never seen the item.
    """
    history: list[dict[str, Any]] = []
    clips: list[str] = []
    video, clip = _video_and_clip(catalog, item)
    verdict = "waiting"
    ended = False
    for name, stage in catalog.stages.items():
        records = _records(catalog, name, video, clip)
        history += (_event(record, stage) for record in records)
        newest = max((r for r in records if r.item == video), key=lambda r: (r.sequence, r.started), default=None)
        if newest is None or ended:
            continue
        state = _state(catalog, stage, video)
        if state is None:
            continue
        clips = [child["id"] for child in newest.children] or clips
        verdict = "kept" if state == "done" else state
        ended = state != "done"
    if not history and video not in catalog.entries(next(iter(catalog.stages))):
        raise UnknownItemError(
            f"{item}: no video, clip or shard of this name in {catalog.root.url}; {_near(catalog, item)}"
            "`yt360 status` counts what there is, manifests/videos.parquet lists it"
        )
    return {"item": item, "video": video, "verdict": verdict, "clips": clips, "history": history}


def _near(catalog: DatasetState, item: str) -> str:
    """A question that names known videos whose ids are like an unknown one; empty where none is."""
    known = catalog.newest(next(iter(catalog.stages))).items.slice(0, _MOST_COMPARED).to_pylist()
    near = difflib.get_close_matches(item, known, n=3)
    return f"did you mean {' or '.join(repr(name)[:_LONGEST_ID] for name in near)}? " if near else ""


def _video_and_clip(catalog: DatasetState, item: str) -> tuple[str, str | None]:
    """What an item is: a video (or shard), or a clip of one."""
    folders = [catalog.root.ledger / name for name in catalog.stages]
    if ledger.find(folders[0], [item]):
        return item, None
    for folder in folders:
        video = ledger.parent_of(folder, item)
        if video is not None:
            return video, item
    # As a list or a person may spell it: its name or file at the source, its address.
    planned = catalog.entries(next(iter(catalog.stages)))
    return next((name for name in meanings(item, kept_ids.read(catalog)) if name in planned), item), None


def _records(catalog: DatasetState, stage: str, video: str, clip: str | None) -> list[Record]:
    """All records of a stage that concern a video, or one of its clips."""
    folder = catalog.root.ledger / stage
    parts_in = catalog.stages[stage].parts_in
    if parts_in:
        return ledger.find(folder, [video]) or ledger.joining(folder, clip or video, parts_in)
    if clip is None and catalog.gates.kinds[stage] != _first_kind(catalog):
        return ledger.find(folder, [video], "source")
    return ledger.find(folder, [video, *([clip] if clip else [])])


def _first_kind(catalog: DatasetState) -> str:
    """What the items of the first stage are: videos."""
    return next(iter(catalog.gates.kinds.values()))


def _state(catalog: DatasetState, stage: Stage, item: str) -> str | None:
    """Where an item stands; from what is kept where that holds, since a plan of all items is long work."""
    known, state = snapshot.load_one(catalog, stage, item)
    if known:
        return state
    entry = catalog.entries(stage.name).get(item)
    return entry.state if entry is not None else None


def _event(record: Record, stage: Stage) -> dict[str, Any]:
    event: dict[str, Any] = {
        "stage": record.stage,
        "status": record.status,
        "reason": record.reason or record.kind,
        "detail": record.detail or record.error,
        "item": record.item,
        "attempt": record.attempt,
        "started": record.started,
        "seconds": record.seconds,
        "host": record.host,
        "run": record.run,
        "log": record.log,
        "key": record.key,
        "params": dict(record.params),
        "thresholds": stage.thresholds.model_dump(mode="json"),
        "summary": stage.summary(record.measures) if record.measures else "",
        "scores": list(_scores(record, stage)),
        "measures": {k: v for k, v in record.measures.items() if k != "members"},
        "outputs": {name: blob.uri for name, blob in record.blobs()},
    }
    return event


def _scores(record: Record, stage: Stage) -> Iterator[dict[str, Any]]:
    """The numbers of a record that decide, each beside the threshold that is in force now."""
    for score in scores_of(stage.name):
        value = score.value(record.measures)
        if value is not None:
            yield {
                "name": score.name,
                "value": value,
                "threshold": score.limit(record.measures, stage),
                "drops_above": score.drops_above,
                "probability": None if score.probability is None else score.probability(record.measures, stage),
                "words": score.words,
            }
