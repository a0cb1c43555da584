"""What is embedded: moments, directions, kinds of features. Importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yt360.inference.features_table import USUAL

AROUND_DEG: tuple[tuple[float, float], ...] = ((0.0, 0.0), (90.0, 0.0), (180.0, 0.0), (-90.0, 0.0))
"""Front, left, back, right: the directions (azimuth, elevation) if none are named."""


@dataclass(frozen=True)
class EmbeddingSettings:
    """Which moments, directions and kinds of features. ``batch`` moments are read together: changes no row."""

    every_s: float = 1.0
    directions_deg: tuple[tuple[float, float], ...] = AROUND_DEG
    fov_deg: float | None = None
    modalities: tuple[str, ...] = USUAL
    batch: int = 4

    def to_json(self) -> dict[str, Any]:
        """What features depend on."""
        return {
            "every_s": self.every_s,
            "directions_deg": [list(each) for each in self.directions_deg],
            "fov_deg": self.fov_deg,
            "modalities": list(self.modalities),
        }
