"""How good panoptic maps are: PQ, SQ, RQ (Kirillov et al., Panoptic Segmentation, CVPR 2019, eq. 1) and mIoU.

The usual measures count pixels. ``by_solid_angle`` counts each pixel of an equirectangular map by
the solid angle it stands for, so that stretched poles do not count for more than they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.segmentation.maps import Category, PanopticMap


@dataclass(frozen=True)
class Quality:
    """PQ, SQ and RQ in percent, averaged over the ``categories`` that occur (in the truth or in the maps)."""

    pq: float
    sq: float
    rq: float
    categories: int


@dataclass
class _Tally:
    overlap: float = 0.0
    hits: int = 0
    extra: int = 0
    missed: int = 0

    @property
    def occurs(self) -> bool:
        return self.hits + self.extra + self.missed > 0

    def quality(self) -> tuple[float, float, float]:
        sq = self.overlap / self.hits if self.hits else 0.0
        rq = self.hits / (self.hits + 0.5 * (self.extra + self.missed))
        return sq * rq, sq, rq


@dataclass
class PanopticEvaluation:
    """Adds up maps beside their truth; the same categories (by id) in both.

    Pixels that the truth leaves void (0), and segments in ``crowds``, are nobody's mistake, as in COCO's
    own evaluation: a found segment that lies mostly there is not counted.
    """

    categories: Sequence[Category]
    by_solid_angle: bool = False
    _tallies: dict[int, _Tally] = field(default_factory=dict)
    _shared: dict[int, float] = field(default_factory=dict)
    _union: dict[int, float] = field(default_factory=dict)

    def add(self, truth: PanopticMap, found: PanopticMap, crowds: frozenset[int] = frozenset()) -> None:
        """One picture. ``crowds`` are ids of the truth's segments that stand for an uncounted many."""
        if truth.ids.shape != found.ids.shape:
            raise ValueError(f"maps of different sizes: truth {truth.ids.shape}, found {found.ids.shape}")
        weight = self._weight(*truth.ids.shape)
        self._add_segments(truth, found, weight, crowds)
        self._add_classes(truth, found, weight, crowds)

    def _weight(self, height: int, width: int) -> NDArray[np.float64]:
        rows = sphere.row_solid_angles(height, width) if self.by_solid_angle else np.ones(height)
        return np.repeat(rows, width)

    def _tally(self, category: int) -> _Tally:
        return self._tallies.setdefault(category, _Tally())

    def _add_segments(
        self, truth: PanopticMap, found: PanopticMap, weight: NDArray[np.float64], crowds: frozenset[int]
    ) -> None:
        true_ids, found_ids = truth.ids.reshape(-1).astype(np.int64), found.ids.reshape(-1).astype(np.int64)
        step = int(found_ids.max(initial=0)) + 1
        names, where = np.unique(true_ids * step + found_ids, return_inverse=True)
        shared = dict(zip(names.tolist(), np.bincount(where, weights=weight).tolist(), strict=True))
        true_area, found_area = np.bincount(true_ids, weights=weight), np.bincount(found_ids, weights=weight)
        true_of = {s.id: s.category_id for s in truth.segments if s.id < len(true_area) and true_area[s.id] > 0}
        found_of = {s.id: s.category_id for s in found.segments if s.id < len(found_area) and found_area[s.id] > 0}
        matched_true, matched_found = set(), set()
        for name, amount in shared.items():
            a, b = divmod(name, step)
            if a in true_of and b in found_of and a not in crowds and true_of[a] == found_of[b]:
                union = true_area[a] + found_area[b] - amount - shared.get(b, 0.0)
                if amount / union > 0.5:  # at most one pair can overlap by more than half
                    tally = self._tally(true_of[a])
                    tally.hits += 1
                    tally.overlap += amount / union
                    matched_true.add(a)
                    matched_found.add(b)
        for a, category in true_of.items():
            if a not in matched_true and a not in crowds:
                self._tally(category).missed += 1
        for b, category in found_of.items():
            if b not in matched_found:
                nowhere = shared.get(b, 0.0)
                nowhere += sum(shared.get(a * step + b, 0.0) for a in crowds if true_of.get(a) == category)
                if nowhere / found_area[b] <= 0.5:
                    self._tally(category).extra += 1

    def _add_classes(
        self, truth: PanopticMap, found: PanopticMap, weight: NDArray[np.float64], crowds: frozenset[int]
    ) -> None:
        counted = (truth.ids > 0) & ~np.isin(truth.ids, list(crowds))
        a, b = truth.category_map()[counted].astype(np.int64), found.category_map()[counted].astype(np.int64)
        own = weight[counted.reshape(-1)]
        for category in np.union1d(a, b).tolist():
            if category:
                true_here, found_here = a == category, b == category
                shared = float(own[true_here & found_here].sum())
                self._shared[category] = self._shared.get(category, 0.0) + shared
                self._union[category] = self._union.get(category, 0.0) + float(own[true_here | found_here].sum())

    def quality(self, isthing: bool | None = None) -> Quality:
        """Averages over all categories that occur, or only over things or stuff."""
        chosen = {c.id for c in self.categories if isthing is None or c.isthing == isthing}
        parts = [tally.quality() for name, tally in self._tallies.items() if name in chosen and tally.occurs]
        return _quality(parts)

    def per_category(self) -> dict[int, Quality]:
        """The same of each category that occurs, by its id."""
        return {name: _quality([tally.quality()]) for name, tally in sorted(self._tallies.items()) if tally.occurs}

    def mean_iou(self) -> float:
        """Mean intersection over union of the categories' areas over all pictures, in percent."""
        parts = [self._shared[name] / union for name, union in self._union.items() if union > 0]
        return 100 * sum(parts) / len(parts) if parts else 0.0

    def to_json(self) -> dict[str, float]:
        """All of it in one flat table."""
        table: dict[str, float] = {}
        for words, isthing in (("", None), ("_things", True), ("_stuff", False)):
            found = self.quality(isthing)
            table |= {f"pq{words}": found.pq, f"sq{words}": found.sq, f"rq{words}": found.rq}
        return {name: round(value, 3) for name, value in (table | {"miou": self.mean_iou()}).items()}


def _quality(parts: Sequence[tuple[float, float, float]]) -> Quality:
    """The mean over categories of (PQ, SQ, RQ), in percent."""
    if not parts:
        return Quality(0.0, 0.0, 0.0, 0)
    pq, sq, rq = (100 * sum(part[k] for part in parts) / len(parts) for k in range(3))
    return Quality(pq, sq, rq, len(parts))
