"""Do picture and sound agree? Where it moves should be where it sounds.

Motion on the sphere is correlated with the sound-energy map of the same moment, over all headings, mirror
images and orders of the three axes. The best heading tells whether the two are turned against each other, a
better mirror image or order that channels are wrong. It is evidence, not a gate: what sounds need not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics, sphere

HEIGHT, WIDTH = 36, 72
"""Size of the grid on the sphere on which picture and sound are compared."""

_FINER = 4
"""How many times finer the frames are in which motion is measured."""

_LEAST = 1e-9
"""Power below which a map says nothing."""

_STILL = 2.0
"""Gray levels a second frame may differ by without anything having moved: coding noise."""

_EDGES = 6.0
"""Gray levels added to the edges that motion is divided by, so that flat areas do not count."""

_RESAMPLES = 60
"""Bootstrap samples that say how sure a heading is."""

_SAME_HEADING_DEG = 30.0
"""Headings this close count as the same."""

_FLIPS = {"none": (1, 1), "left-right": (-1, 1), "up-down": (1, -1), "both": (-1, -1)}
"""Mirrored readings of the sound that are tried: signs of left-right and of up-down."""

_ORDERS = {"W" + "".join("YZX"[k] for k in p): [0, *(k + 1 for k in p)] for p in permutations(range(3))}
"""Orders of Y, Z and X that are tried, by name."""


@dataclass(frozen=True)
class Agreement:
    """``score`` is the correlation in [-1, 1] as the file stands, ``best_score`` that at the best heading.

    ``yaw_deg``: turn the sound by this much to the left for the best fit. ``confidence`` is the share of
    resamples of the moments whose best heading is within 30° of it. ``flip`` (none, left-right, up-down, both)
    and ``order`` (what the channels would have to be read as) fit best of all, at any heading, with
    ``flip_score`` and ``order_score``. ``moments`` is how many pairs of picture and sound were used.
    """

    score: float
    best_score: float
    yaw_deg: float
    confidence: float
    flip: str
    flip_score: float
    order: str
    order_score: float
    moments: int

    def to_json(self) -> dict[str, Any]:
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}


def motion_map(
    before: NDArray[np.uint8], after: NDArray[np.uint8], grid: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """How much each place of the sphere changes, ``(HEIGHT, WIDTH)``, between two gray frames.

    Without ``grid`` the frames are equirectangular; with it, a :func:`yt360.media.lookup.frame_map` of 4 times the
    size, they are as coded. The change is taken against the edges there: a camera that turns changes most where
    the picture has most detail, what moves by itself changes more than its edges explain.
    """
    first, second = (cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 1.0) for frame in (before, after))
    change = np.maximum(np.abs(second - first) - _STILL, 0)
    edges = np.hypot(cv2.Sobel(first, cv2.CV_32F, 1, 0), cv2.Sobel(first, cv2.CV_32F, 0, 1)) / 8
    motion = change / (cv2.GaussianBlur(edges, (0, 0), 3.0) + _EDGES)
    if grid is not None:
        rows, columns = motion.shape
        shown = np.nan_to_num(grid, nan=-1.0).astype(np.float32)
        motion = cv2.remap(
            motion, shown[..., 0] * columns - 0.5, shown[..., 1] * rows - 0.5, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        )  # fmt: skip
    shrunk: NDArray[np.float64] = cv2.resize(motion, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float64)
    return shrunk


def grid_size() -> tuple[int, int]:
    """Rows and columns that :func:`motion_map` wants of its ``grid``."""
    return _FINER * HEIGHT, _FINER * WIDTH


def _normalised(field: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Zero mean and unit power on the sphere; None for a field without any shape."""
    field = field - (field * weight).sum() / weight.sum()
    power = float((field**2 * weight).sum())
    return field / np.sqrt(power) if power > _LEAST else None


def agree(motions: Sequence[NDArray[np.float64]], sounds: Sequence[NDArray[np.float32]]) -> Agreement | None:
    """Compare ``motions`` ``(HEIGHT, WIDTH)`` with the AmbiX sound ``(4, n)`` of the same moments.

    None where nothing moves or nothing has a direction.
    """
    weight = np.broadcast_to(sphere.row_solid_angles(HEIGHT, WIDTH)[:, None], (HEIGHT, WIDTH))
    gains = ambisonics.encoding_gains(
        sphere.column_azimuths(WIDTH)[None, :], sphere.row_elevations(HEIGHT)[:, None]
    ).reshape(4, -1)
    plain: list[NDArray[np.float64]] = []
    flips = {name: np.zeros(WIDTH) for name in _FLIPS}
    orders = {name: np.zeros(WIDTH) for name in _ORDERS}
    for motion, foa in zip(motions, sounds, strict=True):
        seen = _normalised(motion, weight)
        covariance = ambisonics.covariance(foa)
        if seen is None or not covariance[0, 0] > 0:
            continue
        spectrum = np.fft.rfft(seen * weight, axis=1)

        def over_headings(
            matrix: NDArray[np.float64], spectrum: NDArray[np.complex128] = spectrum
        ) -> NDArray[np.float64] | None:
            energy = np.einsum("in,ij,jn->n", gains, matrix, gains).reshape(HEIGHT, WIDTH)
            heard = _normalised(energy / max(1e-30, float(energy.max())), weight)
            if heard is None:
                return None
            return np.fft.irfft((spectrum * np.conj(np.fft.rfft(heard, axis=1))).sum(axis=0), WIDTH)

        curve = over_headings(covariance)
        if curve is None:
            continue
        plain.append(curve)
        for name, (across, upright) in _FLIPS.items():
            sign = np.array([1, across, upright, 1])
            turned = over_headings(covariance * np.outer(sign, sign))
            flips[name] = flips[name] + (turned if turned is not None else 0)
        for name, places in _ORDERS.items():
            turned = over_headings(covariance[np.ix_(places, places)])
            orders[name] = orders[name] + (turned if turned is not None else 0)
    if not plain:
        return None
    curves = np.stack(plain)
    mean = curves.mean(axis=0)
    best = int(mean.argmax())
    flip = max(_FLIPS, key=lambda name: float(np.max(flips[name])))
    order = max(_ORDERS, key=lambda name: float(np.max(orders[name])))
    return Agreement(
        score=float(mean[0]),
        best_score=float(mean[best]),
        yaw_deg=_heading_deg(best),
        confidence=_confidence(curves, best),
        flip=flip,
        flip_score=float(np.max(flips[flip])) / len(plain),
        order=order,
        order_score=float(np.max(orders[order])) / len(plain),
        moments=len(plain),
    )


def _heading_deg(shift: int) -> float:
    """A shift of the sound to the right by so many columns, as degrees to the left."""
    return float(np.degrees(sphere.wrap_angle(-shift * 2 * np.pi / WIDTH)))


def _confidence(curves: NDArray[np.float64], best: int) -> float:
    """Share of bootstrap resamples of the moments ``(moments, WIDTH)`` that lead to the same heading."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, len(curves), (_RESAMPLES, len(curves)))
    found = curves[chosen].mean(axis=1).argmax(axis=1)
    away = np.abs((found - best + WIDTH // 2) % WIDTH - WIDTH // 2) * 360 / WIDTH
    return float((away <= _SAME_HEADING_DEG).mean()) if len(curves) > 1 else 0.0
