"""Tiny scenes whose truth is known: textured spheres that turn, and things that move and sound."""

from __future__ import annotations

import cv2
import numpy as np

from yt360 import ambisonics, sphere
from yt360.filters.frame_of_reference.measurement import HEIGHT, RATE_HZ, WIDTH
from yt360.filters.frame_of_reference.sound_activity import SAMPLE_RATE_HZ


def texture(seed: int = 0, height: int = 256) -> np.ndarray:
    """A gray sphere with corners everywhere: smoothed noise."""
    noise = np.random.default_rng(seed).normal(size=(height, 2 * height)).astype(np.float32)
    smooth = cv2.GaussianBlur(np.tile(noise, (1, 3)), (0, 0), 3)[:, 2 * height : 4 * height]
    return np.asarray(np.clip(128 + 45 * smooth / smooth.std(), 0, 255)).astype(np.uint8)


def seen(picture: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """The picture turned, as small as it is looked at."""
    turned = sphere.rotate_picture(picture, rotation)
    return np.asarray(cv2.resize(turned, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def path_deg(seconds: float, rate_hz: float) -> np.ndarray:
    """Azimuth over time of what moves to and fro, never twice the same way."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.asarray(60 * np.sin(2 * np.pi * time_s / 7.3) + 25 * np.sin(2 * np.pi * time_s / 3.1 + 1))


def moving_frames(seconds: float, *, heading_deg: np.ndarray | None = None) -> list[np.ndarray]:
    """A bright disc that moves along :func:`path_deg` in front of a texture; all of it turned left by a heading."""
    background = cv2.resize(texture(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    directions = sphere.pixel_vectors(HEIGHT, WIDTH)
    frames = []
    for index, azimuth in enumerate(path_deg(seconds, RATE_HZ)):
        near = directions @ sphere.unit_vector(np.radians(azimuth), 0.0) > np.cos(np.radians(9))
        frame = np.where(near, np.uint8(250), background)
        if heading_deg is not None:
            frame = sphere.rotate_picture(frame, sphere.yaw_rotation(np.radians(heading_deg[index])))
        frames.append(np.asarray(frame, np.uint8))
    return frames


def moving_sound(seconds: float, *, turned_deg: float = 0.0, late_s: float = 0.0) -> np.ndarray:
    """Noise from where the disc is, with a little from everywhere."""
    rng = np.random.default_rng(1)
    azimuth = path_deg(seconds, SAMPLE_RATE_HZ) + turned_deg
    azimuth = np.roll(azimuth, round(late_s * SAMPLE_RATE_HZ))
    direct = ambisonics.encode(rng.normal(size=azimuth.size), np.radians(azimuth), 0.0)
    diffuse = rng.normal(size=(4, azimuth.size)) * np.sqrt([[1.0], [1 / 3], [1 / 3], [1 / 3]])
    return np.asarray(0.1 * direct + 0.01 * diffuse, np.float32)
