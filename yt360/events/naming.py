"""Names of events: what a tagger hears in their direction, and what is seen there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.ambisonics import XYZ, W
from yt360.events.finding import FoundEvent
from yt360.events.settings import FRAME_S, FRAMES_PER_S
from yt360.events.taggers import Tagger
from yt360.segmentation import ClipMaps

OTHER = "other"
"""Label of what the tagger does not know, with the class behind its last."""

_MARGIN_S = 0.3
"""Sound before and after an event that the tagger hears too."""

_LEVEL, _MOST_GAIN = 0.05, 30.0
"""RMS that the tagger hears, so that a quiet sound is heard like a loud one; and the most that it is raised."""


@dataclass(frozen=True)
class Label:
    """What was heard: ``class_id`` counts the tagger's labels; ``probability`` in [0, 1]."""

    label: str
    class_id: int
    probability: float


@dataclass(frozen=True)
class Sight:
    """What is seen: the ``segment`` under each frame's direction (0: none), and what is under most of them."""

    segment: tuple[int, ...]
    category: str
    share: float


def listen(foa: NDArray[np.floating], rate_hz: int, event: FoundEvent) -> NDArray[np.float32]:
    """What a microphone hears that follows the event ``(samples,)``, from a little before it to a little after.

    A hypercardioid: of all first-order patterns it takes in least from other directions.
    """
    begin = max(0, round((event.first_frame * FRAME_S - _MARGIN_S) * rate_hz))
    end = min(foa.shape[-1], round(((event.first_frame + len(event)) * FRAME_S + _MARGIN_S) * rate_hz))
    at = np.arange(begin, end) / rate_hz * FRAMES_PER_S - 0.5 - event.first_frame
    frames = np.arange(len(event))
    gains = np.stack([np.interp(at, frames, axis) for axis in event.directions.T])
    gains /= np.maximum(np.linalg.norm(gains, axis=0), 1e-9)
    part = foa[:, begin:end].astype(np.float64)
    return np.asarray(0.25 * part[W] + 0.75 * np.sum(gains * part[XYZ], axis=0), np.float32)


def name_by_ear(
    foa: NDArray[np.floating], rate_hz: int, event: FoundEvent, tagger: Tagger, least_probability: float
) -> Label:
    """The label that is most likely over the event, or :data:`OTHER` where none reaches ``least_probability``."""
    import soxr  # here: who asks where a root stands does not wait for it

    heard = soxr.resample(listen(foa, rate_hz, event), rate_hz, tagger.rate_hz).astype(np.float32)
    level = float(np.sqrt(np.mean(np.square(heard, dtype=np.float64)))) if heard.size else 0.0
    heard = np.clip(heard * min(_MOST_GAIN, _LEVEL / max(level, 1e-9)), -1, 1).astype(np.float32)
    probabilities = tagger.probabilities(heard).mean(axis=0)
    best = int(np.argmax(probabilities))
    probability = round(float(np.clip(probabilities[best], 0, 1)), 3)
    if probability < least_probability:
        return Label(OTHER, len(tagger.labels), probability)
    return Label(tagger.labels[best], best, probability)


def name_by_eye(event: FoundEvent, maps: ClipMaps) -> Sight:
    """The panoptic segments under an event, from the map nearest to each frame."""
    names = {category.id: category.name for category in maps.categories}
    ids, categories = [], []
    number, category_of, ids_of = -1, {0: 0}, np.zeros((1, 1), np.int32)
    for at, (azimuth, elevation) in enumerate(zip(event.azimuth, event.elevation, strict=True)):
        nearest = maps.nearest((event.first_frame + at + 0.5) * FRAME_S)
        if nearest != number:
            number, panoptic = nearest, maps.read(nearest)
            ids_of = panoptic.ids
            category_of = {0: 0} | {segment.id: segment.category_id for segment in panoptic.segments}
        height, width = ids_of.shape
        row, column = sphere.to_pixels(azimuth, elevation, height, width)
        place = min(max(round(float(row)), 0), height - 1), round(float(column)) % width
        ids.append(int(ids_of[place]))
        categories.append(category_of.get(ids[-1], 0))
    counted = Counter(categories)
    best = min(counted, key=lambda category: (-counted[category], category))
    share = round(counted[best] / len(categories), 3)
    return Sight(tuple(ids), names.get(best, "") if best else "", share if best else 0.0)
