"""Picture, sound and true maps of an individual, in numpy alone and in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.ladder.individuals import DURATION_S, PANEL, Individual, Thing
from yt360 import ambisonics, sphere

SKY, GROUND, WALL, SILENT, SOUNDING = 1, 2, 3, 4, 5
CLASS_NAMES = ("sky", "ground", "wall", "silent thing", "sounding thing")
"""Of the true maps, from 1 on."""

_AMBIENCE_DB = -6.0
_EDGE_S = 0.05
_KNOTS = 65
"""Times at which the direction of a thing that moves is computed: between them it goes 2 degrees at most."""


@dataclass(frozen=True)
class Format:
    """Pictures ``(height, 2 height)`` at ``fps``, sound at ``sample_rate_hz``, maps at ``maps_hz``."""

    height: int = 48
    fps: int = 4
    sample_rate_hz: int = 8000
    maps_hz: int = 1


@cache
def _directions(height: int) -> NDArray[np.float64]:
    return sphere.pixel_vectors(height, 2 * height)


def colour(hue: float, saturation: float, value: float) -> NDArray[np.float64]:
    """Red, green and blue (3,) in [0, 1]; ``hue`` in turns."""
    ramp = np.abs((hue * 6 + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1
    return np.asarray(value * (1 - saturation * (1 - np.clip(ramp, 0, 1))))


def frames(video: Individual, made: Format) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Each frame ``(height, width, 3)`` with the class of each pixel ``(height, width)``."""
    background, stuff = _place(video, made.height)
    vectors = _directions(made.height)
    azimuths = sphere.column_azimuths(2 * made.height)
    for number in range(round(DURATION_S * made.fps)):
        time_s = number / made.fps
        picture, classes = background.copy(), stuff.copy()
        for thing in video.things:
            _draw(picture, classes, vectors, thing, time_s)
        for panel in video.panels:
            inside = np.abs(sphere.wrap_angle(azimuths - panel)) < PANEL
            picture[:, inside], classes[:, inside] = (0.35, 0.33, 0.3), WALL
        yield np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8), classes


def _place(video: Individual, height: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    hue, texture, light = video.place
    vectors = _directions(height)
    rng = np.random.default_rng((video.seed, 1))
    waves = rng.normal(size=(3, 3))
    waves *= (3 + 13 * texture) / np.linalg.norm(waves, axis=1, keepdims=True)
    grain = np.sin(vectors @ waves.T + rng.uniform(0, 2 * math.pi, 3)).mean(axis=-1)[..., None]
    level = 0.25 + 0.5 * light
    above = colour(0.8 * hue, 0.45, level + 0.15)
    below = colour(0.8 * hue + 0.1, 0.6, level)
    sky = vectors[..., 2:] > 0
    picture = np.where(sky, above, below) * (1 + 0.35 * grain)
    return picture, np.where(sky[..., 0], SKY, GROUND).astype(np.uint8)


def _draw(
    picture: NDArray[np.float64],
    classes: NDArray[np.uint8],
    vectors: NDArray[np.float64],
    thing: Thing,
    time_s: float,
) -> None:
    hue, stripes, corners = thing.latents
    view = sphere.view_rotation(float(thing.azimuth_at(time_s)), thing.elevation)
    forward, left, up = np.moveaxis(vectors @ view.T, -1, 0)
    ahead = np.maximum(forward, 1e-6) * math.tan(thing.radius)
    left, up = left / ahead, up / ahead
    power = 1 + 5 * corners
    away = (np.abs(left) ** power + np.abs(up) ** power) ** (1 / power)
    inside = (forward > 0.1) & (away < 1)
    band = 0.75 + 0.25 * np.sign(np.sin((2 + 9 * stripes) * left[inside]))
    body = colour(0.8 * hue, 0.95, thing.brightness) * band[:, None]
    body[away[inside] > 0.85] = 0.08
    sounds = thing.sounds_at(time_s)
    if sounds:
        body[away[inside] < 0.35] = 1.0  # an open mouth
    picture[inside], classes[inside] = body, SOUNDING if sounds else SILENT


def sound(video: Individual, made: Format) -> NDArray[np.float32]:
    """AmbiX ``(4, samples)``."""
    rate = made.sample_rate_hz
    samples = round(DURATION_S * rate)
    times = np.arange(samples) / rate
    field = _ambience(video, samples, rate)
    dry = np.zeros(samples)
    for thing in video.things:
        heard = _voice(thing, times, rate)
        knots = np.linspace(0, DURATION_S, 2 if not thing.speed else _KNOTS)
        gains = ambisonics.encoding_gains(thing.azimuth_at(knots) + video.turn, np.full(len(knots), thing.elevation))
        for channel, gain in zip(field, gains, strict=True):
            channel += heard * (gain[0] if not thing.speed else np.interp(times, knots, gain))
        dry += heard
    if video.reverberation_s:
        field += _reverberation(video, dry, rate)
    peak = float(np.abs(field).max())
    loud = 0.9 * 10 ** (video.gain_db / 20) / max(peak, 1e-9)
    return (loud * field).astype(np.float32)


def _shaped(
    rng: np.random.Generator, shape: tuple[int, ...], rate: int, centre_hz: float, octaves: float
) -> NDArray[np.float64]:
    """Noise ``(..., samples)`` of unit power whose spectrum is a bell of ``octaves`` around ``centre_hz``."""
    samples = shape[-1]
    frequencies = np.fft.rfftfreq(samples, 1 / rate)
    bell = np.exp(-0.5 * (np.log2(np.maximum(frequencies, 1.0) / centre_hz) / octaves) ** 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(shape)) * bell, samples)
    return np.asarray(noise / math.sqrt(float(np.mean(noise**2))))


def _beat(times: NDArray[np.float64], rate_hz: float, depth: float, phase: float) -> NDArray[np.float64]:
    return 1 - depth / 2 + depth / 2 * np.sin(2 * math.pi * rate_hz * times + phase)


def _ambience(video: Individual, samples: int, rate: int) -> NDArray[np.float64]:
    """Diffuse: four independent noises, the first-order channels at a third of the power (SN3D)."""
    hue, texture, light = video.place
    rng = np.random.default_rng((video.seed, 2))
    noise = _shaped(rng, (4, samples), rate, 80 * 2 ** (2.8 * hue), 0.12 + 0.3 * light)
    beat = _beat(np.arange(samples) / rate, 1.5 + 8 * texture, 0.9, rng.uniform(0, 2 * math.pi))
    gains = np.array([1.0, *[1 / math.sqrt(3)] * 3])
    return np.asarray(10 ** (_AMBIENCE_DB / 20) * gains[:, None] * noise * beat)


def _voice(thing: Thing, times: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    pitch, beat, noise = thing.latents
    rng = np.random.default_rng(thing.seed)
    base_hz = 700 * 2 ** (1.2 * pitch)
    tone = np.zeros(len(times))
    for harmonic in range(1, 6):
        if base_hz * harmonic < 0.45 * rate:
            phase = 2 * math.pi * base_hz * harmonic * times + rng.uniform(0, 2 * math.pi)
            tone += np.sin(phase) / harmonic
    tone /= math.sqrt(float(np.mean(tone**2)))
    breath = _shaped(rng, (len(times),), rate, 2 * base_hz, 0.5)
    mixed = math.sqrt(1 - 0.9 * noise) * tone + math.sqrt(0.9 * noise) * breath
    envelope = np.zeros(len(times))
    for begin, end in thing.active:
        envelope = np.maximum(envelope, np.clip(np.minimum(times - begin, end - times) / _EDGE_S, 0, 1))
    return np.asarray(thing.gain * envelope * _beat(times, 3 + 9 * beat, 0.8, rng.uniform(0, 6)) * mixed)


def _reverberation(video: Individual, dry: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """A diffuse tail: the things' sound through four noises that die away."""
    rng = np.random.default_rng((video.seed, 3))
    length = round(video.reverberation_s * rate)
    decay = np.exp(-6.9 * np.arange(length) / length)
    gains = np.array([1.0, *[1 / math.sqrt(3)] * 3])
    tail = gains[:, None] * decay * rng.standard_normal((4, length))
    tail /= math.sqrt(float(np.sum(tail[0] ** 2)))
    size = 1 << (len(dry) + length - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(tail, size), size)[:, : len(dry)]
    return np.asarray(10 ** (-video.direct_db / 20) * wet)
