"""Trains and judges one cell of the ladder, or goes on with it, and keeps what came out."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.ladder.models import SHUFFLED, recipe
from benchmarks.ladder.registration import Cell, Size
from benchmarks.ladder.rendering import Format
from benchmarks.ladder.shards import read_truth

RESULT = "result.json"


def folder_of(out: Path, cell: Cell) -> Path:
    """Where a cell's run and result lie."""
    return out / "cells" / cell.name


def result_of(out: Path, cell: Cell) -> dict[str, Any] | None:
    """What :func:`run` left, if it is done."""
    return _known(folder_of(out, cell))


def _known(folder: Path) -> dict[str, Any] | None:
    path = folder / RESULT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def run(root: Path, folder: Path, cell: Cell, size: Size, digest: str, device: str) -> dict[str, Any] | None:
    """Train a cell on the world in ``root`` and judge it; ``None`` where it was asked to stop. What was done is kept in
    ``folder``: a stopped training goes on from its checkpoint.
    """
    from benchmarks.ladder.measures import measure
    from yt360.files import atomic_write_text
    from yt360.training.loop import train
    from yt360.training.recipe import parse_recipe

    if (known := _known(folder)) is not None:
        return known
    began = time.process_time()
    truth = {split: read_truth(root, split) for split in ("train", "test")}
    trained_on = shuffled_root(root) if cell.model == SHUFFLED else root
    asked = recipe(cell.model, cell.seed, size.budget, Format().sample_rate_hz, device=device)
    summary = train(parse_recipe(asked, cell.name), str(trained_on), folder / "run", progress=False)
    if summary.interrupted or summary.model is None:
        return None
    trained = time.process_time()
    outcomes, controls, segmented = measure(root, folder / "run", folder / "judged", truth, size.effort, device=device)
    shutil.rmtree(folder / "judged")
    result = {
        "world": cell.world,
        "model": cell.model,
        "seed": cell.seed,
        "registration": digest,
        "train_cpu_s": round(trained - began, 1),
        "judge_cpu_s": round(time.process_time() - trained, 1),
        "controls": controls,
        "segmentation": segmented,
        "outcomes": outcomes,
    }
    atomic_write_text(folder / RESULT, json.dumps(result) + "\n")
    return result


def shuffled_root(root: Path) -> Path:
    """The world with each training picture beside the sound of another video: nothing can be learnt from it."""
    other = root.with_name(f"{root.name}-shuffled")
    target = other / "manifests" / "clips.parquet"
    if target.exists():
        return other
    target.parent.mkdir(parents=True, exist_ok=True)
    if not (other / "shards").exists():
        os.symlink(os.path.relpath(root / "shards", other), other / "shards", target_is_directory=True)
    table = pq.read_table(root / "manifests" / "clips.parquet")
    rows = table.to_pylist()
    train = [row for row in rows if row["split"] == "train"]
    facts = ("foa_offset", "foa_size", "foa_digest", "samples")
    sounds = [{fact: row[fact] for fact in facts} for row in train]
    order = np.random.default_rng(0).permutation(len(train))
    for place, row in enumerate(order):  # one cycle: no picture keeps its sound
        train[row].update(sounds[order[(place + 1) % len(order)]])
    partial = target.with_name(f".{os.getpid()}.parquet")
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), partial)
    os.replace(partial, target)
    return other


def curve_of(out: Path, cell: Cell) -> list[tuple[int, float]]:
    """(steps, views of a test sample told apart in percent) of a cell's training, over all of its phases."""
    path = folder_of(out, cell) / "run" / "log.jsonl"
    points: list[tuple[int, float]] = []
    lengths: dict[int, int] = {}
    if not path.is_file():
        return points
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record.get("kind") == "evaluation":
            number, step = record["phase_number"], record["step"]
            lengths[number] = max(step, lengths.get(number, 0))
            before = sum(length for phase, length in lengths.items() if phase < number)
            points.append((before + step, 100 * record["avsa_accuracy"]))
    return points
