"""What a page says of one video: its way through the stages, what was measured over time, its clips."""

from __future__ import annotations

import math
from typing import Any

from yt360.engine.state.dataset_state import DatasetState
from yt360.report.cards import told_of
from yt360.report.history import explain
from yt360.stages.verdicts import failure_words, reason_words
from yt360.view.source_segments import SEGMENT_S, SourceVideo
from yt360.view.timelines import timelines

_PRIVATE = ("host", "run", "log", "key", "params", "outputs", "thresholds", "measures", "attempt")
"""Parts of a step that say nothing about the video."""

_LONGEST_TEXT = 4000


def video_facts(catalog: DatasetState, video: str, source: SourceVideo | None, problem: str = "") -> dict[str, Any]:
    """JSON values; raises :class:`yt360.errors.UsageError` for a video that the root never saw.

    ``source``: how the whole video can be played, if it can: in ``segments`` pieces of ``segment_s`` seconds;
    ``problem``: why it cannot.
    """
    told = explain(catalog, video)
    name = told["video"]
    return {
        "id": name,
        "verdict": told["verdict"],
        "source": _plain(told_of(catalog, name)),
        "steps": [_step(event) for event in told["history"] if event["item"] == name],
        "clips": _clips(catalog, name),
        "timelines": timelines(catalog, name),
        "segments": source.segments if source else 0,
        "segment_s": SEGMENT_S,
        "start_s": source.start_s if source else 0.0,
        "end_s": source.end_s if source else 0.0,
        "notes": list(source.notes) if source else [problem] if problem else [],
    }


def _step(event: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in event.items() if name not in _PRIVATE}
    reason, stage = event["reason"], event["stage"]
    failed = event["status"] == "failed"
    meaning, advice = failure_words(reason, stage) if failed else (reason_words(reason), "")
    found |= {"meaning": meaning, "advice": advice, "detail": str(event["detail"])[:_LONGEST_TEXT]}
    found["scores"] = [
        {**score, "value": round(score["value"], 4)} for score in event["scores"] if math.isfinite(score["value"])
    ]
    found["measures"] = _plain(event["measures"])
    return found


def _clips(catalog: DatasetState, video: str) -> list[dict[str, Any]]:
    record = catalog.records("chunk").get(video) if "chunk" in catalog.stages else None
    names = ("start_s", "duration_s", "azimuth_deg", "elevation_deg", "diffuseness", "loudness_db")
    children = record.children if record is not None else ()
    return [{"id": child["id"], **{name: child["meta"].get(name) for name in names}} for child in children]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Words and finite numbers; what is packed for programs is left out."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            found[name] = value
        elif isinstance(value, str) and (len(value) < 200 or " " in value):
            found[name] = value[:_LONGEST_TEXT]
    return found
