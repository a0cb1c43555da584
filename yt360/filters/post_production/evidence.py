"""Evidence of sound that was laid over a recording: in W alone, dry from the exact front, as a stereo bed, beside it.

Works on what comes and goes (:mod:`yt360.filters.post_production.covariance_differences`). For each unit of energy that
a band gains in W, a sound of the scene brings a unit into x, y and z, from its own direction or, in a room, from many.
Post-production does not:

* a voice in W alone brings nothing there, neither coherent nor diffuse, low bands and high bands alike;
* a voice panned to the front brings everything to x, exactly, without a trace of a room;
* a stereo bed brings a fixed part to x (the cosine of its half angle, 0 for mid-side), nothing to z, and
  to y what differs between left and right: y moves free of W while x and z do not, which no scene does.

Measured values are shares of the active tiles, weighted by how far they stand out; thresholds are
elsewhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.filters.post_production.covariance_differences import Tiles
from yt360.filters.post_production.music_bed import TILE_COSINES, bed_tiles
from yt360.filters.post_production.settings import TileRules

HIGH_BAND = 4
"""First of the bands (from 1300 Hz on) that count as high: a voice fills both halves, bubbles and thumps one."""

_LEAST_WEIGHT = 80.0
"""Shares of less are taken of this much: a handful of tiles proves nothing. Eight tiles of 10 dB."""


@dataclass(frozen=True)
class Evidence:
    """Shares of the active time-frequency tiles in [0, 1], and what they are shares of.

    ``omni`` is the geometric mean of the shares in the low and the high bands; ``bed_angle_deg`` is the
    half angle of the bed that fits best; ``ratio_db`` the median directed over omni energy; ``active``
    the share of segments that has any active tile; ``cells`` their number.
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


def omni_tiles(tiles: Tiles, rules: TileRules) -> NDArray[np.bool_]:
    """Cells whose sound is in W and nowhere else ``(n,)``."""
    ratio, pause = tiles.ratio_db(), tiles.ratio_db(of_pause=True)
    usual = np.zeros(len(tiles))
    for band in np.unique(tiles.band):
        usual[tiles.band == band] = np.clip(np.median(pause[tiles.band == band]), -10, 0)
    coherent = np.linalg.norm(tiles.gains(), axis=1)
    omni: NDArray[np.bool_] = (
        (ratio < rules.omni_db) & (ratio < usual - rules.omni_drop_db) & (coherent < rules.omni_gain)
    )
    return omni


def front_tiles(tiles: Tiles, rules: TileRules) -> NDArray[np.bool_]:
    """Cells whose sound is dry and exactly in front ``(n,)``."""
    limits = rules.front_tolerance * np.array([2.5, 1.0, 1.0])
    close = np.abs(tiles.gains() - [1.0, 0.0, 0.0]) < limits
    front: NDArray[np.bool_] = close.all(axis=1) & (tiles.incoherent().sum(axis=1) < rules.front_room)
    return front


def weigh(tiles: Tiles, rules: TileRules | None = None) -> Evidence:
    """Evidence of post-production in a sound."""
    rules = rules or TileRules()
    if not len(tiles):
        return Evidence(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
    weights = np.minimum(tiles.excess_db, 20.0)
    everything = np.ones(len(tiles), dtype=bool)

    def share(chosen: NDArray[np.bool_], among: NDArray[np.bool_] = everything) -> float:
        total = max(float(weights[among].sum()), _LEAST_WEIGHT)
        return round(float(weights[chosen & among].sum()) / total, 4)

    omni, high = omni_tiles(tiles, rules), tiles.band >= HIGH_BAND
    low_share, high_share = share(omni, ~high), share(omni, high)
    beds = [share(bed_tiles(tiles, cosine, rules)) for cosine in TILE_COSINES]
    best = int(np.argmax(beds))
    return Evidence(
        omni=round((low_share * high_share) ** 0.5, 4),
        omni_low=low_share,
        omni_high=high_share,
        front=share(front_tiles(tiles, rules)),
        bed=beds[best],
        bed_angle_deg=round(float(np.rad2deg(np.arccos(TILE_COSINES[best]))), 1),
        ratio_db=round(float(np.median(tiles.ratio_db())), 2),
        active=round(len(np.unique(tiles.segment)) / max(1, tiles.segments), 4),
        cells=len(tiles),
    )


def per_segment(tiles: Tiles, rules: TileRules | None = None) -> dict[str, list[float]]:
    """For each segment: shares of its active tiles that are omni, front and bed, and how many are active."""
    rules = rules or TileRules()
    found: dict[str, list[float]] = {"omni": [], "front": [], "bed": [], "cells": []}
    cosine = float(np.cos(np.deg2rad(weigh(tiles, rules).bed_angle_deg)))
    marks = {
        "omni": omni_tiles(tiles, rules),
        "front": front_tiles(tiles, rules),
        "bed": bed_tiles(tiles, cosine, rules),
    }
    for segment in range(tiles.segments):
        inside = tiles.segment == segment
        count = int(np.count_nonzero(inside))
        found["cells"].append(count)
        for name, mark in marks.items():
            found[name].append(round(float(mark[inside].mean()), 3) if count else 0.0)
    return found
