"""Do the paper's claims hold on a world whose truth is known?

    python -m benchmarks.paper_claims --out DIR [--seeds 0 1 2] [--models …] [--workers 2] [--part all]

Builds a world (``benchmarks/claims_world.py`` says what makes it fair), runs the pipeline on it, trains
eight small models a seed that differ in one thing each and see the same number of views, evaluates
tables 1 and 2 on the same test clips, and prints their cells and which claims hold.

Everything is kept in DIR: run it again to go on, with fewer ``--seeds`` or ``--models`` to do it in parts;
``--part report`` only prints. ``--smoke`` is the same in minutes, too small to say anything.

A claim *holds* when the 95 % interval of its difference over seeds (Student's t) lies above zero, is *reversed* when
it lies below, *leans* when the difference is positive with every seed, and is *not shown* otherwise.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.claims_world import build
from benchmarks.worlds import machine

WORLD_SEED = 2020
VIDEOS = 128


_RATE, _TRANSLATOR_RATE = 1e-3, 5e-4
"""Of learning: at the first, translators from scratch forget which view is which."""


def _phase(objective: str, views: int, batch: int, steps: int, *, translators: bool) -> dict[str, Any]:
    return {
        "name": objective,
        "objective": objective,
        "views": views,
        "batch": batch,
        "translators": translators,
        "steps": steps,
        "learning_rate": _TRANSLATOR_RATE if translators else _RATE,
    }


def training_recipe(model: str, seed: int, steps: int, views: int) -> dict[str, Any]:
    """A recipe of ``steps`` steps of ``views`` views each, however they are shared among videos.

    What makes it small is that of ``pipelines/train/learning.yaml``, which was fitted on other worlds: one frame a
    view, coarse spectrograms with intensity channels, no colour jitter, views that look more often where the sound
    is loudest, eight views a video where the paper has four (batches are small, and most negatives should be other
    directions). What tells the models apart is the paper's: one view or several, curriculum (a third of the steps),
    translators; and ``avsa-logmel`` hears log-mels alone, as all of the paper's models do.
    """
    first = steps // 3
    several = min(8, views // 2)
    batch = views // several
    phases = {
        "avc": [_phase("avc", 1, views, steps, translators=False)],
        "avc-logmel": [_phase("avc", 1, views, steps, translators=False)],
        "avc-transf": [_phase("avc", several, batch, steps, translators=True)],
        "avts": [_phase("avts", several, batch, steps, translators=False)],
        "avts-transf": [_phase("avts", several, batch, steps, translators=True)],
        "avsa-nocurriculum": [_phase("avsa", several, batch, steps, translators=True)],
    }.get(
        model,
        [
            _phase("avc", 1, views, first, translators=False),
            _phase("avsa", several, batch, steps - first, translators=model != "avsa-direct"),
        ],
    )
    return {
        "name": f"claims-{model}",
        "seed": seed,
        "phases": phases,
        "data": {"clips_per_video": 16, "workers": 0, "picture_s": 0.0625},
        "views": {"size": 48, "energy_share": 0.7, "jitter": [0, 0, 0, 0]},
        "sound": {
            "features": "logmel" if model.endswith("-logmel") else "logmel+intensity",
            "hop": 960,
            "mels": 32,
            "statistics_samples": 64,
        },
        "model": {
            "width": 16,
            "depth": 10,
            "projection": 64,
            "translator": {"kind": "mlp" if model == "avsa-mlp" else "transformer", "dropout": 0.0},
        },
        "evaluation": {"views": 4, "clips_per_video": 4},
        "run": {
            "device": "cpu",
            "threads": 1,
            "log_every": 50,
            "checkpoint_every": 100,
            "keep": 1,
            "channels_last": True,
        },
    }


MODELS = ("avc", "avc-transf", "avts", "avts-transf", "avsa", "avsa-nocurriculum", "avsa-mlp", "avsa-logmel")
REASONS = ("avsa-direct", "avc-logmel")
"""Models that no claim is about, for finding reasons: AVSA whose features are compared without translators, and AVC
that hears log-mels alone."""

_TRANSLATING = tuple(model for model in MODELS if model not in ("avc", "avts"))


@dataclass(frozen=True)
class Scale:
    """How large it is: ``steps`` of ``views`` each to train a model; samples a video and epochs of the heads."""

    videos: int
    steps: int
    views: int
    train_clips: int
    test_clips: int
    head_epochs: int
    segmentation_clips: int
    segmentation_epochs: int


FULL = Scale(VIDEOS, 1280, 32, 6, 8, 30, 3, 1)
"""Twice the steps of the first whole run, chosen after its results: at 640 two of three AVSA had hardly begun."""

SMOKE = Scale(12, 6, 8, 2, 2, 2, 1, 1)


def evaluation_recipe(model: str, seed: int, scale: Scale) -> dict[str, Any]:
    """Tables 1 and 2 of a model. The test samples are those of seed 0 for every model and seed."""
    head = {"epochs": scale.head_epochs, "batch": 64, "learning_rate": 1e-3, "milestones": [2 * scale.head_epochs // 3]}
    tasks: list[dict[str, Any]] = []
    for task in ("avc-bin", "avsa-bin"):
        if model not in ("avc-transf", "avts-transf"):
            tasks += [{"task": task, "views": views, "translators": False, **head} for views in (1, 4)]
        if model in _TRANSLATING:
            tasks.append({"task": task, "views": 4, "translators": True, **head})
    if not model.endswith("-transf"):
        tasks.append(
            {
                "task": "segmentation",
                "labels": "maps",
                "inputs": ["video", "sound", "context"] if model in _TRANSLATING else ["video", "sound"],
                "epochs": scale.segmentation_epochs,
                "batch": 8,
                "learning_rate": 2e-3,
                "milestones": [1],
                "train_clips_per_video": scale.segmentation_clips,
                "test_clips_per_video": 4,
                "pyramid": 32,
                "branch": 32,
                "pictures": 1 if seed == 0 else 0,
            }
        )
    return {
        "name": f"claims-{model}",
        "features": {
            "train_clips_per_video": scale.train_clips,
            "test_clips_per_video": scale.test_clips,
            "rounds": 1,
        },
        "tasks": tasks,
        "view": {"energy_share": 0.7},
        "run": {"device": "cpu", "threads": 1, "workers": 0},
    }


def job(root: str, out: Path, model: str, seed: int, scale: Scale) -> dict[str, Any]:
    """Train and evaluate one model with one seed, or go on with it; the CPU time it took this time."""
    from yt360.evaluation.recipe import parse_evaluation
    from yt360.evaluation.runner import evaluate
    from yt360.training.loop import train
    from yt360.training.recipe import parse_recipe

    began = time.process_time()
    run = out / "runs" / f"{model}-seed{seed}"
    recipe = parse_recipe(training_recipe(model, seed, scale.steps, scale.views), model)
    summary = train(recipe, root, run, progress=False)
    _write_alignment(out, model, seed, summary.evaluations[recipe.phases[-1].name])
    trained = time.process_time()
    tables = parse_evaluation(evaluation_recipe(model, seed, scale), model)
    evaluate(tables, root, run, out / "results" / f"{model}-seed{seed}")
    return {
        "model": model,
        "seed": seed,
        "train_cpu_s": round(trained - began, 1),
        "evaluate_cpu_s": round(time.process_time() - trained, 1),
    }


ALIGNMENT = "alignment"
"""Name of the measure that needs no head: of four views of a test clip, is the right one the most similar?"""


def _write_alignment(out: Path, model: str, seed: int, measures: dict[str, float]) -> None:
    """As training measured it after its last step, in percent, where the report finds it."""
    path = out / ALIGNMENT / f"{model}-seed{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    value = {name: {"value": 100 * measures[f"avsa_{name}"]} for name in ("accuracy", "chance")}
    path.write_text(json.dumps({"measures": value}), encoding="utf-8")


@dataclass(frozen=True)
class Claim:
    """``better`` minus ``worse``, both (model, result name, measure), should be above zero."""

    text: str
    better: tuple[str, str, str]
    worse: tuple[str, str, str]


def claims() -> list[Claim]:
    """The paper's claims as differences of cells."""
    found = []
    for task in ("avsa-bin", "avc-bin"):
        for other in ("avc", "avts"):
            found.append(
                Claim(
                    f"AVSA above {other.upper()} on {task}",
                    _cell("avsa", f"{task}-4-views"),
                    _cell(other, f"{task}-4-views"),
                )
            )
        for model in ("avc", "avts", "avsa"):
            found.append(
                Claim(
                    f"4 viewpoints above 1, {model.upper()}, {task}",
                    _cell(model, f"{task}-4-views"),
                    _cell(model, f"{task}-1-views"),
                )
            )
            transf = model if model == "avsa" else f"{model}-transf"
            found.append(
                Claim(
                    f"transformer helps, {model.upper()}, {task}",
                    _cell(transf, f"{task}-4-views-transf"),
                    _cell(model, f"{task}-4-views"),
                )
            )
        found.append(
            Claim(
                f"curriculum helps, {task}",
                _cell("avsa", f"{task}-4-views"),
                _cell("avsa-nocurriculum", f"{task}-4-views"),
            )
        )
    for other, text in (
        ("avc", "AVSA above AVC"),
        ("avts", "AVSA above AVTS"),
        ("avsa-nocurriculum", "curriculum helps"),
        ("avsa-mlp", "transformer above mlp"),
        ("avsa-logmel", "intensity vectors help"),
    ):
        found.append(Claim(f"{text}, four views told apart", _cell("avsa", ALIGNMENT), _cell(other, ALIGNMENT)))
    for other, text in (
        ("avc", "AVSA above AVC"),
        ("avts", "AVSA above AVTS"),
        ("avsa-nocurriculum", "curriculum helps"),
    ):
        found.append(
            Claim(
                f"{text}, segmentation, video",
                _cell("avsa", "segmentation-video", "miou"),
                _cell(other, "segmentation-video", "miou"),
            )
        )
    for text, better, worse in (
        ("context helps segmentation", ("avsa", "context"), ("avsa", "video")),
        ("sound helps segmentation", ("avsa", "sound"), ("avsa", "video")),
        ("transformer above mlp, segmentation with context", ("avsa", "context"), ("avsa-mlp", "context")),
    ):
        found.append(Claim(text, *(_cell(model, f"segmentation-{name}", "miou") for model, name in (better, worse))))
    for ending in ("", "-transf"):
        found.append(
            Claim(
                f"intensity vectors help alignment{', transf.' if ending else ''}",
                _cell("avsa", f"avsa-bin-4-views{ending}"),
                _cell("avsa-logmel", f"avsa-bin-4-views{ending}"),
            )
        )
    return found


def _cell(model: str, name: str, measure: str = "accuracy") -> tuple[str, str, str]:
    return model, name, measure


def _value(out: Path, seed: int, cell: tuple[str, str, str]) -> float | None:
    model, name, measure = cell
    path = out / "results" / f"{model}-seed{seed}" / "results" / f"{name}.json"
    if name == ALIGNMENT:
        path = out / ALIGNMENT / f"{model}-seed{seed}.json"
    if not path.is_file():
        return None
    value = json.loads(path.read_text(encoding="utf-8"))["measures"][measure]["value"]
    return None if value is None else float(value)


def judge(differences: Sequence[float]) -> tuple[str, float, float]:
    """(verdict, mean, half of the 95 % interval over seeds)."""
    from yt360.evaluation.intervals import mean_interval

    mean, half = mean_interval(differences)
    if len(differences) < 2:
        return "one seed: no verdict", mean, half
    if mean - half > 0:
        return "holds", mean, half
    if mean + half < 0:
        return "reversed", mean, half
    return "leans" if min(differences) > 0 else "not shown", mean, half


_COLUMNS = (
    ("AVC-Bin, 1 view", "avc-bin-1-views", "accuracy"),
    ("4 views", "avc-bin-4-views", "accuracy"),
    ("4 views, transf.", "avc-bin-4-views-transf", "accuracy"),
    ("AVSA-Bin, 1 view", "avsa-bin-1-views", "accuracy"),
    ("4 views", "avsa-bin-4-views", "accuracy"),
    ("4 views, transf.", "avsa-bin-4-views-transf", "accuracy"),
    ("mIoU, video", "segmentation-video", "miou"),
    ("+ audio", "segmentation-sound", "miou"),
    ("+ context", "segmentation-context", "miou"),
    ("four views told apart", ALIGNMENT, "accuracy"),
)
"""Tables 1 and 2 in one: heading, cell, measure; all in percent."""


def report(out: Path, seeds: Sequence[int]) -> None:
    """Print the cells of tables 1 and 2 of what is there, and each claim with its difference in points."""
    from yt360.evaluation.intervals import mean_interval

    print("Percent, mean ± half of the 95 % interval over seeds (Student's t).")
    print("Chance is 50 for both Bin and 25 for four views.\n")
    print("| model | seeds |" + "".join(f" {heading} |" for heading, _, _ in _COLUMNS))
    print("|---" * (2 + len(_COLUMNS)) + "|")
    for model in (*MODELS, *REASONS):
        cells = [[_value(out, seed, (model, name, measure)) for seed in seeds] for _, name, measure in _COLUMNS]
        known = [[value for value in cell if value is not None] for cell in cells]
        if model in REASONS and not any(known):
            continue
        words = [_spread(*mean_interval(values)) if values else "" for values in known]
        print(f"| {model} | {max(map(len, known))} |" + "".join(f" {each} |" for each in words))
    print("\n| claim | better | worse | difference, points | seeds | verdict |\n|---|---|---|---|---|---|")
    for claim in claims():
        pairs = [(_value(out, seed, claim.better), _value(out, seed, claim.worse)) for seed in seeds]
        done = [(a, b) for a, b in pairs if a is not None and b is not None]
        if not done:
            print(f"| {claim.text} | | | | 0 | not measured |")
            continue
        verdict, mean, half = judge([a - b for a, b in done])
        better, worse = (sum(column) / len(done) for column in zip(*done, strict=True))
        each = ", ".join(f"{a - b:+.2f}" for a, b in done)
        shown = f"{_spread(mean, half, signed=True)} ({each})"
        print(f"| {claim.text} | {better:.2f} | {worse:.2f} | {shown} | {len(done)} | {verdict} |")


def _spread(mean: float, half: float, *, signed: bool = False) -> str:
    """A mean and its interval, where there is one (two seeds or more)."""
    return f"{mean:{'+' if signed else ''}.2f}" + (f" ± {half:.2f}" if math.isfinite(half) else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--models", nargs="+", choices=(*MODELS, *REASONS), default=list(MODELS))
    parser.add_argument("--workers", type=int, default=2, help="jobs at a time, one core each")
    parser.add_argument("--part", choices=("all", "world", "report"), default="all")
    parser.add_argument("--world-seed", type=int, default=WORLD_SEED)
    parser.add_argument("--smoke", action="store_true", help="everything tiny, in minutes: shows that it runs")
    parser.add_argument("--steps", type=int, help=f"to train a model for (default {FULL.steps}); with a DIR of its own")
    arguments = parser.parse_args()
    scale = SMOKE if arguments.smoke else FULL
    scale = replace(scale, steps=arguments.steps or scale.steps)
    if arguments.part != "report":
        began = time.monotonic()
        root = build(arguments.out / "world", videos=scale.videos, seed=arguments.world_seed, workers=arguments.workers)
        print(f"world: {time.monotonic() - began:.0f} s", flush=True)
        if arguments.part == "all":
            _train_and_evaluate(arguments, str(root), scale)
    print(f"\n{machine()}, {arguments.workers} workers\n")
    report(arguments.out, arguments.seeds)


def _train_and_evaluate(arguments: argparse.Namespace, root: str, scale: Scale) -> None:
    log = arguments.out / "times.jsonl"
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(job, root, arguments.out, model, seed, scale)
            for seed in arguments.seeds
            for model in arguments.models
        ]
        for each in jobs:
            line = json.dumps(each.result())
            print(line, flush=True)
            with log.open("a") as stream:
                stream.write(line + "\n")


if __name__ == "__main__":
    main()
