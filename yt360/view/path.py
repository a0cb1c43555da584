"""Where a rendered view looks over time: one direction, or a path through key frames."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yt360 import sphere
from yt360.errors import UsageError

_COLUMNS = ("t_s", "az_deg", "el_deg", "fov_deg")
_MOST_KEYS = 10_000
_NARROWEST_DEG, _WIDEST_DEG = 1.0, 170.0


@dataclass(frozen=True)
class KeyFrame:
    """At ``t_s`` (on the clip's or file's clock) the view looks to (``az_deg``, ``el_deg``); left and up are positive.

    ``fov_deg`` is the horizontal field of view.
    """

    t_s: float
    az_deg: float
    el_deg: float
    fov_deg: float


class ViewPath:
    """The view at any time: between two key frames it goes straight, over azimuth the shorter way round.

    >>> path = ViewPath([KeyFrame(0, 170, 0, 90), KeyFrame(2, -170, 0, 60)], (100, 100))
    >>> seen = path(1.0)
    >>> round(math.degrees(seen.azimuth)) % 360, round(math.degrees(seen.horizontal_fov))
    (180, 75)
    """

    def __init__(self, keys: Sequence[KeyFrame], size: tuple[int, int]) -> None:
        """``keys`` rise in time; ``size`` (height, width) of the picture, from which the vertical field of view comes.

        Raises :class:`UsageError` for angles that cannot be.
        """
        for key in keys:
            _check(key)
        if not keys or any(after.t_s <= before.t_s for before, after in itertools.pairwise(keys)):
            raise UsageError("a path of views: expected one or more key frames that rise in time")
        self._times = np.array([key.t_s for key in keys])
        self._azimuths = np.unwrap(np.radians([key.az_deg for key in keys]))
        self._elevations = np.radians([key.el_deg for key in keys])
        self._fovs = np.radians([key.fov_deg for key in keys])
        self._height, self._width = size

    @property
    def narrowest_fov(self) -> float:
        """The smallest horizontal field of view, in radians."""
        return float(self._fovs.min())

    @property
    def moves(self) -> bool:
        """Whether there is more than one view."""
        return len(self._times) > 1

    def __call__(self, t_s: float) -> sphere.View:
        azimuth, elevation, fov = (
            float(np.interp(t_s, self._times, values)) for values in (self._azimuths, self._elevations, self._fovs)
        )
        vertical = 2 * math.atan(math.tan(fov / 2) * self._height / self._width)
        return sphere.View(azimuth, elevation, fov, vertical)


def _check(key: KeyFrame) -> None:
    wrong = []
    if not (math.isfinite(key.t_s) and math.isfinite(key.az_deg)):
        wrong.append("time and azimuth must be finite")
    if not -90 <= key.el_deg <= 90:
        wrong.append(f"the elevation must lie in [-90, 90] degrees, found {key.el_deg:g}")
    if not _NARROWEST_DEG <= key.fov_deg <= _WIDEST_DEG:
        words = f"the field of view must lie in [{_NARROWEST_DEG:g}, {_WIDEST_DEG:g}] degrees"
        wrong.append(f"{words}, found {key.fov_deg:g}")
    if wrong:
        raise UsageError(f"view at {key.t_s:g} s: {'; '.join(wrong)}")


def read_path(path: Path, fov_deg: float) -> list[KeyFrame]:
    """Key frames from a CSV file with the columns t_s, az_deg, el_deg and, if it likes, fov_deg (else ``fov_deg``).

    Raises :class:`UsageError` for a file that is something else.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = tuple(rows.fieldnames or ())
            if not set(_COLUMNS[:3]) <= set(columns):
                found = ", ".join(columns)[:200] or "nothing"
                raise UsageError(f"{path}: expected the columns t_s, az_deg, el_deg [, fov_deg], found {found}")
            keys: list[KeyFrame] = []
            for number, row in enumerate(rows, 2):
                if len(keys) == _MOST_KEYS:
                    raise UsageError(f"{path}: more than {_MOST_KEYS} key frames")
                try:
                    values = [float(row.get(name) or (fov_deg if name == "fov_deg" else "")) for name in _COLUMNS]
                except (TypeError, ValueError):
                    raise UsageError(
                        f"{path}, line {number}: expected numbers, found {str(list(row.values()))[:200]}"
                    ) from None
                keys.append(KeyFrame(*values))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as CSV ({error})") from error
    return keys
