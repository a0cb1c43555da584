"""The rows of ``events.parquet``: of each clip in a shard the events that its file there holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from yt360.engine.state.dataset_state import DatasetState
from yt360.publishing.earlier import Earlier
from yt360.stages.annotate import Annotate

Row = dict[str, Any]


def wanted(catalog: DatasetState) -> bool:
    """Whether the recipe makes events: only then is there a table of them."""
    stage = catalog.stages.get(Annotate.name)
    return stage is not None and not stage.off


def rows(catalog: DatasetState, clips: Iterable[Mapping[str, Any]], earlier: Earlier) -> Iterator[Row]:
    """The events of some rows of the clip table, in their order; of clips that wait, as they were published."""
    records = catalog.passing(Annotate.name) if wanted(catalog) else {}
    for clip in clips:
        digest = clip.get("events_digest")
        if digest is None:
            continue
        record = records.get(clip["clip"])
        if record is None or record.outputs["events"].digest != digest:
            if earlier.clip(clip["clip"], {"events_digest": digest}) is not None:
                yield from earlier.events_of(clip["clip"])
            continue
        for number, event in enumerate(record.measures["events"]):
            named = {"clip": clip["clip"], "event": number, "video": clip["video"], "split": clip["split"]}
            yield named | event | {"tagger": record.measures["tagger"]}
