"""Videos of other hands whose frame of reference is known: photographs, rooms and programmes that nobody here made.

A photographed panorama stands still; a piece of another photograph wanders through it and sounds, in a room of
pyroomacoustics. In half of them another piece wanders silently, and something sounds that is not seen. It nods with
its loudness. Part of ``python -m benchmarks.frame_of_reference``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from benchmarks.other_hands import LeftOutError
from benchmarks.other_hands.dry import programme
from benchmarks.other_hands.sources import SHARED, found
from yt360 import sphere
from yt360.filters.frame_of_reference.measurement import HEIGHT, RATE_HZ, WIDTH
from yt360.filters.frame_of_reference.sound_activity import SAMPLE_RATE_HZ

PHOTOGRAPHS = (
    "aframe_puydesancy.jpg", "aframe_lake_sunset.jpg", "vrview_chichen-itza.jpg", "vrview_christ-redeemer.jpg",
    "vrview_machu-picchu.jpg", "vrview_petra.jpg", "horizonnet_bedroom.png", "cuxdev_fjord.jpg",
)  # fmt: skip
SECONDS = 20.0
_PLACES = 24
_PATCH = 96
_JPEG = 45
_DIFFUSE = np.sqrt(np.array([[1.0], [1 / 3], [1 / 3], [1 / 3]]))
_STEPS_S = (1.0, 4.0)
Array = NDArray[np.float64]
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """Gray ``frames`` and ``sound`` ``(4, samples)`` AmbiX, as they were filmed: nothing turned, nothing late."""

    name: str
    frames: list[Picture]
    sound: NDArray[np.float32]


def photograph(name: str, width: int) -> Picture:
    path = found(SHARED / "real" / "stills" / name, "the still panoramas beside the checkout")
    picture = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    return np.asarray(cv2.resize(picture, (width, width // 2), interpolation=cv2.INTER_AREA), np.uint8)


def wander(rng: np.random.Generator, rate_hz: float) -> Array:
    """Azimuth over time in radians: goes one way, stands, turns round, as people walk about."""
    at, now, knots = 0.0, float(rng.uniform(-np.pi, np.pi)), [(0.0, 0.0)]
    while at < SECONDS:
        length = float(rng.uniform(*_STEPS_S))
        speed = 0.0 if rng.random() < 0.25 else float(np.radians(rng.uniform(8, 45)) * rng.choice([-1, 1]))
        at += length
        knots.append((at, knots[-1][1] + speed * length))
    times, angles = np.array(knots).T
    return np.asarray(now + np.interp(np.arange(round(SECONDS * rate_hz)) / rate_hz, times, angles))


def room(rng: np.random.Generator) -> Array:
    """Responses ``(places, 4, taps)`` to sources all around at one distance, in a shoebox."""
    try:
        import pyroomacoustics as pra
        from pyroomacoustics import directivities as pattern
    except ImportError:
        raise LeftOutError("pyroomacoustics") from None
    size = rng.uniform([6.0, 6.0, 2.8], [12.0, 12.0, 6.0])
    box = pra.ShoeBox(size, fs=SAMPLE_RATE_HZ, materials=pra.Material(float(rng.uniform(0.2, 0.7))), max_order=5)
    listener = np.array([0.5, 0.5, 0.45]) * size
    axes = [pattern.DirectionVector(*angles) for angles in ((90, 90), (0, 0), (0, 90))]
    heard = [pattern.Omnidirectional(), *(pattern.FigureEight(axis) for axis in axes)]
    box.add_microphone_array(pra.MicrophoneArray(np.tile(listener[:, None], 4), SAMPLE_RATE_HZ, directivity=heard))
    distance = float(rng.uniform(1.2, 2.6))
    for azimuth in np.arange(_PLACES) * 2 * np.pi / _PLACES:
        box.add_source(listener + distance * sphere.unit_vector(azimuth, 0.0))
    box.compute_rir()
    taps = min(len(box.rir[k][s]) for k in range(4) for s in range(_PLACES))
    return np.array([[box.rir[k][s][:taps] for k in range(4)] for s in range(_PLACES)])


def carried(dry: Array, azimuth: Array, responses: Array) -> Array:
    """A programme ``(n,)`` from moving directions ``(n,)``: the responses of the two nearest places, mixed."""
    place = azimuth * _PLACES / (2 * np.pi)
    sound = np.zeros((4, dry.size))
    for number in range(_PLACES):
        away = np.abs((place - number + _PLACES / 2) % _PLACES - _PLACES / 2)
        share = np.clip(1 - away, 0, 1)
        if share.any():
            sound += fftconvolve((dry * share)[None], responses[number], axes=1)[:, : dry.size]
    return sound


def _pasted(frame: Picture, patch: Picture, azimuth: float, elevation: float, radius: float) -> None:
    """Lay a piece of a photograph over a frame, in place."""
    local = sphere.pixel_vectors(HEIGHT, WIDTH) @ sphere.view_rotation(azimuth, elevation).T
    inside = local[..., 0] > np.cos(radius)
    across = 0.5 * (1 + local[inside][:, 1:] / np.sin(radius))
    index = np.clip(across * _PATCH, 0, _PATCH - 1).astype(int)
    frame[inside] = patch[index[:, 1], index[:, 0]]


def scene(seed: int) -> Scene:
    """A scene of a seed. Raises :class:`LeftOutError` where its material is absent."""
    rng = np.random.default_rng((seed, 20))
    name, other = (PHOTOGRAPHS[k] for k in rng.choice(len(PHOTOGRAPHS), 2, replace=False))
    background, foreign = photograph(name, WIDTH), photograph(other, 1024)
    count, busy = round(SECONDS * SAMPLE_RATE_HZ), seed % 2 == 1
    fine = wander(rng, SAMPLE_RATE_HZ)
    dry = programme(rng, count, SAMPLE_RATE_HZ)
    responses = room(rng)
    sound = carried(dry, fine, responses)
    if busy:
        unseen = float(rng.choice([0.2, 0.5])) * programme(rng, count, SAMPLE_RATE_HZ)
        sound += carried(unseen, np.full(count, float(rng.uniform(-np.pi, np.pi))), responses)
    sound += 0.03 * sound[0].std() * rng.normal(size=sound.shape) * _DIFFUSE
    step = round(SAMPLE_RATE_HZ / RATE_HZ)
    level = np.sqrt(np.convolve(dry**2, np.ones(step) / step, "same"))[::step]
    level = np.clip(level / (np.quantile(level, 0.95) + 1e-9), 0, 1)
    walks = [(fine[::step], float(rng.uniform(-0.3, 0.2)), 0.05 * level)]
    if busy:
        walks.append((wander(rng, RATE_HZ), float(rng.uniform(-0.3, 0.2)), 0 * level))
    patches = []
    for _ in walks:
        top, left = rng.integers(150, 350 - _PATCH), rng.integers(0, 1024 - _PATCH)
        patches.append((foreign[top : top + _PATCH, left : left + _PATCH], float(np.radians(rng.uniform(7, 16)))))
    return Scene(name, list(_filmed(background, walks, patches, rng)), np.asarray(sound, np.float32))


def _filmed(
    background: Picture,
    walks: list[tuple[Array, float, Array]],
    patches: list[tuple[Picture, float]],
    rng: np.random.Generator,
) -> Iterator[Picture]:
    for index in range(round(SECONDS * RATE_HZ)):
        frame = background.copy()
        for (azimuth, elevation, nod), (patch, radius) in zip(walks, patches, strict=True):
            _pasted(frame, patch, float(azimuth[index]), elevation + float(nod[index]), radius)
        noisy = np.clip(frame + rng.normal(0, 2.0, frame.shape), 0, 255).astype(np.uint8)
        _, coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, _JPEG])
        yield np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
