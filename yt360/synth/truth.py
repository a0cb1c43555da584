"""What the world knows about each of its videos, exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.errors import UsageError


@dataclass(frozen=True)
class ThingTruth:
    """A thing: where it is in each frame (degrees), its angular half-size, and its loudness in each frame (0 to 1)."""

    name: str
    class_id: int
    half_extent_deg: float
    azimuth_deg: tuple[float, ...]
    elevation_deg: tuple[float, ...]
    level: tuple[float, ...]

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> ThingTruth:
        tracks = {name: tuple(map(float, value[name])) for name in ("azimuth_deg", "elevation_deg", "level")}
        return ThingTruth(value["name"], value["class_id"], value["half_extent_deg"], **tracks)


@dataclass(frozen=True)
class SecondTruth:
    """The sound field of one second before anything was planted: mean intensity vector x, y, z and energy."""

    intensity: tuple[float, float, float]
    energy: float


@dataclass(frozen=True)
class VideoTruth:
    """One video. ``defect`` is what was planted, or empty. ``expected`` is ``keep``, the pipeline's reason for
    dropping it, or the kind of failure. ``directions_hold`` says whether its clips' sound still comes from
    where the things are. ``files`` are names in the media folder, the picture first."""

    name: str
    defect: str
    expected: str
    directions_hold: bool
    files: tuple[str, ...]
    delivery: str
    seed: int
    surroundings: str
    duration_s: float
    fps: float
    height: int
    width: int
    camera_turn_deg_per_s: float
    silent: tuple[tuple[float, float], ...]
    things: tuple[ThingTruth, ...]
    seconds: tuple[SecondTruth, ...]

    def mean_direction(self, start_s: float, end_s: float) -> NDArray[np.float64]:
        """Mean intensity ``(3,)`` of a stretch of whole seconds over its energy: a direction, length in [0, 1]."""
        part = self.seconds[int(start_s) : max(int(start_s) + 1, int(end_s))]
        intensity = np.sum([second.intensity for second in part], axis=0)
        return np.asarray(intensity / max(sum(second.energy for second in part), 1e-12))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> VideoTruth:
        fields = dict(value)
        fields["files"] = tuple(value["files"])
        fields["silent"] = tuple((float(a), float(b)) for a, b in value["silent"])
        fields["things"] = tuple(ThingTruth.from_json(thing) for thing in value["things"])
        fields["seconds"] = tuple(SecondTruth(tuple(s["intensity"]), s["energy"]) for s in value["seconds"])
        return VideoTruth(**fields)


def load_truth(directory: Path) -> list[VideoTruth]:
    """The truth of a world's videos, in order of their names. Raises :class:`UsageError` where there is none."""
    paths = sorted((Path(directory) / "truth").glob("*.truth.json"))
    if not paths:
        raise UsageError(
            f"{directory}: expected a world (a folder truth/ with *.truth.json), found none; see `yt360 synth`"
        )
    return [VideoTruth.from_json(json.loads(path.read_text(encoding="utf-8"))) for path in paths]


def load_panoptic(directory: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8], float]:
    """Class ids and instance numbers ``(maps, H, W)`` of a video, and maps a second.

    Instance n is the n-th thing of the truth, 0 is stuff.
    """
    with np.load(Path(directory) / "truth" / f"{name}.panoptic.npz") as maps:
        return maps["semantic"], maps["instance"], float(maps["rate_hz"])
