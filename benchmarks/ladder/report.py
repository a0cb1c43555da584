"""The outcome beside what was registered, as Markdown, and its pictures."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.ladder.cells import curve_of, result_of
from benchmarks.ladder.models import UNTRAINED
from benchmarks.ladder.registration import Cell, Hypothesis, Registration, Side, Size
from benchmarks.ladder.shards import read_truth
from benchmarks.ladder.verdicts import Cells, Verdict, difference, judge, mean_of, values_of

COLUMNS = (
    ("AVSA-Bin, 1 view", "avsa-bin 1"),
    ("4 views", "avsa-bin 4"),
    ("4, transf.", "avsa-bin 4 transf."),
    ("AVC-Bin, 1 view", "avc-bin 1"),
    ("4 views", "avc-bin 4"),
    ("sound of a view", "retrieval sound to a picture"),
    ("view of a sound", "retrieval picture to a sound"),
    ("DOA error, °", "doa"),
)
_TURNED = "turned"


def collect(out: Path, registered: Registration, size: Size) -> dict[tuple[str, str, int], dict[str, Any]]:
    """All results that are there; :class:`SystemExit` where one was made under another registration."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for cell in registered.cells(size):
        result = result_of(out, cell)
        if result is not None:
            if result["registration"] != registered.digest:
                raise SystemExit(
                    f"{out}: {cell.name} was made under registration {result['registration']}, "
                    f"the file is {registered.digest}: use a new --out"
                )
            found[cell.world, cell.model, cell.seed] = result
    return found


def report(out: Path, registered: Registration, size: Size, machine: str) -> Iterator[str]:
    """The lines of the report."""
    cells = collect(out, registered, size)
    asked = registered.cells(size)
    yield f"Registration {registered.digest}; {len(cells)} of {len(asked)} cells; {machine}."
    if not cells:
        return
    truth = _truth(out, registered)
    judged = {name for name, row in truth.items() if row["frame"] != _TURNED}
    cpu_min = sum(cell["train_cpu_s"] + cell["judge_cpu_s"] for cell in cells.values()) / 60
    yield f"{cpu_min:.0f} CPU minutes of training and judging. {len(judged)} test videos.\n"
    yield from _table(cells, registered, judged)
    yield ""
    yield from _verdicts(judge(cells, registered.hypotheses, judged))
    yield ""
    yield from _strata(cells, registered.hypotheses[0], truth)
    yield ""
    yield from _controls(cells)
    if any(cell["segmentation"] for cell in cells.values()):
        yield ""
        yield from _segmentation(cells, registered)
    yield "\nWhat was registered:\n\n```yaml"
    yield registered.text.rstrip()
    yield "```"


def _truth(out: Path, registered: Registration) -> Mapping[str, Mapping[str, Any]]:
    """Of the first world: strata are the same in all, for what is drawn is."""
    return read_truth(out / "worlds" / registered.rungs[0][0], "test")


def _table(cells: Cells, registered: Registration, videos: Collection[str]) -> Iterator[str]:
    yield "Mean over seeds ± half of its 95 % interval. Chance is 50 for both Bin and 25 for a view of four.\n"
    yield "| world | model | seeds |" + "".join(f" {heading} |" for heading, _ in COLUMNS)
    yield "|---" * (3 + len(COLUMNS)) + "|"
    for world, model in registered.rungs:
        found = [mean_of(cells, Side(world, model, measure), videos) for _, measure in COLUMNS]
        if known := [each[2] for each in found if each]:
            texts = ["" if each is None else spread(each[0], each[1]) for each in found]
            yield f"| {world} | {model} | {max(known)} |" + "".join(f" {text} |" for text in texts)


def _verdicts(verdicts: Mapping[str, Verdict | None]) -> Iterator[str]:
    yield "| | hypothesis | expected | difference (95 %) | by seed | p | Holm | verdict |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, made in verdicts.items():
        if made is None:
            yield f"| {name} | | | | | | | not measured |"
            continue
        asked, found = made.hypothesis, made.difference
        expected = f"±{asked.least:g}" if asked.expects == "tie" else f"≥ {asked.least:g}" if asked.least else "> 0"
        each = ", ".join(f"{value:+.1f}" for value in found.by_seed)
        shown = f"{found.mean:+.1f} ({found.low:+.1f} to {found.high:+.1f})"
        yield (
            f"| {name} | {asked.text} | {expected} | {shown} | {each} | {_p(made.p)} | {_p(made.corrected)} | "
            f"**{made.word}** |"
        )


def _p(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _strata(cells: Cells, first: Hypothesis, truth: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield f"The first hypothesis ({first.text}) by stratum; sound turned against the picture must give chance:\n"
    yield "| stratum | videos | better | worse | difference (95 %) |"
    yield "|---|---|---|---|---|"
    for kind in ("sources", "elevation", "room", "panels", "frame"):
        for word in sorted({row[kind] for row in truth.values()}):
            videos = {
                name for name, row in truth.items()
                if row[kind] == word and (kind == "frame" or row["frame"] != _TURNED)
            }  # fmt: skip
            found = difference(cells, first, videos)
            if found:
                better, worse = (mean_of(cells, side, videos) for side in (first.better, first.worse))
                made = found[0]
                if better and worse:
                    yield (
                        f"| {word} | {made.videos} | {better[0]:.1f} | {worse[0]:.1f} | "
                        f"{made.mean:+.1f} ({made.low:+.1f} to {made.high:+.1f}) |"
                    )


def _controls(cells: Cells) -> Iterator[str]:
    names = sorted({name for cell in cells.values() for name in cell["controls"]})
    yield "| control, over all cells | least | mean | most |"
    yield "|---|---|---|---|"
    for name in names:
        values = [cell["controls"][name] for cell in cells.values() if name in cell["controls"]]
        yield f"| {name} | {min(values):.1f} | {sum(values) / len(values):.1f} | {max(values):.1f} |"


def _segmentation(cells: Cells, registered: Registration) -> Iterator[str]:
    from yt360.evaluation.intervals import mean_interval

    inputs = ("video", "sound", "context")
    yield "| mean IoU | model | video | + sound | + context |"
    yield "|---|---|---|---|---|"
    for world, model in registered.rungs:
        own = [cell["segmentation"] for (where, name, _), cell in cells.items() if (where, name) == (world, model)]
        texts = []
        for name in inputs:
            values = [each[name] for each in own if name in each]
            texts.append(spread(*mean_interval(values)) if values else "")
        if any(texts):
            yield f"| {world} | {model} |" + "".join(f" {text} |" for text in texts)


def spread(mean: float, half: float) -> str:
    """A mean and its interval, where there is one."""
    return f"{mean:.1f}" + (f" ± {half:.1f}" if math.isfinite(half) else "")


def pictures(out: Path, registered: Registration, size: Size, folder: Path) -> list[Path]:
    """``ladder.png`` (AVSA-Bin of each rung) and ``ladder-curves.png`` (how training went) in ``folder``."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cells = collect(out, registered, size)
    truth = _truth(out, registered)
    videos = {name for name, row in truth.items() if row["frame"] != _TURNED}
    worlds = list(dict.fromkeys(world for world, _ in registered.rungs))
    trained = list(dict.fromkeys(model for _, model in registered.rungs if model != UNTRAINED))
    folder.mkdir(parents=True, exist_ok=True)

    figure, axes = pyplot.subplots(1, len(worlds), figsize=(9, 3.6), sharex=True, squeeze=False)
    for axis, world in zip(axes[0], worlds, strict=True):
        models = [model for where, model in registered.rungs if where == world]
        known = [
            (model, each) for model in models if (each := mean_of(cells, Side(world, model, "avsa-bin 4"), videos))
        ]
        for place, (model, (mean, half, _)) in enumerate(known):
            axis.errorbar(mean, -place, xerr=half if math.isfinite(half) else 0, fmt="o", color="tab:blue", capsize=3)
            by_seed = [values_of(cells, Side(world, model, "avsa-bin 4"), seed, videos) for seed in size.seeds]
            dots = [sum(values.values()) / len(values) for values in by_seed if values]
            axis.plot(dots, [-place - 0.25] * len(dots), ".", color="0.5", markersize=4)
        axis.axvline(50, color="0.6", linewidth=1)
        axis.set_ylim(-len(trained) - 0.5, 0.5)
        axis.set_yticks([-place for place in range(len(known))], [model for model, _ in known], fontsize=8)
        axis.set_title(world, fontsize=10)
        axis.set_xlabel("AVSA-Bin, 4 views, %", fontsize=9)
    figure.tight_layout()
    ladder = folder / "ladder.png"
    figure.savefig(ladder, dpi=100, metadata={"Software": None})
    pyplot.close(figure)

    figure, axes = pyplot.subplots(1, len(worlds), figsize=(9, 3.2), sharey=True, squeeze=False)
    for axis, world in zip(axes[0], worlds, strict=True):
        for model in (model for where, model in registered.rungs if where == world and model in trained):
            curves_of = [curve_of(out, Cell(world, model, seed)) for seed in size.seeds]
            _curves(axis, [curve for curve in curves_of if len(curve) > 1], model, f"C{trained.index(model) % 10}")
        axis.axhline(25, color="0.6", linewidth=1)
        axis.set_title(world, fontsize=10)
        axis.set_xlabel("steps", fontsize=9)
    axes[0][0].legend(fontsize=6, loc="upper left", ncol=2)
    axes[0][0].set_ylabel("four views told apart, %", fontsize=9)
    figure.tight_layout()
    curves = folder / "ladder-curves.png"
    figure.savefig(curves, dpi=100, metadata={"Software": None})
    pyplot.close(figure)
    return [ladder, curves]


def _curves(axis: Any, curves: Sequence[Sequence[tuple[int, float]]], model: str, colour: str) -> None:
    """Each seed's, and their mean where all have been measured."""
    if not curves:
        return
    for curve in curves:
        axis.plot(*zip(*curve, strict=True), color=colour, linewidth=0.7, alpha=0.3)
    values = {step: [dict(curve)[step] for curve in curves if step in dict(curve)] for step, _ in curves[0]}
    means = [(step, sum(each) / len(each)) for step, each in values.items() if len(each) == len(curves)]
    axis.plot(*zip(*means, strict=True), color=colour, linewidth=1.6, label=model)
