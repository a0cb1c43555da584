"""How far people agree on labels: Cohen's kappa (Cohen 1960), and what they disagree on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from yt360.filters.evaluation.label_table import LabelTable

_Z95 = 1.959964


@dataclass(frozen=True)
class Agreement:
    """Of two people on the ``videos`` that both labelled.

    ``observed``: share on which they agree, 0 to 1. ``kappa``: agreement beyond what their frequencies of labels give
    by chance, 1 for full agreement, 0 for chance, negative for less; ``None`` where chance alone gives full agreement
    (one label only) or no video has both. ``interval``: 95 %, by the large-sample standard error of Cohen (1960).
    ``disagreements``: (video, label of the first, label of the second).
    """

    first: str
    second: str
    videos: int
    observed: float
    kappa: float | None
    interval: tuple[float, float] | None
    disagreements: tuple[tuple[str, str, str], ...]


def cohens_kappa(first: Mapping[str, str], second: Mapping[str, str], names: tuple[str, str] = ("", "")) -> Agreement:
    """Agreement of two people's labels (video -> label) on the videos that both have."""
    both = sorted(first.keys() & second.keys())
    differ = tuple((video, first[video], second[video]) for video in both if first[video] != second[video])
    count = len(both)
    if not count:
        return Agreement(*names, 0, 0.0, None, None, ())
    observed = 1 - len(differ) / count
    one, two = Counter(first[video] for video in both), Counter(second[video] for video in both)
    chance = sum(one[word] * two[word] for word in one) / count**2
    if chance >= 1:
        return Agreement(*names, count, observed, None, None, differ)
    kappa = (observed - chance) / (1 - chance)
    half = _Z95 * math.sqrt(observed * (1 - observed) / count) / (1 - chance)
    return Agreement(*names, count, observed, kappa, (max(-1.0, kappa - half), min(1.0, kappa + half)), differ)


def agreements(table: LabelTable) -> list[Agreement]:
    """Agreement of each two people who labelled a video in common, in order of names."""
    pairs = combinations(table.people(), 2)
    found = [cohens_kappa(table.of(one), table.of(two), (one, two)) for one, two in pairs]
    return [each for each in found if each.videos]
