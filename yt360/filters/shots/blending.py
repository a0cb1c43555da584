"""Whether a picture is two others laid over each other, as in the middle of a dissolve.

Between two places that stand, each picture of a dissolve is (1 - s) times the first and s times the second, exactly. A
camera that goes from one place to another shows things on its way that are in neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yt360.filters.shots.tracking import Panorama

_TINY = 1e-9


@dataclass(frozen=True)
class Blend:
    """``share`` of the second picture, 0 to 1, and how much of the variance both ``explain``, 0 to 1."""

    share: float
    explained: float


NONE = Blend(0.0, 0.0)
"""No blend of the two: one of them would have to be taken away."""


def blend(first: Panorama, middle: Panorama, second: Panorama) -> Blend:
    """What ``middle`` is made of: least squares over the parts of the pictures between 2° and 11° in size."""
    a, b, seen = (each.middle_scales.ravel() for each in (first, second, middle))
    aa, ab, bb, am, bm, mm = (float(x @ y) for x, y in ((a, a), (a, b), (b, b), (a, seen), (b, seen), (seen, seen)))
    determinant = aa * bb - ab * ab
    if determinant <= _TINY * aa * bb + _TINY or mm <= _TINY:
        return NONE
    of_first, of_second = (bb * am - ab * bm) / determinant, (aa * bm - ab * am) / determinant
    if min(of_first, of_second) < 0 or of_first + of_second <= _TINY:
        return NONE
    explained = (of_first * am + of_second * bm) / mm
    return Blend(of_second / (of_first + of_second), float(np.clip(explained, 0, 1)))
