"""Events of `annotate` against known directions, beside a plain intensity vector: errors, and DCASE's scores.

    python -m benchmarks.events [--scenes 30] [--kinds worlds "pyroomacoustics box" …]

Worlds are this project's (moving things, statistical rooms); rooms are boxes of pyroomacoustics and of
spherical-array-processing with dry recordings (see requirements-other-hands.txt). Seeds are others than those that
constants were chosen on. Sounds have one class here: scores say where, not what.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks.events_scenes import FRAME_S, KINDS, RATE_HZ, KnownScene, scenes
from benchmarks.other_hands import LeftOutError
from yt360.ambisonics import XYZ, W
from yt360.cli.common import table
from yt360.evaluation.localisation_scores import Frame, LocalisationScorer
from yt360.events.finding import find_events
from yt360.events.settings import EventSettings

FIRST_SEED = 50_000

_BASELINE_FLOOR_DB = -60.0


def truth(scene: KnownScene) -> list[Frame]:
    """What sounds in each frame."""
    frames = range(scene.sounds.shape[1])
    return [{0: scene.directions[scene.sounds[:, f], f]} if scene.sounds[:, f].any() else {} for f in frames]


def ours(scene: KnownScene) -> list[Frame]:
    """Events as `annotate` finds them with its defaults."""
    vectors: list[list[NDArray[np.float64]]] = [[] for _ in range(scene.sounds.shape[1])]
    for event in find_events(scene.foa, RATE_HZ, EventSettings()):
        for at, vector in enumerate(event.directions):
            if event.first_frame + at < len(vectors):
                vectors[event.first_frame + at].append(vector)
    return [{0: np.array(each)} if each else {} for each in vectors]


def baseline(scene: KnownScene) -> list[Frame]:
    """One broadband intensity vector a frame, wherever it is louder than -60 dBFS."""
    step = round(FRAME_S * RATE_HZ)
    found: list[Frame] = []
    for frame in range(scene.sounds.shape[1]):
        part = scene.foa[:, frame * step : (frame + 1) * step].astype(np.float64)
        intensity = part[XYZ] @ part[W]
        length, power = float(np.linalg.norm(intensity)), float(np.mean(part[W] ** 2))
        loud = length > 0 and 10 * np.log10(power + 1e-12) > _BASELINE_FLOOR_DB
        found.append({0: (intensity / length)[None]} if loud else {})
    return found


@dataclass
class Row:
    """What is gathered of one way to find directions in one kind of scenes."""

    scorer: LocalisationScorer = field(default_factory=LocalisationScorer)
    errors_deg: list[float] = field(default_factory=list)
    by_scene_deg: list[float] = field(default_factory=list)
    found: int = 0
    wanted: int = 0

    def add(self, references: list[Frame], estimates: list[Frame]) -> None:
        self.scorer.add(references, estimates)
        errors: list[float] = []
        for known, given in zip(references, estimates, strict=True):
            self.wanted += len(known.get(0, ()))
            if known and given:
                angles = np.degrees(np.arccos(np.clip(known[0] @ given[0].T, -1, 1)))
                rows, columns = linear_sum_assignment(angles)
                errors += angles[rows, columns].tolist()
        self.found += len(errors)
        self.errors_deg += errors
        self.by_scene_deg.append(float(np.median(errors)) if errors else 180.0)

    def cells(self) -> list[str]:
        scores = self.scorer.scores()
        return [
            f"{np.median(self.errors_deg):.1f}°" if self.errors_deg else "none",
            f"{np.percentile(self.by_scene_deg, 90):.1f}°",
            f"{self.found / max(self.wanted, 1):.0%}",
            f"{scores.f20:.2f}", f"{scores.er20:.2f}", f"{scores.le_deg:.1f}°", f"{scores.lr:.2f}",
        ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=30, help="of each kind and number of sources")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    arguments = parser.parse_args()
    rows: list[list[str]] = []
    spent_s, clips = 0.0, 0
    for kind in arguments.kinds:
        for sources in (1, 2, 3):
            mine, plain = Row(), Row()
            try:
                for scene in scenes(kind, sources, arguments.scenes, arguments.first_seed):
                    began = time.process_time()
                    found = ours(scene)
                    spent_s, clips = spent_s + time.process_time() - began, clips + 1
                    references = truth(scene)
                    mine.add(references, found)
                    plain.add(references, baseline(scene))
            except LeftOutError as missing:
                print(f"{kind}: left out, needs {missing} (benchmarks/requirements-other-hands.txt)")
                break
            rows += [[kind, str(sources), "annotate", *mine.cells()], ["", "", "intensity vector", *plain.cells()]]
            print(f"{kind}, {sources}: {' '.join(mine.cells())} | {' '.join(plain.cells())}", flush=True)
    names = ["scenes", "sources", "way", "median error", "scenes, 90 %", "frames found", "F20", "ER20", "LE", "LR"]
    print(table(rows, names))
    print(f"{arguments.scenes} scenes of 10 s a row; {spent_s / max(clips, 1):.2f} CPU seconds a clip for annotate")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
