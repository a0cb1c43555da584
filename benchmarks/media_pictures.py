"""Pictures in every layout, out of equirectangular ones, with what hides the truth: poles, light, coding, size.

A *base* is a few gray equirectangular frames ``(n, h, w)``: of the procedural worlds here (:func:`world`), or of
whatever a benchmark brings along. :func:`blemished` changes what is under and above the camera and the light;
:func:`pictures` draws each base in all layouts at sizes and qualities that are met.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.media_scenes import make_scene, smooth_noise
from yt360 import sphere
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH
from yt360.media.projection.layouts import Layout, draw, dual_fisheye, half_equirectangular, known_layouts
from yt360.synth.surroundings import draw_surroundings

Frames = NDArray[np.uint8]
Array = NDArray[np.float64]

HEIGHT, WIDTH = 480, 960
"""Size of a base."""

_WIDE = (16, 9)
SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "equirectangular": ((2, 1), (2, 1), _WIDE, _WIDE, (3, 2), (4, 3), (1, 1)),
    "equirectangular-tb": ((1, 1), (1, 1), _WIDE),
    "equirectangular-lr": ((4, 1), (4, 1), _WIDE, (2, 1)),
    "eac": ((3, 2), _WIDE),
    "eac-lr": ((4, 3), _WIDE),
    "cubemap-3x2": ((3, 2), _WIDE),
    "cubemap-cbmp": ((3, 2), _WIDE),
    "cubemap-6x1": ((6, 1),),
    "cubemap-1x6": ((1, 6),),
    "half-left-right": ((2, 1), (2, 1), _WIDE),
    "half-top-bottom": ((1, 2), (3, 4)),
    "half-mono": ((1, 1), _WIDE),
    "half-canvas": ((2, 1),),
    "dual-fisheye": ((2, 1), (2, 1), _WIDE),
    "flat": (_WIDE, _WIDE, (4, 3), (2, 1), (9, 16), (2.39, 1)),
    "flat-letterboxed": (_WIDE,),
    "flat-pillarboxed": (_WIDE,),
}
"""Kind of picture: shapes of the frame, in turn."""

TRUTH = {
    "dual-fisheye": "fisheye-left-right", "flat": "flat-mono", "flat-letterboxed": "flat-mono",
    "flat-pillarboxed": "flat-mono",
}  # fmt: skip
"""Hypothesis that a kind of picture is, where it is not called the same."""

_AREAS = (480 * 240, 640 * 320, 960 * 480)
_QUALITIES = (0, 95, 70, 40, 15, 6)
"""JPEG qualities; 0 is without coding."""

POLES = ("none", "tiles", "patch", "logo", "cap", "pasted", "mirror", "stage", "tripod", "sky")
LIGHTS = ("none", "night", "fog", "water", "dim")


@dataclass(frozen=True)
class Picture:
    """Gray frames ``(n, WORK_HEIGHT, WORK_WIDTH)`` of a picture of ``width`` x ``height``; ``kind`` is one of
    :data:`SHAPES`, ``about`` says what it was made of."""

    kind: str
    frames: Frames
    width: int
    height: int
    about: str

    @property
    def truth(self) -> str:
        """Name of the hypothesis that is right."""
        return TRUTH.get(self.kind, self.kind)


def world(seed: int, count: int = 3, height: int = HEIGHT, width: int = WIDTH) -> Array:
    """A base of the procedural worlds: noise on the sphere in one of three, painted surroundings in the others."""
    rng = np.random.default_rng(seed)
    if seed % 3 == 0:
        return np.asarray(make_scene(seed, height, width).frames(count).mean(axis=3), float)
    kind = ("field", "beach", "snow", "street", "room")[rng.integers(5)]
    gray = draw_surroundings(kind, height, width, rng).picture.astype(float).mean(axis=2)
    grain = rng.choice([0, 1, 2])
    frames = np.stack([gray + rng.normal(0, grain, gray.shape) for _ in range(count)])
    directions = sphere.pixel_vectors(height, width)
    for frame in frames:
        for _ in range(3):
            centre = sphere.unit_vector(rng.uniform(-3, 3), rng.uniform(-0.5, 0.5))
            frame[directions @ centre > np.cos(rng.uniform(0.03, 0.15))] = rng.uniform(0, 255)
    return frames


def blemished(base: Array, rng: np.random.Generator, poles: str, light: str) -> Frames:
    """``base`` with something at its poles (one of :data:`POLES`) and in another light (one of :data:`LIGHTS`)."""
    frames = _poles(np.array(base, float), rng, poles)
    frames = _light(frames, rng, light)
    if rng.random() < 0.06:
        frames = frames * (1 + np.linspace(-1, 1, frames.shape[2]) * rng.uniform(0, 0.03))
    if rng.random() < 0.06:
        frames[:, :, : rng.integers(1, 3)] = 0
    if poles != "stage" and rng.random() < 0.5:
        frames = np.roll(frames, rng.integers(0, frames.shape[2]), axis=2)
    return np.clip(frames, 0, 255).astype(np.uint8)


def _poles(frames: Array, rng: np.random.Generator, kind: str) -> Array:
    _, height, width = frames.shape
    directions = sphere.pixel_vectors(height, width)
    azimuth, elevation = sphere.direction(directions)
    under = -np.pi / 2
    if kind == "tiles":
        for sign in (-1, 1) if rng.random() < 0.4 else (-1,):
            frames = _tiles(frames, rng, directions, sign)
    elif kind in ("patch", "logo"):
        shown = smooth_noise(rng, directions, 6, 2) > 0
        paint = np.where(shown, 240, 30) if kind == "logo" else rng.uniform(0, 255)
        frames = np.where(elevation < under + rng.uniform(0.15, 0.6), paint, frames)
    elif kind == "cap":
        reach = rng.uniform(0.2, 0.7)
        above = (elevation > np.pi / 2 - reach) & (rng.random() < 0.5)
        frames = np.where((elevation < under + reach) | above, 0, frames)
    elif kind == "pasted":
        rows = int(height * rng.uniform(0.06, 0.16))
        bits = (rng.integers(0, 2, (6, 40)) * 220 + 20).astype(np.uint8)
        frames[:, -rows:] = cv2.resize(bits, (width, rows), interpolation=cv2.INTER_NEAREST)
    elif kind == "mirror":
        reach = rng.uniform(0.3, 0.6)
        seen = np.where(elevation < under + reach, (under - elevation) / reach * np.pi / 1.2 + np.pi / 2, elevation)
        rows_ = np.clip((np.pi / 2 - seen) / np.pi * height - 0.5, 0, height - 1).astype(np.float32)
        columns = np.tile(np.arange(width, dtype=np.float32), (height, 1))
        frames = np.stack([cv2.remap(f.astype(np.float32), columns, rows_, cv2.INTER_LINEAR) for f in frames])
    elif kind == "stage":
        edge = rng.uniform(0.6, 1.6) + 0.15 * smooth_noise(rng, directions, 4, 3)
        dark = (np.abs(azimuth) > edge) | (np.abs(elevation) > 0.7 + 0.1 * smooth_noise(rng, directions, 3, 2))
        frames = np.where(dark, rng.uniform(0, 6) + rng.normal(0, 1, frames.shape), frames)
    elif kind == "tripod":
        for leg in range(3):
            near = np.abs(sphere.wrap_angle(azimuth - leg * 2.1 - 1)) < 0.075 / np.maximum(0.2, np.cos(elevation))
            frames = np.where((elevation < -0.7) & near, rng.uniform(0, 60), frames)
    elif kind == "sky":
        frames = np.where(elevation > rng.uniform(-0.1, 0.3), rng.uniform(100, 250), frames)
    return frames


def _tiles(frames: Array, rng: np.random.Generator, directions: Array, sign: int) -> Array:
    """A floor (-1) or ceiling (1) of two colours of tiles, of which several may meet right at the pole."""
    azimuth, elevation = sphere.direction(directions)
    away = rng.uniform(0.3, 2) / np.tan(np.maximum(np.abs(elevation), 0.02))
    turned = azimuth + rng.uniform(0, 1.5)
    x, y = away * np.cos(turned), away * np.sin(turned)
    size, offset = rng.uniform(0.4, 1.5), rng.choice([0, 0.5])
    dark, bright = rng.uniform(20, 120), rng.uniform(100, 240)
    odd = (np.floor(x / size + offset) + np.floor(y / size + offset)) % 2
    tiles = dark + (bright - dark) * odd + 8 * smooth_noise(rng, directions, 20, 2)
    tiles[away > 12] = (dark + bright) / 2
    return np.asarray(np.where(sign * elevation > rng.uniform(0.1, 0.6), tiles, frames))


def _light(frames: Array, rng: np.random.Generator, kind: str) -> Array:
    directions = sphere.pixel_vectors(*frames.shape[1:])
    if kind == "night":
        frames = frames * rng.uniform(0.04, 0.3)
        for _ in range(rng.integers(0, 12)):
            lamp = sphere.unit_vector(rng.uniform(-3, 3), rng.uniform(-0.4, 0.4))
            frames = np.where(directions @ lamp > np.cos(rng.uniform(0.005, 0.03)), rng.uniform(100, 255), frames)
        return frames + rng.normal(0, rng.uniform(0, 3), frames.shape)
    if kind == "fog":
        return 200 + (frames - 128) * rng.uniform(0.04, 0.3) + rng.normal(0, rng.uniform(0, 1), frames.shape)
    if kind == "water":
        around = np.concatenate([frames[:, :, -40:], frames, frames[:, :, :40]], axis=2).astype(np.float32)
        blur = rng.uniform(1, 5)
        murky = np.stack([cv2.GaussianBlur(f, (0, 0), blur) for f in around])[:, :, 40:-40]
        return 80 + (murky - 128) * rng.uniform(0.1, 0.5)
    return frames * 0.5 if kind == "dim" else frames


def pictures(base: Frames, rng: np.random.Generator, about: str = "") -> Iterator[Picture]:
    """``base`` as every kind of picture of :data:`SHAPES`, each in some shape, size and quality of coding."""
    for kind, shapes in SHAPES.items():
        across, down = shapes[rng.integers(len(shapes))]
        area = _AREAS[rng.integers(len(_AREAS))]
        width = round(np.sqrt(area * across / down) / 12) * 12
        height = max(12, round(width * down / across / 12) * 12)
        quality = int(rng.choice(_QUALITIES))
        frames = _drawn(kind, base, rng, height, width)
        if quality:
            frames = np.stack([_coded(frame, quality) for frame in frames])
        shown = np.stack([cv2.resize(f, (WORK_WIDTH, WORK_HEIGHT), interpolation=cv2.INTER_AREA) for f in frames])
        yield Picture(kind, shown, width, height, f"{about} quality {quality} {width}x{height}")


def _coded(frame: Frames, quality: int) -> Frames:
    data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _drawn(kind: str, base: Frames, rng: np.random.Generator, height: int, width: int) -> Frames:
    if kind.startswith("flat"):
        return _flat(kind, base, rng, height, width)
    if kind == "half-canvas":
        frames = base.copy()
        frames[:, :, : base.shape[2] // 4] = frames[:, :, -base.shape[2] // 4 :] = 0
        return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in frames])
    return np.stack([both_eyes(layout_of(kind), f, height, width, int(rng.choice([0, 2, 6, 10]))) for f in base])


def layout_of(kind: str) -> Layout:
    """The layout of a kind of picture that has one."""
    if kind == "dual-fisheye":
        return dual_fisheye()
    known = known_layouts()
    return known[kind] if kind in known else half_equirectangular(kind.removeprefix("half-"))  # type: ignore[arg-type]


def both_eyes(layout: Layout, frame: Frames, height: int, width: int, parallax: int) -> Frames:
    """An equirectangular frame in a layout; a second eye sees it ``parallax`` columns further."""
    drawn = draw(layout, frame, height, width)
    if layout.stereo != "mono":
        other = draw(layout, np.roll(frame, parallax, axis=1), height, width)
        if layout.stereo == "left-right":
            drawn[:, width // 2 :] = other[:, : width // 2]
        else:
            drawn[height // 2 :] = other[: height // 2]
    return drawn


def _flat(kind: str, base: Frames, rng: np.random.Generator, height: int, width: int) -> Frames:
    """What a plain camera that turns a little would show."""
    fov, azimuth, elevation = rng.uniform(0.7, 1.7), rng.uniform(-3, 3), rng.uniform(-0.4, 0.4)
    upright = 2 * np.arctan(np.tan(fov / 2) * height / width)
    turn, bar = rng.uniform(0, 0.5), rng.uniform(0.04, 0.16)
    frames = np.stack(
        [
            sphere.crop(
                np.repeat(frame[..., None], 3, axis=2), sphere.View(azimuth + turn * k, elevation, fov, upright),
                (height, width),
            )[..., 0]
            for k, frame in enumerate(base)
        ]
    )  # fmt: skip
    if kind == "flat-letterboxed":
        frames[:, : int(bar * height)] = frames[:, -int(bar * height) :] = 0
    elif kind == "flat-pillarboxed":
        frames[:, :, : int(bar * width)] = frames[:, :, -int(bar * width) :] = 0
    return frames
