"""Scenes on the sphere and a model that sees colours perfectly: what a merge does is then its own doing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment

GROUND, SKY, BALL, BOX = 1, 2, 11, 12
CATEGORIES = (
    Category(GROUND, "ground", False),
    Category(SKY, "sky", False),
    Category(BALL, "ball", True),
    Category(BOX, "box", True),
)
COLOURS = {GROUND: (0, 128, 0), SKY: (0, 0, 255), BALL: (255, 0, 0), BOX: (255, 255, 0)}


def scene(discs: Sequence[tuple[int, float, float, float]], height: int = 224) -> NDArray[np.uint8]:
    """Ground, sky, and round things: (category, azimuth, elevation, radius), degrees."""
    rays = sphere.pixel_vectors(height, 2 * height)
    picture = np.where(rays[..., 2:] < 0, COLOURS[GROUND], COLOURS[SKY]).astype(np.uint8)
    for category, azimuth, elevation, radius in discs:
        centre = sphere.unit_vector(np.radians(azimuth), np.radians(elevation))
        picture[sphere.angle_between(rays, centre) < np.radians(radius)] = COLOURS[category]
    return picture


class ColourModel:
    """Each connected patch of a thing's colour is one thing. Small patches are overlooked."""

    name, licence, weights = "colours", "none", "none"
    categories: tuple[Category, ...] = CATEGORIES

    def __init__(self, least: int = 12) -> None:
        self.least = least
        self.calls: list[int] = []
        self.widened: list[float] = []

    def predict(self, pictures: Sequence[NDArray[np.uint8]], *, widened: float = 1.0) -> list[PanopticMap]:
        self.calls.append(len(pictures))
        self.widened.append(widened)
        return [self._map(picture) for picture in pictures]

    def _map(self, picture: NDArray[np.uint8]) -> PanopticMap:
        distance = [np.abs(picture.astype(int) - COLOURS[c.id]).sum(axis=-1) for c in CATEGORIES]
        nearest = np.argmin(distance, axis=0)
        ids = np.zeros(picture.shape[:2], np.int32)
        segments: list[PanopticSegment] = []
        for index, category in enumerate(CATEGORIES):
            mask = (nearest == index).astype(np.uint8)
            count, parts = cv2.connectedComponents(mask) if category.isthing else (2, mask)
            for part in range(1, count):
                inside = parts == part
                if inside.sum() >= self.least:
                    ids[inside] = len(segments) + 1
                    segments.append(
                        PanopticSegment(len(segments) + 1, category.id, category.isthing, 0.9, int(inside.sum()))
                    )
        return PanopticMap(ids, tuple(segments))


def solid_angle(panoptic: PanopticMap, number: int) -> float:
    """Of a segment, in steradian."""
    rows = sphere.row_solid_angles(*panoptic.ids.shape)
    return float(((panoptic.ids == number) * rows[:, None]).sum())
