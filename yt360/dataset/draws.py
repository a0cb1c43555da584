"""Random numbers one at a time."""

from __future__ import annotations

import numpy as np


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """What ``rng.uniform`` draws, bit for bit. That prepares for arrays at every call, which takes longer than all else
    that is done for a view.

    >>> uniform(np.random.default_rng(0), -1.0, 2.0) == np.random.default_rng(0).uniform(-1.0, 2.0)
    True
    """
    return low + (high - low) * rng.random()
