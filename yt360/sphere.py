"""Geometry on the sphere: the one place that says how directions, pixels and rotations relate.

Conventions, used everywhere in yt360:

* Right-handed frame: x front, y left, z up.
* Azimuth counter-clockwise from the front (left is positive), elevation up; radians. Degrees only
  on the command line and in names that end in ``_deg``.
* Equirectangular picture of width W and height H: pixel (i, j) covers a cell whose centre is at
  ``azimuth = pi - 2 pi (j + 1/2) / W`` and ``elevation = pi/2 - pi (i + 1/2) / H``. The middle
  column looks to the front, the left edge is at +180°. Columns wrap around; going over a pole turns
  the azimuth by 180°.
* A :class:`View` turns picture and sound alike: after :attr:`View.rotation` a source at the view's
  direction is on +X, and it is at the centre of the crop.

Rotation matrices act on column vectors (x, y, z): ``world_to_view = view.rotation``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating]

_POLE_PAD = 8
"""Rows and columns of context kept around a picture so that every interpolation kernel of OpenCV
(up to Lanczos4: 4 pixels to each side) finds the sphere continued there."""

_TOGETHER = 3
"""Channels that OpenCV reads at once, each as it would be alone."""


def unit_vector(azimuth: ArrayLike, elevation: ArrayLike) -> NDArray[np.float64]:
    """Unit vectors ``(..., 3)`` of directions in radians, broadcast against each other.

    >>> np.round(unit_vector(np.pi / 2, 0.0), 3)  # to the left
    array([0., 1., 0.])
    """
    azimuth, elevation = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(elevation, float))
    horizontal = np.cos(elevation)
    return np.stack([horizontal * np.cos(azimuth), horizontal * np.sin(azimuth), np.sin(elevation)], axis=-1)


def direction(vectors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Azimuth in (-pi, pi] and elevation in [-pi/2, pi/2] of vectors ``(..., 3)`` of any length.

    The zero vector gives (0, 0). ``arctan2`` rather than ``arcsin`` keeps full precision at the poles.

    >>> azimuth, elevation = direction([0.0, 2.0, 2.0])  # left and up
    >>> float(np.degrees(azimuth)), float(np.degrees(elevation))
    (90.0, 45.0)
    """
    v = np.asarray(vectors, float)
    azimuth = np.arctan2(v[..., 1], v[..., 0])
    elevation = np.arctan2(v[..., 2], np.hypot(v[..., 0], v[..., 1]))
    return azimuth, elevation


def angle_between(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Angle in [0, pi] between vectors ``(..., 3)``; exact for small and for nearly opposite ones.

    >>> float(np.degrees(angle_between([1, 0, 0], [0, 0, 5])))
    90.0
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    angle: NDArray[np.float64] = np.arctan2(cross, np.sum(a * b, axis=-1))
    return angle


def wrap_angle(angle: ArrayLike) -> NDArray[np.float64]:
    """The same angle in [-pi, pi).

    >>> float(np.degrees(wrap_angle(np.radians(270))))
    -90.0
    """
    return (np.asarray(angle, float) + np.pi) % (2 * np.pi) - np.pi


def column_azimuths(width: int) -> NDArray[np.float64]:
    """Azimuth of the centre of each column, ``(width,)``, falling from +pi to -pi.

    >>> np.degrees(column_azimuths(4))
    array([ 135.,   45.,  -45., -135.])
    """
    return np.pi - 2 * np.pi * (np.arange(width) + 0.5) / width


def row_elevations(height: int) -> NDArray[np.float64]:
    """Elevation of the centre of each row, ``(height,)``, falling from +pi/2 to -pi/2.

    >>> np.degrees(row_elevations(2))
    array([ 45., -45.])
    """
    return np.pi / 2 - np.pi * (np.arange(height) + 0.5) / height


def pixel_vectors(height: int, width: int) -> NDArray[np.float64]:
    """Unit vectors ``(height, width, 3)`` through the centres of all pixels of an equirectangular picture.

    >>> pixel_vectors(2, 4).shape
    (2, 4, 3)
    """
    return unit_vector(column_azimuths(width)[None, :], row_elevations(height)[:, None])


def row_solid_angles(height: int, width: int) -> NDArray[np.float64]:
    """Solid angle in steradian of one pixel in each row, ``(height,)``; all pixels add up to 4 pi.

    >>> float(round(8 * row_solid_angles(4, 8).sum() / np.pi, 6))
    4.0
    """
    edges = np.pi / 2 - np.pi * np.arange(height + 1) / height
    return (np.sin(edges[:-1]) - np.sin(edges[1:])) * (2 * np.pi / width)


def to_pixels(
    azimuth: ArrayLike, elevation: ArrayLike, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of directions, in pixel indices: the centre of pixel (i, j) gives exactly (i, j).

    Columns lie in [-1/2, width - 1/2), rows in [-1/2, height - 1/2].

    >>> row, column = to_pixels(0.0, 0.0, height=224, width=448)  # the front lies between the middle pixels
    >>> round(float(row), 6), round(float(column), 6)
    (111.5, 223.5)
    """
    columns = (np.pi - np.asarray(azimuth, float)) * (width / (2 * np.pi)) - 0.5
    columns = (columns + 0.5) % width - 0.5
    rows = (np.pi / 2 - np.asarray(elevation, float)) * (height / np.pi) - 0.5
    return rows, columns


def yaw_rotation(angle: float) -> NDArray[np.float64]:
    """Rotation about z (up): turns the front towards the left by ``angle`` radians.

    >>> np.round(yaw_rotation(np.pi / 2) @ [1, 0, 0], 3)
    array([0., 1., 0.])
    """
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def pitch_rotation(angle: float) -> NDArray[np.float64]:
    """Rotation that lifts the front up by ``angle`` radians (about -y).

    >>> np.round(pitch_rotation(np.pi / 2) @ [1, 0, 0], 3)
    array([0., 0., 1.])
    """
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])


def roll_rotation(angle: float) -> NDArray[np.float64]:
    """Rotation about x (front): turns the left up by ``angle`` radians.

    >>> np.round(roll_rotation(np.pi / 2) @ [0, 1, 0], 3)
    array([0., 0., 1.])
    """
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def view_rotation(azimuth: float, elevation: float) -> NDArray[np.float64]:
    """World-to-view rotation ``(3, 3)``: sends the direction (azimuth, elevation) to +X, without roll.

    Undo the azimuth first, then the elevation. The published code of the paper multiplies the other
    way around (``rotate_ambix``), which is right only on the horizon or for azimuth 0.

    >>> np.round(view_rotation(0.3, 0.2) @ unit_vector(0.3, 0.2), 6) + 0.0
    array([1., 0., 0.])
    """
    # pitch_rotation(-elevation) @ yaw_rotation(-azimuth), in a third of the time
    up, level, across, ahead = math.sin(-elevation), math.cos(-elevation), math.sin(-azimuth), math.cos(-azimuth)
    return np.array([[level * ahead, -level * across, -up], [across, ahead, 0.0], [up * ahead, -up * across, level]])


@dataclass(frozen=True)
class View:
    """A look into the sphere: direction of the optical axis and full opening angles, all in radians.

    The picture of a view is gnomonic (a pinhole camera): fields of view lie in (0, pi).

    >>> view = View(azimuth=np.radians(30), elevation=0.0, horizontal_fov=np.pi / 2, vertical_fov=np.pi / 2)
    >>> np.round(view.rotation @ unit_vector(np.radians(30), 0.0), 6) + 0.0
    array([1., 0., 0.])
    """

    azimuth: float
    elevation: float
    horizontal_fov: float
    vertical_fov: float

    def __post_init__(self) -> None:
        for name in ("horizontal_fov", "vertical_fov"):
            value = getattr(self, name)
            if not 0 < value < np.pi:
                raise ValueError(f"{name} must lie in (0, pi) rad, found {value!r}")

    @cached_property
    def rotation(self) -> NDArray[np.float64]:
        """World-to-view rotation ``(3, 3)``, the same for picture and sound. Not to be written to."""
        rotation = view_rotation(self.azimuth, self.elevation)
        rotation.flags.writeable = False
        return rotation

    def rays(self, height: int, width: int) -> NDArray[np.float64]:
        """Unit vectors ``(height, width, 3)`` in the world through the pixel centres of this view's picture.

        Pixel centres are at half-integers of the image plane, so a picture with an odd number of
        rows and columns has its middle pixel exactly on the optical axis.
        """
        left = np.tan(self.horizontal_fov / 2) * (1 - 2 * (np.arange(width) + 0.5) / width)
        up = np.tan(self.vertical_fov / 2) * (1 - 2 * (np.arange(height) + 0.5) / height)
        plane = np.stack(np.broadcast_arrays(np.ones(()), left[None, :], up[:, None]), axis=-1)
        plane = plane / np.linalg.norm(plane, axis=-1, keepdims=True)
        vectors: NDArray[np.float64] = plane @ self.rotation  # row vectors times R = R^T applied: view to world
        return vectors


def sampling_map(view: View, size: tuple[int, int], source_size: tuple[int, int]) -> NDArray[np.float32]:
    """Where each pixel of a view lies in an equirectangular picture.

    ``size`` and ``source_size`` are (height, width). Returns ``(height, width, 2)`` float32 of
    (row, column) in pixel indices of the source.

    >>> front = View(0.0, 0.0, np.pi / 2, np.pi / 2)
    >>> sampling_map(front, (3, 3), (224, 448))[1, 1]  # the middle pixel is on the optical axis
    array([111.5, 223.5], dtype=float32)
    """
    azimuth, elevation = direction(view.rays(*size))
    rows, columns = to_pixels(azimuth, elevation, *source_size)
    return np.stack([rows, columns], axis=-1).astype(np.float32)


def pad_sphere(picture: NDArray[Any], pad: int = _POLE_PAD) -> NDArray[Any]:
    """An equirectangular picture ``(H, W[, C])`` continued by ``pad`` pixels over the seam and over the poles.

    Beyond a pole the picture goes on with the rows on the other side: reversed, turned by half the
    width. ``W`` must be even.

    >>> pad_sphere(np.array([[1, 2, 3, 4]]), 1)
    array([[2, 3, 4, 1, 2, 3],
           [4, 1, 2, 3, 4, 1],
           [2, 3, 4, 1, 2, 3]])
    """
    height, width = picture.shape[:2]
    if width % 2:
        raise ValueError(f"an equirectangular picture needs an even width, found {width}")
    if pad <= min(height, width):
        return _pad_whole(picture, pad)
    turned = np.roll(picture, width // 2, axis=1)
    index = np.arange(-pad, height + pad)
    over = (index < 0) | (index >= height)
    index = np.where(index < 0, -1 - index, np.where(index >= height, 2 * height - 1 - index, index))
    index = np.clip(index, 0, height - 1)
    rows = np.where(over.reshape(-1, *[1] * (picture.ndim - 1)), turned[index], picture[index])
    return np.concatenate([rows[:, -pad:], rows, rows[:, :pad]], axis=1)


def _pad_whole(picture: NDArray[Any], pad: int) -> NDArray[Any]:
    """:func:`pad_sphere` of a picture at least as large as ``pad``: filters do this all the time."""
    height, width = picture.shape[:2]
    half = width // 2
    padded = np.empty((height + 2 * pad, width + 2 * pad, *picture.shape[2:]), picture.dtype)
    inner = padded[:, pad : pad + width]
    inner[pad : pad + height] = picture
    for beyond, rows in ((inner[:pad], picture[:pad]), (inner[pad + height :], picture[height - pad :])):
        beyond[:, :half] = rows[::-1, half:]
        beyond[:, half:] = rows[::-1, :half]
    padded[:, :pad] = inner[:, width - pad :]
    padded[:, pad + width :] = inner[:, :pad]
    return padded


def sample(picture: NDArray[Any], mapping: NDArray[np.float32], interpolation: str = "linear") -> NDArray[Any]:
    """Read an equirectangular picture ``(H, W[, C])`` at ``mapping`` ``(h, w, 2)`` (see :func:`sampling_map`).

    ``interpolation`` is ``nearest`` (label maps), ``linear`` or ``cubic``. Seam and poles are
    continued, so nothing is clamped. Any number of channels; each is read as it would be alone.

    >>> gray = np.array([[0, 10, 20, 30], [0, 10, 20, 30]], np.uint8)
    >>> sample(gray, np.array([[[0.0, 1.5]]], np.float32))
    array([[15]], dtype=uint8)
    """
    columns = mapping[..., 1] + np.float32(_POLE_PAD)
    rows = mapping[..., 0] + np.float32(_POLE_PAD)
    return _read_at(picture, rows, columns, interpolation)


def _read_at(
    picture: NDArray[Any], rows: NDArray[np.float32], columns: NDArray[np.float32], interpolation: str
) -> NDArray[Any]:
    """:func:`sample` at places in the padded picture."""
    flags = {"nearest": cv2.INTER_NEAREST, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}[interpolation]
    padded = pad_sphere(picture)
    if padded.ndim == 2 or padded.shape[2] == _TOGETHER:
        read = cv2.remap(padded, columns, rows, flags, borderMode=cv2.BORDER_REPLICATE)
        return read.astype(picture.dtype, copy=False)
    return _remap_channels(padded, columns, rows, flags)


def _remap_channels(
    padded: NDArray[Any], columns: NDArray[np.float32], rows: NDArray[np.float32], flags: int
) -> NDArray[Any]:
    """``cv2.remap`` of any number of channels, :data:`_TOGETHER` at a time.

    OpenCV 5 places 2, 5 and more channels on a grid of 1/32 pixel where it places 1, 3 and 4 exactly, refuses
    more than 4 for cubic interpolation, and drops the third dimension of 1 and of more than 128.
    """
    found = np.empty((*columns.shape, padded.shape[2]), padded.dtype)
    for first in range(0, padded.shape[2], _TOGETHER):
        part = padded[..., first : first + _TOGETHER]
        count = part.shape[2]
        if count < _TOGETHER:
            part = np.concatenate([part, np.repeat(part[..., -1:], _TOGETHER - count, axis=2)], axis=2)
        read = cv2.remap(np.ascontiguousarray(part), columns, rows, flags, borderMode=cv2.BORDER_REPLICATE)
        found[..., first : first + count] = read[..., :count]
    return found


@lru_cache(maxsize=64)
def _cached_map(view: View, size: tuple[int, int], source_size: tuple[int, int]) -> NDArray[np.float32]:
    return sampling_map(view, size, source_size)


def crop(picture: NDArray[Any], view: View, size: tuple[int, int], interpolation: str = "linear") -> NDArray[Any]:
    """The perspective crop (gnomonic picture, "NFOV") of a view out of an equirectangular picture ``(H, W[, C])``.

    ``size`` = (height, width); returns ``(height, width[, C])`` of the picture's type, for any number of channels.

    >>> panorama = np.zeros((90, 180, 3), np.uint8)
    >>> panorama[:, 88:92] = 255  # a line straight ahead, from pole to pole
    >>> front = View(0.0, 0.0, np.pi / 2, np.pi / 2)
    >>> crop(panorama, front, (5, 5))[..., 0]
    array([[  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0]], dtype=uint8)
    """
    return sample(picture, _cached_map(view, size, (picture.shape[0], picture.shape[1])), interpolation)


@lru_cache(maxsize=4)
def _cached_vectors(height: int, width: int) -> NDArray[np.float64]:
    return pixel_vectors(height, width)


_CACHED_PIXELS = 2**17
"""Size up to which the directions of a picture's pixels are remembered: 3 MB. Filters turn small pictures often."""


def rotate_picture(picture: NDArray[Any], rotation: ArrayLike, interpolation: str = "linear") -> NDArray[Any]:
    """Turn the whole sphere ``(H, W[, C])``: what was in direction v is in direction ``rotation @ v`` afterwards.

    >>> columns = np.array([[0, 1, 2, 3]] * 2)
    >>> rotate_picture(columns, yaw_rotation(np.pi / 2), "nearest")[0]  # a quarter turn to the left
    array([1, 2, 3, 0])
    """
    height, width = picture.shape[:2]
    vectors = (_cached_vectors if height * width <= _CACHED_PIXELS else pixel_vectors)(height, width)
    azimuth, elevation = direction(vectors @ np.asarray(rotation, float))
    rows, columns = to_pixels(azimuth, elevation, height, width)
    return sample(picture, np.stack([rows, columns], axis=-1).astype(np.float32), interpolation)


def rotate_small_picture(
    picture: NDArray[Any], rotation: NDArray[np.float64], interpolation: str = "linear"
) -> NDArray[Any]:
    """:func:`rotate_picture` of a gray picture ``(H, W)``, in single precision: for filters, which turn thousands.

    The remembered directions of a picture's pixels take 12 bytes each.

    >>> columns = np.array([[0, 1, 2, 3]] * 2, np.float32)
    >>> rotate_small_picture(columns, yaw_rotation(np.pi / 2), "nearest")[0]  # a quarter turn to the left
    array([1., 2., 3., 0.], dtype=float32)
    """
    height, width = picture.shape
    x, y, z = rotation.T.astype(np.float32) @ _small_vectors(height, width)
    columns = np.arctan2(y, x)
    np.subtract(np.pi, columns, out=columns)
    columns *= np.float32(width / (2 * np.pi))
    np.subtract(columns, width, out=columns, where=columns >= width)
    rows = np.arcsin(np.clip(z, -1, 1, out=z), out=z)
    np.subtract(np.pi / 2, rows, out=rows)
    rows *= np.float32(height / np.pi)
    for places in (rows, columns):
        places -= np.float32(0.5)
        places += np.float32(_POLE_PAD)
    return _read_at(picture, rows.reshape(height, width), columns.reshape(height, width), interpolation)


@lru_cache(maxsize=4)
def _small_vectors(height: int, width: int) -> NDArray[np.float32]:
    return np.ascontiguousarray(pixel_vectors(height, width).reshape(-1, 3).T, np.float32)
