"""The spectral peaks of a sound as a file: what ``voiceover`` leaves for ``fingerprint``, which then decodes none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import W
from yt360.errors import ItemError
from yt360.filters.duplicates.audio_fingerprint import RATE_HZ, PeakFinder


def while_passing(
    blocks: Iterable[NDArray[np.float32]], rate_hz: int
) -> tuple[Iterator[NDArray[np.float32]], Callable[[], NDArray[np.int64]]]:
    """The same blocks ``(4, n)`` AmbiX, and what returns the peaks of W ``(n, 2)`` once all have passed."""
    import soxr

    finder, resampler = PeakFinder(), soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32", quality="HQ")

    def passing() -> Iterator[NDArray[np.float32]]:
        for block in blocks:
            finder.push(resampler.resample_chunk(np.ascontiguousarray(block[W])))
            yield block

    def finish() -> NDArray[np.int64]:
        finder.push(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        return finder.finish()

    return passing(), finish


def write_peaks(path: Path, peaks: NDArray[np.int64]) -> None:
    """Equal peaks give equal bytes."""
    np.save(path, peaks.astype(np.int32))


def read_peaks(path: Path) -> NDArray[np.int64]:
    """Raises :class:`ItemError` where the file holds no peaks."""
    try:
        peaks = np.load(path, allow_pickle=False)
        if peaks.ndim != 2 or peaks.shape[1] != 2 or peaks.dtype.kind != "i":
            raise ValueError(f"{peaks.dtype} of the shape {peaks.shape}")
    except (OSError, EOFError, ValueError, AttributeError) as error:
        raise ItemError("damaged-output", f"{path}: expected the peaks of a sound, found: {error}") from None
    return np.asarray(peaks, np.int64)
