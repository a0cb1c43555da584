"""Evidence of sound that was laid over a recording: in W alone, dry from the exact front, as a stereo bed, beside it.

Works on what comes and goes (:mod:`yt360.filters.post_production.covariance_differences`). For each unit of energy that
a band gains in W, a sound of the scene brings a unit into x, y and z, from its own direction or, in a room, from many.
Post-production does not:

* a voice in W alone brings nothing there, neither coherent nor diffuse, low bands and high bands alike;
* a voice panned to the front brings everything to x, exactly, without a trace of a room;
* a stereo bed brings a fixed part to x (the cosine of its half angle, 0 for mid-side), nothing to z, and
  to y what differs between left and right: y moves free of W while x and z do not, which no scene does.

Measured values are shares of the active cells, weighted by how far they stand out; thresholds are
elsewhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.filters.post_production.covariance_differences import Cells

HIGH_BAND = 4
"""First of the bands (from 1300 Hz on) that count as high: a voice fills both halves, bubbles and thumps one."""

_LEAST_WEIGHT = 80.0
"""Shares of less are taken of this much: a handful of cells proves nothing. Eight cells of 10 dB."""

BED_COSINES = (0.0, 0.5, 2**-0.5, 0.75**0.5)
"""Share of a stereo bed that reaches x: mid-side or +-90°, and virtual loudspeakers at +-60°, +-45° and +-30°."""


@dataclass(frozen=True)
class CellRules:
    """What makes a cell one of post-production. Part of measuring, not of deciding.

    Omni: directed energy under ``omni_db`` of W's, ``omni_drop_db`` less than the band has in pauses, and
    a coherent part below ``omni_gain``. Front: gains within ``front_tolerance`` of (1, 0, 0) (twice that in
    x) and at most ``front_room`` incoherent. Bed: z within ``bed_tolerance`` of 0 and x of its cosine, both
    with at most ``bed_leak`` incoherent, while y has ``bed_side`` and three times theirs.
    """

    omni_db: float = -7.0
    omni_drop_db: float = 3.0
    omni_gain: float = 0.4
    front_tolerance: float = 0.08
    front_room: float = 0.25
    bed_tolerance: float = 0.08
    bed_leak: float = 0.06
    bed_side: float = 0.05


@dataclass(frozen=True)
class Evidence:
    """Shares of the active cells in [0, 1], and what they are shares of.

    ``omni`` is the geometric mean of the shares in the low and the high bands; ``bed_angle_deg`` is the
    half angle of the bed that fits best; ``ratio_db`` the median directed over omni energy; ``active``
    the share of segments that has any active cell; ``cells`` their number.
    """

    omni: float
    omni_low: float
    omni_high: float
    front: float
    bed: float
    bed_angle_deg: float
    ratio_db: float
    active: float
    cells: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def omni_cells(cells: Cells, rules: CellRules) -> NDArray[np.bool_]:
    """Cells whose sound is in W and nowhere else ``(n,)``."""
    ratio, pause = cells.ratio_db(), cells.ratio_db(of_pause=True)
    usual = np.zeros(len(cells))
    for band in np.unique(cells.band):
        usual[cells.band == band] = np.clip(np.median(pause[cells.band == band]), -10, 0)
    coherent = np.linalg.norm(cells.gains(), axis=1)
    return (ratio < rules.omni_db) & (ratio < usual - rules.omni_drop_db) & (coherent < rules.omni_gain)


def front_cells(cells: Cells, rules: CellRules) -> NDArray[np.bool_]:
    """Cells whose sound is dry and exactly in front ``(n,)``."""
    limits = rules.front_tolerance * np.array([2.5, 1.0, 1.0])
    close = np.abs(cells.gains() - [1.0, 0.0, 0.0]) < limits
    return close.all(axis=1) & (cells.incoherent().sum(axis=1) < rules.front_room)


def bed_cells(cells: Cells, cosine: float, rules: CellRules) -> NDArray[np.bool_]:
    """Cells whose sound is a stereo pair at plus and minus the angle of ``cosine`` ``(n,)``."""
    gains, loose = cells.gains(), cells.incoherent()
    leak = np.maximum(loose[:, 0], loose[:, 2])
    fixed = (np.abs(gains[:, 0] - cosine) < rules.bed_tolerance) & (np.abs(gains[:, 2]) < rules.bed_tolerance)
    inside = gains[:, 0] ** 2 + gains[:, 1] ** 2 < 0.98
    side = (loose[:, 1] > rules.bed_side) & (loose[:, 1] > 3 * leak)
    return fixed & inside & side & (leak < rules.bed_leak)


def weigh(cells: Cells, rules: CellRules | None = None) -> Evidence:
    """Evidence of post-production in a sound."""
    rules = rules or CellRules()
    if not len(cells):
        return Evidence(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
    weights = np.minimum(cells.excess_db, 20.0)
    everything = np.ones(len(cells), dtype=bool)

    def share(chosen: NDArray[np.bool_], among: NDArray[np.bool_] = everything) -> float:
        total = max(float(weights[among].sum()), _LEAST_WEIGHT)
        return round(float(weights[chosen & among].sum()) / total, 4)

    omni, high = omni_cells(cells, rules), cells.band >= HIGH_BAND
    low_share, high_share = share(omni, ~high), share(omni, high)
    beds = [share(bed_cells(cells, cosine, rules)) for cosine in BED_COSINES]
    best = int(np.argmax(beds))
    return Evidence(
        omni=round((low_share * high_share) ** 0.5, 4),
        omni_low=low_share,
        omni_high=high_share,
        front=share(front_cells(cells, rules)),
        bed=beds[best],
        bed_angle_deg=round(float(np.rad2deg(np.arccos(BED_COSINES[best]))), 1),
        ratio_db=round(float(np.median(cells.ratio_db())), 2),
        active=round(len(np.unique(cells.segment)) / max(1, cells.segments), 4),
        cells=len(cells),
    )


def per_segment(cells: Cells, rules: CellRules | None = None) -> dict[str, list[float]]:
    """For each segment: shares of its active cells that are omni, front and bed, and how many are active."""
    rules = rules or CellRules()
    found: dict[str, list[float]] = {"omni": [], "front": [], "bed": [], "cells": []}
    cosine = float(np.cos(np.deg2rad(weigh(cells, rules).bed_angle_deg)))
    marks = {
        "omni": omni_cells(cells, rules),
        "front": front_cells(cells, rules),
        "bed": bed_cells(cells, cosine, rules),
    }
    for segment in range(cells.segments):
        inside = cells.segment == segment
        count = int(np.count_nonzero(inside))
        found["cells"].append(count)
        for name, mark in marks.items():
            found[name].append(round(float(mark[inside].mean()), 3) if count else 0.0)
    return found
