"""The registered hypotheses against what the cells hold."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.stats import t as student

from benchmarks.ladder.registration import Hypothesis, Side
from benchmarks.ladder.statistics import Difference, holm, paired

Cells = Mapping[tuple[str, str, int], Mapping[str, Any]]
"""Results by (world, model, seed)."""

_LEVEL = 0.05


@dataclass(frozen=True)
class Verdict:
    """``p`` of the hypothesis' own test, ``corrected`` by Holm over all that were asked."""

    hypothesis: Hypothesis
    difference: Difference
    seeds: tuple[int, ...]
    p: float
    corrected: float
    word: Literal["holds", "refuted", "undecided"]


def values_of(cells: Cells, side: Side, seed: int, videos: Collection[str] | None = None) -> dict[str, float] | None:
    """The value of each test video (of ``videos``, if given) for one side and seed; ``None`` where it was not run."""
    cell = cells.get((side.world, side.model, seed))
    if cell is None or side.measure not in cell["outcomes"]:
        return None
    found: Mapping[str, float] = cell["outcomes"][side.measure]
    return {video: value for video, value in found.items() if videos is None or video in videos}


def seeds_with(cells: Cells, sides: Sequence[Side]) -> tuple[int, ...]:
    """Seeds for which all sides were measured."""
    seeds = sorted({seed for _, _, seed in cells})
    return tuple(seed for seed in seeds if all(values_of(cells, side, seed) is not None for side in sides))


def difference(
    cells: Cells, hypothesis: Hypothesis, videos: Collection[str] | None = None
) -> tuple[Difference, tuple[int, ...]] | None:
    """Better minus worse on ``videos`` with the seeds that it is of; ``None`` where nothing can be compared."""
    sides = [hypothesis.better, hypothesis.worse, *(hypothesis.than or ())]
    seeds = seeds_with(cells, sides)
    columns = [[values_of(cells, side, seed, videos) or {} for seed in seeds] for side in sides]
    if not seeds or not all(set.intersection(*(set(v) for v in column)) for column in columns):
        return None
    if hypothesis.than is None:
        return paired(columns[0], columns[1]), seeds
    less = [_minus(a, b) for a, b in zip(columns[2], columns[3], strict=True)]
    more = [_minus(a, b) for a, b in zip(columns[0], columns[1], strict=True)]
    return paired(more, less), seeds


def _minus(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {video: a[video] - b[video] for video in a.keys() & b.keys()}


def judge(cells: Cells, hypotheses: Sequence[Hypothesis], videos: Collection[str]) -> dict[str, Verdict | None]:
    """Of each hypothesis by name its verdict; ``None`` where its cells were not run.

    Corrected by Holm within each family; what was not measured counts as well.
    """
    verdicts: dict[str, Verdict | None] = {}
    for family in dict.fromkeys(hypothesis.family for hypothesis in hypotheses):
        own = [hypothesis for hypothesis in hypotheses if hypothesis.family == family]
        found = [difference(cells, hypothesis, videos) for hypothesis in own]
        ps = [math.nan if known is None else p_of(each, known[0]) for each, known in zip(own, found, strict=True)]
        for hypothesis, known, p, corrected in zip(own, found, ps, holm(ps), strict=True):
            verdicts[hypothesis.name] = None
            if known is not None:
                made = Verdict(hypothesis, *known, p, corrected, "undecided")
                verdicts[hypothesis.name] = replace(made, word=_word(made))
    return verdicts


def p_of(hypothesis: Hypothesis, found: Difference) -> float:
    """Above: of no difference, two-sided. Tie: of a difference of ``least`` or more (two one-sided tests)."""
    if hypothesis.expects == "above" or math.isnan(found.low):
        return found.p
    if not found.error:
        return float(abs(found.mean) >= hypothesis.least)
    return float(student.sf((hypothesis.least - abs(found.mean)) / found.error, found.freedom))


def _word(made: Verdict) -> Literal["holds", "refuted", "undecided"]:
    found, least = made.difference, made.hypothesis.least
    if made.hypothesis.expects == "tie":
        if made.corrected < _LEVEL:
            return "holds"
        return "refuted" if found.low > least or found.high < -least else "undecided"
    if made.corrected < _LEVEL and found.mean > 0 and found.mean >= least:
        return "holds"
    return "refuted" if found.high < max(least, 1e-12) else "undecided"


def mean_of(cells: Cells, side: Side, videos: Collection[str]) -> tuple[float, float, int] | None:
    """Mean over seeds, half of its 95 % interval over them (NaN for one), and how many there are."""
    from yt360.evaluation.intervals import mean_interval

    known = [values_of(cells, side, seed, videos) for seed in seeds_with(cells, [side])]
    means = [float(np.mean(list(values.values()))) for values in known if values]
    if not means:
        return None
    return (*mean_interval(means), len(means))
