"""Equirectangular scenes of many kinds, drawn from noise on the sphere: seamless by construction.

Outdoor, indoor, city, underwater, night, stage … with what real videos show and detectors stumble
over: black poles, a logo at the bottom, a band of text, plain skies, film grain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from yt360 import sphere

Array = NDArray[np.float64]
KINDS = ("outdoor", "indoor", "city", "water", "night", "stage", "forest", "snow")


@dataclass(frozen=True)
class Scene:
    """Still surroundings ``(h, w, 3)`` in 0..255, and discs that move around: (direction, radius, colour, speed)."""

    background: NDArray[np.float32]
    discs: list[tuple[Array, float, Array, Array]]
    grain: float
    seed: int

    def frames(self, count: int, *, turn: float = 0.0, pace: float = 1.0) -> NDArray[np.uint8]:
        """``(count, h, w, 3)`` RGB; ``turn`` radians to the left looks at the scene from another heading.

        The discs go 4.6° from frame to frame at a ``pace`` of 1.
        """
        rng = np.random.default_rng(self.seed + 1)
        height, width = self.background.shape[:2]
        directions = sphere.pixel_vectors(height, width)
        found = []
        for k in range(count):
            picture = self.background.copy()
            for start, radius, colour, axis in self.discs:
                centre = start + k * pace * 0.08 * np.cross(axis, start)
                inside = directions @ (centre / np.linalg.norm(centre)) > np.cos(radius)
                picture[inside] = 0.2 * picture[inside] + 0.8 * colour
            grainy = picture + self.grain * rng.standard_normal(picture.shape)
            found.append(np.clip(np.roll(grainy, round(turn / 2 / np.pi * width), axis=1), 0, 255).astype(np.uint8))
        return np.stack(found)


def smooth_noise(rng: np.random.Generator, points: Array, frequency: float, octaves: int = 4) -> Array:
    """Smooth noise of about unit range at ``points`` ``(..., 3)``, several octaves."""
    total, norm = np.zeros(points.shape[:-1]), 0.0
    for octave in range(octaves):
        lattice = rng.standard_normal((32, 32, 32))
        where = np.moveaxis(points * frequency * 2**octave, -1, 0) % 32
        total += 0.6**octave * map_coordinates(lattice, where, order=1, mode="grid-wrap")
        norm += 0.6**octave
    return total / norm


def _walls(rng: np.random.Generator, directions: Array) -> Array:
    """Sharp boxes standing around: heights that jump with azimuth."""
    azimuth, elevation = sphere.direction(directions)
    edges = np.sort(rng.uniform(-np.pi, np.pi, rng.integers(6, 20)))
    index = np.searchsorted(edges, azimuth) % len(edges)
    heights, shades = rng.uniform(0.05, 0.9, len(edges)), rng.uniform(-1.2, 1.2, len(edges))
    inside = (elevation < heights[index]) & (elevation > -0.35)
    windows = ((azimuth * 40).astype(int) + (elevation * 40).astype(int)) % 2 * 0.5
    return np.where(inside, shades[index] + windows, np.nan)


def make_scene(seed: int, height: int = 360, width: int = 720, kind: str | None = None) -> Scene:
    """The scene of ``seed``; its kind follows from it unless given."""
    rng = np.random.default_rng(seed)
    kind = kind or KINDS[seed % len(KINDS)]
    directions = sphere.pixel_vectors(height, width)
    elevation = sphere.direction(directions)[1]
    texture = smooth_noise(rng, directions, rng.uniform(2, 5))
    fine = smooth_noise(rng, directions, rng.uniform(8, 14), 3)
    sky, ground = rng.uniform(120, 240, 3), rng.uniform(30, 130, 3)
    horizon = rng.uniform(-0.2, 0.2) + 0.1 * smooth_noise(rng, directions, 1.5, 3)
    above = 1 / (1 + np.exp(-(elevation - horizon) * rng.choice([4, 15, 60])))
    base = above[..., None] * sky + (1 - above[..., None]) * ground
    rough = rng.uniform(15, 45) * texture + rng.uniform(10, 30) * fine
    calm_sky = np.where(above > 0.5, rng.choice([0.15, 0.6, 1.0]), 1.0)
    picture = base + (rough * calm_sky)[..., None] * rng.uniform(0.6, 1.2, 3)
    if kind in ("city", "indoor", "stage"):
        walls = _walls(rng, directions)
        lit = np.isfinite(walls)
        picture[lit] = (110 + 55 * np.nan_to_num(walls) + 0.5 * rough)[lit][:, None] * rng.uniform(0.7, 1.1, 3)
    if kind == "night":
        picture *= 0.3
    if kind == "water":
        picture = picture * 0.4 + np.array([10, 90, 110]) * (0.6 + 0.2 * fine[..., None])
    if kind == "snow":
        picture = 150 + 0.45 * (picture - 100)
    picture = _blemishes(rng, picture, directions, elevation)
    discs = []
    for _ in range(rng.integers(2, 6)):
        centre = sphere.unit_vector(rng.uniform(-np.pi, np.pi), rng.uniform(-0.5, 0.5))
        discs.append((centre, rng.uniform(0.05, 0.2), rng.uniform(0, 255, 3), rng.standard_normal(3)))
    return Scene(np.clip(picture, 0, 255).astype(np.float32), discs, float(rng.choice([0.0, 1.0, 3.0])), seed)


def _blemishes(rng: np.random.Generator, picture: Array, directions: Array, elevation: Array) -> Array:
    """Black poles, a logo at the nadir, a line of text."""
    picture = picture.copy()
    if rng.random() < 0.2:
        picture[np.abs(elevation) > rng.uniform(0.9, 1.3)] = 0
    if rng.random() < 0.25:
        logo = elevation < -rng.uniform(1.0, 1.3)
        picture[logo] = np.where(smooth_noise(rng, directions, 6, 2)[logo][:, None] > 0, 250, 40)
    if rng.random() < 0.15:
        height, width = picture.shape[:2]
        plain = np.ascontiguousarray(np.clip(picture, 0, 255).astype(np.uint8))
        place, size = (width // 3, height // 2), height / 200
        cv2.putText(plain, "Subscribe!", place, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 2)
        picture = plain.astype(float)
    return picture


def flat_view(scene: Scene, count: int, height: int, width: int) -> NDArray[np.uint8]:
    """What an ordinary camera would show of the scene: ``(count, height, width, 3)``."""
    rng = np.random.default_rng(scene.seed + 2)
    fov = rng.uniform(0.9, 1.6)
    view = sphere.View(rng.uniform(-3, 3), rng.uniform(-0.3, 0.3), fov, 2 * np.arctan(np.tan(fov / 2) * height / width))
    return np.stack([sphere.crop(frame, view, (height, width)) for frame in scene.frames(count)])
