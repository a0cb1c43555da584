"""What a view is rendered from: a clip of a dataset, or any file that `yt360 inspect` understands."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from yt360.dataset.clip import Clip
from yt360.media.how_to_read import HowToRead
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound

_CHUNK_S = 1.0
"""Picture of a clip that is decoded at a time."""

_WIDEST = 8192
"""Pixels around the sphere that a file is read at, at most."""

_FASTEST, _USUAL = 60, 30
"""Frames a second of a rendered file, at most, and where a file does not tell its own."""


class Source(Protocol):
    """Picture and sound on one clock, from ``begin_s`` to ``end_s``; ``fps`` are the frames a second that it gives."""

    name: str
    begin_s: float
    end_s: float
    fps: Fraction

    def frames(self, start_s: float, duration_s: float, around: int) -> Iterator[NDArray[np.uint8]]:
        """Equirectangular frames ``(H, W, 3)`` uint8 RGB; ``around``: pixels around the sphere that are of use."""
        ...

    def sound(self, start_s: float, duration_s: float, rate_hz: int) -> Iterator[NDArray[np.float32]]:
        """Blocks ``(4, n)`` float32 of AmbiX."""
        ...


class ClipSource:
    """A clip, in the largest picture and the finest sound that the dataset holds of it (``chunk.variants``)."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        variants = clip.variants
        self._picture, self._sound = variants.get("large.video.mp4"), variants.get("large.foa.flac")
        self.name, self.begin_s, self.end_s = clip.id, 0.0, clip.duration_s
        self.fps = Fraction(clip.fps).limit_denominator(1001)

    def frames(self, start_s: float, duration_s: float, around: int) -> Iterator[NDArray[np.uint8]]:
        read = (self._picture or self._clip).frames
        first, count = round(start_s * self.fps), max(1, round(duration_s * self.fps))
        at_once = max(1, round(_CHUNK_S * self.fps))
        for begin in range(first, first + count, at_once):
            length = min(at_once, first + count - begin)
            yield from read(float(begin / self.fps), float(length / self.fps))

    def sound(self, start_s: float, duration_s: float, rate_hz: int) -> Iterator[NDArray[np.float32]]:
        if self._sound is not None:
            foa, own_hz = self._sound.sound(start_s, duration_s), int(self._sound.metadata["sample_rate_hz"])
        else:
            foa, own_hz = self._clip.foa(start_s, duration_s), self._clip.sample_rate_hz
        yield foa if own_hz == rate_hz else np.ascontiguousarray(soxr.resample(foa.T, own_hz, rate_hz, quality="HQ").T)


class FileSource:
    """A whole file; ``fps`` as the file has them. Times are those of its own clock."""

    def __init__(self, read: HowToRead) -> None:
        self._read = read
        self.name, self.begin_s, self.end_s = read.path.name, read.begin_s, read.end_s
        self.fps = min(Fraction(read.fps or _USUAL).limit_denominator(1001), Fraction(_FASTEST))

    def frames(self, start_s: float, duration_s: float, around: int) -> Iterator[NDArray[np.uint8]]:
        own = self._read.picture
        # A cube shows a quarter of the horizon on a third of its width: more columns than the file has may be of use.
        width = min(around, 2 * max(own.width, 2 * own.height), _WIDEST)
        width += -width % 4
        return read_frames(
            self._read.path,
            own,
            height=width // 2,
            width=width,
            fps=float(self.fps),
            start_s=start_s,
            duration_s=duration_s,
        )

    def sound(self, start_s: float, duration_s: float, rate_hz: int) -> Iterator[NDArray[np.float32]]:
        return read_sound(
            self._read.sound_path, self._read.foa, sample_rate_hz=rate_hz, start_s=start_s, duration_s=duration_s
        )
