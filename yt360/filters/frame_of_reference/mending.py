"""Turn and move a sound so that it lies on its picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics, sphere
from yt360.filters.frame_of_reference.decision import Repair


def mended(blocks: Iterable[NDArray[np.float32]], repair: Repair, sample_rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(4, n)`` AmbiX from time 0 on, turned to the left by ``repair.yaw_deg`` and ``repair.lag_s`` earlier.

    Sound that comes earlier loses its beginning, sound that comes later gets silence there.
    """
    rotation = sphere.yaw_rotation(float(np.radians(repair.yaw_deg)))
    shift = round(repair.lag_s * sample_rate_hz)
    if shift < 0:
        yield np.zeros((4, -shift), np.float32)
    skip = max(shift, 0)
    for block in blocks:
        part = block[:, skip:]
        skip = max(0, skip - block.shape[1])
        if part.shape[1]:
            yield ambisonics.rotate(part, rotation) if repair.yaw_deg else part
