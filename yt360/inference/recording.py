"""Recordings that a model looks into: a clip of a dataset, or any file that ``yt360 inspect`` understands.

Both give *moments*: the frames of a stretch of picture and the sound around it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from yt360.dataset.clip import Clip
from yt360.dataset.cutting import frame_numbers
from yt360.dataset.perspective_crop import PAD, continue_sphere
from yt360.errors import UsageError
from yt360.media.how_to_read import HowToRead
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound
from yt360.models.processor_settings import ProcessorSettings

_READ_ON_S = 4.0
"""A gap between two moments up to this long is decoded and thrown away; beyond a longer one is sought anew."""

_SLACK_S = 1e-6


class RawMoment(NamedTuple):
    """``frames`` (T, H + 2, W + 2, 3) uint8 RGB, the sphere continued by a pixel; ``sound`` (4, samples) AmbiX."""

    start_s: float
    frames: NDArray[np.uint8]
    sound: NDArray[np.float32]


class Recording(Protocol):
    """Where moments come from. They may begin from ``begin_s`` on and must end at ``end_s``."""

    name: str
    begin_s: float
    end_s: float
    settings: ProcessorSettings

    def moments(self, starts_s: Sequence[float]) -> Iterator[RawMoment]:
        """One moment for each of ``starts_s``, which rise."""
        ...

    def pictures(self, fps: float) -> Iterator[NDArray[np.uint8]]:
        """Whole equirectangular frames ``(H, W, 3)`` RGB from ``begin_s`` to ``end_s``."""
        ...

    def sound(self) -> Iterator[NDArray[np.float32]]:
        """Blocks ``(4, n)`` of AmbiX at the model's sample rate, from ``begin_s`` to ``end_s``."""
        ...


def check_starts(recording: Recording, starts_s: Sequence[float], length_s: float) -> None:
    """Raise :class:`UsageError` for moments that the recording does not hold, or that do not rise."""
    for start_s in starts_s:
        if not recording.begin_s - _SLACK_S <= start_s <= recording.end_s - length_s + _SLACK_S:
            raise UsageError(
                f"{recording.name}: a moment of {length_s:g} s from {start_s:g} s on is outside of what has picture "
                f"and sound: {recording.begin_s:g} s to {recording.end_s:g} s"
            )
    if any(b < a for a, b in itertools.pairwise(starts_s)):
        raise UsageError(f"{recording.name}: expected moments in order of time, found {list(starts_s)[:8]}")


class ClipRecording:
    """A clip of a dataset; times are seconds from its beginning."""

    def __init__(self, clip: Clip, settings: ProcessorSettings) -> None:
        self.clip, self.settings = clip, settings
        self.name, self.begin_s, self.end_s = clip.id, 0.0, clip.duration_s

    def moments(self, starts_s: Sequence[float]) -> Iterator[RawMoment]:
        row, wanted = self.clip.row, self.settings
        decoder = self.clip.decoder
        for start_s in starts_s:
            picture_s = start_s + (wanted.sound_s - wanted.picture_s) / 2
            frames = decoder.frames(frame_numbers(row, picture_s, wanted.frames, wanted.frames_per_second))
            samples = round(wanted.sound_s * row.sample_rate_hz)
            first = max(0, min(round(start_s * row.sample_rate_hz), row.samples - samples))
            sound = self._resampled(decoder.sound([first], samples)[0])
            yield RawMoment(start_s, frames, _of_length(sound, wanted.samples))

    def pictures(self, fps: float) -> Iterator[NDArray[np.uint8]]:
        for number in range(max(1, math.floor(self.end_s * fps))):
            yield self.clip.frame(number / fps)

    def sound(self) -> Iterator[NDArray[np.float32]]:
        yield self._resampled(self.clip.foa(0.0, self.end_s))

    def _resampled(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        own, wanted = self.clip.sample_rate_hz, self.settings.sample_rate_hz
        return sound if own == wanted else np.ascontiguousarray(soxr.resample(sound.T, own, wanted).T)


class FileRecording:
    """Any file with a spherical picture and first-order ambisonics; times are those of the container's clock."""

    def __init__(self, read: HowToRead, settings: ProcessorSettings) -> None:
        self.read, self.settings = read, settings
        self.name, self.begin_s, self.end_s = str(read.path), read.begin_s, read.end_s

    def moments(self, starts_s: Sequence[float]) -> Iterator[RawMoment]:
        for run in _runs(starts_s, self.settings.sound_s):
            yield from self._run(run)

    def pictures(self, fps: float) -> Iterator[NDArray[np.uint8]]:
        height = self.settings.height
        return read_frames(
            self.read.path,
            self.read.picture,
            height=height,
            width=2 * height,
            fps=fps,
            start_s=self.begin_s,
            duration_s=self.end_s - self.begin_s,
        )

    def sound(self) -> Iterator[NDArray[np.float32]]:
        return read_sound(
            self.read.sound_path,
            self.read.foa,
            sample_rate_hz=self.settings.sample_rate_hz,
            start_s=self.begin_s,
            duration_s=self.end_s - self.begin_s,
        )

    def _run(self, starts_s: Sequence[float]) -> Iterator[RawMoment]:
        """Moments close to each other, in one pass over picture and sound."""
        wanted = self.settings
        before_s = (wanted.sound_s - wanted.picture_s) / 2
        length_s = starts_s[-1] - starts_s[0]
        frames = FrameWindow(
            read_frames(
                self.read.path,
                self.read.picture,
                height=wanted.height,
                width=2 * wanted.height,
                fps=wanted.frames_per_second,
                start_s=starts_s[0] + before_s,
                duration_s=length_s + wanted.picture_s + 1 / wanted.frames_per_second,
            )
        )
        sound = _Samples(
            read_sound(
                self.read.sound_path,
                self.read.foa,
                sample_rate_hz=wanted.sample_rate_hz,
                start_s=starts_s[0],
                duration_s=length_s + wanted.sound_s,
            )
        )
        for start_s in starts_s:
            after_s = start_s - starts_s[0]
            pictures = frames.take(round(after_s * wanted.frames_per_second), wanted.frames)
            heard = sound.take(round(after_s * wanted.sample_rate_hz), wanted.samples)
            if not pictures:
                raise UsageError(f"{self.name}: the picture ends before {start_s + before_s:.2f} s")
            padded = np.zeros((wanted.frames, wanted.height + 2 * PAD, 2 * wanted.height + 2 * PAD, 3), np.uint8)
            for number in range(wanted.frames):
                padded[number, PAD:-PAD, PAD:-PAD] = pictures[min(number, len(pictures) - 1)]
            continue_sphere(padded)
            yield RawMoment(start_s, padded, _of_length(heard, wanted.samples))


class FrameWindow:
    """A window that moves forward over frames and forgets what lies behind it."""

    def __init__(self, source: Iterator[NDArray[np.uint8]]) -> None:
        self._source = source
        self._held: list[NDArray[np.uint8]] = []
        self._first = 0

    def take(self, first: int, count: int) -> list[NDArray[np.uint8]]:
        """Frames ``first`` to ``first + count``, fewer at the end."""
        self._forget(first)
        while self._first + len(self._held) < first + count:
            frame = next(self._source, None)
            if frame is None:
                break
            self._held.append(frame)
            self._forget(first)
        return self._held[:count]

    def _forget(self, first: int) -> None:
        passed = min(first - self._first, len(self._held))
        del self._held[:passed]
        self._first += passed


class _Samples:
    """The same over samples, which come in blocks ``(4, n)``."""

    def __init__(self, source: Iterator[NDArray[np.float32]]) -> None:
        self._source = source
        self._held = np.zeros((4, 0), np.float32)
        self._first = 0

    def take(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples ``first`` to ``first + count``, fewer at the end."""
        blocks = [self._held]
        held = self._held.shape[1]
        while self._first + held < first + count:
            block = next(self._source, None)
            if block is None:
                break
            blocks.append(block)
            held += block.shape[1]
        passed = min(first - self._first, held)
        self._held = np.concatenate(blocks, axis=1)[:, passed:]
        self._first += passed
        return self._held[:, :count]


def _runs(starts_s: Sequence[float], length_s: float) -> Iterator[list[float]]:
    """Starts in groups between which it pays to seek."""
    run: list[float] = []
    for start_s in starts_s:
        if run and start_s - run[-1] > length_s + _READ_ON_S:
            yield run
            run = []
        run.append(start_s)
    if run:
        yield run


def _of_length(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Silence where the last samples are missing: rounding to frames and samples leaves a few out."""
    short = samples - sound.shape[1]
    whole = np.pad(sound, ((0, 0), (0, short))) if short > 0 else sound[:, :samples]
    return np.ascontiguousarray(whole, np.float32)
