"""Smooth random fields in space, read on the sphere or on a plane: textures without seam, pole or period.

A field is fractal value noise (Perlin 1985; octaves of an interpolated random lattice). Read at the
unit vectors of an equirectangular picture it has the same grain in every direction; read where
rays meet a plane it is a ground or a wall in right perspective.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

_LATTICE = 24


class FractalNoise:
    """A random field over 3-D space with mean 0 and standard deviation about 1."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._lattice = rng.standard_normal((_LATTICE,) * 3).astype(np.float32)
        self._offsets = rng.uniform(0, _LATTICE, (12, 3))
        self._turns = Rotation.random(12, rng=rng).as_matrix()

    def __call__(
        self,
        points: NDArray[np.floating],
        frequency: float,
        octaves: int = 4,
        gain: float = 0.55,
        footprint: NDArray[np.floating] | float = 0.0,
    ) -> NDArray[np.float32]:
        """Values ``(...)`` at points ``(..., 3)``.

        ``frequency`` is that of the first octave (features per unit length), each further one
        doubles it and weighs ``gain`` times as much. ``footprint`` ``(...)`` is the size of a pixel at the
        point: octaves finer than a pixel fade out instead of aliasing.
        """
        total = np.zeros(points.shape[:-1], np.float32)
        power = 0.0
        for octave in range(octaves):
            scale = frequency * 2**octave
            # Each octave is turned and shifted, so that the lattice's axes and its period never line up.
            where = (points @ self._turns[octave]) * scale + self._offsets[octave]
            cell = np.floor(where)
            fraction = where - cell
            where = cell + fraction * fraction * (3 - 2 * fraction)
            values = map_coordinates(self._lattice, np.moveaxis(where, -1, 0), order=1, mode="grid-wrap")
            weight = gain**octave
            total += weight * np.exp(-((scale * np.asarray(footprint)) ** 2) * 2).astype(np.float32) * values
            power += weight**2
        # 0.57: standard deviation of trilinear interpolation with smooth steps between unit normal values.
        return total / np.float32(0.57 * np.sqrt(power))


def mix(low: NDArray[np.floating], high: NDArray[np.floating], amount: NDArray[np.floating]) -> NDArray[np.float32]:
    """Blend colours ``(..., 3)`` by ``amount`` ``(...)``, clipped to [0, 1]."""
    weight = np.clip(amount, 0, 1)[..., None].astype(np.float32)
    mixed: NDArray[np.float32] = np.asarray(low, np.float32) * (1 - weight) + np.asarray(high, np.float32) * weight
    return mixed
