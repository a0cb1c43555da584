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

from yt360.filters import motion, overlay

LAG_STEPS = 8
"""How many samples on a picture is compared a second time: slow things have moved by then."""


_STRONGEST, _FEWEST_PLACES, _FLICKER_SHARE, _BRIGHT, _TURNS_DEG = 1.4, 3, 0.1, 100.0, 0.5
"""Of weak motion, as :class:`StillLimits` says it; and the share of the sphere that flicker may leave moving."""

_BELIEVED_NOISE, _MOST_NOISE = 1.2, 2.0
"""Gray levels of background noise from which on codecs smear it into blotches, and how many more are believed
to be noise: beyond, the picture moves everywhere."""

_COMPACT_REGIONS, _COMPACT_EXTENT = 2, 0.2
"""Of a step in which one thing moves; ``title_extent`` decides about what is kept."""


class Step(NamedTuple):
    """From one sample to the next within a window.

    ``time_s`` is the first sample's; ``changed`` … ``extent`` and ``strength`` are those of
    :class:`yt360.filters.motion.PairMotion`; ``brightness`` is the mean gray level; ``later``, ``later_strength`` and
    ``later_regions`` are residual, strength and regions against the sample :data:`LAG_STEPS` on, -1 where the window
    ends before that. ``flatness`` in [-1, 1] is how much more the thing that moves stays alike in the picture than on
    the sphere, between two frames where a thing's width would differ by ``stretch``, a natural logarithm
    (:class:`yt360.filters.overlay.Path`); both 0 where that is not known.
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
    strength: float
    later_strength: float
    later_regions: int
    flatness: float
    stretch: float


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
    Codecs turn strong noise into blotches. Where the background has ``weak_background`` gray levels of noise, or the
    sphere turns, motion on at most ``weak_share`` of it, in three or more places, is such when it is weak: of a
    strength up to ``weak_strength`` at the moment or over the lag, never above 1.4 times it.
    Where the brightness flickers they leave blocks behind anywhere, and ``flicker_quiet_share`` is enough: it changes
    by ``flicker_levels`` gray levels a step in the mean (less in pictures darker than 100), and in all
    ``flicker_returns`` times as much as in the end. Where it goes one way all the time, by ``daylight_share`` of itself
    or more, the sun sets or rises, and nothing is still.
    An overlay is in one place. Of one that goes so far up or down that a thing in the world would stretch by
    ``least_stretch`` (a natural logarithm) the median ``flatness`` for each unit of stretch is ``overlay_flatness`` or
    more. Any other is at most ``overlay_share`` of the sphere over a background that changes by less than
    ``dead_background`` gray levels; a title may be larger but comes and goes. In pictures darker than ``dark_level``
    codecs leave no noise to tell a camera by, so such are no overlays.
    """

    moving_share: float = 0.005
    noise_allowance: float = 0.006
    turning_share: float = 0.01
    drift_share: float = 0.012
    quiet_share: float = 0.9
    weak_background: float = 0.6
    weak_strength: float = 2.2
    weak_share: float = 0.06
    flicker_quiet_share: float = 0.55
    flicker_levels: float = 1.0
    flicker_returns: float = 5.0
    daylight_share: float = 0.06
    slide_share: float = 0.1
    slide_steps: int = 4
    overlay_flatness: float = 0.25
    least_stretch: float = 0.1
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
    flatness, stretch = _stays_alike(prepared, pairs, settings)
    turns = [cv2.Rodrigues(np.array(pair.rotation))[0] for pair in pairs]
    steps = []
    for index, pair in enumerate(pairs):
        later, later_strength, later_regions = -1.0, -1.0, -1
        if index + LAG_STEPS < len(prepared):
            between = turns[index : index + LAG_STEPS]
            guess = reduce(lambda whole, turn: turn @ whole, between, np.eye(3))
            turns_here = any(pairs[index + k].rotation_deg > 0 for k in range(LAG_STEPS))
            far = motion.compare(prepared[index], prepared[index + LAG_STEPS], settings, guess, turns_here)
            later, later_strength, later_regions = far.residual, far.strength, far.regions
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
                round(pair.strength, 3),
                round(later_strength, 3),
                later_regions,
                round(flatness[index], 3),
                round(stretch[index], 3),
            )
        )
    return steps


def _stays_alike(
    prepared: Sequence[tuple[motion.FloatImage, motion.FloatImage]],
    pairs: Sequence[motion.PairMotion],
    settings: motion.MotionSettings,
) -> tuple[list[float], list[float]]:
    """Flatness and stretch of each frame; sought only where one thing moves over a background that stands."""
    compact = [pair for pair in pairs if 1 <= pair.regions <= _COMPACT_REGIONS and pair.extent <= _COMPACT_EXTENT]
    if len(compact) < max(2, len(pairs) / 2) or any(pair.rotation_deg > 0 for pair in compact):
        return [0.0] * len(prepared), [0.0] * len(prepared)
    path = overlay.follow([raw for raw, _ in prepared], settings.polar_mask)
    flatness = np.nan_to_num(path.unlike_sphere - path.unlike_flat)
    return flatness.tolist(), np.nan_to_num(path.stretch).tolist()


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


def quiet_steps(
    steps: Sequence[Step] | Columns, limits: StillLimits, *, lag: bool = True, flicker: bool = False
) -> NDArray[np.bool_]:
    """Which steps show no motion ``(n,)``: none at the moment and, with ``lag``, none over the lag either.

    ``flicker``: the brightness of the whole does (:func:`flickers`).
    """
    columns = _columns(steps)
    unknown = np.full(columns["later"].shape, -1.0)
    later, later_strength = (_later(columns, name) if lag else unknown for name in ("later", "later_strength"))
    # What is gone seconds later was flicker or noise: things that move do not come back to the pixel.
    moved = np.where(later < 0, columns["residual"], np.minimum(columns["residual"], later))
    turning = np.where(
        later < 0,
        moved <= 2 * limits.turning_share,
        (moved <= limits.turning_share) & (later <= 2 * limits.turning_share),
    )
    noise = limits.noise_allowance * np.minimum(np.maximum(columns["background"] - _BELIEVED_NOISE, 0.0), _MOST_NOISE)
    standing = (moved <= limits.moving_share + noise) & (later <= limits.drift_share + noise)
    now = columns["strength"]
    other = np.where(later_strength < 0, now, later_strength)
    weak = (np.minimum(now, other) <= limits.weak_strength) & (
        np.maximum(now, other) <= _STRONGEST * limits.weak_strength
    )
    if flicker:
        weak &= moved <= max(limits.weak_share, _FLICKER_SHARE)
    else:
        # Encoders leave single frames as they were: the noise of the video as a whole counts as well. When all of the
        # picture turns they leave nothing as it was.
        noisy = np.maximum(columns["background"], np.median(columns["background"])) >= limits.weak_background
        noisy |= columns["rotation_deg"] >= _TURNS_DEG
        scattered = np.maximum(columns["regions"], _later(columns, "later_regions") if lag else 0) >= _FEWEST_PLACES
        weak &= noisy & scattered & (moved <= limits.weak_share)
        weak &= later <= limits.weak_share
    found: NDArray[np.bool_] = weak | np.where(columns["rotation_deg"] > 0, turning, standing).astype(bool)
    return found


def _later(columns: Columns, name: str) -> NDArray[np.float64]:
    """A column over the lag ``(n,)``, at a window's end that of the comparison whose second picture is the step's."""
    later, windows = columns[name].copy(), columns["window"]
    back = LAG_STEPS - 1
    missing = np.flatnonzero(later < 0)
    missing = missing[missing >= back]
    missing = missing[windows[missing - back] == windows[missing]]
    later[missing] = columns[name][missing - back]
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
    least = limits.flicker_levels * min(1.0, float(levels.mean()) / _BRIGHT)
    return count > 0 and there / count >= least and there >= limits.flicker_returns * in_the_end


def daylight(steps: Sequence[Step] | Columns, limits: StillLimits) -> bool:
    """Whether the brightness goes one way all the time in half of the windows or more, as at sunset."""
    columns = _columns(steps)
    drifts = []
    for window in np.unique(columns["window"]):
        levels = columns["brightness"][columns["window"] == window]
        changes, net = np.abs(np.diff(levels)), float(levels[-1] - levels[0])
        # A fade at the start or the end is short: half of all steps have to take part.
        steady = len(changes) > 2 and changes.sum() <= 1.25 * abs(net) and np.median(changes) >= 0.3 * changes.mean()
        drifts.append(float(np.sign(net)) if steady and abs(net) >= limits.daylight_share * levels.mean() else 0.0)
    return len(drifts) > 0 and abs(sum(drifts)) >= max(1.0, len(drifts) / 2)


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


def _stillness(columns: Columns, limits: StillLimits, flicker: bool) -> _Stillness:
    quiet = quiet_steps(columns, limits, flicker=flicker)
    turning = bool(np.count_nonzero(columns["rotation_deg"] > 0) > len(quiet) / 2)
    slides = np.zeros(len(quiet), dtype=bool) if turning else _slide_changes(columns, quiet, limits)
    return _Stillness(quiet & ~slides, slides, turning)


def quiet_share(steps: Sequence[Step] | Columns, limits: StillLimits | None = None) -> float:
    """Share of the steps without motion, changes of slides left out: what :func:`judge` goes by first."""
    columns, limits = _columns(steps), limits or StillLimits()
    return _stillness(columns, limits, flickers(columns, limits)).share if len(columns["window"]) else 0.0


def judge(steps: Sequence[Step] | Columns, limits: StillLimits) -> StillVerdict | None:
    """What kind of still a video is, or ``None`` when something moves in it (or nothing was seen)."""
    columns = _columns(steps)
    total = len(columns["window"])
    if not total or daylight(columns, limits):
        return None
    flickering = flickers(columns, limits)
    found = _stillness(columns, limits, flickering)
    seen = f"{found.share:.0%} of {found.count} pairs of samples show no motion"
    flicker = flickering and found.share >= limits.flicker_quiet_share
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


def _overlay(columns: Columns, limits: StillLimits) -> StillVerdict | None:
    """Something in one place that keeps its pixels wherever it goes, or small over a picture that is repeated."""
    lively = ~quiet_steps(columns, limits, lag=False)
    compact = lively & (columns["regions"] <= _COMPACT_REGIONS) & (columns["extent"] <= limits.title_extent)
    count = int(lively.sum())
    if not count or compact.sum() < 0.85 * count or bool((columns["rotation_deg"][lively] > 0).any()):
        return None
    area = float(np.median(columns["residual"][compact]))
    travels = compact & (columns["stretch"] >= limits.least_stretch)
    if travels.sum() >= compact.sum() / 2:
        flatness = float(np.median(columns["flatness"][travels] / columns["stretch"][travels]))
        if flatness < limits.overlay_flatness:
            return None
        return StillVerdict(
            "overlay",
            f"still with something laid over it: only {area:.2%} of the sphere moves, in one place, and keeps its "
            f"pixels on the way up and down, where a thing in the world would stretch (flatness {flatness:.2f})",
        )
    background = float(np.median(columns["background"]))
    if background >= limits.dead_background or float(np.median(columns["brightness"])) < limits.dark_level:
        return None
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
