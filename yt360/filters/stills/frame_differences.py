"""How the samples of a stretch of video differ from their successors, and from samples seconds later.

What is measured of each comparison is kept as a row of numbers, packed into one word for the record, so that
:mod:`yt360.filters.stills.decision` can judge it again with other thresholds.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.filters.stills import departures, insertion, motion, picture_overlay, zoom
from yt360.filters.stills.settings import MotionSettings

LAG_STEPS = 8
"""How many samples on a picture is compared a second time: slow things have moved by then."""

_ALWAYS = 0.2
"""Share of the steps in which what moves steadily may move less."""

_SLOW_LEVELS = 0.5
"""Gray levels by which pictures two seconds apart differ on average at least for a slow scaling to be sought."""

COMPACT_REGIONS, _COMPACT_EXTENT = 2, 0.2
"""Most regions, and largest extent, of the motion in a step when one thing moves."""


class FrameComparison(NamedTuple):
    """From one sample to the next within a window.

    ``time_s`` is the first sample's; ``changed`` … ``extent`` and ``strength`` are those of
    :class:`yt360.filters.stills.motion.PairMotion`; ``brightness`` is the mean gray level; ``later``,
    ``later_strength`` and ``later_regions`` are residual, strength and regions against the sample :data:`LAG_STEPS` on,
    -1 where the window ends before that. ``flatness`` in [-1, 1] is how much more the thing that moves stays alike in
    the picture than on the sphere, between two frames where a thing's width would differ by ``stretch``, a natural
    logarithm (:class:`yt360.filters.stills.picture_overlay.Path`); both 0 where that is not known. ``steady``,
    ``usual`` and ``peak`` are those of the window as a whole (:class:`Places`). ``second`` and ``frozen`` are those of
    :class:`yt360.filters.stills.motion.PairMotion`; ``zoom`` is the size of the scaling that was undone
    (:func:`yt360.filters.stills.zoom.size`), 0 without; ``unlike`` in [0, 1] compares the thing that moves with itself
    elsewhere, pixel by pixel, -1 where that is not known; ``half`` and ``liveliest`` are those of the window
    (:class:`yt360.filters.stills.departures.Departures`), and so are ``held``, ``levels``, ``area`` and ``sharpness``
    (:class:`yt360.filters.stills.insertion.Insertion`) and those after it
    (:class:`yt360.filters.stills.drawn.Drawn`), all 0 where more than one place moves.
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
    steady: float
    usual: float
    peak: float
    second: float = 0.0
    frozen: float = 0.0
    zoom: float = 0.0
    unlike: float = -1.0
    half: float = 0.0
    liveliest: float = 0.0
    held: float = 0.0
    levels: float = 0.0
    area: float = 0.0
    sharpness: float = 0.0
    plain: float = 0.0
    steep: float = 0.0
    common: float = 0.0
    edges: float = 0.0
    variety: float = 0.0
    tails: float = 0.0
    beside_half: float = 0.0
    beside_most: float = 0.0


class Places(NamedTuple):
    """Where a window moves between successive samples, in units of the threshold above which a block has moved.

    Of places of three by three blocks: ``steady``, the most that one moves in four of five steps at least, ``usual``,
    what half of the places do, and ``peak``, the most that one moves in the mean of all steps.
    """

    steady: float
    usual: float
    peak: float


LEAST_USUAL = 0.02
"""Of a strength: what is usual is not believed to be less."""

_NAMES = FrameComparison._fields
"""Columns of the packed numbers, in order."""

_DECIMALS = (0, 3, 4, 4, 3, 4, 0, 4, 1, 4, 3, 3, 0, 3, 3, 3, 3, 3, 3, 3, 4, 3, 2, 2, 3, 1, 4, 2, 3, 3, 3, 2, 2, 2, 2, 2)
"""To how many decimals each of :class:`FrameComparison` is measured."""
_FORMER = 24
"""Columns of records of version 8 of the stage and before, which do not say how many they have."""

_UNITS = 10.0 ** np.array(_DECIMALS)
"""Factor that makes each of them an integer."""

Columns = dict[str, NDArray[np.float64]]
"""Steps by column, as :func:`yt360.filters.stills.decision.judge` wants them."""


def measure_window(
    frames: Iterable[NDArray[np.uint8]],
    *,
    window: int,
    start_s: float,
    fps: float,
    settings: MotionSettings,
    turning: bool = True,
) -> list[FrameComparison]:
    """Steps between successive gray frames ``(H, W)`` of one window, sampled at ``fps``.

    Without ``turning`` no turn of the sphere is looked for, which is much faster.
    """
    prepared = [motion.prepare(frame) for frame in frames]
    pairs = [motion.compare(*both, settings, turning=turning) for both in pairwise(prepared)]
    if turning:
        pairs = _slowly_zoomed(prepared, pairs, settings)
    flatness, stretch, unlike = _stays_alike(prepared, pairs, settings)
    places = _places(pairs, settings.polar_mask)
    apart = departures.measure([raw for raw, _ in prepared], settings.polar_mask)
    inserted = _inserted(prepared, pairs, settings)
    turns = [cv2.Rodrigues(np.array(pair.rotation))[0] for pair in pairs]
    steps = []
    for index, pair in enumerate(pairs):
        later, later_strength, later_regions = -1.0, -1.0, -1
        if index + LAG_STEPS < len(prepared):
            between = turns[index : index + LAG_STEPS]
            guess = reduce(lambda whole, turn: turn @ whole, between, np.eye(3))
            near = pairs[index : index + LAG_STEPS]
            zooms = [zoom.identity() if pair.zoom is None else pair.zoom for pair in near]
            zoomed = None
            if any(pair.zoom is not None for pair in near):
                zoomed = zoom.estimate(prepared[index][1], prepared[index + LAG_STEPS][1])
                zoomed = zoom.compose(zooms) if zoomed is None else zoomed
            moves = zoomed is not None or any(pair.rotation_deg > 0 for pair in near)
            far = motion.compare(prepared[index], prepared[index + LAG_STEPS], settings, guess, moves, zoomed)
            later, later_strength, later_regions = far.residual, far.strength, far.regions
        steps.append(
            _rounded(
                FrameComparison(
                    window=window,
                    time_s=start_s + index / fps,
                    changed=pair.changed,
                    residual=pair.residual,
                    rotation_deg=pair.rotation_deg,
                    background=pair.background,
                    regions=pair.regions,
                    extent=pair.extent,
                    brightness=float(prepared[index][0].mean()),
                    later=later,
                    strength=pair.strength,
                    later_strength=later_strength,
                    later_regions=later_regions,
                    flatness=flatness[index],
                    stretch=stretch[index],
                    second=pair.second,
                    frozen=pair.frozen,
                    zoom=0.0 if pair.zoom is None else max(1e-4, zoom.size(pair.zoom)),
                    unlike=unlike[index],
                    **places._asdict(),
                    **apart._asdict(),
                    held=inserted.held,
                    levels=inserted.levels,
                    area=inserted.area,
                    sharpness=inserted.sharpness,
                    **inserted.drawn._asdict(),
                )
            )
        )
    return steps


def _slowly_zoomed(
    prepared: Sequence[tuple[motion.FloatImage, motion.FloatImage]],
    pairs: Sequence[motion.PairMotion],
    settings: MotionSettings,
) -> list[motion.PairMotion]:
    """The same comparisons, with a scaling undone that is too slow to be seen from one frame to the next."""
    found = list(pairs)
    for begin in range(0, len(pairs) - zoom.SLOW_STEPS + 1, zoom.SLOW_STEPS):
        inside = range(begin, begin + zoom.SLOW_STEPS)
        first, last = prepared[begin][1], prepared[begin + zoom.SLOW_STEPS][1]
        if all(pairs[k].zoom is not None for k in inside) or float(np.abs(first - last).mean()) < _SLOW_LEVELS:
            continue
        step = zoom.slow(first, last)
        if step is None:
            continue
        for k in inside:
            again = motion.compare(prepared[k], prepared[k + 1], settings, zoomed=step)
            # Encoders leave frames as they were and catch up later: what stood still belongs to the scaling as well.
            found[k] = replace(again if again.residual < pairs[k].residual else pairs[k], zoom=step)
    return found


def _rounded(step: FrameComparison) -> FrameComparison:
    values: Sequence[float] = step
    both = zip(values, _DECIMALS, strict=True)
    return FrameComparison._make(round(value, digits) if digits else value for value, digits in both)


def _places(pairs: Sequence[motion.PairMotion], polar_mask: float) -> Places:
    if not pairs:
        return Places(0.0, 0.0, 0.0)
    looked_at = motion.block_weights(*(motion.BLOCK * edge for edge in pairs[0].excess.shape), polar_mask) > 0
    around = [cv2.blur(np.pad(pair.excess, 1, mode="wrap"), (3, 3))[1:-1, 1:-1][looked_at] for pair in pairs]
    always = np.quantile(around, _ALWAYS, axis=0)
    return Places(float(always.max()), float(np.median(always)), float(np.mean(around, axis=0).max()))


def _stays_alike(
    prepared: Sequence[tuple[motion.FloatImage, motion.FloatImage]],
    pairs: Sequence[motion.PairMotion],
    settings: MotionSettings,
) -> tuple[list[float], list[float], list[float]]:
    """Flatness, stretch and unlikeness in the flat picture of each frame.

    Sought only where one thing moves over a background that stands.
    """
    compact = [pair for pair in pairs if 1 <= pair.regions <= COMPACT_REGIONS and pair.extent <= _COMPACT_EXTENT]
    if len(compact) < max(2, len(pairs) / 2) or any(pair.rotation_deg > 0 for pair in compact):
        return [0.0] * len(prepared), [0.0] * len(prepared), [-1.0] * len(prepared)
    path = picture_overlay.follow([raw for raw, _ in prepared], settings.polar_mask)
    flatness = np.nan_to_num(path.unlike_sphere - path.unlike_flat)
    return flatness.tolist(), np.nan_to_num(path.stretch).tolist(), np.nan_to_num(path.unlike_flat, nan=-1.0).tolist()


def _inserted(
    prepared: Sequence[tuple[motion.FloatImage, motion.FloatImage]],
    pairs: Sequence[motion.PairMotion],
    settings: MotionSettings,
) -> insertion.Insertion:
    """Sought where something moves, and half of the steps or more are without motion or with a compact one."""
    if not any(pair.regions for pair in pairs) or float(np.median([each.extent for each in pairs])) > _COMPACT_EXTENT:
        return insertion.NOTHING
    return insertion.measure([raw for raw, _ in prepared], settings.polar_mask)


def to_columns(steps: Sequence[FrameComparison]) -> dict[str, list[Any]]:
    """Steps as lists by name, as they stand in a record."""
    return {name: [getattr(step, name) for step in steps] for name in _NAMES}


def from_columns(columns: Mapping[str, Sequence[Any]]) -> list[FrameComparison]:
    """The inverse of :func:`to_columns`."""
    return [FrameComparison(*values) for values in zip(*(columns[name] for name in _NAMES), strict=True)]


def pack(steps: Sequence[FrameComparison]) -> str:
    """Steps as one short word: a record of ten thousand videos is read and written in seconds, not minutes."""
    counts = np.rint(np.array(steps, np.float64).reshape(-1, len(_NAMES)) * _UNITS).astype("<i4")
    return f"{len(_NAMES)}:{base64.b64encode(zlib.compress(counts.T.tobytes())).decode()}"


def unpack(packed: str) -> Columns:
    """The inverse of :func:`pack`, as columns. What records of earlier versions lack is 0."""
    count, _, counted = packed.rpartition(":")
    found = np.frombuffer(zlib.decompress(base64.b64decode(counted)), "<i4").reshape(int(count or _FORMER), -1)
    counts = np.zeros((len(_NAMES), found.shape[1]))
    counts[: len(found)] = found
    return dict(zip(_NAMES, counts / _UNITS[:, None], strict=True))


def columns(steps: Sequence[FrameComparison] | Columns | NDArray[np.float64]) -> Columns:
    """Steps by column; columns are passed on."""
    if isinstance(steps, dict):
        return steps
    rows = np.asarray(steps, np.float64).reshape(-1, len(_NAMES))
    return dict(zip(_NAMES, rows.T, strict=True))


def over_lag(rows: Columns, name: str) -> NDArray[np.float64]:
    """A column over the lag ``(n,)``, at a window's end that of the comparison whose second picture is the step's."""
    later, windows = rows[name].copy(), rows["window"]
    back = LAG_STEPS - 1
    missing = np.flatnonzero(later < 0)
    missing = missing[missing >= back]
    missing = missing[windows[missing - back] == windows[missing]]
    later[missing] = rows[name][missing - back]
    return later
