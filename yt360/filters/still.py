"""Still image, slide show, turning still, still with something laid over it: a verdict from motion over time.

:func:`measure_window` compares the samples of a stretch of video with their successors and with
samples seconds later; :func:`judge` decides from the numbers of all stretches. Motion that a codec's
noise explains is none; neither is a turn of the whole sphere, nor one change of brightness everywhere.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.filters import motion

LAG_STEPS = 8
"""How many samples on a picture is compared a second time: slow things have moved by then."""


_BELIEVED_NOISE, _MOST_NOISE = 1.2, 2.0
"""Gray levels of background noise from which on codecs smear it into blotches, and how many more are believed
to be noise: beyond, the picture moves everywhere."""


class Step(NamedTuple):
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


_NAMES = Step._fields
Columns = dict[str, NDArray[np.float64]]
"""Steps by column, as :func:`judge` wants them."""


@dataclass(frozen=True)
class StillLimits:
    """Thresholds of :func:`judge`; shares in [0, 1].

    A step is quiet when at most ``moving_share`` of the sphere moved, ``noise_allowance`` more for each
    gray level of background noise above 1.2. When the sphere turns, undoing it hides small motion, so the
    limit is ``turning_share`` (twice that for what only one of the two comparisons sees). A stretch of
    quiet steps counts only if the picture is the same seconds later within ``drift_share``.
    The video is still when ``quiet_share`` of its steps are quiet; the few steps of a change of slides,
    at least ``slide_share`` of the sphere each and up to ``slide_steps`` long, are not counted.
    Where the brightness flickers codecs leave blocks behind, and ``flicker_quiet_share`` is enough: it changes by
    ``flicker_levels`` gray levels a step in the mean, and in all ``flicker_returns`` times as much as in the end.
    An overlay is at most ``overlay_share`` of the sphere in one place over a background that changes by
    less than ``dead_background`` gray levels; a title may be larger but comes and goes. In pictures
    darker than ``dark_level`` codecs leave no noise to tell a camera by, so nothing is called overlay.
    """

    moving_share: float = 0.005
    noise_allowance: float = 0.006
    turning_share: float = 0.01
    drift_share: float = 0.012
    quiet_share: float = 0.9
    flicker_quiet_share: float = 0.55
    flicker_levels: float = 1.0
    flicker_returns: float = 5.0
    slide_share: float = 0.1
    slide_steps: int = 4
    overlay_share: float = 0.019
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
    frames: Iterable[NDArray],
    *,
    window: int,
    start_s: float,
    fps: float,
    settings: motion.MotionSettings,
    turning: bool = True,
) -> list[Step]:
    """Steps between successive gray frames ``(H, W)`` of one window, sampled at ``fps``.

    Without ``turning`` no turn of the sphere is looked for, which is much faster.
    """
    prepared = [motion.prepare(frame) for frame in frames]
    pairs = [motion.compare(*both, settings, turning=turning) for both in pairwise(prepared)]
    turns = [cv2.Rodrigues(np.array(pair.rotation))[0] for pair in pairs]
    steps = []
    for index, pair in enumerate(pairs):
        later = -1.0
        if index + LAG_STEPS < len(prepared):
            between = turns[index : index + LAG_STEPS]
            guess = reduce(lambda whole, turn: turn @ whole, between, np.eye(3))
            turns_here = any(pairs[index + k].rotation_deg > 0 for k in range(LAG_STEPS))
            far = motion.compare(prepared[index], prepared[index + LAG_STEPS], settings, guess, turns_here)
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
    return {name: [getattr(step, name) for step in steps] for name in _NAMES}


def from_columns(columns: Mapping[str, Sequence[Any]]) -> list[Step]:
    """The inverse of :func:`to_columns`."""
    return [Step(*values) for values in zip(*(columns[name] for name in _NAMES), strict=True)]


def pack(steps: Sequence[Step]) -> str:
    """Steps as one word, single precision: a record of ten thousand videos is read in seconds, not minutes."""
    return base64.b64encode(np.array(steps, "<f4").tobytes()).decode()


def unpack(packed: str) -> Columns:
    """The inverse of :func:`pack`, as columns."""
    return _columns(np.frombuffer(base64.b64decode(packed), "<f4").reshape(-1, len(_NAMES)).astype(np.float64).round(4))


def _columns(steps: Sequence[Step] | Columns | NDArray[np.float64]) -> Columns:
    if isinstance(steps, dict):
        return steps
    rows = np.asarray(steps, np.float64).reshape(-1, len(_NAMES))
    return dict(zip(_NAMES, rows.T, strict=True))


def quiet_steps(steps: Sequence[Step] | Columns, limits: StillLimits, *, lag: bool = True) -> NDArray[np.bool_]:
    """Which steps show no motion ``(n,)``: none at the moment and, with ``lag``, none over the lag either."""
    columns = _columns(steps)
    later = _later(columns) if lag else np.full(columns["later"].shape, -1.0)
    # What is gone seconds later was flicker or noise: things that move do not come back to the pixel.
    moved = np.where(later < 0, columns["residual"], np.minimum(columns["residual"], later))
    turning = np.where(
        later < 0,
        moved <= 2 * limits.turning_share,
        (moved <= limits.turning_share) & (later <= 2 * limits.turning_share),
    )
    noise = limits.noise_allowance * np.minimum(np.maximum(columns["background"] - _BELIEVED_NOISE, 0.0), _MOST_NOISE)
    standing = (moved <= limits.moving_share + noise) & (later <= limits.drift_share + noise)
    found: NDArray[np.bool_] = np.where(columns["rotation_deg"] > 0, turning, standing).astype(bool)
    return found


def _later(columns: Columns) -> NDArray[np.float64]:
    """``later`` ``(n,)``, at a window's end that of the comparison whose second picture is the step's."""
    later, windows = columns["later"].copy(), columns["window"]
    back = LAG_STEPS - 1
    missing = np.flatnonzero(later < 0)
    missing = missing[missing >= back]
    missing = missing[windows[missing - back] == windows[missing]]
    later[missing] = columns["later"][missing - back]
    return later


def flickers(steps: Sequence[Step] | Columns, limits: StillLimits) -> bool:
    """Whether the brightness of the whole goes up and down all the time (a sunset only goes down)."""
    columns = _columns(steps)
    levels, windows = columns["brightness"], columns["window"]
    if len(levels) < 2:
        return False
    inside = windows[1:] == windows[:-1]
    there, count = float(np.abs(levels[1:] - levels[:-1])[inside].sum()), int(inside.sum())
    begins = np.flatnonzero(np.append(True, ~inside))
    ends = np.append(begins[1:], len(levels)) - 1
    in_the_end = float(np.abs(levels[ends] - levels[begins]).sum())
    return count > 0 and there / count >= limits.flicker_levels and there >= limits.flicker_returns * in_the_end


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


def _stillness(columns: Columns, limits: StillLimits) -> _Stillness:
    quiet = quiet_steps(columns, limits)
    turning = bool(np.count_nonzero(columns["rotation_deg"] > 0) > len(quiet) / 2)
    slides = np.zeros(len(quiet), dtype=bool) if turning else _slide_changes(columns, quiet, limits)
    return _Stillness(quiet & ~slides, slides, turning)


def quiet_share(steps: Sequence[Step] | Columns, limits: StillLimits | None = None) -> float:
    """Share of the steps without motion, changes of slides left out: what :func:`judge` goes by first."""
    columns = _columns(steps)
    return _stillness(columns, limits or StillLimits()).share if len(columns["window"]) else 0.0


def judge(steps: Sequence[Step] | Columns, limits: StillLimits) -> StillVerdict | None:
    """What kind of still a video is, or ``None`` when something moves in it (or nothing was seen)."""
    columns = _columns(steps)
    total = len(columns["window"])
    if not total:
        return None
    found = _stillness(columns, limits)
    seen = f"{found.share:.0%} of {found.count} pairs of samples show no motion"
    flicker = found.share >= limits.flicker_quiet_share and flickers(columns, limits)
    if (flicker or found.share >= limits.quiet_share) and found.quiet.sum() >= total / 2:
        if flicker:
            return StillVerdict("still", f"still image that flickers: {seen}")
        if found.slides.any():
            changes = int(np.count_nonzero(np.diff(found.slides.astype(int), prepend=0) == 1))
            return StillVerdict("slide-show", f"slide show: {seen}, between {changes} changes of the picture")
        if found.turning:
            turns = columns["rotation_deg"]
            speed = float(np.median(turns[turns > 0]))
            return StillVerdict("turning", f"turning still: {seen} once {speed:.1f}° between samples are undone")
        return StillVerdict("still", f"still image: {seen}")
    return _overlay(columns, limits)


def _slide_changes(columns: Columns, quiet: NDArray[np.bool_], limits: StillLimits) -> NDArray[np.bool_]:
    """Steps that belong to a change of slides: short, wide, with stillness before or after it.

    A picture that stands is another one seconds later when the slide changes in between: the lag makes
    no slide lively, so such steps are made quiet here (in place).
    """
    changes = np.zeros(len(quiet), dtype=bool)
    at_once, windows = quiet_steps(columns, limits, lag=False), columns["window"]
    edges = np.flatnonzero((at_once[1:] != at_once[:-1]) | (windows[1:] != windows[:-1])) + 1
    for begin, end in pairwise([0, *edges.tolist(), len(quiet)]):
        if at_once[begin] or end - begin > limits.slide_steps:
            continue
        before = begin > 0 and windows[begin - 1] == windows[begin]
        after = end < len(quiet) and windows[end] == windows[begin]
        if (before or after) and columns["changed"][begin:end].max() >= limits.slide_share:
            changes[begin:end] = True
    if changes.any():
        for index in map(int, np.flatnonzero(at_once & ~quiet)):
            first = index if columns["later"][index] >= 0 else max(0, index - LAG_STEPS + 1)
            span = slice(first, first + LAG_STEPS)
            if np.any(changes[span] & (windows[span] == windows[index])):
                quiet[index] = True
    return changes


def _overlay(columns: Columns, limits: StillLimits) -> StillVerdict | None:
    """Something small in one place over a picture that is exactly repeated."""
    background = float(np.median(columns["background"]))
    if background >= limits.dead_background or float(np.median(columns["brightness"])) < limits.dark_level:
        return None
    lively = ~quiet_steps(columns, limits, lag=False)
    compact = lively & (columns["regions"] <= 2) & (columns["extent"] <= limits.title_extent)
    count = int(lively.sum())
    if not count or compact.sum() < 0.85 * count or bool((columns["rotation_deg"][lively] > 0).any()):
        return None
    area = float(np.median(columns["residual"][compact]))
    extent = float(np.median(columns["extent"][compact]))
    seen_later = columns["later"][compact & (columns["later"] >= 0)]
    creeps = bool(seen_later.size) and float(np.median(seen_later)) > 2.5 * area
    title = 1 - count / len(lively) >= limits.title_quiet
    if not creeps and (title or (area <= limits.overlay_share and extent <= limits.overlay_extent)):
        return StillVerdict(
            "overlay",
            f"still with something laid over it: only {area:.2%} of the sphere moves, in one place, "
            f"and the rest changes by {background:.4f} gray levels between samples",
        )
    return None
