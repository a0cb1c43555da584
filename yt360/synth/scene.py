"""Scenes: which surroundings, which things where and when. Pure description, drawn from a generator."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.synth.classes import THING_NAMES
from yt360.synth.sound import Room
from yt360.synth.surroundings import KINDS

_LOW = {"person", "dog", "cat", "car", "drum", "guitar", "siren", "fountain", "clock"}
"""Things that stand on the ground; the others hang or fly."""

_STILL = {"bell", "drum", "guitar", "siren", "fountain", "clock"}
"""Things that stay where they are."""

_TURN = np.radians([7.0, 22.0])
"""Slowest and fastest turn of a thing around the camera, radians a second."""

_APART = np.radians(55.0)


@dataclass(frozen=True)
class Thing:
    """An object that moves and sounds. Angles in radians, the camera's own turn not included.

    ``half_extent`` is half its angular size. Its azimuth at time t is ``azimuth + speed t + sway
    sin(2 pi t / period)``, its elevation ``elevation + bob sin(2 pi t / period)``. ``active`` are the
    stretches (start, end) in seconds in which it sounds. ``seed`` makes its individual sound.
    """

    name: str
    azimuth: float
    elevation: float
    half_extent: float
    tint: tuple[float, float, float]
    speed: float
    sway: float
    bob: float
    period_s: float
    gain: float
    seed: int
    active: tuple[tuple[float, float], ...]

    def azimuth_at(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return sphere.wrap_angle(
            self.azimuth + self.speed * time_s + self.sway * np.sin(2 * np.pi * time_s / self.period_s)
        )

    def elevation_at(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.elevation + self.bob * np.sin(2 * np.pi * time_s / self.period_s)

    def gate(self, time_s: NDArray[np.float64], fade_s: float = 0.15) -> NDArray[np.float64]:
        """1 while it is active, 0 elsewhere, with fades."""
        total = np.zeros(np.shape(time_s))
        for start, end in self.active:
            rise = np.clip((time_s - start) / fade_s, 0, 1)
            fall = np.clip((end - time_s) / fade_s, 0, 1)
            total = np.maximum(total, np.minimum(rise, fall))
        return total


@dataclass(frozen=True)
class Scene:
    """``camera_turn`` is the camera's yaw speed in radians a second; ``ambience_db`` relative to the things."""

    surroundings: str
    seed: int
    duration_s: float
    things: tuple[Thing, ...]
    camera_turn: float
    room: Room | None
    ambience_db: float
    grain: float
    silent: tuple[tuple[float, float], ...] = field(default=())


def draw_scene(rng: np.random.Generator, duration_s: float) -> Scene:
    """A random scene of two to four things of different classes, well apart.

    The first one moves: a world in which nothing does, seen by a turning camera, *is* a turned still.
    """
    kind = str(rng.choice(sorted(KINDS)))
    movers = [name for name in THING_NAMES if name not in _STILL]
    first = str(rng.choice(movers))
    others = rng.permutation([name for name in THING_NAMES if name != first])[: int(rng.integers(1, 4))]
    names = [first, *others]
    azimuths = _spread(rng, len(names))
    things = tuple(
        _draw_thing(rng, str(name), float(azimuth), duration_s, first=number == 0)
        for number, (name, azimuth) in enumerate(zip(names, azimuths, strict=True))
    )
    indoors = kind == "room"
    return Scene(
        surroundings=kind,
        seed=int(rng.integers(2**31)),
        duration_s=duration_s,
        things=things,
        camera_turn=float(np.radians(rng.choice([0, 0, 0, 0, 0, 0, 3, -4]))),
        room=Room(float(rng.uniform(0.25, 0.6)), float(rng.uniform(5, 10))) if indoors else None,
        ambience_db=float(rng.uniform(-34, -26) if indoors else rng.uniform(-26, -14)),
        grain=float(rng.uniform(1.0, 3.0)),
    )


def _spread(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Azimuths at least :data:`_APART` from each other."""
    while True:
        azimuths = rng.uniform(-np.pi, np.pi, count)
        gaps = np.diff(np.sort(azimuths), append=np.sort(azimuths)[0] + 2 * np.pi)
        if count < 2 or gaps.min() >= _APART:
            return azimuths


def _draw_thing(rng: np.random.Generator, name: str, azimuth: float, duration_s: float, *, first: bool) -> Thing:
    low = name in _LOW
    moves = name not in _STILL
    tint = tuple(float(value) for value in rng.uniform(50, 235, 3))
    return Thing(
        name=name,
        azimuth=azimuth,
        elevation=float(np.radians(rng.uniform(-26, -4) if low else rng.uniform(2, 38))),
        half_extent=float(np.radians(rng.uniform(12, 21))),
        tint=(tint[0], tint[1], tint[2]),
        speed=float(rng.uniform(*_TURN) * rng.choice([-1, 1])) if moves and (first or rng.random() < 0.5) else 0.0,
        sway=float(np.radians(rng.uniform(3, 14))) if moves else 0.0,
        bob=float(np.radians(rng.uniform(0.5, 4))) if moves else 0.0,
        period_s=float(rng.uniform(3, 7)),
        gain=float(rng.uniform(0.28, 0.5)),
        seed=int(rng.integers(2**31)),
        active=((0.0, duration_s),) if first else _draw_active(rng, duration_s),
    )


def _draw_active(rng: np.random.Generator, duration_s: float) -> tuple[tuple[float, float], ...]:
    """Turns of sounding and resting of a few seconds each."""
    stretches, now = [], float(rng.uniform(0, 3))
    while now < duration_s:
        length = float(rng.uniform(2.5, 5.5))
        stretches.append((now, min(duration_s, now + length)))
        now += length + float(rng.uniform(1.5, 4))
    return tuple(stretches)
