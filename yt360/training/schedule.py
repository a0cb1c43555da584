"""How the learning rate goes over a phase."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["constant", "cosine"]

RISE_STEPS, RISE_SHARE = 100, 0.1
"""The rise of ``cosine``: so many steps, but at most this share of the phase."""


def rate_share(schedule: Schedule, step: int, steps: int) -> float:
    """What the learning rate of ``step`` (counted from 1) of ``steps`` is multiplied by, in (0, 1].

    >>> [round(rate_share("cosine", step, 2000), 2) for step in (1, 100, 1000, 2000)]
    [0.01, 0.99, 0.5, 0.0]
    >>> rate_share("constant", 1, 2000)
    1.0
    """
    if schedule == "constant":
        return 1.0
    rise = max(1, min(RISE_STEPS, int(RISE_SHARE * steps)))
    return min(1.0, step / rise) * (1 + math.cos(math.pi * (step - 1) / steps)) / 2
