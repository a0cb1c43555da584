"""Still image, slide show, turning still, still with something laid over it: a verdict from motion over time.

:func:`judge` decides from the comparisons of all stretches (:mod:`yt360.filters.stills.frame_differences`). Motion that
a codec's noise explains is none; neither is a turn of the whole sphere, nor one change of brightness everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from yt360.filters.stills import overlays
from yt360.filters.stills.frame_differences import LAG_STEPS, LEAST_USUAL, Columns, FrameComparison, over_lag
from yt360.filters.stills.frame_differences import columns as by_column
from yt360.filters.stills.limits import LIMITS, Limits
from yt360.filters.stills.verdict import StillVerdict

_STRONGEST = 1.4
"""Times ``weak_strength`` that weak motion never exceeds."""

_FEWEST_PLACES = 3
"""Separate places in which weak motion must show: a thing that lives is in one or two."""

_NOISY = 0.6
"""Gray levels of background noise at or above which weak motion is taken for a codec's blotches."""

_WEAK_SHARE, _LARGER_SHARE = 0.06, 0.1
"""Share of the sphere up to which weak motion is ignored, and where the picture turns or flickers."""

_RETURNS = 5.0
"""Times its net change that the brightness goes up and down, at least, where it flickers."""

_COMES_BACK = 3.0
"""The same, where it goes up and down over seconds."""

_BRIGHT = 100.0
"""Mean gray level below which ``flicker_levels`` shrinks in proportion."""

_TURNS_DEG = 0.5
"""Turn of the sphere between two samples, in degrees, at which encoders leave no pixel as it was."""

_LASTS, _SMALL_AREA = 0.95, 0.05
"""Share of the moments from which a place counts as standing, and share of the picture up to which it is small."""

_SCALED_DEPARTURE = 0.5
"""Part of ``turning_departure`` that is enough where the picture is scaled."""


def quiet_steps(
    steps: Sequence[FrameComparison] | Columns, limits: Limits, *, lag: bool = True, flicker: bool = False
) -> NDArray[np.bool_]:
    """Which steps show no motion ``(n,)``: none at the moment and, with ``lag``, none over the lag either.

    ``flicker``: the brightness of the whole does (:func:`flickers`).
    """
    columns = by_column(steps)
    unknown = np.full(columns["later"].shape, -1.0)
    later, later_strength = (over_lag(columns, name) if lag else unknown for name in ("later", "later_strength"))
    # What is gone seconds later was flicker or noise: things that move do not come back to the pixel.
    moved = np.where(later < 0, columns["residual"], np.minimum(columns["residual"], later))
    turning = np.where(
        later < 0,
        moved <= 2 * limits.turning_share,
        (moved <= limits.turning_share) & (later <= 2 * limits.turning_share),
    )
    standing = (moved <= limits.moving_share) & (later <= limits.drift_share)
    now = columns["strength"]
    other = np.where(later_strength < 0, now, later_strength)
    weak = (np.minimum(now, other) <= limits.weak_strength) & (
        np.maximum(now, other) <= _STRONGEST * limits.weak_strength
    )
    fluke = weak & (columns["peak"] < limits.weak_peak)
    if flicker:
        weak &= moved <= _LARGER_SHARE
    elif weak.any():
        background, rotation_deg = columns["background"], columns["rotation_deg"]
        # The noise of the video as a whole: encoders leave single frames as they were, and a change of slides is none.
        noisy = 2 * np.count_nonzero(background >= _NOISY) >= len(background)
        # When all of the picture turns encoders leave nothing as it was; a change of slides may look like one turn.
        turns = (rotation_deg >= _TURNS_DEG) & (np.count_nonzero(rotation_deg > 0) > len(rotation_deg) / 2)
        weak &= noisy | turns
        if weak.any():
            regions = np.maximum(columns["regions"], over_lag(columns, "later_regions") if lag else 0)
            share = np.where(turns, _LARGER_SHARE, _WEAK_SHARE)
            weak &= (regions >= _FEWEST_PLACES) & (moved <= share) & (later <= share)
    undone = _undone(columns, limits)
    found: NDArray[np.bool_] = weak | fluke | np.where(undone, turning, standing).astype(bool)
    return found


def _undone(columns: Columns, limits: Limits) -> NDArray[np.bool_]:
    """Steps in which the whole picture turned or was scaled ``(n,)``: then all of it departs from its mean.

    Where water runs past or snow falls, a turn may be found that explains some of it. A scaling, on which most corners
    agreed, need not take plain skies as far.
    """
    scaled = columns["zoom"] > 0
    least = np.where(scaled, _SCALED_DEPARTURE, 1.0) * limits.turning_departure
    everywhere = (columns["half"] >= least) | (columns["liveliest"] <= 0)
    found: NDArray[np.bool_] = ((columns["rotation_deg"] > 0) | scaled) & everywhere
    return found


def departs(steps: Sequence[FrameComparison] | Columns, limits: Limits) -> bool:
    """Whether some part departs further from its mean than noise lets it, and most steps have some motion.

    Snow, rain and crowds far away are weak from one frame to the next, and everywhere, as a codec's blotches are.
    """
    columns = by_column(steps)
    lively = 2 * np.count_nonzero(columns["liveliest"] >= limits.lively_departure) >= len(columns["liveliest"])
    return bool(lively and float(np.median(columns["residual"])) >= limits.lively_share)


def stirs(steps: Sequence[FrameComparison] | Columns, limits: Limits) -> bool:
    """Whether one small place never looks for long as it did, too faintly or too seldom to count as motion.

    Encoders leave out what is faint: somebody far away is still for seconds, then elsewhere.
    """
    columns = by_column(steps)
    seen = columns["area"] > 0
    if 2 * np.count_nonzero(seen) < len(seen) or not seen.any():
        return False
    held, levels, area = (float(np.median(columns[name][seen])) for name in ("held", "levels", "area"))
    title = held >= limits.title_held and levels >= limits.title_levels
    return levels >= limits.stirring_levels and held <= _LASTS and area <= _SMALL_AREA and not title


def flickers(steps: Sequence[FrameComparison] | Columns, limits: Limits) -> bool:
    """Whether the brightness of the whole goes up and down all the time (a sunset only goes down)."""
    columns = by_column(steps)
    levels, windows = columns["brightness"], columns["window"]
    if len(levels) < 2:
        return False
    inside = windows[1:] == windows[:-1]
    there, count = float(np.abs(levels[1:] - levels[:-1])[inside].sum()), int(inside.sum())
    if not count or there / count < limits.flicker_levels * min(1.0, float(levels.mean()) / _BRIGHT):
        return False
    begins = np.flatnonzero(np.append(True, ~inside))
    ends = np.append(begins[1:], len(levels)) - 1
    return there >= _RETURNS * float(np.abs(levels[ends] - levels[begins]).sum())


def pulses(steps: Sequence[FrameComparison] | Columns, limits: Limits) -> bool:
    """Whether the brightness of the whole goes up and down, by much more than any part does apart from that.

    An encoder makes blotches of it that look like motion; a room in the light of a candle changes where the candle is.
    """
    columns = by_column(steps)
    numbers = np.unique(columns["window"])
    liveliest = float(np.median(columns["liveliest"])) if len(numbers) else 0.0
    if not 0 < liveliest < limits.lively_departure:
        return False
    levels = [columns["brightness"][columns["window"] == number] for number in numbers]
    swing = float(np.median([each.std() for each in levels]))
    there = sum(float(np.abs(np.diff(each)).sum()) for each in levels)
    net = sum(abs(float(each[-1] - each[0])) for each in levels)
    return (
        swing >= max(limits.pulse_levels, limits.pulse_ratio * liveliest)
        and there >= _COMES_BACK * net
        and not daylight(columns, limits)
    )


def daylight(steps: Sequence[FrameComparison] | Columns, limits: Limits) -> bool:
    """Whether the brightness goes one way all the time in half of the windows or more, as at sunset."""
    columns = by_column(steps)
    drifts = []
    for window in np.unique(columns["window"]):
        levels = columns["brightness"][columns["window"] == window]
        changes, net = np.abs(np.diff(levels)), float(levels[-1] - levels[0])
        # A fade at the start or the end is short: half of all steps have to take part.
        steady = len(changes) > 2 and changes.sum() <= 1.25 * abs(net) and np.median(changes) >= 0.3 * changes.mean()
        drifts.append(float(np.sign(net)) if steady and abs(net) >= limits.daylight_share * levels.mean() else 0.0)
    return len(drifts) > 0 and abs(sum(drifts)) >= max(1.0, len(drifts) / 2)


def lives(steps: Sequence[FrameComparison] | Columns, limits: Limits) -> bool:
    """Whether one place moves all the time in half of the windows or more, and the others do not."""
    columns = by_column(steps)
    steady = columns["steady"]
    there = (steady >= limits.steady_motion) & (steady >= limits.steady_ratio * (columns["usual"] + LEAST_USUAL))
    return bool(2 * np.count_nonzero(there) >= len(there) > 0)


@dataclass(frozen=True)
class _Stillness:
    """``quiet`` and ``slides`` ``(n,)``: steps without motion, and steps that belong to a change of slides."""

    quiet: NDArray[np.bool_]
    slides: NDArray[np.bool_]
    turning: bool

    @property
    def count(self) -> int:
        return len(self.slides) - int(self.slides.sum())

    @property
    def share(self) -> float:
        return float(self.quiet.sum()) / max(1, self.count)


def _stillness(columns: Columns, limits: Limits, quiet: NDArray[np.bool_], at_once: NDArray[np.bool_]) -> _Stillness:
    """Of steps that are quiet also over the lag, and ``at_once``: at the moment. The former are changed in place."""
    undone = _undone(columns, limits)
    turning = bool(np.count_nonzero(undone) > len(quiet) / 2)
    # What an editor scales comes in slides; what turns does not.
    scaled = np.count_nonzero(columns["zoom"] > 0) > len(quiet) / 4
    alone = turning and not scaled
    slides = np.zeros(len(quiet), dtype=bool) if alone else _slide_changes(columns, quiet, at_once, limits)
    return _Stillness(quiet & ~slides, slides, turning)


def quiet_share(steps: Sequence[FrameComparison] | Columns, limits: Limits = LIMITS) -> float:
    """Share of the steps without motion, changes of slides left out: what :func:`judge` goes by first."""
    columns = by_column(steps)
    if not len(columns["window"]):
        return 0.0
    quiet = quiet_steps(columns, limits, flicker=flickers(columns, limits))
    return _stillness(columns, limits, quiet, quiet_steps(columns, limits, lag=False)).share


def judge(steps: Sequence[FrameComparison] | Columns, limits: Limits) -> StillVerdict | None:
    """What kind of still a video is, or ``None`` when something moves in it (or nothing was seen)."""
    columns = by_column(steps)
    verdict = _judged(columns, limits) if len(columns["window"]) else None
    if pulses(columns, limits):
        levels = float(np.median(columns["liveliest"]))
        return StillVerdict(
            "still",
            "still image that grows brighter and darker: apart from that nearly nothing changes by more than "
            f"{levels:.1f} gray levels",
        )
    if verdict is None or daylight(columns, limits):
        return None
    if verdict.kind == "still" and any(seen(columns, limits) for seen in (lives, departs, stirs)):
        return None
    return verdict


def _judged(columns: Columns, limits: Limits) -> StillVerdict | None:
    """The same, whatever the daylight does and what lives: only few verdicts have to be asked about that."""
    total = len(columns["window"])
    flickering = flickers(columns, limits)
    quiet, at_once = quiet_steps(columns, limits, flicker=flickering), quiet_steps(columns, limits, lag=False)
    if np.count_nonzero(quiet | at_once) < total / 2:  # slides make no others quiet
        return overlays.found(columns, at_once, limits)
    found = _stillness(columns, limits, quiet, at_once)
    seen = f"nothing moves in {found.share:.0%} of {found.count} comparisons of two frames"
    flicker = flickering and found.share >= limits.flicker_quiet_share
    if (flicker or found.share >= limits.quiet_share) and found.quiet.sum() >= total / 2:
        if flicker:
            return StillVerdict("still", f"still image whose brightness flickers: {seen}")
        if found.slides.any():
            changes = int(np.count_nonzero(np.diff(found.slides.astype(int), prepend=0) == 1))
            return StillVerdict("slide-show", f"slide show with {changes} changes of the picture: {seen}")
        if found.turning:
            turns = columns["rotation_deg"]
            if np.count_nonzero(columns["zoom"] > 0) > np.count_nonzero(turns > 0):
                return StillVerdict("zooming", f"still image that is scaled and shifted: apart from that {seen}")
            speed = float(np.median(turns[turns > 0]))
            return StillVerdict(
                "turning", f"still image that turns by {speed:.1f}° from frame to frame: apart from that {seen}"
            )
        return StillVerdict("still", f"still image: {seen}")
    return overlays.found(columns, at_once, limits)


def _slide_changes(
    columns: Columns, quiet: NDArray[np.bool_], at_once: NDArray[np.bool_], limits: Limits
) -> NDArray[np.bool_]:
    """Steps that belong to a change of slides: short, wide, with stillness before or after it.

    A picture that stands is another one seconds later when the slide changes in between: the lag makes
    no slide lively, so such steps are made quiet here (in place).
    """
    changes = np.zeros(len(quiet), dtype=bool)
    windows = columns["window"]
    edges = np.flatnonzero((at_once[1:] != at_once[:-1]) | (windows[1:] != windows[:-1])) + 1
    for begin, end in pairwise([0, *edges.tolist(), len(quiet)]):
        if at_once[begin] or end - begin > limits.slide_steps:
            continue
        before = begin > 0 and windows[begin - 1] == windows[begin]
        after = end < len(quiet) and windows[end] == windows[begin]
        # A fade between two pictures alike in their levels may pass for a change of brightness; what comes is another.
        other = max(columns["changed"][begin:end].max(), columns["later"][begin:end].max())
        if (before or after) and other >= limits.slide_share:
            changes[begin:end] = True
    if changes.any():
        for index in map(int, np.flatnonzero(at_once & ~quiet)):
            first = index if columns["later"][index] >= 0 else max(0, index - LAG_STEPS + 1)
            span = slice(first, first + LAG_STEPS)
            if np.any(changes[span] & (windows[span] == windows[index])):
                quiet[index] = True
    return changes
