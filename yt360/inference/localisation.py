"""Where on the sphere does what one sees sound? A map over time, beside what the sound field says by itself.

A grid of views looks everywhere; each view's picture is compared with the sound as heard in it. The energy of a
cardioid in the same direction needs no learning: what a map adds to it is what the model has learnt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from yt360 import sphere
from yt360.errors import UsageError
from yt360.files import atomic_write
from yt360.inference.processor import AVSAProcessor
from yt360.inference.recording import Recording
from yt360.models.avsa_model import AVSAModel

SCHEMA = pa.schema(
    [
        ("start_s", pa.float64()),
        ("azimuth_deg", pa.float32()),
        ("elevation_deg", pa.float32()),
        ("match", pa.float32()),
        ("energy_db", pa.float32()),
    ]
)
"""Columns of the table. ``match`` in [-1, 1]: how well picture and sound fit. ``energy_db``: of a cardioid (dBFS)."""

_SILENCE = 1e-12


@dataclass(frozen=True)
class Localisation:
    """``match`` and ``energy`` (moments, directions) of ``directions_deg`` (directions, 2) from ``starts_s`` on."""

    starts_s: tuple[float, ...]
    directions_deg: NDArray[np.float64]
    match: NDArray[np.float32]
    energy: NDArray[np.float64]

    def best(self, moment: int) -> tuple[float, float]:
        """The direction (azimuth, elevation) in degrees in which picture and sound fit best."""
        azimuth, elevation = self.directions_deg[int(np.argmax(self.match[moment]))]
        return float(azimuth), float(elevation)


def grid_deg(around: int, elevations_deg: Sequence[float]) -> list[tuple[float, float]]:
    """``around`` directions a ring, ring by ring, azimuths from 0 on counter-clockwise in (-180, 180]."""
    if not 3 <= around <= 360:
        raise UsageError(f"expected 3 to 360 directions a ring, found {around}")
    azimuths = [180.0 - (180.0 - 360.0 * k / around) % 360.0 for k in range(around)]
    return [(azimuth, float(elevation)) for elevation in elevations_deg for azimuth in azimuths]


def localise(
    recording: Recording,
    model: AVSAModel,
    processor: AVSAProcessor,
    directions_deg: Sequence[tuple[float, float]],
    *,
    every_s: float = 0.5,
    fov_deg: float | None = None,
    said: Callable[[int, int], None] = lambda done, total: None,
) -> Localisation:
    """Compare picture and sound in each direction, every ``every_s`` seconds.

    ``said`` hears how many moments of how many are done. Raises :class:`UsageError` for a recording that is shorter
    than one moment.
    """
    starts = processor.starts(recording, every_s)
    if not starts:
        raise UsageError(
            f"{recording.name}: expected at least {processor.settings.sound_s:g} s with picture and sound, found "
            f"{recording.end_s - recording.begin_s:.2f} s"
        )
    gains = _cardioids(directions_deg)
    match, energy = [], []
    with torch.inference_mode():
        for _, inputs in processor.batches(recording, starts, directions_deg, 1, fov_deg=fov_deg):
            match.append(model(**inputs).match().cpu().numpy())
            sound = inputs["sound"][:, 0].double().numpy()
            covariance = sound @ sound.transpose(0, 2, 1) / sound.shape[-1]
            energy.append(np.einsum("dc,mce,de->md", gains, covariance, gains))
            said(len(match), len(starts))
    return Localisation(
        tuple(starts), np.array(directions_deg, np.float64), np.concatenate(match), np.concatenate(energy)
    )


def _cardioids(directions_deg: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Gains ``(directions, 4)`` on W, Y, Z, X of cardioids: (W + v·u) / 2."""
    azimuth, elevation = np.radians(np.array(directions_deg, np.float64)).T
    x, y, z = np.moveaxis(sphere.unit_vector(azimuth, elevation), -1, 0)
    return np.stack([np.ones_like(x), y, z, x], axis=-1) / 2


def heat(values: NDArray[np.floating], directions_deg: NDArray[np.float64], height: int) -> NDArray[np.float64]:
    """Values of directions ``(directions,)`` as a smooth map ``(height, 2 height)``: a weighted mean of those near by.

    Weights fall off over the distance of neighbours on the grid (a von Mises-Fisher kernel).
    """
    vectors = sphere.unit_vector(*np.radians(directions_deg).T)
    cosines = np.clip(vectors @ vectors.T, -1, 1) - 2 * np.eye(len(vectors))
    nearest = math.acos(min(1.0, float(np.median(cosines.max(axis=1))))) if len(vectors) > 1 else math.pi
    sharpness = 1 / max(nearest, math.radians(2)) ** 2
    weights = np.exp(2 * sharpness * (sphere.pixel_vectors(height, 2 * height) @ vectors.T - 1))
    return np.asarray((weights @ values) / (weights.sum(axis=-1) + 1e-300))


def write_table(path: Path, found: Localisation) -> int:
    """Write ``match`` and ``energy_db`` of every moment and direction; how many rows."""
    moments, directions = found.match.shape
    columns = [
        np.repeat(np.array(found.starts_s), directions),
        np.tile(found.directions_deg[:, 0], moments),
        np.tile(found.directions_deg[:, 1], moments),
        found.match.ravel(),
        10 * np.log10(np.maximum(found.energy.ravel(), _SILENCE)),
    ]
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    atomic_write(path, lambda partial: pq.write_table(table, partial, compression="zstd"))
    return len(table)
