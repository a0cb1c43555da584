"""Sound event localisation and detection scored as in DCASE: F20°, ER20°, LE and LR, with classes.

The formulas of the challenge's joint metrics (Mesaros et al. 2019, Politis et al. 2021; macro averages since DCASE
2022). Within each segment of a second the references and the estimates of a class are paired frame by frame so that the
sum of angles is least. Each reference that was ever paired is one localised event of the segment, with the mean of its
angles: a true positive where that is at most 20 degrees. What one side has more than the other is missed or too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Frame = Mapping[int, NDArray[np.float64]]
"""What sounds in a frame: class -> unit vectors ``(n, 3)``, one for each source."""

WORST_DEG = 180.0
"""LE where nothing was localised."""


@dataclass(frozen=True)
class LocalisationScores:
    """``f20`` and ``lr`` in [0, 1]; ``er20`` from 0; ``le_deg`` in [0, 180]. ``f20``, ``le_deg`` and ``lr`` are means
    over the classes that have a reference.
    """

    f20: float
    er20: float
    le_deg: float
    lr: float


@dataclass
class _Counts:
    """Of one class."""

    references: int = 0
    near: int = 0
    far: int = 0
    too_many: int = 0
    missed: int = 0
    localised: int = 0
    unlocalised: int = 0
    angles_deg: float = 0.0

    @property
    def f(self) -> float:
        return self.near / max(self.near + self.far + 0.5 * (self.too_many + self.missed), 1e-12)

    @property
    def le_deg(self) -> float:
        return self.angles_deg / self.localised if self.localised else WORST_DEG

    @property
    def lr(self) -> float:
        return self.localised / max(self.localised + self.unlocalised, 1e-12)


@dataclass
class LocalisationScorer:
    """Gathers references and estimates of clips.

    ``frames_per_segment``: 10 frames of a tenth of a second, as DCASE 2019 to 2023 count; 1 for a count by frames, as
    since 2024. ``limit_deg``: how far off a true positive may be.
    """

    frames_per_segment: int = 10
    limit_deg: float = 20.0
    _classes: dict[int, _Counts] = field(default_factory=dict)
    _errors: int = 0

    def add(self, references: Sequence[Frame], estimates: Sequence[Frame]) -> None:
        """Take in a clip, frame by frame. Raises :class:`ValueError` where the two are not equally long."""
        if len(references) != len(estimates):
            raise ValueError(f"expected as many frames as references have, {len(references)}, found {len(estimates)}")
        for start in range(0, len(references), self.frames_per_segment):
            stop = start + self.frames_per_segment
            self._add_segment(references[start:stop], estimates[start:stop])

    def _add_segment(self, references: Sequence[Frame], estimates: Sequence[Frame]) -> None:
        missed = too_many = 0
        classes = {label for frame in (*references, *estimates) for label in frame}
        for label in sorted(classes):
            counts = self._classes.setdefault(label, _Counts())
            known = [frame.get(label, _NOTHING) for frame in references]
            found = [frame.get(label, _NOTHING) for frame in estimates]
            wanted, given = (max(len(vectors) for vectors in side) for side in (known, found))
            counts.references += wanted
            paired = _paired_deg(known, found)
            if wanted and given and not paired:
                # At other moments of the segment: DCASE's code counts these once, as missed, for each estimate.
                counts.missed += given
                counts.unlocalised += given
                missed += given
                continue
            means = [float(np.mean(angles)) for angles in paired.values()]
            near = sum(mean <= self.limit_deg for mean in means)
            counts.near += near
            counts.far += len(means) - near
            counts.localised += len(means)
            counts.angles_deg += sum(means)
            counts.too_many += max(0, given - wanted)
            counts.missed += max(0, wanted - given)
            counts.unlocalised += max(0, wanted - given)
            too_many += len(means) - near + max(0, given - wanted)
            missed += max(0, wanted - given)
        self._errors += max(missed, too_many)  # substitutions, and what is left as deletions or insertions

    def scores(self) -> LocalisationScores:
        """Of all that was taken in."""
        known = [counts for counts in self._classes.values() if counts.references]
        if not known:
            return LocalisationScores(0.0, float(self._errors > 0), WORST_DEG, 0.0)
        f20, le_deg, lr = (float(np.mean([getattr(c, name) for c in known])) for name in ("f", "le_deg", "lr"))
        return LocalisationScores(f20, self._errors / sum(counts.references for counts in known), le_deg, lr)


_NOTHING = np.zeros((0, 3))


def _paired_deg(known: Sequence[NDArray[np.float64]], found: Sequence[NDArray[np.float64]]) -> dict[int, list[float]]:
    """Place of a reference among those of its frames -> its angles to the estimates it was paired with, degrees."""
    paired: dict[int, list[float]] = {}
    for one, other in zip(known, found, strict=True):
        if len(one) and len(other):
            angles = np.degrees(np.arccos(np.clip(one @ other.T, -1, 1)))
            for row, column in zip(*linear_sum_assignment(angles), strict=True):
                paired.setdefault(int(row), []).append(float(angles[row, column]))
    return paired
