"""Surroundings: what stands still around the camera, drawn as rays see it, with what each pixel is.

Every kind is drawn from rays: planes, boxes and silhouettes with fractal textures, in right
perspective from the camera to the horizon, without seam or pole. What lives of its own (clouds,
waves, leaves) is laid on at render time through the ``drift`` and ``shimmer`` masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.synth.classes import class_id
from yt360.synth.noise import FractalNoise, mix

Picture = NDArray[np.float32]
Colour = Sequence[float] | NDArray[np.floating]
"""Red, green, blue in [0, 255]."""

_EYE_M = 1.6
"""Height of the camera above the ground."""


@dataclass(frozen=True)
class Surroundings:
    """``picture`` ``(H, W, 3)`` float32 in [0, 255]; ``semantic`` ``(H, W)`` uint8 class ids; where clouds ``drift``
    and where waves and leaves ``shimmer``: amplitudes ``(H, W)`` in grey levels."""

    kind: str
    picture: Picture
    semantic: NDArray[np.uint8]
    drift: Picture
    shimmer: Picture


@dataclass
class _Board:
    """What the painters of one picture share."""

    rays: NDArray[np.float64]
    noise: FractalNoise
    rng: np.random.Generator
    colour: Picture
    semantic: NDArray[np.uint8]

    @property
    def pixel(self) -> float:
        """Size of a pixel in radians."""
        return float(np.pi / self.rays.shape[0])

    def paint(self, where: NDArray[np.bool_], colour: NDArray[np.floating], name: str) -> None:
        self.colour[where] = colour[where]
        self.semantic[where] = class_id(name)

    def textured(
        self,
        points: NDArray[np.floating],
        low: Colour,
        high: Colour,
        frequency: float,
        *,
        footprint: NDArray[np.floating] | float = 0.0,
    ) -> Picture:
        grain = self.noise(points, frequency, octaves=5, footprint=footprint)
        return mix(_rgb(low), _rgb(high), 0.5 + 0.32 * grain)

    def plane(self, depth: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points on a surface at ``depth`` along each ray, and how large a pixel is there."""
        depth = np.clip(depth, 0, 400.0)
        return self.rays * depth[..., None], depth * self.pixel


def _rgb(colour: Colour) -> Picture:
    return np.asarray(colour, np.float32)


def _sky(board: _Board, zenith: Colour, horizon: Colour, cloud: Colour, amount: float) -> None:
    height = np.clip(board.rays[..., 2], 0, 1)
    blue = mix(_rgb(horizon), _rgb(zenith), height**0.6)
    # Clouds lie on a high plane, so they crowd towards the horizon.
    points = board.rays / np.maximum(board.rays[..., 2:], 0.12)
    cover = board.noise(points, 0.7, octaves=5, footprint=board.pixel / np.maximum(height, 0.12) ** 2)
    board.paint(board.rays[..., 2] > -0.02, mix(blue, _rgb(cloud), (cover - 0.9 + amount) * 0.7), "sky")


def _silhouette(board: _Board, low: float, high: float, frequency: float) -> NDArray[np.bool_]:
    """Pixels between the horizon and a ragged line whose sine of elevation lies around [low, high]."""
    flat = board.rays.copy()
    flat[..., 2] = 0
    flat /= np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-6)
    line = low + (high - low) * np.clip(0.5 + 0.35 * board.noise(flat[:1] + 3.0, frequency, octaves=5), 0, 1.3)
    between: NDArray[np.bool_] = (board.rays[..., 2] < line) & (board.rays[..., 2] > -0.05)
    return between


def _ground_depth(board: _Board) -> NDArray[np.float64]:
    return _EYE_M / np.maximum(-board.rays[..., 2], 1e-4)


def _ground(
    board: _Board, low: Colour, high: Colour, name: str, frequency: float, where: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    points, footprint = board.plane(_ground_depth(board))
    below = board.rays[..., 2] < 0
    board.paint(
        below if where is None else below & where,
        board.textured(points, low, high, frequency, footprint=footprint),
        name,
    )
    return points


def _trees(board: _Board, count: int, low_m: float, high_m: float, colour: Colour, *, pointed: bool) -> None:
    """Trees as upright cards around the camera, farther ones first."""
    for distance in np.sort(board.rng.uniform(7, 40, count))[::-1]:
        azimuth = board.rng.uniform(-np.pi, np.pi)
        height = board.rng.uniform(low_m, high_m)
        along = np.cos(azimuth) * board.rays[..., 0] + np.sin(azimuth) * board.rays[..., 1]
        across = np.cos(azimuth) * board.rays[..., 1] - np.sin(azimuth) * board.rays[..., 0]
        scale = distance / np.maximum(along, 1e-3)
        x, z = across * scale, board.rays[..., 2] * scale + _EYE_M
        near = (along > 0.02) & (np.abs(x) < 0.6 * height) & (z > 0) & (z < 1.3 * height)
        x, level, depth = x[near], z[near] / height, scale[near]
        leaf = np.stack([x, z[near], np.full_like(x, distance)], -1)
        rough = 0.25 * board.noise(leaf, 0.8, octaves=4, footprint=depth * board.pixel)
        if pointed:
            crown = (np.abs(x) < (0.28 * height * (1.05 - level)) * (1 + rough)) & (level > 0.1) & (level < 1)
        else:
            crown = (x / (0.32 * height)) ** 2 + ((level - 0.65) / 0.36) ** 2 < 1 + 2 * rough
        trunk = (np.abs(x) < 0.035 * height) & (level < 0.6)
        green = _rgb(colour) * board.rng.uniform(0.75, 1.2)
        tree = mix(green * 0.6, green, 0.5 + 1.6 * rough)
        tree[trunk & ~crown] = (92, 66, 44)
        drawn = np.zeros_like(near)
        drawn[near] = crown | trunk
        board.colour[drawn] = tree[crown | trunk]
        board.semantic[drawn] = class_id("tree")


def _field(board: _Board) -> None:
    _sky(board, (70, 130, 210), (190, 215, 238), (250, 250, 252), board.rng.uniform(0.5, 0.9))
    hills = _silhouette(board, 0.05, 0.2, 1.3)
    board.paint(hills, board.textured(board.rays, (95, 110, 105), (140, 145, 150), 9), "mountain")
    _ground(board, (70, 112, 40), (140, 170, 70), "grass", 1.4)
    _trees(board, 14, 4, 9, (70, 125, 50), pointed=False)


def _beach(board: _Board) -> None:
    _sky(board, (60, 135, 220), (225, 225, 215), (255, 250, 245), board.rng.uniform(0.2, 0.6))
    _ground(board, (205, 178, 125), (238, 218, 170), "sand", 2.0)
    points, _ = board.plane(_ground_depth(board))
    turn = board.rng.uniform(-np.pi, np.pi)
    offshore = np.cos(turn) * points[..., 0] + np.sin(turn) * points[..., 1]
    shore = offshore > 3.0 + 0.6 * board.noise(points, 0.15, octaves=2)
    far = (board.rays[..., 2] < 0) & shore
    _ground(board, (20, 75, 120), (60, 140, 170), "sea", 0.8, far)
    foam = far & (offshore < 4.2 + 0.6 * board.noise(points, 0.4, octaves=3))
    board.colour[foam] = mix(board.colour, _rgb([245, 248, 250]), np.full(foam.shape, 0.7))[foam]
    rocks = _silhouette(board, -0.05, 0.1, 2.2) & (offshore < 2)
    board.paint(rocks, board.textured(board.rays, (70, 62, 55), (135, 122, 108), 14), "rock")


def _snow(board: _Board) -> None:
    _sky(board, (95, 150, 215), (215, 228, 240), (250, 250, 252), board.rng.uniform(0.3, 0.9))
    peaks = _silhouette(board, 0.1, 0.42, 1.8)
    rock = board.textured(board.rays, (90, 95, 110), (235, 240, 248), 7)
    board.paint(peaks, rock, "mountain")
    _ground(board, (205, 216, 232), (248, 250, 254), "snow", 0.6)
    _trees(board, 18, 4, 11, (45, 85, 65), pointed=True)


def _street(board: _Board) -> None:
    _sky(board, (110, 150, 200), (215, 220, 226), (245, 245, 245), board.rng.uniform(0.4, 1.0))
    turn = board.rng.uniform(-np.pi, np.pi)
    rays = board.rays @ sphere.yaw_rotation(turn)
    points, footprint = board.plane(_ground_depth(board))
    points = points @ sphere.yaw_rotation(turn)
    _ground(board, (150, 145, 138), (190, 186, 180), "pavement", 1.5)
    road = np.abs(points[..., 1]) < 3.4
    _ground(board, (62, 62, 66), (98, 98, 102), "road", 3.0, road)
    line = (np.abs(points[..., 1] - 1.3) < 0.09 + footprint / 4) & (points[..., 0] % 4 < 2) & (board.rays[..., 2] < 0)
    board.colour[line] = (225, 225, 220)
    for side in (-1, 1):
        wall_m = board.rng.uniform(7, 9)
        depth = wall_m / np.maximum(side * rays[..., 1], 1e-4)
        x, z = rays[..., 0] * depth, rays[..., 2] * depth + _EYE_M
        house = np.floor(np.clip(x, -200, 200) / 9).astype(int)
        heights = board.rng.uniform(6, 17, 64)[house % 64]
        tints = board.rng.uniform(0, 1, (64, 3))[house % 64] * _rgb([70, 60, 55]) + _rgb([120, 95, 85])
        facade = (side * rays[..., 1] > 0.02) & (z > 0) & (z < heights) & (np.abs(x) < 200)
        grain = board.noise(np.stack([x, z, np.full_like(x, side)], -1), 1.2, octaves=4, footprint=depth * board.pixel)
        board.paint(facade, (tints * (1 + 0.12 * grain[..., None])).astype(np.float32), "building")
        panes = (
            facade & (x % 2.2 > 0.8) & (x % 2.2 < 1.8) & (z % 3 > 1.1) & (z % 3 < 2.5) & (z > 1) & (z < heights - 0.6)
        )
        lit = board.rng.uniform(0, 1, (128, 64))[
            (np.floor(x / 2.2).astype(int)) % 128, np.floor(z / 3).astype(int) % 64
        ]
        glass = mix(_rgb([55, 75, 95]), _rgb([190, 210, 225]), lit)
        board.paint(panes, glass, "window")
    _trees(board, 5, 3, 5, (75, 120, 60), pointed=False)


def _room(board: _Board) -> None:
    size = board.rng.uniform([1.7, 1.9], [3.2, 3.8])
    ceiling_m = board.rng.uniform(1.0, 2.2)
    turn = board.rng.uniform(-np.pi, np.pi)
    rays = board.rays @ sphere.yaw_rotation(turn)
    with np.errstate(divide="ignore"):
        walls = np.stack([size[0] / np.abs(rays[..., 0]), size[1] / np.abs(rays[..., 1])])
        level = np.where(rays[..., 2] > 0, ceiling_m / rays[..., 2], _EYE_M / -rays[..., 2])
    depth = np.minimum(walls.min(0), level)
    points = rays * depth[..., None]
    footprint = depth * board.pixel
    hue = board.rng.uniform(0.75, 1.0, 3) * 225
    shade = 0.75 + 0.25 * np.abs(rays[..., 0])
    is_wall = walls.min(0) <= level
    along = np.where(walls[0] < walls[1], points[..., 1], points[..., 0])
    paper = board.textured(points, hue * 0.86, hue, 1.5, footprint=footprint) * shade[..., None]
    stripe = (along % 0.8 < 0.06) & is_wall
    board.paint(is_wall, paper, "wall")
    board.colour[stripe] *= 0.9
    planks = board.textured(points * [0.4, 6, 1], (95, 62, 38), (165, 115, 72), 1.2, footprint=footprint * 3)
    board.paint(~is_wall & (rays[..., 2] < 0), planks, "floor")
    seam = ~is_wall & (rays[..., 2] < 0) & (points[..., 1] % 0.35 < 0.02 + footprint / 3)
    board.colour[seam] *= 0.75
    board.paint(~is_wall & (rays[..., 2] > 0), board.textured(points, (205, 203, 198), (238, 236, 232), 0.9), "ceiling")
    lamp = ~is_wall & (rays[..., 2] > 0) & (np.hypot(points[..., 0] - 0.7, points[..., 1] + 0.4) < 0.35)
    board.colour[lamp] = (255, 252, 238)
    side = np.where(walls[0] < walls[1], np.sign(rays[..., 0]), 2 * np.sign(rays[..., 1]))
    for wall in board.rng.permutation([-2, -1, 1, 2])[:2]:
        middle = board.rng.uniform(-1.2, 1.2)
        pane = is_wall & (side == wall) & (np.abs(along - middle) < 0.8) & (np.abs(points[..., 2] - 0.1) < 0.6)
        cross = pane & ((np.abs(along - middle) < 0.05) | (np.abs(points[..., 2] - 0.1) < 0.05))
        board.paint(pane, mix(_rgb([150, 195, 235]), _rgb([235, 245, 252]), 0.5 + points[..., 2]), "window")
        board.colour[cross] = (245, 245, 240)
    for _ in range(3):
        wall, middle = int(board.rng.choice([-2, -1, 1, 2])), board.rng.uniform(-1.8, 1.8)
        wide, top = board.rng.uniform(0.4, 0.9), board.rng.uniform(-0.9, -0.3)
        chest = is_wall & (side == wall) & (np.abs(along - middle) < wide) & (points[..., 2] < top)
        wood = board.rng.uniform([70, 40, 25], [150, 100, 70])
        board.paint(
            chest, board.textured(points * [1, 1, 4], wood * 0.8, wood * 1.15, 2.0, footprint=footprint), "furniture"
        )


KINDS: dict[str, Callable[[_Board], None]] = {
    "field": _field,
    "beach": _beach,
    "snow": _snow,
    "street": _street,
    "room": _room,
}
"""The kinds of surroundings there are."""

_DRIFTS = {"sky": 12.0}
_SHIMMERS = {"sea": 26.0, "tree": 16.0, "grass": 7.0, "window": 5.0}


def draw_surroundings(kind: str, height: int, width: int, rng: np.random.Generator) -> Surroundings:
    """Draw surroundings of a kind; two of one kind differ by ``rng``."""
    rays = sphere.pixel_vectors(height, width)
    empty = np.zeros((height, width, 3), np.float32)
    board = _Board(rays, FractalNoise(rng), rng, empty, np.zeros((height, width), np.uint8))
    KINDS[kind](board)
    light = rng.uniform(0.85, 1.08) * (1 + 0.06 * board.rays[..., 2:])
    picture = np.clip(board.colour * light, 0, 255).astype(np.float32)

    def amplitude(table: dict[str, float]) -> Picture:
        mask = np.zeros((height, width), np.float32)
        for name, grey in table.items():
            mask[board.semantic == class_id(name)] = grey
        return mask

    return Surroundings(kind, picture, board.semantic, amplitude(_DRIFTS), amplitude(_SHIMMERS))
