"""Finds the events of a clip's sound, and says of each frame how diffuse, how loud and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.errors import ItemError
from yt360.events.direct_sound import DirectSound, direct_sound
from yt360.events.peaks import frame_peaks
from yt360.events.settings import FRAMES_PER_S, EventSettings
from yt360.events.tracking import Track, follow

LOWEST_RATE_HZ = 8000

_CONE_DEG = 20.0
"""Points this near to an event are of it; of several events, of the nearest."""


@dataclass(frozen=True)
class FoundEvent:
    """One sound from its first to its last frame of a tenth of a second; everything else ``(n,)``, one value a frame.

    ``azimuth`` and ``elevation`` in radians. ``level_db``: of its direct sound in W, re full scale. ``diffuseness`` in
    [0, 1]: how much of the frame's energy, other events left out, does not come straight from there. ``confidence`` in
    [0, 1]: how much of the frame's evidence for a direction, other events left out, agrees with this one; 0 in pauses.
    """

    first_frame: int
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64]
    diffuseness: NDArray[np.float64]
    level_db: NDArray[np.float64]
    confidence: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.azimuth)

    @property
    def directions(self) -> NDArray[np.float64]:
        """Unit vectors ``(n, 3)``."""
        return sphere.unit_vector(self.azimuth, self.elevation)

    @property
    def mean_direction(self) -> NDArray[np.float64]:
        """Unit vector ``(3,)``, frames weighted by their confidence."""
        weights = self.confidence + 1e-3
        mean = weights @ self.directions
        length = float(np.linalg.norm(mean))
        return np.asarray(mean / length if length > 0 else self.directions[0])

    @property
    def turn(self) -> float:
        """How far it went around the camera, in radians: the sum of its steps of a second."""
        places = self.directions[::FRAMES_PER_S]
        return float(sum(sphere.angle_between(a, b) for a, b in pairwise(places)))


def find_events(foa: NDArray[np.floating], rate_hz: int, settings: EventSettings) -> list[FoundEvent]:
    """Events of AmbiX ``(4, samples)``, in order of their beginnings.

    Raises :class:`ItemError` where the rate is below 8 kHz or no multiple of 50, or samples are not numbers.
    """
    if rate_hz < LOWEST_RATE_HZ or rate_hz % 50:
        raise ItemError("sample-rate", f"expected a sample rate from 8000 Hz on, a multiple of 50 Hz, found {rate_hz}")
    if not np.isfinite(foa).all():
        raise ItemError("not-numbers", "expected sound, found samples that are not numbers")
    if foa.shape[-1] < rate_hz // FRAMES_PER_S:
        return []
    points = direct_sound(foa, rate_hz, settings)
    tracks = follow(frame_peaks(points, settings), settings)
    return _described(points, tracks)


def _described(points: DirectSound, tracks: list[Track]) -> list[FoundEvent]:
    starts = np.searchsorted(points.frame, np.arange(points.frames + 1))
    found = [_Row(len(track.frames)) for track in tracks]
    for frame in range(points.frames):
        here = [number for number, track in enumerate(tracks) if track.frames[0] <= frame <= track.frames[-1]]
        if not here:
            continue
        part = slice(starts[frame], starts[frame + 1])
        vectors = np.array([tracks[n].directions[frame - tracks[n].frames[0]] for n in here])
        cosines = points.direction[part] @ vectors.T
        near = np.zeros(cosines.shape, bool)
        if len(cosines):
            near[np.arange(len(cosines)), cosines.argmax(axis=1)] = True
        near &= cosines > np.cos(np.radians(_CONE_DEG))
        straight = np.clip(points.intensity[part] @ vectors.T, 0, None)
        energy = np.where(near, straight, 0).sum(axis=0)
        weight = np.where(near, points.weight[part, None], 0).sum(axis=0)
        # Rounding: the direct energies of all events never are more than there is.
        whole = max(float(points.energy[frame]), float(energy.sum()), 1e-30)
        evidence = max(float(points.weight[part].sum()), 1e-30)
        for place, number in enumerate(here):
            row, at = found[number], frame - int(tracks[number].frames[0])
            others = whole - float(energy.sum()) + float(energy[place])
            row.diffuseness[at] = np.clip(1 - energy[place] / max(others, 1e-30), 0, 1)
            row.level_db[at] = points.level_db[frame] + 10 * np.log10(max(float(energy[place]) / whole, 1e-6))
            rest = evidence - float(weight.sum()) + float(weight[place])
            sounds = tracks[number].shares[at] > 0
            row.confidence[at] = np.clip(weight[place] / max(rest, 1e-30), 0, 1) if sounds else 0.0
    events = []
    for track, row in zip(tracks, found, strict=True):
        azimuth, elevation = sphere.direction(track.directions)
        events.append(
            FoundEvent(int(track.frames[0]), azimuth, elevation, row.diffuseness, row.level_db, row.confidence)
        )
    return events


class _Row:
    """What is measured of an event's frames."""

    def __init__(self, frames: int) -> None:
        self.diffuseness = np.ones(frames)
        self.level_db = np.full(frames, -120.0)
        self.confidence = np.zeros(frames)
