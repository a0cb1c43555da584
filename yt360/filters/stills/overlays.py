"""Something laid over a picture that stands: what wanders and keeps its pixels, never rests, or comes and goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yt360.filters.stills.frame_differences import COMPACT_REGIONS, LEAST_USUAL, Columns
from yt360.filters.stills.limits import Limits
from yt360.filters.stills.verdict import StillVerdict

_SMALLEST_TITLE = 0.02
"""Share of the picture that words cover at least; smaller is a person who moves now and then."""

_MOSTLY, _FLUKES = 0.85, 0.1
"""Shares of the steps with motion: one thing moves in so many at least, the picture turns in so many at most."""


def found(columns: Columns, at_once: NDArray[np.bool_], limits: Limits) -> StillVerdict | None:
    """Something in one place that keeps its pixels wherever it goes, stays and never rests, or comes and goes."""
    lively = ~at_once
    count = int(lively.sum())
    if not count or float(np.mean(columns["rotation_deg"][lively] > 0)) > _FLUKES:
        return None
    if _comes_and_goes(columns, at_once, limits):
        area = float(np.median(columns["area"][columns["area"] > 0]))
        return StillVerdict(
            "overlay",
            f"still image with words or a card on top: {area:.1%} of the picture comes and goes, and stands in between",
        )
    compact = lively & (columns["regions"] <= COMPACT_REGIONS) & (columns["extent"] <= limits.title_extent)
    if compact.sum() < _MOSTLY * count:
        return None
    area = float(np.median(columns["residual"][compact]))
    travels = compact & (columns["stretch"] >= limits.least_stretch)
    if travels.sum() >= compact.sum() / 2:
        flatness = float(np.median(columns["flatness"][travels] / columns["stretch"][travels]))
        least = limits.overlay_flatness
        if float(np.quantile(columns["stretch"][travels], 0.8)) >= limits.far_stretch:
            least = min(least, limits.far_flatness)
        if flatness >= least:
            return StillVerdict(
                "overlay",
                f"still image with something on top: only {area:.2%} of the sphere moves, in one place, and keeps its "
                "shape on the way up and down, where the projection stretches real things",
            )
    if _busy_in_place(columns, limits):
        return StillVerdict(
            "overlay",
            f"still image with something on top: {area:.2%} of the sphere moves all the time, where it is, and nothing "
            "else does",
        )
    return None


def _comes_and_goes(columns: Columns, at_once: NDArray[np.bool_], limits: Limits) -> bool:
    """Whether what stands out of a picture that stands stands as well, most of the time that it shows."""
    seen = columns["area"] > 0
    if not seen.any() or float(at_once.mean()) < limits.title_quiet:
        return False
    held, levels, area = (float(np.median(columns[name][seen])) for name in ("held", "levels", "area"))
    sized = _SMALLEST_TITLE <= area <= limits.title_extent
    return held >= limits.title_held and levels >= limits.title_levels and sized


def _busy_in_place(columns: Columns, limits: Limits) -> bool:
    """Whether one place moves in nearly all steps, strongly, ends at a border, and next to nothing happens elsewhere.

    A large one must move more: so do performers near the camera.
    """
    steady, usual = float(np.median(columns["steady"])), float(np.median(columns["usual"]))
    small = float(np.median(columns["extent"])) <= limits.overlay_extent
    return (
        steady >= (limits.busy_motion if small else limits.large_busy_motion)
        and steady >= limits.busy_ratio * (usual + LEAST_USUAL)
        and float(np.median(columns["second"])) <= limits.busy_elsewhere
        and float(np.median(columns["sharpness"])) >= limits.busy_sharpness
    )
