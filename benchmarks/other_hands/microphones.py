"""What microphones make of a room: arrays encoded to first order, and capsules that nobody encoded.

Images of a pyroomacoustics room come from 60 directions; spherical-array-processing says how a tetrahedron of
cardioids or the 32 capsules on the rigid sphere of an em32 answer each, and how far its radial filters mend it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.fft import irfft, rfft

from benchmarks.other_hands import LeftOutError
from benchmarks.other_hands.directions import ambix, impulses, spiral
from benchmarks.other_hands.rooms import SECONDS, images_of_room
from benchmarks.other_hands.sources import Array

DIRECTIONS = 60
_TAPS = 1024
_SOUND_M_S = 343.0


@lru_cache(maxsize=8)
def _answers(array: str, rate_hz: int) -> Array:
    """``(bins, capsules, directions)`` of an array, and whatever its encoder needs."""
    try:
        from spherical_array_processing.array.presets import em32_eigenmike, tetrahedral_array
        from spherical_array_processing.array.simulation import simulate_sh_array_response
        from spherical_array_processing.types import SphericalGrid
    except ImportError:
        raise LeftOutError("spherical-array-processing") from None
    geometry = em32_eigenmike() if array == "em32" else tetrahedral_array()
    x, y, z = spiral(DIRECTIONS).T
    grid = SphericalGrid(azimuth=np.arctan2(y, x) % (2 * np.pi), angle2=np.arcsin(z), convention="az_el")
    _, found = simulate_sh_array_response(_TAPS, rate_hz, geometry, grid, max_order=25 if array == "em32" else 12)
    return np.asarray(found)


def _capsule_vectors(array: str) -> Array:
    from spherical_array_processing.array.presets import em32_eigenmike, tetrahedral_array

    grid = (em32_eigenmike() if array == "em32" else tetrahedral_array()).sensor_grid
    azimuth, elevation = np.asarray(grid.azimuth), np.asarray(grid.elevation)
    return np.stack([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)], 1)


def _encoder(array: str, rate_hz: int) -> Array:
    """``(bins, 4, capsules)``: projection onto W Y Z X and a radial filter with limited gain."""
    from spherical_array_processing.encoding.radial_filters import radial_equalizer

    radius = 0.042 if array == "em32" else 0.015
    kr = 2 * np.pi * np.fft.rfftfreq(_TAPS, 1 / rate_hz) * radius / _SOUND_M_S
    kind = "rigid" if array == "em32" else "cardioid"
    radial = radial_equalizer(1, np.maximum(kr, 1e-3), array_type=kind, regularization="wng_limit", max_gain_db=20.0)
    # Least squares onto orthonormal harmonics, which the filters expect; then W = 1 and sqrt(3) off the rest.
    gains = ambix(_capsule_vectors(array)) * np.sqrt(1 / (4 * np.pi)) * np.array([1, 3**0.5, 3**0.5, 3**0.5])[:, None]
    projection = np.linalg.pinv(gains.T)
    scale = np.sqrt(4 * np.pi) / np.array([1, 3**0.5, 3**0.5, 3**0.5])
    return np.asarray(scale[None, :, None] * radial[:, :, None] * projection[None], complex)


def _heard(images: list[tuple[Array, Array]], answers: Array, rate_hz: int) -> Array:
    """``(sources, channels, taps)`` from images and ``(bins, channels, directions)``."""
    taps = round(SECONDS * rate_hz)
    size = taps + _TAPS
    # Filters that are centred, so that what comes before the middle is not wrapped to the end.
    short = np.fft.fftshift(irfft(answers, _TAPS, axis=0), axes=0)
    spectra = rfft(short, size, axis=0)
    found = []
    for vectors, (far, pressure) in images:
        nearest = np.argmax(vectors @ spiral(DIRECTIONS).T, axis=1)
        routed = np.zeros((DIRECTIONS, len(far)))
        routed[nearest, np.arange(len(far))] = pressure
        arriving = rfft(impulses(far / _SOUND_M_S * rate_hz, routed, taps), size, axis=1)
        found.append(irfft(np.einsum("fcd,df->cf", spectra, arriving), size, axis=1)[:, :taps])
    return np.stack(found)


def encoded(array: str) -> Callable[[np.random.Generator, int, int], Array]:
    """A maker of ``(sources, 4, taps)``: the array in a room, encoded to W Y Z X."""

    def make(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
        images = images_of_room(rng, count, box=bool(rng.random() < 0.5))
        return _heard(images, np.einsum("fbc,fcd->fbd", _encoder(array, rate_hz), _answers(array, rate_hz)), rate_hz)

    return make


def raw_tetrahedron(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: the capsules of the tetrahedron (A-format)."""
    return _heard(images_of_room(rng, count, box=True), _answers("tetrahedron", rate_hz), rate_hz)


def raw_sphere(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: four of the 32 capsules of an em32, as the microphone half of TAU's sets has them."""
    return _heard(images_of_room(rng, count, box=True), _answers("em32", rate_hz)[:, [5, 9, 25, 21]], rate_hz)


def spaced(radius_m: float) -> Callable[[np.random.Generator, int, int], Array]:
    """A maker of ``(sources, 4, taps)``: four omnidirectional microphones of pyroomacoustics on a tetrahedron."""
    corners = radius_m / np.sqrt(3) * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]).T

    def make(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
        try:
            import pyroomacoustics as pra
        except ImportError:
            raise LeftOutError("pyroomacoustics") from None
        size = rng.uniform([3.5, 3.0, 2.4], [12.0, 9.0, 5.0])
        room = pra.ShoeBox(size, fs=rate_hz, materials=pra.Material(float(rng.uniform(0.15, 0.7))), max_order=12)
        middle = rng.uniform(0.4, 0.6, 3) * size
        room.add_microphone_array(middle[:, None] + corners)
        for _ in range(count):
            room.add_source(np.clip(middle + rng.uniform(1.0, 3.0) * _any_direction(rng), 0.2, size - 0.2))
        room.compute_rir()
        taps = round(SECONDS * rate_hz)
        cut = [[np.pad(room.rir[m][s], (0, taps))[:taps] for m in range(4)] for s in range(count)]
        return np.array(cut)

    return make


def _any_direction(rng: np.random.Generator) -> Array:
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector), np.float64)


def sums_and_differences(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: the four omnidirectional microphones added and subtracted, and nothing equalised."""
    signs = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, -1, -1, 1], [1, 1, -1, -1]]) / 2
    return np.asarray(np.einsum("bm,smt->sbt", signs, spaced(0.05)(rng, count, rate_hz)))


def cardioid_cross(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: four cardioids at ±45° and ±135°, 25 cm from the middle (an ambience cross for quad)."""
    try:
        import pyroomacoustics as pra
        from pyroomacoustics import directivities as pattern
    except ImportError:
        raise LeftOutError("pyroomacoustics") from None
    size = rng.uniform([5.0, 4.0, 2.8], [16.0, 12.0, 7.0])
    room = pra.ShoeBox(size, fs=rate_hz, materials=pra.Material(float(rng.uniform(0.15, 0.6))), max_order=12)
    middle, angles = rng.uniform(0.4, 0.6, 3) * size, np.array([45.0, -45.0, 135.0, -135.0])
    places = 0.25 * np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles)), np.zeros(4)])
    heard = [pattern.Cardioid(pattern.DirectionVector(angle % 360, 90)) for angle in angles]
    room.add_microphone_array(pra.MicrophoneArray(middle[:, None] + places, rate_hz, directivity=heard))
    for _ in range(count):
        room.add_source(np.clip(middle + rng.uniform(1.0, 3.0) * _any_direction(rng), 0.2, size - 0.2))
    room.compute_rir()
    taps = round(SECONDS * rate_hz)
    return np.array([[np.pad(room.rir[m][s], (0, taps))[:taps] for m in range(4)] for s in range(count)])


ENCODED = {"em32 encoded": encoded("em32"), "tetrahedron encoded": encoded("tetrahedron")}
UNENCODED: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "tetrahedron capsules": raw_tetrahedron,
    "em32 capsules": raw_sphere,
    "spaced omnis 5 cm": spaced(0.05),
    "spaced omnis 30 cm": spaced(0.3),
    "omni sums and differences": sums_and_differences,
    "cardioid cross": cardioid_cross,
}
"""Makers ``(rng, sources, rate) -> (sources, 4, taps)`` by name."""
