"""The class table of the procedural world: what a panoptic map holds.

Ids are stable: they are written into files. 0 is void; *stuff* (surroundings) has ids from 1, *things*
(objects that move and sound) from 101. A panoptic map is two maps: ``semantic`` (class id) and
``instance`` (0 for stuff, 1.. for the objects of the video in the order of its truth).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FIRST_THING_ID = 101


@dataclass(frozen=True)
class PanopticClass:
    """One row of the table: ``id`` fits in uint8, ``colour`` is the RGB colour of the map in pictures."""

    id: int
    name: str
    kind: Literal["stuff", "thing"]
    colour: tuple[int, int, int]


def _stuff(number: int, name: str, *colour: int) -> PanopticClass:
    red, green, blue = colour
    return PanopticClass(number, name, "stuff", (red, green, blue))


def _thing(number: int, name: str, *colour: int) -> PanopticClass:
    red, green, blue = colour
    return PanopticClass(number, name, "thing", (red, green, blue))


PANOPTIC_CLASSES: tuple[PanopticClass, ...] = (
    PanopticClass(0, "void", "stuff", (0, 0, 0)),
    _stuff(1, "sky", 135, 190, 235),
    _stuff(2, "grass", 90, 160, 60),
    _stuff(3, "tree", 35, 100, 40),
    _stuff(4, "mountain", 120, 110, 120),
    _stuff(5, "sea", 40, 90, 160),
    _stuff(6, "sand", 225, 200, 140),
    _stuff(7, "road", 80, 80, 85),
    _stuff(8, "pavement", 170, 165, 160),
    _stuff(9, "building", 165, 105, 85),
    _stuff(10, "wall", 200, 185, 165),
    _stuff(11, "floor", 140, 95, 60),
    _stuff(12, "ceiling", 235, 232, 225),
    _stuff(13, "window", 160, 215, 230),
    _stuff(14, "rock", 105, 95, 85),
    _stuff(15, "snow", 240, 245, 252),
    _stuff(16, "furniture", 120, 70, 90),
    _thing(101, "person", 220, 20, 60),
    _thing(102, "dog", 190, 120, 40),
    _thing(103, "cat", 250, 170, 30),
    _thing(104, "bird", 250, 230, 40),
    _thing(105, "car", 20, 60, 220),
    _thing(106, "bell", 180, 140, 10),
    _thing(107, "drum", 170, 30, 160),
    _thing(108, "guitar", 230, 90, 20),
    _thing(109, "siren", 255, 0, 0),
    _thing(110, "drone", 60, 60, 60),
    _thing(111, "fountain", 0, 200, 220),
    _thing(112, "clock", 90, 220, 130),
)

CLASS_BY_NAME = {row.name: row for row in PANOPTIC_CLASSES}
CLASS_BY_ID = {row.id: row for row in PANOPTIC_CLASSES}
THING_NAMES = tuple(row.name for row in PANOPTIC_CLASSES if row.kind == "thing")


def class_id(name: str) -> int:
    """Id of a class by its name. Raises :class:`KeyError` for an unknown one."""
    return CLASS_BY_NAME[name].id
