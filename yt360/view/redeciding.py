"""What other thresholds would keep and drop, by the code that decides again in a run. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from yt360.engine.stage import FanInStage, Stage
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.record import Record
from yt360.engine.worker import redecide
from yt360.errors import UsageError
from yt360.view.viewed_root import ViewedRoot

_MOST_LISTED = 2000


def redecided(viewed: ViewedRoot, stage: str, thresholds: Mapping[str, str]) -> dict[str, Any]:
    """What a stage would do to the videos that it measured, under other thresholds (name -> value as in a recipe).

    ``kept`` and ``dropped`` count all of them, ``now`` those of today; ``changes`` lists what would change, each with
    the verdict of today and the new one in words. Raises :class:`UsageError` for a stage that cannot decide again, an
    unknown threshold or a value that is none.
    """
    settings = [f"{stage}.thresholds.{name}={value}" for name, value in thresholds.items()]
    changed = next((each for each in viewed.recipe(settings).stages if each.name == stage), None)
    if changed is None:
        raise UsageError(f"{stage}: this recipe has no such stage")
    if isinstance(changed, FanInStage):
        raise UsageError(f"{stage}: decides on all items together; change it in the recipe and run it")
    with viewed.catalog() as catalog:
        return _compared(catalog, changed)


def _compared(catalog: DatasetState, stage: Stage) -> dict[str, Any]:
    entries = catalog.entries(stage.name)
    decided = entries.rows("done", "filtered", "undecided")
    now: Counter[str] = Counter()
    then: Counter[str] = Counter()
    changes = []
    for row in decided.tolist():
        record = entries.newest.record(int(entries.places[row]))
        after = _again(stage, record)
        now[record.status] += 1
        then[after.status] += 1
        if (record.status, record.reason) != (after.status, after.reason):
            changes.append(
                {"id": record.item, "before": _verdict(record), "after": _verdict(after), "detail": after.detail}
            )
    return {
        "stage": stage.name,
        "thresholds": stage.thresholds.model_dump(mode="json"),
        "now": {"kept": now["done"], "dropped": now["filtered"]},
        "then": {"kept": then["done"], "dropped": then["filtered"]},
        "changed": len(changes),
        "changes": changes[:_MOST_LISTED],
    }


def _again(stage: Stage, record: Record) -> Record:
    """A record that the stage itself filtered (no threshold was asked) stays as it is."""
    if record.status == "filtered" and not record.decision:
        return record
    return redecide(stage, record, record.sequence)


def _verdict(record: Record) -> str:
    return record.reason if record.status == "filtered" else "kept"
