"""Roots of any number of videos as a run leaves them, with the measures by which the real filters decide; no media."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yt360.engine import pipeline, recipe
from yt360.engine.stage import Blob, Item, Stage
from yt360.engine.state import snapshot
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import LedgerWriter, Record
from yt360.engine.state.plan import ItemPlan
from yt360.engine.storage import Root
from yt360.filters.stills.frame_differences import FrameComparison, pack
from yt360.hashing import digest_bytes
from yt360.stages import REGISTRY

STAGES = ("crawl", "validate", "stills", "voiceover", "chunk", "split")
HOSTILE = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>\u202e\'&amp;'
"""The title of every hundredth video."""


def recipe_of() -> recipe.Recipe:
    """The stages that decide about a video."""
    return recipe.build({"name": "many", "stages": {name: {} for name in STAGES}}, REGISTRY, [], where="test")


def many_videos(folder: Path, count: int) -> Root:
    """A root of ``count`` videos: of ten, one fails to be crawled, one is no ambisonics, one is still, one has a voice
    over it, one is decided by narrow margins, and the rest is kept with two clips each.
    """
    root = Root(folder)
    root.create()
    made = recipe_of()
    pipeline.save_recipe(root, made)
    catalog = DatasetState(root, made.stages)
    crawl = made.stages[0]
    items = [Item(f"video{number:05d}", f"video{number:05d}") for number in range(count)]
    catalog.save_plan(crawl, ItemPlan.of_items(crawl, items))
    for stage in made.stages:
        (root.ledger / stage.name).mkdir(parents=True, exist_ok=True)
        writer = LedgerWriter(root.ledger / stage.name, "made")
        plan = catalog.plan(stage) if stage.name != "split" else ItemPlan.of_items(stage, [])
        for item, key in zip(plan, plan.keys.to_pylist(), strict=True):
            writer.append(_record(stage, item, key), flush=False)
        writer.flush()
        writer.close()
        catalog.forget(stage.name)
        snapshot.keep(catalog, stage)
    return root


def _record(stage: Stage, item: Item, key: str) -> Record:
    number = int(item.id.removeprefix("video"))
    measures, verdict = _measured(stage.name, number)
    found = stage.decide(measures) if stage.name in ("stills", "voiceover") else None
    fields: dict[str, Any] = {"status": "done"} | verdict
    if found is not None:
        fields = {"status": "filtered", "reason": found.reason, "detail": found.detail}
    done = fields["status"] == "done"
    names = {"crawl": ("video",), "validate": ("facts",), "stills": ("timeline",), "voiceover": ("timeline",)}
    return Record(
        stage=stage.name, item=item.id, source=item.source_id, key=key, sequence=1,
        decision="" if verdict else stage.decision_key(), measures=measures,
        outputs={name: _blob(stage.name, item.id, name) for name in names.get(stage.name, ())} if done else {},
        children=_clips(item.id) if stage.name == "chunk" and done else (),
        seconds=0.5, started="2026-01-02T03:04:05.000+00:00", host="host", run="run", **fields,
    )  # fmt: skip


def _blob(stage: str, item: str, name: str) -> Blob:
    uri = f"data/{stage}/{item}/{name}"
    return Blob(uri, digest_bytes(uri.encode()), 15)


def _clips(video: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "id": f"{video}-{start:05d}",
            "outputs": {},
            "meta": {"start_s": float(start), "duration_s": 10.0, "azimuth_deg": 30.0, "elevation_deg": 0.0,
                     "diffuseness": 0.3, "loudness_db": -20.0},
        }
        for start in (0, 10)
    )  # fmt: skip


def _measured(stage: str, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measures, and a verdict that no threshold made."""
    kind = number % 10
    if stage == "crawl":
        title = HOSTILE if number % 100 == 7 else f"Market square {number} in the rain"
        told = {"title": title, "channel": f"channel {number % 37}", "license": "CC BY" if number % 3 else "",
                "url": f"https://example.org/watch?v={number}"}  # fmt: skip
        failure = {"status": "failed", "kind": "private", "error": "this video is not available any more"}
        return (told, failure) if kind == 0 else (told, {})
    if stage == "validate":
        refused = {"status": "filtered", "reason": "no-ambisonics", "detail": "the sound is stereo"}
        return {"duration_s": 20.0, "projection": "equirectangular"}, refused if kind == 1 else {}
    if stage == "stills":
        steps = [_step(k, moves=kind != 2) for k in range(6)]
        return {"looked_s": 20.0, "duration_s": 20.0, "comparisons": pack(steps)}, {}
    if stage == "voiceover":
        added = {3: 0.97, 4: 0.66 + (number % 7 - 3) / 100}.get(kind, 0.02 + (number % 50) / 100)
        return {
            "segments": 10, "loud": 10, "level_db": -20.0, "syllables": 0.4, "omni_syllables": 0.5, "head_locked": None,
            "scores": {"omni": added, "front": 0.01, "bed": 0.05},
            "heard": {where: {"speech": 0.8, "music": 0.1, "singing": 0.0} for where in ("omni", "front", "bed")},
        }, {}  # fmt: skip
    return {"duration_s": 20.0, "silent_s": float(number % 5)}, {}


def _step(number: int, *, moves: bool) -> FrameComparison:
    at_s = number * 0.5
    if not moves:
        return FrameComparison(0, at_s, 0, 0, 0, 0.1, 0, 0, 120.0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    return FrameComparison(0, at_s, 0.2, 0.2, 0.0, 0.1, 3, 0.2, 120.0, 0.2, 3.0, 4.0, 5, 0.0, 0.0, 1.5, 0.2, 1.9)
