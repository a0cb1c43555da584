"""Deciding 10,000 videos anew from what was measured: a changed threshold of each filter, nothing decoded.

Part of ``python -m benchmarks.filters``. The root is made of records alone, with measures of real shape and size;
had anything to be decoded, there would be nothing to decode.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from yt360.engine import pipeline, recipe
from yt360.engine.stage import Blob, Item, Stage
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import Record
from yt360.engine.storage import Root
from yt360.filters.post_production.audio_tagging import CLASSES
from yt360.filters.post_production.classifier import KINDS
from yt360.filters.stills import frame_differences
from yt360.publishing.manifests import publish
from yt360.stages import REGISTRY

STAGES = ("crawl", "validate", "stills", "voiceover")
CHANGES = ("stills.still_probability=0.8", "voiceover.omni=0.9", "validate.least_duration_s=12")


def make_root(path: Path, videos: int) -> Root:
    """A root whose records say that everything was crawled, validated, and measured."""
    root = Root(path)
    root.create()
    built = recipe.build({"stages": {name: {} for name in STAGES}}, REGISTRY, [], where="benchmark")
    rng = np.random.default_rng(0)
    crawl = built.stages[0]
    asked = [
        Item(f"video{number:05d}", f"video{number:05d}", meta={"source": "file", "video": [1, number]})
        for number in range(videos)
    ]
    DatasetState(root, built.stages).save_plan(crawl, asked)
    for stage in built.stages:
        catalog = DatasetState(root, built.stages)
        items = asked if stage is crawl else list(stage.plan(catalog))
        folder = root.ledger / stage.name
        folder.mkdir(parents=True)
        with (folder / "made.jsonl").open("wb") as stream:
            for item in items:
                stream.write(_record(stage, item, rng).line())
    root.recipe.write_text(json.dumps(built.to_json()))
    return root


def _record(stage: Stage, item: Item, rng: np.random.Generator) -> Record:
    outputs = {"crawl": "video", "validate": "facts"}.get(stage.name, "timeline")
    blob = Blob(f"data/{stage.name}/{item.id}/{outputs}", f"{int(rng.integers(2**62)):040x}", 1000)
    measures = _MEASURES[stage.name](rng)
    verdict = stage.decide(measures)
    return Record(
        stage=stage.name,
        item=item.id,
        source=item.source_id,
        key=stage.key(item),
        status="filtered" if verdict else "done",
        reason=verdict.reason if verdict else "",
        detail=verdict.detail if verdict else "",
        sequence=1,
        decision=stage.decision_key(),
        measures=measures,
        meta=dict(item.meta),
        params=stage.params.model_dump(mode="json"),
        inputs=dict(item.inputs),
        outputs={outputs: blob},
    )


def _validate(rng: np.random.Generator) -> dict[str, Any]:
    from yt360.media.ambisonic.measures import measure_ambisonics
    from yt360.media.projection.hypotheses import hypotheses

    if "validate" not in _KNOWN:
        noise = np.random.default_rng(1).standard_normal((4, 20 * 24000)).astype(np.float32) * 0.05
        noise[1:] /= np.sqrt(3)
        _KNOWN["validate"] = measure_ambisonics([noise], 24000)
    return {
        "ambisonics": _KNOWN["validate"], "picture_reason": "", "picture_words": "", "declared": "ambix",
        "picture_scores": {name: 5.0 * (name == "equirectangular") for name in hypotheses()}, "picture_stated": "",
        "picture_taken": "equirectangular", "picture_measures": {"edges": 3.0, "edges_contrast": 1.0},
        "stated": False, "with_picture": True, "convention_taken": "ambix", "sound_reason": "", "sound_words": "",
        "overlap_s": float(rng.uniform(10, 600)),
    }  # fmt: skip


def _stills(rng: np.random.Generator) -> dict[str, Any]:
    """Eight windows of twelve samples; a tenth of the videos hardly moves."""
    windows, each = 8, 11
    count = windows * each
    moving = rng.uniform(0, 0.006 if rng.random() < 0.1 else 0.3, count).round(4).tolist()
    columns = {
        "window": np.repeat(np.arange(windows), each).tolist(),
        "time_s": (np.arange(count) / 2).tolist(),
        "changed": moving, "residual": moving, "rotation_deg": [0.0] * count,
        "background": rng.uniform(0.3, 0.9, count).round(4).tolist(), "regions": rng.integers(0, 9, count).tolist(),
        "extent": rng.uniform(0, 0.5, count).round(4).tolist(),
        "brightness": rng.normal(110, 0.5, count).round(1).tolist(),
        "later": rng.permutation(moving).tolist(), "strength": rng.uniform(1, 9, count).round(3).tolist(),
        "later_strength": rng.uniform(1, 9, count).round(3).tolist(),
        "later_regions": rng.integers(0, 9, count).tolist(), "flatness": [0.0] * count, "stretch": [0.0] * count,
        "steady": [0.1] * count, "usual": [0.02] * count, "peak": [0.8] * count,
    }  # fmt: skip
    rows = zip(*columns.values(), strict=True)
    steps = [frame_differences.FrameComparison(**dict(zip(columns, row, strict=True))) for row in rows]
    return {
        "looked_s": 48.0,
        "duration_s": 300.0,
        "comparisons": frame_differences.pack(steps),
    }


def _voiceover(rng: np.random.Generator) -> dict[str, Any]:
    heard = {name: float(rng.uniform()) for name in CLASSES}
    evidence = dict.fromkeys(("omni", "omni_low", "omni_high", "front", "bed", "ratio_db", "active"), 0.1)
    return {
        "scores": {kind: float(rng.beta(0.2, 2)) for kind in KINDS}, "heard": dict.fromkeys(KINDS, heard),
        "segments": 150, "loud": 150, "level_db": -24.0, "height_db": -8.0, "syllables": 0.2, "omni_syllables": 0.2,
        "evidence": {**evidence, "bed_angle_deg": 45.0, "cells": 900},
        "partials": {**dict.fromkeys((*KINDS, "centre"), 0.02), "bed_angle_deg": 45.0, "points": 90.0},
        "swells": {**dict.fromkeys((*KINDS, "centre"), 0.02), "bed_angle_deg": 45.0, "points": 90.0},
        "bins": {"omni": 0.1, "bed": 0.1, "bed_angle_deg": 45.0}, "head_locked": None,
    }  # fmt: skip


_KNOWN: dict[str, dict[str, Any]] = {}
_MEASURES = {
    "crawl": lambda rng: {"title": "a video", "channel": f"channel {int(rng.integers(500))}"},
    "validate": _validate,
    "stills": _stills,
    "voiceover": _voiceover,
}


def measure(videos: int) -> list[list[str]]:
    """Rows of the table: seconds of a whole run, manifests included, after each change."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        root = make_root(Path(scratch) / "root", videos)
        for change in CHANGES:
            built = recipe.of_root(root.recipe, REGISTRY, [change])
            began = time.perf_counter()
            result = pipeline.run(
                built, root, pipeline.Options(workers=1, min_free_bytes=0), only=change.split(".")[0], publish=publish
            )
            seconds = time.perf_counter() - began
            again = sum(stage.redecided for stage in result.stages)
            rows.append([f"re-decide: {change}", f"{again} videos", f"{seconds:.1f} s", "< 10 s"])
    return rows
