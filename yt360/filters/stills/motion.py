"""What moves between two equirectangular pictures, once a turn of the whole sphere is undone.

The unit is a block of pixels, weighted by the solid angle it covers, so a speck at a pole does not
count like a person on the horizon. A block has moved when its smoothed difference is larger than the
picture's own noise explains. Everything is float arithmetic: squared differences of uint8 wrap
modulo 256, which is how a published filter came to throw out fixed cameras.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.filters.stills import zoom
from yt360.filters.stills.settings import MotionSettings

FloatImage = NDArray[np.float32]

BLOCK = 8
"""Edge of a block in pixels."""

_SMOOTHING_PX = 1.0
"""Standard deviation of the blur before blocks are compared."""

_NOISE_RATIO = 0.33
"""Mean absolute value of white noise after the smoothing, over that of what the smoothing took away."""

_LIVELY = 0.8
"""Mean absolute difference of a block, in gray levels, above which its surroundings are not background."""

_GROUPS = 16
"""Groups of gray levels, darkest first, whose change of brightness is looked at by itself."""

_CURVE_SLACK = 0.25
"""How exactly a coded picture follows a change of brightness, as a part of the change."""

_LEAST_TURN = np.deg2rad(0.02)
"""Smallest turn of the sphere that is undone, in radians."""

_LEAST_REACH_PX = 0.75
"""Pixels that the corners of a scaled picture move at least; less blurs things away and explains nothing."""

_EXPLAINED = 0.003
"""Share that a turn leaves over at most where no scaling is sought any more."""

_TURNING = 0.05
"""Share that changes at least when the whole sphere turns noticeably; below it no rotation is sought."""

_FROZEN = 0.01
"""Mean absolute difference, in gray levels, below which a block is the same picture again."""

_COARSE = (80, 160)
"""Height and width of the picture in which the rotation is estimated."""


@dataclass(frozen=True)
class PairMotion:
    """Two pictures compared.

    Shares are of the solid angle that is looked at, in [0, 1]: ``changed`` as the pictures are,
    ``residual`` after ``rotation`` of the sphere (a vector along the axis as long as the angle in radians,
    all zero when undoing a turn does not help).
    ``background`` is the mean absolute difference, in gray levels, far from anything that moves: a
    camera's noise leaves some of it even in strongly compressed video, a repeated picture does not.
    ``regions`` counts the separate places where something moves, ``extent`` is the share of the
    picture's pixels inside their bounding boxes. ``strength`` is the difference of the block that moves most, in
    units of the threshold above which a block has moved: codec noise stays near 1, moving things do not; ``second`` is
    that of the strongest block outside the box of the largest region. ``frozen`` is the share of the sphere that is
    repeated to a hundredth of a gray level. ``zoom`` is a scaling ``(2, 3)`` of the flat picture that was undone
    (:mod:`yt360.filters.stills.zoom`). ``excess`` ``(H / 8, W / 8)`` has the differences of all blocks in these units,
    0 where the poles are left out.
    """

    changed: float
    residual: float
    rotation: tuple[float, float, float]
    background: float
    regions: int
    extent: float
    strength: float
    second: float
    frozen: float
    zoom: NDArray[np.float64] | None = field(compare=False, repr=False)
    excess: FloatImage = field(compare=False, repr=False)

    @property
    def rotation_deg(self) -> float:
        """Angle of the turn in degrees, [0, 180]."""
        return float(np.rad2deg(np.linalg.norm(self.rotation)))


def prepare(frame: NDArray[np.uint8]) -> tuple[FloatImage, FloatImage]:
    """A gray frame ``(H, W)`` of 0..255 as float, and smoothed. H and W must be multiples of the block."""
    height, width = frame.shape
    if height % BLOCK or width % BLOCK:
        raise ValueError(f"height and width must be multiples of {BLOCK}, found {height}x{width}")
    raw = frame.astype(np.float32)
    return raw, _smooth(raw)


def compare(
    first: tuple[FloatImage, FloatImage],
    second: tuple[FloatImage, FloatImage],
    settings: MotionSettings,
    guess: NDArray[np.float64] | None = None,
    turning: bool = True,
    zoomed: NDArray[np.float64] | None = None,
) -> PairMotion:
    """Compare two prepared frames of the same size.

    ``turning`` says whether to seek a turn of the sphere or a scaling of the picture, ``guess`` is a rotation
    ``(3, 3)`` to start from, ``zoomed`` a scaling ``(2, 3)`` that is known and undone where that explains something.
    """
    weights = block_weights(*first[0].shape, settings.polar_mask)
    excess, background = _block_excess(*first, *second, settings)
    changed = float(np.sum(weights[excess > 1]))
    frozen = float(np.sum(weights[_block_means(np.abs(first[0] - second[0])) < _FROZEN]))
    residual = changed
    turn: NDArray[Any] = np.zeros(3)
    if turning and changed > _TURNING:
        rotation = estimate_rotation(first[1], second[1], guess)
        vector = cv2.Rodrigues(rotation)[0].ravel()
        if np.linalg.norm(vector) > _LEAST_TURN:
            turned: FloatImage = sphere.rotate_small_picture(first[0], rotation, "cubic")
            turned_excess, turned_background = _block_excess(turned, _smooth(turned), *second, settings, blur_px=0.5)
            left = float(np.sum(weights[turned_excess > 1]))
            if left < 0.7 * changed:
                excess, background, residual, turn = turned_excess, turned_background, left, vector
    scaling = None
    matrix = zoomed
    if turning and changed > _TURNING and residual > _EXPLAINED and zoomed is None:
        matrix = zoom.estimate(first[1], second[1])
        if matrix is not None and zoom.reach_px(matrix, *first[0].shape) < _LEAST_REACH_PX:
            matrix = None
    if matrix is not None and residual > 0:
        scaled, inside = zoom.apply(first[0], matrix)
        scaled = np.where(inside, scaled, second[0])
        scaled_excess, scaled_background = _block_excess(scaled, _smooth(scaled), *second, settings, blur_px=0.5)
        left = float(np.sum(weights[scaled_excess > 1]))
        if left < 0.7 * residual:
            excess, background, residual, turn = scaled_excess, scaled_background, left, np.zeros(3)
            scaling = matrix
    excess = np.where(weights > 0, excess, np.float32(0))
    regions, extent, others = _regions(excess > 1)
    return PairMotion(
        changed=changed,
        residual=residual,
        rotation=(float(turn[0]), float(turn[1]), float(turn[2])),
        background=background,
        regions=regions,
        extent=extent,
        strength=float(excess.max()),
        second=float(excess[others].max(initial=0.0)),
        frozen=frozen,
        zoom=scaling,
        excess=excess,
    )


@lru_cache(maxsize=8)
def block_weights(height: int, width: int, polar_mask: float) -> NDArray[np.float64]:
    """Share of the looked-at solid angle in each block, ``(height / 8, width / 8)``; adds up to 1."""
    rows = np.array(sphere.row_solid_angles(height, width))
    masked = round(height * polar_mask)
    if masked:
        rows[:masked] = 0
        rows[-masked:] = 0
    per_block = rows.reshape(-1, BLOCK).sum(axis=1)
    weights = np.repeat(per_block[:, None], width // BLOCK, axis=1)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def estimate_rotation(
    first: FloatImage, second: FloatImage, guess: NDArray[np.float64] | None = None, iterations: int = 6
) -> NDArray[np.float64]:
    """The rotation ``(3, 3)`` of the sphere that best carries one gray picture into another.

    Phase correlation along the circles of latitude gives the yaw; Gauss-Newton steps on the sphere
    with Huber weights then find the full rotation, so what moves by itself does not pull at it. They
    start from that yaw and from ``guess`` (no rotation by default), and the better end counts.
    """
    a, b = (_shrink(picture, *_COARSE) for picture in (first, second))
    starts = [sphere.yaw_rotation(yaw_by_phase_correlation(a, b)), np.eye(3) if guess is None else guess]
    first_steps = [_refine(a, b, start, 2) for start in starts]
    best = min(first_steps, key=lambda found: found[1])[0]
    return _refine(a, b, best, iterations - 2)[0]


def yaw_by_phase_correlation(first: FloatImage, second: FloatImage) -> float:
    """Turn about the vertical axis in radians, positive to the left, to a fraction of a column.

    The rows are circular signals: their cross-power spectra are whitened, weighted by the rows'
    solid angle and added up (Kuglin and Hines 1975, in one dimension).
    """
    height, width = first.shape
    cross = np.fft.rfft(second, axis=1) * np.conj(np.fft.rfft(first, axis=1))
    cross /= np.abs(cross) + 1e-3 * np.abs(cross).max() + 1e-12
    spectrum = sphere.row_solid_angles(height, width) @ cross
    spectrum[0] = 0
    correlation = np.fft.irfft(spectrum, width)
    peak = int(np.argmax(correlation))
    left, centre, right = correlation[(peak - 1) % width], correlation[peak], correlation[(peak + 1) % width]
    curvature = left - 2 * centre + right
    shift = peak + (0.5 * (left - right) / curvature if curvature < 0 else 0.0)
    return float(sphere.wrap_angle(-2 * np.pi * shift / width))


def _refine(
    first: FloatImage, second: FloatImage, rotation: NDArray[np.float64], iterations: int
) -> tuple[NDArray[np.float64], float]:
    jacobian = _rotation_jacobian(second)
    weights = _pixel_weights(*second.shape)
    error = np.inf
    for _ in range(iterations):
        warped: FloatImage = sphere.rotate_small_picture(first, rotation)
        difference = (second - warped).ravel().astype(np.float64)
        difference -= np.median(difference)
        scale = 1.5 * np.median(np.abs(difference)) + 0.5
        huber = weights * np.minimum(1, scale / np.maximum(np.abs(difference), 1e-6))
        error = float(np.sum(weights * np.minimum(np.abs(difference), 40.0)))
        weighted = jacobian * huber[:, None]
        hessian = jacobian.T @ weighted
        hessian[np.diag_indices(3)] += 1e-6 * np.trace(hessian) + 1e-12
        step = -np.linalg.solve(hessian, weighted.T @ difference)
        size = float(np.linalg.norm(step))
        step *= min(1.0, 0.2 / max(size, 1e-12))
        rotation = cv2.Rodrigues(step)[0] @ rotation
        if size < 2e-4:
            break
    return rotation, error


def _rotation_jacobian(picture: FloatImage) -> NDArray[np.float64]:
    """Change of each pixel's gray level for a turn about x, y and z: ``(H W, 3)`` per radian."""
    height, width = picture.shape
    padded = sphere.pad_sphere(picture, 1)
    by_column = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    by_row = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    cosine, east, north = _tangents(height, width)
    along_azimuth = -by_column * (width / (2 * np.pi)) / cosine
    along_elevation = -by_row * (height / np.pi)
    jacobian = along_azimuth[..., None] * north - along_elevation[..., None] * east
    flat: NDArray[np.float64] = jacobian.reshape(-1, 3).astype(np.float64)
    return flat


@lru_cache(maxsize=4)
def _tangents(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    azimuth, elevation = np.meshgrid(sphere.column_azimuths(width), sphere.row_elevations(height))
    zero = np.zeros_like(azimuth)
    east = np.stack([-np.sin(azimuth), np.cos(azimuth), zero], axis=-1)
    north = np.stack(
        [-np.sin(elevation) * np.cos(azimuth), -np.sin(elevation) * np.sin(azimuth), np.cos(elevation)], axis=-1
    )
    return np.maximum(np.cos(elevation), 0.05), east, north


@lru_cache(maxsize=4)
def _pixel_weights(height: int, width: int) -> NDArray[np.float64]:
    rows = sphere.row_solid_angles(height, width)
    return np.repeat(rows / (rows.sum() * width), width)


def _smooth(picture: FloatImage) -> FloatImage:
    smoothed = cv2.GaussianBlur(picture, (0, 0), _SMOOTHING_PX, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smoothed, np.float32)


def _block_means(picture: FloatImage) -> FloatImage:
    height, width = picture.shape
    return _shrink(picture, height // BLOCK, width // BLOCK)


def _shrink(picture: FloatImage, height: int, width: int) -> FloatImage:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _block_excess(
    first: FloatImage,
    first_smooth: FloatImage,
    second: FloatImage,
    second_smooth: FloatImage,
    settings: MotionSettings,
    blur_px: float = 0.0,
) -> tuple[FloatImage, float]:
    """Differences of blocks ``(H / 8, W / 8)``, above 1 where they moved, and the background's (:class:`PairMotion`).

    ``blur_px``: how far off, in pixels, an interpolated picture may be; steep edges get that much slack.
    """
    curve = _brightness_change(first_smooth, second_smooth)
    slack: FloatImage | float = 0.0
    if curve is not None:
        levels = np.clip(first_smooth, 0, 255).astype(np.uint8)
        slack = _CURVE_SLACK * _block_means(np.abs(curve)[levels])
        first_smooth = first_smooth + curve[levels]
        first = first + curve[levels]
    difference = first - second
    smoothed = _block_means(np.abs(first_smooth - second_smooth))
    rough = _block_means(np.abs(difference))
    fine = _block_means(np.abs(difference - _smooth(difference)))
    contrast = np.clip(float(np.std(second_smooth)) / 30, 1 / 3, 1)
    limit = np.maximum(settings.block_threshold * contrast, settings.noise_factor * _NOISE_RATIO * fine) + slack
    limit = np.maximum(limit, settings.floor_factor * np.quantile(smoothed, 0.25))
    if blur_px:
        steepness = np.abs(cv2.Sobel(second_smooth, cv2.CV_32F, 1, 0, scale=0.125))
        steepness += np.abs(cv2.Sobel(second_smooth, cv2.CV_32F, 0, 1, scale=0.125))
        limit = limit + blur_px * _block_means(steepness)
    calm = cv2.dilate((rough > _LIVELY).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    background = float(rough[calm].mean()) if np.count_nonzero(calm) * 8 >= calm.size else float(np.median(rough))
    return np.asarray(smoothed / limit, np.float32), background


def _brightness_change(first: FloatImage, second: FloatImage) -> NDArray[np.float32] | None:
    """What happened to the brightness of the picture as a whole: the change of each gray level ``(256,)``.

    Flicker, fades and automatic exposure are not motion. The curve is the median change of each of :data:`_GROUPS`
    groups of levels, so it follows clipping, and what moves in a small part has no say. ``None`` when
    half of the picture kept its brightness.
    """
    a, change = first[::2, ::2].ravel(), (second - first)[::2, ::2].ravel()
    if float(np.median(np.abs(change))) < 0.5:
        return None
    order = np.argsort(a)[: a.size // _GROUPS * _GROUPS].reshape(_GROUPS, -1)
    levels, index = np.unique(np.median(a[order], axis=1), return_index=True)
    changes = np.median(change[order], axis=1)[index]
    curve: NDArray[np.float32] = np.interp(np.arange(256), levels, changes).astype(np.float32)
    return curve


def _regions(moved: NDArray[np.bool_]) -> tuple[int, float, NDArray[np.bool_]]:
    """Number of connected places, the share of the picture in their bounding boxes, and what lies outside of the
    largest place and its surroundings ``(H / 8, W / 8)``; the seam is not an edge.
    """
    others = np.ones(moved.shape, bool)
    if not moved.any():
        return 0, 0.0, others
    width = moved.shape[1]
    empty = np.flatnonzero(~moved.any(axis=0))
    turned = int(empty[0]) if empty.size else 0
    opened = np.roll(moved, -turned, axis=1)
    joined = cv2.dilate(opened.astype(np.uint8), np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = stats[1:, cv2.CC_STAT_WIDTH].clip(3) * stats[1:, cv2.CC_STAT_HEIGHT].clip(3)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    others = np.roll(cv2.dilate((labels == largest).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0, turned, axis=1)
    return count - 1, float(min(1.0, boxes.sum() / (width * moved.shape[0]))), others
