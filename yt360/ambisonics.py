"""First-order ambisonics: encode, convert, rotate, listen, and see where the sound is.

Inside yt360 ambisonics are AmbiX: channels in ACN order W, Y, Z, X with SN3D weights. A source s
at (azimuth, elevation) gives W = s, Y = s sin(az) cos(el), Z = s sin(el), X = s cos(az) cos(el).
Arrays are ``(4, samples)`` float; directions follow :mod:`yt360.sphere`.

Source of the convention: Nachbar et al., "AmbiX — a suggested ambisonics format" (2011); FuMa
weights from Gerzon (1973) as used by B-format files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from yt360 import sphere

W, Y, Z, X = 0, 1, 2, 3
"""Channel indices (ACN)."""

XYZ = [X, Y, Z]
"""Picks the vector (x, y, z) out of the four channels."""
TURNED = np.ix_(XYZ, XYZ)
"""Picks out of a matrix on the four channels what a rotation of x, y, z is."""

Convention = Literal["ambix", "fuma", "n3d"]
"""``ambix``: ACN/SN3D. ``fuma``: W X Y Z with W weighted by 1/sqrt(2). ``n3d``: ACN/N3D."""

_TO_AMBIX: dict[str, tuple[list[int], list[float]]] = {
    "ambix": ([0, 1, 2, 3], [1.0, 1.0, 1.0, 1.0]),
    "fuma": ([0, 2, 3, 1], [2**0.5, 1.0, 1.0, 1.0]),
    "n3d": ([0, 1, 2, 3], [1.0, 3**-0.5, 3**-0.5, 3**-0.5]),
}


def conversion(convention: Convention) -> tuple[list[int], list[float]]:
    """Which source channel feeds W, Y, Z, X, and the gain of each: ``ambix[k] = gain[k] * source[order[k]]``.

    >>> conversion("fuma")
    ([0, 2, 3, 1], [1.4142135623730951, 1.0, 1.0, 1.0])
    """
    order, gains = _TO_AMBIX[convention]
    return list(order), list(gains)


def to_ambix(channels: NDArray[Any], convention: Convention) -> NDArray[Any]:
    """Four channels ``(4, samples)`` of another convention as AmbiX.

    >>> to_ambix(np.array([[0.7071], [1.0], [2.0], [3.0]]), "fuma").round(3).ravel()  # W X Y Z
    array([1., 2., 3., 1.])
    """
    order, gains = _TO_AMBIX[convention]
    ambix: NDArray[Any] = channels[order] * np.asarray(gains, dtype=channels.dtype)[:, None]
    return ambix


def from_ambix(foa: NDArray[Any], convention: Convention) -> NDArray[Any]:
    """The inverse of :func:`to_ambix`.

    >>> from_ambix(np.array([[1.0], [2.0], [3.0], [1.0]]), "n3d").round(3).ravel()
    array([1.   , 3.464, 5.196, 1.732])
    """
    order, gains = _TO_AMBIX[convention]
    channels = np.empty_like(foa)
    channels[order] = foa / np.asarray(gains, dtype=foa.dtype)[:, None]
    return channels


def encoding_gains(azimuth: ArrayLike, elevation: ArrayLike) -> NDArray[np.float64]:
    """Gains ``(4, ...)`` of a source at directions ``(...)`` in radians.

    >>> np.round(encoding_gains(np.pi / 2, 0.0), 3)  # a source on the left: W and Y
    array([1., 1., 0., 0.])
    """
    x, y, z = np.moveaxis(sphere.unit_vector(azimuth, elevation), -1, 0)
    return np.stack([np.ones_like(x), y, z, x])


def encode(signal: ArrayLike, azimuth: ArrayLike, elevation: ArrayLike) -> NDArray[Any]:
    """Encode a mono signal ``(samples,)`` at a fixed direction or at one direction a sample: ``(4, samples)``.

    >>> encode([0.5, -0.5], azimuth=0.0, elevation=0.0)
    array([[ 0.5, -0.5],
           [ 0. , -0. ],
           [ 0. , -0. ],
           [ 0.5, -0.5]])
    """
    signal = np.asarray(signal)
    gains = encoding_gains(azimuth, elevation)
    if gains.ndim == 1:
        gains = gains[:, None]
    foa: NDArray[Any] = (gains * signal).astype(np.result_type(signal.dtype, np.float32), copy=False)
    return foa


def rotate(foa: NDArray[Any], rotation: ArrayLike) -> NDArray[Any]:
    """Turn the sound field: a source in direction v is in direction ``rotation @ v`` afterwards.

    ``foa`` is ``(..., 4, samples)``, ``rotation`` ``(3, 3)``. W does not change; the three first-order
    channels turn like a vector (exact in any frame of reference). Raises :class:`ValueError` for another shape.

    >>> front = encode([1.0], 0.0, 0.0)
    >>> np.round(rotate(front, sphere.yaw_rotation(np.pi / 2)), 3).ravel()  # now on the left
    array([1., 1., 0., 0.])
    """
    if foa.ndim < 2 or foa.shape[-2] != 4:
        raise ValueError(f"expected first-order sound of shape (..., 4, samples), found {foa.shape}")
    matrix = rotation_matrix(rotation).astype(foa.dtype)
    turned: NDArray[Any] = matrix @ foa
    return turned


def rotation_matrix(rotation: ArrayLike) -> NDArray[np.float64]:
    """The ``(4, 4)`` matrix on W, Y, Z, X that belongs to a rotation ``(3, 3)`` of x, y, z.

    >>> rotation_matrix(sphere.yaw_rotation(np.pi)).round(3)[1]  # Y changes its sign
    array([ 0., -1.,  0.,  0.])
    """
    rotation = np.asarray(rotation, float)
    matrix = np.zeros((4, 4))
    matrix[0, 0] = 1.0
    matrix[TURNED] = rotation
    return matrix


def rotate_to_view(foa: NDArray[Any], view: sphere.View) -> NDArray[Any]:
    """The sound of a view ``(..., 4, samples)``: a source at the view's direction arrives on +X.

    >>> view = sphere.View(0.5, 0.2, 1.0, 1.0)
    >>> np.round(rotate_to_view(encode([1.0], 0.5, 0.2), view), 3).ravel() + 0.0
    array([1., 0., 0., 1.])
    """
    return rotate(foa, view.rotation)


def mirror_left_right(foa: NDArray[Any]) -> NDArray[Any]:
    """What a horizontally flipped picture sounds like ``(..., 4, samples)``: Y changes its sign.

    >>> mirror_left_right(np.array([[1.0], [0.5], [0.0], [0.2]])).ravel()
    array([ 1. , -0.5,  0. ,  0.2])
    """
    mirrored = foa.copy()
    mirrored[..., Y, :] *= -1
    return mirrored


def beam(foa: NDArray[Any], azimuth: float, elevation: float) -> NDArray[Any]:
    """Signal ``(samples,)`` of a virtual cardioid microphone that points to a direction: ``(W + v·u) / 2``.

    >>> front = encode([1.0], 0.0, 0.0)
    >>> float(beam(front, 0.0, 0.0)[0]), float(beam(front, np.pi, 0.0)[0])
    (1.0, 0.0)
    """
    weights = 0.5 * encoding_gains(azimuth, elevation)
    return np.tensordot(weights.astype(foa.dtype), foa, axes=1)


def covariance(foa: NDArray[Any]) -> NDArray[np.float64]:
    """Mean product ``(4, 4)`` of all pairs of channels.

    >>> covariance(encode([1.0, -1.0], 0.0, 0.0))[0]
    array([1., 0., 0., 1.])
    """
    samples = foa.astype(np.float64, copy=False)
    products: NDArray[np.float64] = samples @ samples.T / max(1, samples.shape[-1])
    return products


def energy_map(foa: NDArray[Any], height: int, width: int) -> NDArray[np.float64]:
    """Mean power of a cardioid in the direction of every equirectangular pixel, ``(height, width)``.

    Computed from the covariance, so its cost does not depend on the length: ``b^T C b / 4``.

    >>> energy_map(encode([1.0, -1.0], azimuth=np.pi / 4, elevation=0.0), 1, 4)  # loudest ahead on the left
    array([[0.25, 1.  , 0.25, 0.  ]])
    """
    return covariance_map(covariance(foa), height, width)


def covariance_map(products: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """:func:`energy_map` of sound whose :func:`covariance` is ``products`` ``(4, 4)``.

    >>> foa = encode([1.0, -1.0], azimuth=np.pi / 4, elevation=0.0)
    >>> bool(np.array_equal(covariance_map(covariance(foa), 1, 4), energy_map(foa, 1, 4)))
    True
    """
    gains = encoding_gains(sphere.column_azimuths(width)[None, :], sphere.row_elevations(height)[:, None])
    power: NDArray[np.float64] = np.einsum("ihw,ij,jhw->hw", gains, products, gains) / 4
    return power


@dataclass(frozen=True)
class SoundDirection:
    """Where the sound of a stretch of time comes from.

    ``azimuth`` and ``elevation`` in radians; ``diffuseness`` in [0, 1]: 0 one plane wave, 1 none of
    the energy moves anywhere (Pulkki 2007, Eq. 6, time-averaged); ``energy`` is the mean energy
    density ``(W² + x² + y² + z²) / 2``.
    """

    azimuth: float
    elevation: float
    diffuseness: float
    energy: float


def sound_direction(foa: NDArray[Any]) -> SoundDirection:
    """Dominant direction from the mean intensity vector ``<W (x, y, z)>`` of ``(4, samples)``.

    Silence has direction (0, 0) and diffuseness 1.

    >>> heard = sound_direction(encode([0.3, -0.1, 0.2], azimuth=0.5, elevation=0.2))
    >>> round(heard.azimuth, 3), round(heard.elevation, 3), round(heard.diffuseness, 3)
    (0.5, 0.2, 0.0)
    """
    return covariance_direction(covariance(foa))


def covariance_direction(products: NDArray[np.float64]) -> SoundDirection:
    """:func:`sound_direction` of sound whose :func:`covariance` is ``products`` ``(4, 4)``.

    >>> foa = encode([0.3, -0.1, 0.2], azimuth=0.5, elevation=0.2)
    >>> covariance_direction(covariance(foa)) == sound_direction(foa)
    True
    """
    intensity = products[W, XYZ]
    energy = float(np.trace(products) / 2)
    if energy <= 0 or not np.isfinite(energy):
        return SoundDirection(0.0, 0.0, 1.0, 0.0)
    azimuth, elevation = sphere.direction(intensity)
    diffuseness = float(np.clip(1 - np.linalg.norm(intensity) / energy, 0, 1))
    return SoundDirection(float(azimuth), float(elevation), diffuseness, energy)


def directions_over_time(
    foa: NDArray[Any], sample_rate_hz: int, window_s: float = 1.0
) -> list[tuple[float, SoundDirection]]:
    """(start in s, :class:`SoundDirection`) of successive windows; a last part under half a window is left out.

    >>> left_then_right = encode(np.ones(20), np.repeat([1.0, -1.0], 10), 0.0)
    >>> [(start_s, round(heard.azimuth, 3)) for start_s, heard in directions_over_time(left_then_right, 10)]
    [(0.0, 1.0), (1.0, -1.0)]
    """
    step = max(1, round(window_s * sample_rate_hz))
    found = []
    for start in range(0, foa.shape[-1], step):
        window = foa[:, start : start + step]
        if window.shape[-1] * 2 >= step or start == 0:
            found.append((start / sample_rate_hz, sound_direction(window)))
    return found
