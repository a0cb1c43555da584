"""The world of the ladder: what is drawn for each video, and what is heard and seen follows from it.

A video is an individual: its *place* (colours, texture, and the ambience that belongs to them), its *things* (each with
a look and the voice that belongs to that look) and its *room* are points of continuous spaces, so that hearing what
there is tells one video from another. Look and voice belong together by rules that hold in all videos and can be
learnt: the hue of a thing says how high it sounds, its stripes how fast it beats, its corners how noisy it is; the hue
of a place says where its ambience lies, its texture how it beats, its lightness how broad it is.

Two kinds of world differ in one thing only. ``identity-easy`` is as above: nothing makes a model that tells videos
apart learn where a sound comes from. In ``direction-needed`` every place is the same place and all things are clones of
one, so that nothing but where (and when) things are and sound tells videos apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

World = Literal["identity-easy", "direction-needed"]
WORLDS: tuple[World, ...] = ("identity-easy", "direction-needed")

DURATION_S = 4.0

_ALONE = 1 / 3
_FAR = 1 / 3
_REVERBERANT = 1 / 2
_TURNED = 1 / 10
_OCCLUDED = 1 / 3
_APART = math.radians(45)


@dataclass(frozen=True)
class Thing:
    """Something that is seen and heard. Angles in radians, ``speed`` in radians a second, positive to the left.

    ``radius`` of its look; ``latents`` (3,) in [0, 1]: pitch and hue, beat and stripes, noise and corners; ``active``:
    stretches in seconds in which it sounds; ``gain`` of its voice.
    """

    azimuth: float
    elevation: float
    speed: float
    radius: float
    latents: tuple[float, float, float]
    brightness: float
    gain: float
    active: tuple[tuple[float, float], ...]
    seed: int

    def azimuth_at(self, time_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Where it is (not wrapped)."""
        return self.azimuth + self.speed * np.asarray(time_s, float)

    def sounds_at(self, time_s: float) -> bool:
        """Whether it sounds."""
        return any(begin <= time_s < end for begin, end in self.active)


@dataclass(frozen=True)
class Individual:
    """One video.

    ``place`` (3,) in [0, 1]; ``reverberation_s``: T60, 0 for none; ``direct_db``: direct over reverberant sound;
    ``panels``: azimuths of walls of half a width ``PANEL`` that hide what is behind them; ``turn``: by how much the
    sound is turned against the picture, 0 where both have one frame of reference; ``seed`` of textures and noises.
    """

    place: tuple[float, float, float]
    things: tuple[Thing, ...]
    reverberation_s: float
    direct_db: float
    panels: tuple[float, ...]
    turn: float
    gain_db: float
    seed: int

    def strata(self) -> dict[str, str]:
        """What it belongs to, by name."""
        far = any(abs(thing.elevation) > HORIZON for thing in self.things)
        return {
            "sources": "one" if len(self.things) == 1 else "many",
            "elevation": "far from the horizon" if far else "near the horizon",
            "room": "reverberant" if self.reverberation_s else "anechoic",
            "frame": "turned" if self.turn else "one frame",
            "panels": "hidden" if self.panels else "open",
        }


PANEL = math.radians(14)
HORIZON = math.radians(12)


def draw(rng: np.random.Generator, world: World) -> Individual:
    """A video. The same draws are made in both kinds of world: they differ in what they make of them."""
    place = _latents(rng, world)
    count = 1 if rng.random() < _ALONE else int(rng.integers(3, 6))
    far = rng.random() < _FAR
    azimuths = _spread(rng, count)
    things = tuple(_thing(rng, world, azimuth, far=far, leads=not number) for number, azimuth in enumerate(azimuths))
    reverberant, occluded, turned = rng.random(3) < (_REVERBERANT, _OCCLUDED, _TURNED)
    t60, direct_db, turn = rng.uniform(0.25, 0.9), rng.uniform(3, 12), rng.uniform(math.pi / 4, 7 * math.pi / 4)
    panels = rng.uniform(-math.pi, math.pi, 2)
    return Individual(
        place=place,
        things=things,
        reverberation_s=float(t60) if reverberant else 0.0,
        direct_db=float(direct_db),
        panels=tuple(float(a) for a in panels) if occluded else (),
        turn=float(turn) if turned else 0.0,
        gain_db=float(rng.uniform(-12, 0)),
        seed=int(rng.integers(2**31)),
    )


def _latents(rng: np.random.Generator, world: World) -> tuple[float, float, float]:
    drawn = rng.random(3)
    if world == "direction-needed":
        drawn = np.full(3, 0.5)
    return float(drawn[0]), float(drawn[1]), float(drawn[2])


def _spread(rng: np.random.Generator, count: int) -> list[float]:
    while True:
        azimuths = np.sort(rng.uniform(-math.pi, math.pi, count))
        if count == 1 or np.diff(azimuths, append=azimuths[0] + 2 * math.pi).min() >= _APART:
            return [float(azimuth) for azimuth in rng.permutation(azimuths)]


def _thing(rng: np.random.Generator, world: World, azimuth: float, *, far: bool, leads: bool) -> Thing:
    stretches, now = [], float(rng.uniform(-1.5, 0.5))
    while now < DURATION_S:
        end = now + float(rng.uniform(0.8, 2.5))
        if end > 0:
            stretches.append((max(now, 0.0), min(end, DURATION_S)))
        now = end + float(rng.uniform(0.4, 1.5))
    moves = rng.random() < 0.5
    speed = float(np.radians(rng.uniform(5, 30)) * rng.choice([-1, 1]))
    up = rng.uniform(15, 50) * rng.choice([-1, 1]) if far else rng.uniform(-10, 10)
    return Thing(
        azimuth=azimuth,
        elevation=float(np.radians(up)),
        speed=speed if moves else 0.0,
        radius=float(np.radians(rng.uniform(18, 32))),
        latents=_latents(rng, world),
        brightness=float(rng.uniform(0.75, 1.0)),
        gain=float(10 ** (rng.uniform(-3, 3) / 20)),
        active=((0.0, DURATION_S),) if leads else tuple(stretches),
        seed=int(rng.integers(2**31)),
    )
