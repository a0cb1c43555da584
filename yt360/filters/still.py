"""Still image, slide show, turning still, still with something laid over it: a verdict from motion over time.

:func:`measure_window` compares the samples of a stretch of video with their successors and with
samples seconds later; :func:`judge` decides from the numbers of all stretches. Motion that a codec's
noise explains is none; neither is a turn of the whole sphere, nor one change of brightness everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import reduce
from itertools import groupby, pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.filters import motion

LAG_STEPS = 8
"""How many samples on a picture is compared a second time: slow things have moved by then."""


_BELIEVED_NOISE, _MOST_NOISE = 1.2, 2.0
"""Gray levels of background noise from which on codecs smear it into blotches, and how many more are believed
to be noise: beyond, the picture moves everywhere."""


@dataclass(frozen=True)
class Step:
    """From one sample to the next within a window.

    ``time_s`` is the first sample's; ``changed`` … ``extent`` are those of
    :class:`yt360.filters.motion.PairMotion`; ``brightness`` is the mean gray level; ``later`` is the
    residual against the sample :data:`LAG_STEPS` on, -1 where the window ends before that.
    """

    window: int
    time_s: float
    changed: float
    residual: float
    rotation_deg: float
    background: float
    regions: int
    extent: float
    brightness: float
    later: float


@dataclass(frozen=True)
class StillLimits:
    """Thresholds of :func:`judge`; shares in [0, 1].

    A step is quiet when at most ``moving_share`` of the sphere moved, ``noise_allowance`` more for each
    gray level of background noise above 1.2. When the sphere turns, undoing it hides small motion, so the
    limit is ``turning_share`` (twice that for what only one of the two comparisons sees). A stretch of
    quiet steps counts only if the picture is the same seconds later within ``drift_share``.
    The video is still when ``quiet_share`` of its steps are quiet; the few steps of a change of slides,
    at least ``slide_share`` of the sphere each and up to ``slide_steps`` long, are not counted.
    An overlay is at most ``overlay_share`` of the sphere in one place over a background that changes by
    less than ``dead_background`` gray levels; a title may be larger but comes and goes. In pictures
    darker than ``dark_level`` codecs leave no noise to tell a camera by, so nothing is called overlay.
    """

    moving_share: float = 0.005
    noise_allowance: float = 0.006
    turning_share: float = 0.0025
    drift_share: float = 0.012
    quiet_share: float = 0.85
    slide_share: float = 0.1
    slide_steps: int = 4
    overlay_share: float = 0.0145
    overlay_extent: float = 0.08
    title_extent: float = 0.2
    title_quiet: float = 0.25
    dead_background: float = 0.001
    dark_level: float = 35.0


@dataclass(frozen=True)
class StillVerdict:
    """``kind`` is ``still``, ``slide-show``, ``turning`` or ``overlay``; ``detail`` says it with numbers."""

    kind: str
    detail: str


def measure_window(
    frames: Iterable[NDArray], *, window: int, start_s: float, fps: float, settings: motion.MotionSettings
) -> list[Step]:
    """Steps between successive gray frames ``(H, W)`` of one window, sampled at ``fps``."""
    prepared = [motion.prepare(frame) for frame in frames]
    pairs = [motion.compare(*both, settings) for both in pairwise(prepared)]
    turns = [cv2.Rodrigues(np.array(pair.rotation))[0] for pair in pairs]
    steps = []
    for index, pair in enumerate(pairs):
        later = -1.0
        if index + LAG_STEPS < len(prepared):
            between = turns[index : index + LAG_STEPS]
            guess = reduce(lambda whole, turn: turn @ whole, between, np.eye(3))
            turning = any(pairs[index + k].rotation_deg > 0 for k in range(LAG_STEPS))
            far = motion.compare(prepared[index], prepared[index + LAG_STEPS], settings, guess, turning)
            later = far.residual
        steps.append(
            Step(
                window,
                round(start_s + index / fps, 3),
                round(pair.changed, 4),
                round(pair.residual, 4),
                round(pair.rotation_deg, 3),
                round(pair.background, 4),
                pair.regions,
                round(pair.extent, 4),
                round(float(prepared[index][0].mean()), 1),
                round(later, 4),
            )
        )
    return steps


def to_columns(steps: Sequence[Step]) -> dict[str, list[Any]]:
    """Steps as lists by name, as they stand in a record."""
    return {field.name: [asdict(step)[field.name] for step in steps] for field in fields(Step)}


def from_columns(columns: Mapping[str, Sequence[Any]]) -> list[Step]:
    """The inverse of :func:`to_columns`."""
    return [Step(*values) for values in zip(*(columns[field.name] for field in fields(Step)), strict=True)]


def quiet_steps(steps: Sequence[Step], limits: StillLimits) -> NDArray[np.bool_]:
    """Which steps show no motion: none at the moment and none over the lag."""
    return np.array([_is_quiet(step, limits) for step in steps], dtype=bool)


def still_seconds(steps: Sequence[Step], limits: StillLimits) -> dict[int, bool]:
    """For each whole second that was looked at: whether nothing moved in it."""
    seconds: dict[int, bool] = {}
    for step, quiet in zip(steps, quiet_steps(steps, limits), strict=True):
        second = int(step.time_s)
        seconds[second] = seconds.get(second, True) and bool(quiet)
    return seconds


def judge(steps: Sequence[Step], limits: StillLimits) -> StillVerdict | None:
    """What kind of still a video is, or ``None`` when something moves in it (or nothing was seen)."""
    if not steps:
        return None
    quiet = quiet_steps(steps, limits)
    turning = sum(step.rotation_deg > 0 for step in steps) > len(steps) / 2
    slides = np.zeros(len(steps), dtype=bool) if turning else _slide_changes(steps, quiet, limits)
    quiet &= ~slides
    count = len(steps) - int(slides.sum())
    share = float(quiet.sum()) / max(1, count)
    seen = f"{share:.0%} of {count} pairs of samples show no motion"
    if share >= limits.quiet_share and quiet.sum() >= len(steps) / 2:
        if slides.any():
            changes = sum(1 for is_change, _ in groupby(slides) if is_change)
            return StillVerdict("slide-show", f"slide show: {seen}, between {changes} changes of the picture")
        if turning:
            speed = float(np.median([step.rotation_deg for step in steps if step.rotation_deg > 0]))
            return StillVerdict("turning", f"turning still: {seen} once {speed:.1f}° between samples are undone")
        return StillVerdict("still", f"still image: {seen}")
    return _overlay(steps, limits)


def _is_quiet(step: Step, limits: StillLimits) -> bool:
    # What is gone seconds later was flicker or noise: things that move do not come back to the pixel.
    moved = step.residual if step.later < 0 else min(step.residual, step.later)
    if step.rotation_deg > 0:
        if step.later < 0:
            return moved <= 2 * limits.turning_share
        return moved <= limits.turning_share and step.later <= 2 * limits.turning_share
    noise = limits.noise_allowance * min(max(0.0, step.background - _BELIEVED_NOISE), _MOST_NOISE)
    return moved <= limits.moving_share + noise and step.later <= limits.drift_share + noise


def _slide_changes(steps: Sequence[Step], quiet: NDArray[np.bool_], limits: StillLimits) -> NDArray[np.bool_]:
    """Steps that belong to a change of slides: short, wide, with stillness before or after it.

    A picture that stands is another one seconds later when the slide changes in between: the lag makes
    no slide lively, so such steps are made quiet here (in place).
    """
    changes = np.zeros(len(steps), dtype=bool)
    at_once = np.array([_is_quiet(_without_lag(step), limits) for step in steps])
    windows = np.array([step.window for step in steps])
    position = 0
    for (_, calm), group in groupby(zip(windows, at_once, strict=True)):
        length = len(list(group))
        span = slice(position, position + length)
        before = position > 0 and windows[position - 1] == windows[position]
        after = position + length < len(steps) and windows[position + length] == windows[position]
        wide = max(step.changed for step in steps[span]) >= limits.slide_share
        if not calm and length <= limits.slide_steps and wide and (before or after):
            changes[span] = True
        position += length
    for index in np.flatnonzero(at_once & ~quiet):
        ahead = slice(index, index + LAG_STEPS)
        if np.any(changes[ahead] & (windows[ahead] == windows[index])):
            quiet[index] = True
    return changes


def _without_lag(step: Step) -> Step:
    return Step(**{**asdict(step), "later": -1.0})


def _overlay(steps: Sequence[Step], limits: StillLimits) -> StillVerdict | None:
    """Something small in one place over a picture that is exactly repeated."""
    lively = [step for step in steps if not _is_quiet(_without_lag(step), limits)]
    background = float(np.median([step.background for step in steps]))
    brightness = float(np.median([step.brightness for step in steps]))
    if background >= limits.dead_background or brightness < limits.dark_level:
        return None
    compact = [step for step in lively if step.regions <= 2 and step.extent <= limits.title_extent]
    if not lively or len(compact) < 0.85 * len(lively) or any(step.rotation_deg > 0 for step in lively):
        return None
    area = float(np.median([step.residual for step in compact]))
    extent = float(np.median([step.extent for step in compact]))
    later = float(np.median([step.later for step in compact if step.later >= 0] or [0.0]))
    creeps = later > 2.5 * area
    title = 1 - len(lively) / len(steps) >= limits.title_quiet
    if not creeps and (title or (area <= limits.overlay_share and extent <= limits.overlay_extent)):
        return StillVerdict(
            "overlay",
            f"still with something laid over it: only {area:.2%} of the sphere moves, in one place, "
            f"and the rest changes by {background:.4f} gray levels between samples",
        )
    return None
