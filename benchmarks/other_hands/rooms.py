"""Rooms of four generators: responses of several sources at one listener, W Y Z X in SN3D.

pyroomacoustics (image sources heard by its own omnidirectional and figure-of-eight microphones, and rooms that are no
boxes by its list of images), spherical-array-processing (its shoebox in spherical harmonics) and
rlr-audio-propagation (the ray tracer under AudibleLight and SoundSpaces).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.other_hands import LeftOutError
from benchmarks.other_hands.directions import ambix, impulses, towards
from benchmarks.other_hands.sources import Array

SECONDS = 0.5
"""Length of a response; rooms are dead enough for it."""

_N3D = np.sqrt(3)
_SOUND_M_S = 343.0


def _box(rng: np.random.Generator) -> tuple[Array, float]:
    """Size in metres and energy absorption of the walls."""
    return rng.uniform([3.5, 3.0, 2.4], [14.0, 10.0, 6.0]), float(rng.uniform(0.15, 0.7))


def _places(rng: np.random.Generator, size: Array, count: int) -> tuple[Array, Array]:
    """Listener ``(3,)`` and sources ``(count, 3)`` at least half a metre from it and from the walls."""
    listener = rng.uniform(0.35, 0.65, 3) * size
    sources: list[Array] = []
    while len(sources) < count:
        place = rng.uniform(0.5, size - 0.5)
        if np.linalg.norm(place - listener) > 0.5:
            sources.append(place)
    return listener, np.array(sources)


def image_sources(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: a shoebox, heard by an omnidirectional and three figure-of-eight microphones."""
    try:
        import pyroomacoustics as pra
        from pyroomacoustics import directivities as pattern
    except ImportError:
        raise LeftOutError("pyroomacoustics") from None
    size, absorption = _box(rng)
    listener, sources = _places(rng, size, count)
    room = pra.ShoeBox(size, fs=rate_hz, materials=pra.Material(absorption, float(rng.uniform(0, 0.3))), max_order=12)
    # W, Y, Z, X: to the left, up, to the front (azimuth, colatitude).
    axes = [pattern.DirectionVector(*angles) for angles in ((90, 90), (0, 0), (0, 90))]
    heard = [pattern.Omnidirectional(), *(pattern.FigureEight(axis) for axis in axes)]
    room.add_microphone_array(pra.MicrophoneArray(np.tile(listener[:, None], 4), rate_hz, directivity=heard))
    for place in sources:
        room.add_source(place)
    room.compute_rir()
    return np.stack([_cut([room.rir[k][s] for k in range(4)], rate_hz) for s in range(count)])


def images_of_room(rng: np.random.Generator, count: int, *, box: bool) -> list[tuple[Array, Array]]:
    """For each source: unit vectors ``(k, 3)`` to its images, and ``(2, k)`` their distances in metres and pressures.

    A shoebox, or a room of five or six corners; by the list of images of pyroomacoustics.
    """
    try:
        import pyroomacoustics as pra
    except ImportError:
        raise LeftOutError("pyroomacoustics") from None
    size, absorption = _box(rng)
    listener, sources = _places(rng, size, count)
    material = pra.Material(absorption)
    if box:
        room = pra.ShoeBox(size, fs=24_000, materials=material, max_order=10)
    else:
        angles = np.linspace(0, 2 * np.pi, rng.integers(5, 7), endpoint=False) + rng.uniform(0, 0.6)
        corners = size[:2, None] * (0.5 + 0.5 * np.stack([np.cos(angles), np.sin(angles)]))
        room = pra.Room.from_corners(corners, fs=24_000, materials=material, max_order=5)
        room.extrude(float(size[2]), materials=material)
        middle = 0.5 * size
        listener, sources = middle + 0.4 * (listener - middle), middle + 0.55 * (sources - middle)
    room.add_microphone(listener)
    for place in sources:
        room.add_source(place)
    room.image_source_model()
    found = []
    for number, source in enumerate(room.sources):
        seen = room.visibility[number][0].astype(bool)
        away = (source.images - listener[:, None]).T[seen]
        distance = np.linalg.norm(away, axis=1)
        found.append((towards(away), np.stack([distance, source.damping[0][seen] / distance])))
    return found


def polygon(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: a room of five or six corners of pyroomacoustics, each image a plane wave."""
    taps = round(SECONDS * rate_hz)
    return np.stack(
        [
            impulses(far / _SOUND_M_S * rate_hz, pressure * ambix(vectors), taps)
            for vectors, (far, pressure) in images_of_room(rng, count, box=False)
        ]
    )


def harmonics(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: the shoebox of spherical-array-processing, orthonormal and turned into SN3D here."""
    try:
        from spherical_array_processing.room import ShoeboxRoom, shoebox_sh_rir
    except ImportError:
        raise LeftOutError("spherical-array-processing") from None
    size, absorption = _box(rng)
    listener, sources = _places(rng, size, count)
    walls = tuple(np.clip(np.sqrt(1 - absorption) + rng.uniform(-0.1, 0.1, 6), 0.2, 0.95))
    found = [
        shoebox_sh_rir(
            ShoeboxRoom(tuple(size), walls), place, listener, fs=rate_hz, ir_length=round(SECONDS * rate_hz),
            max_order=1, max_reflection_order=10, interpolation="sinc",
        )
        for place in sources
    ]  # fmt: skip
    return np.asarray(np.stack(found) / np.array([1, _N3D, _N3D, _N3D])[:, None], np.float64)


def ray_traced(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: rays in a room with two blocks of furniture; ACN and N3D, turned into SN3D here."""
    try:
        from _rlr_audio_propagation import ChannelLayout, ChannelLayoutType, Config
        from rlr_audio_propagation import Context
    except ImportError:
        raise LeftOutError("rlr-audio-propagation") from None
    size, _ = _box(rng)
    listener, sources = _places(rng, size, count)
    config = Config()
    config.indirect_ray_count, config.thread_count, config.sample_rate = 2000, 1, float(rate_hz)
    found = []
    with _silence():
        context = Context(config)
        context.add_object()
        corners, faces = _boxes([(np.zeros(3), size), *_furniture(rng, size, listener, sources)])
        context.add_mesh_vertices(corners.ravel().tolist())
        context.add_mesh_indices(faces.ravel().tolist(), 3, "default")
        context.finalize_object_mesh(0)
        context.add_listener(ChannelLayout(ChannelLayoutType.Ambisonics, 4))
        context.set_listener_position(0, listener.tolist())
        context.set_listener_orientation_quaternion(0, [1.0, 0.0, 0.0, 0.0])
        for number, place in enumerate(sources):
            context.add_source()
            context.set_source_position(number, place.tolist())
        context.simulate()
        for number in range(count):
            found.append(_cut(list(context.get_listener_source_audio(0, number)), rate_hz))
    return np.asarray(np.stack(found) / np.array([1, _N3D, _N3D, _N3D])[:, None], np.float64)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The ray tracer writes to the process's own standard output and error."""
    kept = os.dup(1), os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])


def _furniture(rng: np.random.Generator, size: Array, listener: Array, sources: Array) -> list[tuple[Array, Array]]:
    """Two boxes on the floor that stand on nobody."""
    found: list[tuple[Array, Array]] = []
    while len(found) < 2:
        low = np.append(rng.uniform(0.2, size[:2] - 1.4), 0.0)
        high = low + rng.uniform([0.4, 0.4, 0.4], [1.2, 1.2, 1.8])
        if all(np.any(place < low - 0.2) or np.any(place > high + 0.2) for place in [listener, *sources]):
            found.append((low, high))
    return found


def _boxes(boxes: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    corners = [
        [x, y, z]
        for low, high in boxes
        for x in (low[0], high[0])
        for y in (low[1], high[1])
        for z in (low[2], high[2])
    ]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [
        [8 * k + corner for corner in half]
        for k in range(len(boxes))
        for a, b, c, d in quads
        for half in ((a, b, c), (a, c, d))
    ]
    return np.array(corners, float), np.array(faces)


def _cut(channels: list[Array], rate_hz: int) -> Array:
    """Channels of any length as ``(channels, taps)``."""
    taps = round(SECONDS * rate_hz)
    return np.stack([np.pad(np.asarray(one, float), (0, max(0, taps - len(one))))[:taps] for one in channels])


ROOMS: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "pyroomacoustics box": image_sources,
    "pyroomacoustics polygon": polygon,
    "spherical-array-processing box": harmonics,
    "rlr ray tracer": ray_traced,
}
"""Makers ``(rng, sources, rate) -> (sources, 4, taps)`` by name."""
