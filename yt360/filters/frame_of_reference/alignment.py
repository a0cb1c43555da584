"""Heading and lag of a sound field against the picture, from what is seen moving and heard at the same time.

Two maps over time and azimuth are compared: where something moves (:mod:`.visual_activity`) and where it sounds
(:mod:`.sound_activity`).

* **Heading.** What is heard moving is seen moving: each moment's map is made to sum to one, its mean over time is taken
  off, and both are correlated over all headings and lags. What stays in place, and how loud it is, has no part in it:
  a conductor who moves in front of an orchestra that plays behind the camera would otherwise be believed.
* **Lag.** Within the heading found, change of the picture is correlated with the rise and fall of the sound in the
  same sector, at all lags.

What either would be by chance is read from the same two maps at lags that cannot be (:data:`GUARD_S` and more).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.filters.frame_of_reference.visual_activity import SECTORS

SECTOR_DEG = 360 / SECTORS
MOST_LAG_S, GUARD_S = 1.0, 2.0
_PLACE_SMOOTH_S, _PLACE_SMOOTH_SECTORS = 0.19, 1.0
_CHANGE_SMOOTH_SECTORS, _CHANGE_SPAN_S = 1.5, 0.375
_FLOOR = 0.3
"""Share of the usual activity that is added everywhere, so that where there is none counts for nothing."""

_RIVAL_DEG = 40.0
"""Distance from the heading found from which another heading is a rival."""

_NEARLY = 0.97
"""Share of the best correlation that is nearly as good."""

_RIVAL_LAG_S = 0.15
_NOTHING, _TINY = 1e-6, 1e-12
Map = NDArray[np.float64]


@dataclass(frozen=True)
class HeadingEvidence:
    """``yaw_deg``: to be added to the sound's azimuths to lie on the picture, in [-180, 180).

    ``correlation`` at that heading, 0 to 1; ``margin``: by what share of it the best other heading, 40° and more
    away, is worse; ``above_chance``: by how many standard deviations of what impossible lags give it exceeds their
    usual best; ``agreeing``: share of the parts of the material that say the same by themselves (within 20°);
    ``mirrored``: the correlation with left and right of the sound changed over; ``range_deg``: how far around it the
    headings lie that are nearly as good at some lag (what moves evenly is earlier and further, or later and nearer).
    """

    yaw_deg: float
    correlation: float
    margin: float
    above_chance: float
    agreeing: float
    mirrored: float
    range_deg: float

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class LagEvidence:
    """``lag_s``: by how much sound is late against the picture (negative: early).

    ``correlation``, ``above_chance`` and ``agreeing`` (within 60 ms) as in :class:`HeadingEvidence`; ``margin``: by
    what share another lag, 0.15 s and more away, is worse.
    """

    lag_s: float
    correlation: float
    margin: float
    above_chance: float
    agreeing: float

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class SeenAndHeard:
    """One stretch: change of the picture since the frame before and energy of the sound at each frame.

    Both ``(frames, SECTORS)``; ``heading`` ``(frames,)`` is by how much the picture's content has turned to the left
    since the first frame, radians.
    """

    seen: NDArray[np.floating]
    heard: NDArray[np.floating]
    heading: NDArray[np.floating]
    fps: float

    def in_the_world(self) -> tuple[Map, Map]:
        """Both maps as a camera would see and hear them that keeps its heading."""
        if float(np.ptp(self.heading)) * SECTORS < np.pi:
            return np.asarray(self.seen, float), np.asarray(self.heard, float)
        return turned(self.seen, -self.heading), turned(self.heard, -self.heading)

    def halves(self) -> list[SeenAndHeard]:
        """Its first and its second half."""
        middle = len(self.seen) // 2
        return [
            SeenAndHeard(self.seen[half], self.heard[half], self.heading[half], self.fps)
            for half in (slice(middle), slice(middle, None))
        ]


def turned(activity: NDArray[np.floating], angle: NDArray[np.floating]) -> Map:
    """A map ``(n, SECTORS)`` with each row turned to the left by an angle ``(n,)`` in radians."""
    wave = np.arange(SECTORS // 2 + 1)
    phase = np.exp(1j * wave[None] * np.asarray(angle, float)[:, None])
    return np.maximum(np.fft.irfft(np.fft.rfft(activity, axis=1) * phase, SECTORS, axis=1), 0)


def heading_evidence(parts: Sequence[SeenAndHeard]) -> HeadingEvidence | None:
    """What all parts together say of the heading; ``None`` where there is no part or nothing moves."""
    surfaces, reversed_ = [], []
    for part in parts:
        seen, heard = part.in_the_world()
        between = 0.5 * (heard + np.roll(heard, 1, axis=0))
        where_seen, where_heard = _places(seen, part.fps), _places(between, part.fps)
        surfaces.append(_surface(where_seen, where_heard))
        reversed_.append(_surface(where_seen, where_heard[:, ::-1]))
    if not surfaces:
        return None
    fps = parts[0].fps
    near, far = _lags(surfaces[0].shape[0], fps)
    whole = np.mean(surfaces, axis=0)
    row, column, value = _peak(whole, near)
    if value <= _NOTHING:
        return None
    yaw = _yaw_deg(whole[row], column)
    away = np.abs(_yaws_deg() - _yaws_deg()[column])
    distance = np.minimum(away, 360 - away)
    ridge = whole[near].max(axis=0)
    rival = float(ridge[distance >= _RIVAL_DEG].max())
    chance = whole[far]
    spread = float(chance.std()) + _TINY
    alone = surfaces if len(surfaces) > 1 else _surfaces_of_halves(parts[0])
    agree = [abs(_wrapped_deg(_yaws_deg()[_peak(each, _lags(each.shape[0], fps)[0])[1]] - yaw)) <= 20 for each in alone]
    return HeadingEvidence(
        yaw,
        value,
        (value - max(rival, 0.0)) / value,
        (value - float(np.median(chance.max(axis=1)))) / spread,
        float(np.mean(agree)),
        float(max(0.0, np.mean(reversed_, axis=0)[near].max())),
        float(distance[ridge >= _NEARLY * value].max(initial=0.0)),
    )


def _surfaces_of_halves(part: SeenAndHeard) -> list[Map]:
    worlds = (half.in_the_world() for half in part.halves())
    return [_surface(_places(seen, part.fps), _places(heard, part.fps)) for seen, heard in worlds]


def lag_evidence(parts: Sequence[SeenAndHeard], yaw_deg: float) -> LagEvidence | None:
    """What all parts together say of the lag, where the sound is to be turned by ``yaw_deg``."""
    if not parts:
        return None
    fps = parts[0].fps
    curves = [_change_curve(part, yaw_deg) for part in parts]
    whole = np.mean(curves, axis=0)
    near, far = _lags(len(whole), fps)
    lag, value = _best_lag(whole, near, fps)
    if value <= _NOTHING:
        return None
    seconds = _lag_s(len(whole), fps)
    rival = float(whole[near & (np.abs(seconds - lag) >= _RIVAL_LAG_S)].max())
    spread = float(whole[far].std()) + _TINY
    if len(curves) == 1:
        curves = [_change_curve(half, yaw_deg) for half in parts[0].halves()]
    agree = [abs(_best_lag(curve, _lags(len(curve), fps)[0], fps)[0] - lag) <= 0.06 for curve in curves]
    return LagEvidence(lag, value, (value - max(rival, 0.0)) / value, value / spread, float(np.mean(agree)))


def _change_curve(part: SeenAndHeard, yaw_deg: float) -> NDArray[np.float64]:
    """Correlation ``(frames,)`` of change seen and change heard, by lag."""
    from scipy.ndimage import gaussian_filter1d  # here: who only asks where a root stands does not wait for it

    seen, heard = part.in_the_world()
    heard = turned(heard, np.full(len(heard), np.radians(yaw_deg)))
    level, light = (
        _logarithm(gaussian_filter1d(each, _CHANGE_SMOOTH_SECTORS, axis=1, mode="wrap")) for each in (heard, seen)
    )
    change = np.abs(np.diff(level, axis=0, prepend=level[:1]))
    span = _CHANGE_SPAN_S * part.fps
    a, b = (each - gaussian_filter1d(each, span, axis=0) for each in (change, light))
    product = np.real(np.fft.ifft(np.fft.fft(a, axis=0) * np.conj(np.fft.fft(b, axis=0)), axis=0)).sum(axis=1)
    return np.asarray(product / (np.linalg.norm(a) * np.linalg.norm(b) + _TINY))


def _logarithm(activity: Map) -> Map:
    floor = _FLOOR * float(np.quantile(activity.sum(axis=1), 0.75)) / SECTORS + _TINY
    return np.log(np.maximum(activity, 0) + floor)


def _places(activity: Map, fps: float) -> Map:
    """Where the activity is at each moment, as shares; its mean over time taken off."""
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(activity, _PLACE_SMOOTH_S * fps, axis=0)
    smooth = np.sqrt(np.maximum(gaussian_filter1d(smooth, _PLACE_SMOOTH_SECTORS, axis=1, mode="wrap"), 0))
    smooth += _FLOOR * float(np.quantile(smooth.sum(axis=1), 0.75)) / SECTORS + _TINY
    shares = smooth / smooth.sum(axis=1, keepdims=True)
    return np.asarray(shares - shares.mean(axis=0))


def _surface(seen: Map, heard: Map) -> Map:
    """Correlation by lag of the sound (rows, circular) and turn of it to the right in sectors (columns)."""
    product = np.fft.fft2(heard) * np.conj(np.fft.fft2(seen))
    return np.asarray(np.real(np.fft.ifft2(product)) / (np.linalg.norm(seen) * np.linalg.norm(heard) + _TINY))


def _lag_s(count: int, fps: float) -> NDArray[np.float64]:
    return np.asarray(np.fft.fftfreq(count) * count / fps)


def _lags(count: int, fps: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows are lags that may be, and which cannot be."""
    seconds = np.abs(_lag_s(count, fps))
    return seconds <= MOST_LAG_S, seconds >= min(GUARD_S, count / fps / 4)


def _peak(surface: Map, near: NDArray[np.bool_]) -> tuple[int, int, float]:
    inside = np.where(near[:, None], surface, -np.inf)
    row, column = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return int(row), int(column), float(surface[row, column])


def _yaws_deg() -> NDArray[np.float64]:
    """The heading that belongs to each column of a surface: heard so many sectors to the right of what is seen."""
    return np.asarray((np.arange(SECTORS) * SECTOR_DEG + 180) % 360 - 180)


def _yaw_deg(row: Map, column: int) -> float:
    before, here, after = row[column - 1], row[column], row[(column + 1) % SECTORS]
    return _wrapped_deg(float(_yaws_deg()[column]) + SECTOR_DEG * _vertex(before, here, after))


def _best_lag(curve: NDArray[np.float64], near: NDArray[np.bool_], fps: float) -> tuple[float, float]:
    at = int(np.argmax(np.where(near, curve, -np.inf)))
    offset = _vertex(curve[at - 1], curve[at], curve[(at + 1) % len(curve)])
    return float(_lag_s(len(curve), fps)[at] + offset / fps), float(curve[at])


def _vertex(before: float, here: float, after: float) -> float:
    """Where between -1/2 and 1/2 a parabola through three values has its vertex."""
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _wrapped_deg(angle: float) -> float:
    return float(np.degrees(sphere.wrap_angle(np.radians(angle))))
