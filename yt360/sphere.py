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

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating]

_POLE_PAD = 8
"""Rows and columns of context kept around a picture so that every interpolation kernel of OpenCV
(up to Lanczos4: 4 pixels to each side) finds the sphere continued there."""


def unit_vector(azimuth: ArrayLike, elevation: ArrayLike) -> NDArray[np.float64]:
    """Unit vectors ``(..., 3)`` of directions in radians, broadcast against each other."""
    azimuth, elevation = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(elevation, float))
    horizontal = np.cos(elevation)
    return np.stack([horizontal * np.cos(azimuth), horizontal * np.sin(azimuth), np.sin(elevation)], axis=-1)


def direction(vectors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Azimuth in (-pi, pi] and elevation in [-pi/2, pi/2] of vectors ``(..., 3)`` of any length.

    The zero vector gives (0, 0). ``arctan2`` rather than ``arcsin`` keeps full precision at the poles.
    """
    v = np.asarray(vectors, float)
    azimuth = np.arctan2(v[..., 1], v[..., 0])
    elevation = np.arctan2(v[..., 2], np.hypot(v[..., 0], v[..., 1]))
    return azimuth, elevation


def angle_between(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Angle in [0, pi] between vectors ``(..., 3)``; exact for small and for nearly opposite ones."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.arctan2(cross, np.sum(a * b, axis=-1))


def wrap_angle(angle: ArrayLike) -> NDArray[np.float64]:
    """The same angle in [-pi, pi)."""
    return (np.asarray(angle, float) + np.pi) % (2 * np.pi) - np.pi


def column_azimuths(width: int) -> NDArray[np.float64]:
    """Azimuth of the centre of each column, ``(width,)``, falling from +pi to -pi."""
    return np.pi - 2 * np.pi * (np.arange(width) + 0.5) / width


def row_elevations(height: int) -> NDArray[np.float64]:
    """Elevation of the centre of each row, ``(height,)``, falling from +pi/2 to -pi/2."""
    return np.pi / 2 - np.pi * (np.arange(height) + 0.5) / height


def pixel_vectors(height: int, width: int) -> NDArray[np.float64]:
    """Unit vectors ``(height, width, 3)`` through the centres of all pixels of an equirectangular picture."""
    return unit_vector(column_azimuths(width)[None, :], row_elevations(height)[:, None])


def row_solid_angles(height: int, width: int) -> NDArray[np.float64]:
    """Solid angle in steradian of one pixel in each row, ``(height,)``; all pixels add up to 4 pi."""
    edges = np.pi / 2 - np.pi * np.arange(height + 1) / height
    return (np.sin(edges[:-1]) - np.sin(edges[1:])) * (2 * np.pi / width)


def to_pixels(
    azimuth: ArrayLike, elevation: ArrayLike, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of directions, in pixel indices: the centre of pixel (i, j) gives exactly (i, j).

    Columns lie in [-1/2, width - 1/2), rows in [-1/2, height - 1/2].
    """
    columns = (np.pi - np.asarray(azimuth, float)) * (width / (2 * np.pi)) - 0.5
    columns = (columns + 0.5) % width - 0.5
    rows = (np.pi / 2 - np.asarray(elevation, float)) * (height / np.pi) - 0.5
    return rows, columns


def yaw_rotation(angle: float) -> NDArray[np.float64]:
    """Rotation about z (up): turns the front towards the left by ``angle`` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def pitch_rotation(angle: float) -> NDArray[np.float64]:
    """Rotation that lifts the front up by ``angle`` radians (about -y)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])


def roll_rotation(angle: float) -> NDArray[np.float64]:
    """Rotation about x (front): turns the left up by ``angle`` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def view_rotation(azimuth: float, elevation: float) -> NDArray[np.float64]:
    """World-to-view rotation ``(3, 3)``: sends the direction (azimuth, elevation) to +X, without roll.

    Undo the azimuth first, then the elevation. The published code of the paper multiplies the other
    way around (``rotate_ambix``), which is right only on the horizon or for azimuth 0.
    """
    return pitch_rotation(-elevation) @ yaw_rotation(-azimuth)


@dataclass(frozen=True)
class View:
    """A look into the sphere: direction of the optical axis and full opening angles, all in radians.

    The picture of a view is gnomonic (a pinhole camera): fields of view lie in (0, pi).
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

    @property
    def rotation(self) -> NDArray[np.float64]:
        """World-to-view rotation ``(3, 3)``, the same for picture and sound."""
        return view_rotation(self.azimuth, self.elevation)

    def rays(self, height: int, width: int) -> NDArray[np.float64]:
        """Unit vectors ``(height, width, 3)`` in the world through the pixel centres of this view's picture.

        Pixel centres are at half-integers of the image plane, so a picture with an odd number of
        rows and columns has its middle pixel exactly on the optical axis.
        """
        left = np.tan(self.horizontal_fov / 2) * (1 - 2 * (np.arange(width) + 0.5) / width)
        up = np.tan(self.vertical_fov / 2) * (1 - 2 * (np.arange(height) + 0.5) / height)
        plane = np.stack(np.broadcast_arrays(np.ones(()), left[None, :], up[:, None]), axis=-1)
        plane = plane / np.linalg.norm(plane, axis=-1, keepdims=True)
        return plane @ self.rotation  # row vectors times R = R^T applied: view to world


def sampling_map(view: View, size: tuple[int, int], source_size: tuple[int, int]) -> NDArray[np.float32]:
    """Where each pixel of a view lies in an equirectangular picture.

    ``size`` and ``source_size`` are (height, width). Returns ``(height, width, 2)`` float32 of
    (row, column) in pixel indices of the source.
    """
    azimuth, elevation = direction(view.rays(*size))
    rows, columns = to_pixels(azimuth, elevation, *source_size)
    return np.stack([rows, columns], axis=-1).astype(np.float32)


def pad_sphere(picture: NDArray, pad: int = _POLE_PAD) -> NDArray:
    """An equirectangular picture ``(H, W[, C])`` continued by ``pad`` pixels over the seam and over the poles.

    Beyond a pole the picture goes on with the rows on the other side: reversed, turned by half the
    width. ``W`` must be even.
    """
    height, width = picture.shape[:2]
    if width % 2:
        raise ValueError(f"an equirectangular picture needs an even width, found {width}")
    turned = np.roll(picture, width // 2, axis=1)
    index = np.arange(-pad, height + pad)
    over = (index < 0) | (index >= height)
    index = np.where(index < 0, -1 - index, np.where(index >= height, 2 * height - 1 - index, index))
    index = np.clip(index, 0, height - 1)
    rows = np.where(over.reshape(-1, *[1] * (picture.ndim - 1)), turned[index], picture[index])
    return np.concatenate([rows[:, -pad:], rows, rows[:, :pad]], axis=1)


def sample(picture: NDArray, mapping: NDArray[np.float32], interpolation: str = "linear") -> NDArray:
    """Read an equirectangular picture ``(H, W[, C])`` at ``mapping`` (see :func:`sampling_map`).

    ``interpolation`` is ``nearest`` (label maps), ``linear`` or ``cubic``. Seam and poles are
    continued, so nothing is clamped.
    """
    flags = {"nearest": cv2.INTER_NEAREST, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}[interpolation]
    padded = pad_sphere(picture)
    columns = mapping[..., 1] + np.float32(_POLE_PAD)
    rows = mapping[..., 0] + np.float32(_POLE_PAD)
    return cv2.remap(padded, columns, rows, flags, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=64)
def _cached_map(view: View, size: tuple[int, int], source_size: tuple[int, int]) -> NDArray[np.float32]:
    return sampling_map(view, size, source_size)


def crop(picture: NDArray, view: View, size: tuple[int, int], interpolation: str = "linear") -> NDArray:
    """The gnomonic picture of a view, ``size`` = (height, width), out of an equirectangular one ``(H, W[, C])``."""
    return sample(picture, _cached_map(view, size, (picture.shape[0], picture.shape[1])), interpolation)


def rotate_picture(picture: NDArray, rotation: ArrayLike, interpolation: str = "linear") -> NDArray:
    """Turn the whole sphere: what was in direction v is in direction ``rotation @ v`` afterwards."""
    height, width = picture.shape[:2]
    azimuth, elevation = direction(pixel_vectors(height, width) @ np.asarray(rotation, float))
    rows, columns = to_pixels(azimuth, elevation, height, width)
    return sample(picture, np.stack([rows, columns], axis=-1).astype(np.float32), interpolation)
