"""The videos that a filter decided on, in strata: dropped or kept, and how close to the threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import Record
from yt360.filters.evaluation.labels import FILTERS
from yt360.filters.evaluation.scores import combined

_DROPPED = (("dropped, narrowly", 0.5), ("dropped, clearly", 1.0))
"""Strata of what a filter dropped, and the cumulative share of it, from the threshold outwards."""

_KEPT = (("kept, narrowly", 0.1), ("kept, clearly", 0.4), ("kept, far from the threshold", 1.0))
"""Strata of what it kept. What is missed is mostly close to the threshold: the first strata are small and dense."""

_LEAST_SPLIT = 10
"""Fewer videos are one stratum."""


@dataclass(frozen=True)
class Stratum:
    """Videos of one filter that are sampled at one rate. ``dropped``: whether the filter dropped them."""

    filter: str
    name: str
    dropped: bool
    videos: tuple[str, ...]


def strata(catalog: DatasetState, chosen: tuple[str, ...] = ()) -> list[Stratum]:
    """The strata of each filter (of those ``chosen``, if any) that the recipe has, none of them empty.

    A video that a stage dropped for another filter's reason belongs to no stratum of this one.
    """
    found: list[Stratum] = []
    for name, (stage_name, reasons) in FILTERS.items():
        if stage_name not in catalog.stages or (chosen and name not in chosen):
            continue
        stage = catalog.stages[stage_name]
        margins: dict[bool, dict[str, float | None]] = {True: {}, False: {}}
        for video, record in _decided(catalog, stage_name).items():
            if record.status == "done" or record.reason in reasons:
                margins[record.status == "filtered"][video] = combined(stage, record)
        found += _split(name, True, margins[True], _DROPPED)
        found += _split(name, False, margins[False], _KEPT)
    return found


def _decided(catalog: DatasetState, stage: str) -> dict[str, Record]:
    return {
        video: entry.record
        for video, entry in catalog.entries(stage).items()
        if entry.record is not None and entry.state in ("done", "filtered")
    }


def _split(
    name: str, dropped: bool, margins: Mapping[str, float | None], parts: tuple[tuple[str, float], ...]
) -> list[Stratum]:
    """Videos in order of their distance from the threshold, cut at shares of their number."""
    known = sorted((abs(margin), video) for video, margin in margins.items() if margin is not None)
    unknown = tuple(sorted(video for video, margin in margins.items() if margin is None))
    whole = "dropped" if dropped else "kept"
    found = []
    if 0 < len(known) < _LEAST_SPLIT:
        found.append(Stratum(name, whole, dropped, tuple(video for _, video in known)))
    elif known:
        start = 0
        for part, share in parts:
            end = math.ceil(share * len(known))
            found.append(Stratum(name, part, dropped, tuple(video for _, video in known[start:end])))
            start = end
    if unknown:
        found.append(Stratum(name, f"{whole}, without a score" if known else whole, dropped, unknown))
    return found
