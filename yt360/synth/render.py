"""Renders a scene: frames, sound field, and the truth of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.synth.classes import class_id
from yt360.synth.looks import FACES_ITS_WAY, draw
from yt360.synth.noise import FractalNoise
from yt360.synth.painting import Patch, paint
from yt360.synth.scene import Scene, Thing
from yt360.synth.sound import Source, foa_scene
from yt360.synth.surroundings import draw_surroundings
from yt360.synth.timbres import TIMBRES

SAMPLE_RATE_HZ = 48000

_SPRITE = 96
_DRIFT_SPEED = np.radians(1.5)
_WAVE_SPEED = np.radians(7.0)
_OPAQUE = 0.5
"""Least opacity at which a pixel belongs to a thing in the panoptic map."""


@dataclass(frozen=True)
class Soundtrack:
    """``foa`` ``(4, samples)`` AmbiX as the camera hears it; ``levels`` ``(things, frames)`` in [0, 1]."""

    foa: NDArray[np.float32]
    levels: NDArray[np.float32]


def camera_yaw(scene: Scene, time_s: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where the camera's front points at each time, radians."""
    return scene.camera_turn * np.asarray(time_s, float)


def thing_directions(
    scene: Scene, thing: Thing, time_s: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Azimuth and elevation of a thing as the camera sees it at each time."""
    azimuth = sphere.wrap_angle(thing.azimuth_at(time_s) - camera_yaw(scene, time_s))
    return azimuth, thing.elevation_at(time_s)


def render_sound(scene: Scene, fps: float) -> Soundtrack:
    """The sound field of a scene, and how loud each thing is in each frame."""
    samples = round(scene.duration_s * SAMPLE_RATE_HZ)
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    frames = round(scene.duration_s * fps)
    sources, levels = [], np.zeros((len(scene.things), frames), np.float32)
    for number, thing in enumerate(scene.things):
        rng = np.random.default_rng(thing.seed)
        signal = TIMBRES[thing.name](rng, scene.duration_s, SAMPLE_RATE_HZ)[:samples] * thing.gain * thing.gate(time_s)
        azimuth, elevation = thing_directions(scene, thing, time_s)
        sources.append(Source(signal, azimuth, elevation))
        levels[number] = _levels(signal, frames, thing.gain)
    rng = np.random.default_rng(scene.seed)
    foa = foa_scene(
        sources, rate=SAMPLE_RATE_HZ, rng=rng, samples=samples, room=scene.room, ambience_db=scene.ambience_db
    )
    for start, end in scene.silent:
        foa[:, round(start * SAMPLE_RATE_HZ) : round(end * SAMPLE_RATE_HZ)] = 0
    peak = float(np.abs(foa).max())
    return Soundtrack(foa * np.float32(min(1.0, 0.9 / max(peak, 1e-9))), levels)


def _levels(signal: NDArray[np.floating], frames: int, gain: float) -> NDArray[np.float32]:
    """Loudness of each frame's stretch of a signal on a scale where 1 is loud for this thing."""
    per_frame = signal.size // frames
    rms = np.sqrt(np.mean(np.square(signal[: per_frame * frames].reshape(frames, per_frame)), axis=1))
    levels: NDArray[np.float32] = np.clip(rms / (0.35 * gain), 0, 1).astype(np.float32)
    return levels


def _rolled(picture: NDArray[np.float32], pixels: float) -> NDArray[np.float32]:
    """A panorama shifted to the right by a fraction of pixels, around the seam."""
    whole = int(np.floor(pixels))
    fraction = np.float32(pixels - whole)
    shifted = np.roll(picture, whole, axis=1)
    if fraction == 0:
        return shifted
    return shifted * (1 - fraction) + np.roll(shifted, 1, axis=1) * fraction


class Renderer:
    """Draws the frames of a scene one after the other."""

    def __init__(self, scene: Scene, height: int, width: int, fps: float, levels: NDArray[np.float32]) -> None:
        self._scene = scene
        self._levels = levels
        self._fps = fps
        self._width = width
        rng = np.random.default_rng(scene.seed + 1)
        self._around = draw_surroundings(scene.surroundings, height, width, rng)
        noise = FractalNoise(rng)
        rays = sphere.pixel_vectors(height, width)
        self._clouds = noise(rays * [1, 1, 3], 3.5, octaves=4)
        self._waves = noise(rays * [1, 1, 4], 16, octaves=2), noise(rays * [1, 1, 4] + 5, 16, octaves=2)
        self._grain = rng.normal(0, scene.grain, (height + 64, width + 64, 3)).astype(np.float32)
        self._rng = rng

    @property
    def frames(self) -> int:
        return int(self._levels.shape[1])

    def background(self, time_s: float) -> NDArray[np.float32]:
        """The surroundings at a time, in the world's frame (no camera turn)."""
        pixels = self._width / (2 * np.pi)
        picture = self._around.picture.copy()
        if self._around.drift.any():
            clouds = _rolled(self._clouds, _DRIFT_SPEED * time_s * pixels)
            picture += (self._around.drift * clouds)[..., None]
        if self._around.shimmer.any():
            moved = _WAVE_SPEED * time_s * pixels
            waves = _rolled(self._waves[0], moved) * _rolled(self._waves[1], -0.7 * moved)
            picture += (self._around.shimmer * waves)[..., None]
        return picture

    def draw(self, frame: int, *, things: bool = True, grain: bool = True) -> NDArray[np.uint8]:
        """Frame ``(H, W, 3)`` RGB as the camera sees it."""
        picture = self._compose(frame, things)
        if grain:
            top, left = self._rng.integers(0, 64, 2)
            height, width = picture.shape[:2]
            picture = picture + self._grain[top : top + height, left : left + width]
        return np.clip(picture, 0, 255).astype(np.uint8)

    def panoptic(self, frame: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Class ids and instance numbers ``(H, W)`` of a frame: 0 for stuff, 1.. for the scene's things."""
        yaw_pixels = round(float(camera_yaw(self._scene, np.array(frame / self._fps))) * self._width / (2 * np.pi))
        semantic = np.roll(self._around.semantic, yaw_pixels, axis=1)
        instance = np.zeros_like(semantic)
        for number, (patch, opacity) in self._paint_things(np.zeros((*semantic.shape, 3), np.float32), frame):
            inside = opacity > _OPAQUE
            for target, value in ((semantic, class_id(self._scene.things[number].name)), (instance, number + 1)):
                part = target[patch.index]
                part[inside] = value
                target[patch.index] = part
        return semantic, instance

    def _compose(self, frame: int, things: bool) -> NDArray[np.float32]:
        time_s = frame / self._fps
        # Turning the camera to the left moves the picture to the right.
        yaw_pixels = float(camera_yaw(self._scene, np.array(time_s))) * self._width / (2 * np.pi)
        picture = np.ascontiguousarray(_rolled(self.background(time_s), yaw_pixels), dtype=np.float32)
        if things:
            self._paint_things(picture, frame)
        return picture

    def _paint_things(
        self, picture: NDArray[np.float32], frame: int
    ) -> list[tuple[int, tuple[Patch, NDArray[np.float32]]]]:
        """Lay the things over a picture in place; where each of them is, by its number."""
        time_s = frame / self._fps
        covers = []
        for number, thing in enumerate(self._scene.things):
            azimuth, elevation = thing_directions(self._scene, thing, np.array([time_s]))
            sprite = self._sprite(thing, float(self._levels[number, frame]), time_s)
            painted = paint(picture, sprite, sphere.view_rotation(azimuth[0], elevation[0]), thing.half_extent)
            if painted is not None:
                covers.append((number, painted))
        return covers

    def _sprite(self, thing: Thing, level: float, time_s: float) -> NDArray[np.uint8]:
        later, now = thing.azimuth_at(np.array([time_s + 0.1, time_s]))
        to_the_left = thing.name in FACES_ITS_WAY and sphere.wrap_angle(later - now) > 0
        return draw(thing.name, _SPRITE, level, time_s, thing.tint, mirrored=bool(to_the_left)).pixels

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        for frame in range(self.frames):
            yield self.draw(frame)
