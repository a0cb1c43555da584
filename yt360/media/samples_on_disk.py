"""Sound in a file of raw samples, of which parts are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHANNELS = 4


class SamplesOnDisk:
    """AmbiX ``(samples, 4)`` float32 in a file; a slice of it is read when it is asked for.

    A memory map would count as memory of the process, page by page as it is touched: 1.4 GB for an hour at 24 kHz.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._samples = path.stat().st_size // (CHANNELS * np.dtype(np.float32).itemsize)

    def __len__(self) -> int:
        """Number of samples a channel."""
        return self._samples

    def __getitem__(self, part: slice) -> NDArray[np.float32]:
        """Samples ``(n, 4)`` of a slice without a step, shorter where it reaches beyond the end."""
        begin, end, step = part.indices(self._samples)
        if step != 1:
            raise ValueError(f"expected a slice without a step, found {part}")
        count = CHANNELS * max(0, end - begin)
        offset = begin * CHANNELS * np.dtype(np.float32).itemsize
        return np.fromfile(self._path, np.float32, count, offset=offset).reshape(-1, CHANNELS)
