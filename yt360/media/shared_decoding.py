"""One decoding for several looks at the same picture.

Who reads a whole video decodes what others want to see of it anyway. Inside :func:`sharing`, the first
:func:`yt360.media.reading_picture.read_frames` that runs over what is wanted hands it on: the same ffmpeg writes it
into files, from where it is read when its turn comes. It is the same to the last bit as what reading it alone gives,
or it is not taken from there; so whether anything was shared shows in the time only. Of a damaged picture a decoder
makes what it happens to remember, and that depends on what else it has decoded: the reading that takes looks along is
given up at the first word of ffmpeg's (:class:`UnlikeAloneError`).
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from yt360.errors import ItemError
from yt360.media.picture import VideoDecodeSpec
from yt360.media.probe import open_media, stream_at

_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Those in which a seek finds what is on show at any moment; libav's names."""

_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Look:
    """A reading of gray frames, with the arguments of :func:`yt360.media.reading_picture.read_frames`."""

    path: Path
    reading: VideoDecodeSpec
    height: int
    width: int
    fps: float
    start_s: float
    duration_s: float

    @property
    def frames(self) -> int:
        return max(1, round(self.duration_s * self.fps))

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


class UnlikeAloneError(ItemError):
    """A picture is damaged: decoded for one reader alone, it may look otherwise."""

    def __init__(self, path: Path) -> None:
        super().__init__("shared-decoding", f"{path.name}: damaged; each who reads it has to decode it alone")


class Shared:
    """The looks that are wanted, and the files of those that were taken along."""

    def __init__(self, wanted: Sequence[Look], folder: Path) -> None:
        self.wanted: Sequence[Look] = wanted
        self._folder = folder
        self._files: dict[Look, Path] = {}
        self._numbers = itertools.count()

    def file_for(self, look: Look) -> Path:
        """A new one each time: another reading may still write into the one before."""
        self._files[look] = self._folder / f"look{next(self._numbers)}"
        return self._files[look]

    def stop_taking(self) -> None:
        """From here on nothing more is taken along; what was stays."""
        self.wanted = ()

    def forget(self, looks: Iterable[Look]) -> None:
        for look in looks:
            self._files.pop(look, None)

    def held(self, look: Look) -> Path | None:
        """The file of a look, if it is whole: whoever decodes may stop early."""
        path = self._files.get(look)
        whole = look.frames * look.height * look.width
        return path if path is not None and path.is_file() and path.stat().st_size == whole else None


_SHARED: ContextVar[Shared | None] = ContextVar("looks that are shared", default=None)


@contextmanager
def sharing(wanted: Sequence[Look], scratch: Path) -> Iterator[Shared]:
    """Inside, what reads a video takes along what is ``wanted`` of it, and those who want it get it from there.

    It lies in a folder of its own in ``scratch``, which goes with it where this process is killed.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        shared = Shared(wanted, Path(folder))
        before = _SHARED.set(shared)
        try:
            yield shared
        finally:
            _SHARED.reset(before)


def taken_along(look: Look) -> Iterator[NDArray[np.uint8]] | None:
    """The frames of a look that another reading took along; None where none did."""
    shared = _SHARED.get()
    path = shared.held(look) if shared is not None else None
    return None if path is None else _frames(path, look)


def _frames(path: Path, look: Look) -> Iterator[NDArray[np.uint8]]:
    with path.open("rb") as stream:
        for _ in range(look.frames):
            data = stream.read(look.height * look.width)
            yield np.frombuffer(data, np.uint8).reshape(look.height, look.width)


def within(path: Path, reading: VideoDecodeSpec, start_s: float, duration_s: float | None) -> list[Look]:
    """The wanted looks that a reading of this span runs over."""
    shared = _SHARED.get()
    if shared is None:
        return []
    end_s = float("inf") if duration_s is None else start_s + duration_s
    return [
        look
        for look in shared.wanted
        if (look.path, look.reading) == (path, reading)
        and start_s <= look.start_s
        and look.end_s <= end_s
        and shared.held(look) is None
    ]


def on_the_same_frames(path: Path, stream: int, looks: Sequence[Look], begin_s: float) -> list[Look]:
    """Those whose frames are chosen by ffmpeg, which seeks to ``begin_s``, as by one that seeks to where they begin.

    It counts from where it sought to, in units of the track: rounding may decide which of two frames is nearer.
    """
    try:
        with open_media(path) as container:
            unit = stream_at(container, "video", stream).time_base
            if container.format.name not in _CONTAINERS or container.start_time is None or unit is None:
                return []
            zero = container.start_time
    except (av.FFmpegError, ItemError, ValueError, IndexError):
        return []

    def units(microseconds: int) -> int:
        exact = Fraction(microseconds, _MICROSECONDS) / unit
        return int(exact + Fraction(1, 2)) if exact >= 0 else -int(Fraction(1, 2) - exact)

    begin = round(begin_s * _MICROSECONDS)
    alone = {look: units(zero + round(look.start_s * _MICROSECONDS)) for look in looks}
    return [
        look
        for look, counted in alone.items()
        if counted == units(zero + begin) + units(round((look.start_s - begin_s) * _MICROSECONDS))
    ]


def graph(stream: int, filters: str, beside: Mapping[Look, str]) -> list[str]:
    """Arguments by which ffmpeg does ``filters`` to a picture stream, and beside it what looks are made by.

    One graph for all: with one for each, ffmpeg 9 may wait for ever, for it holds back one that is ahead of the
    others while the decoder has a frame for it.
    """
    ends = "".join(f"[in{number}]" for number in range(len(beside)))
    branches = [f"[0:V:{stream}]split={len(beside) + 1}[in]{ends}", f"[in]{filters}[out]"]
    branches += [f"[in{number}]{each}[out{number}]" for number, each in enumerate(beside.values())]
    return ["-filter_complex_threads", "1", "-filter_complex", ";".join(branches), "-map", "[out]"]


def outputs(beside: Iterable[Look]) -> list[str]:
    """Arguments that have ffmpeg write what :func:`graph` makes beside what it is asked for."""
    shared, arguments = _SHARED.get(), []
    for number, look in enumerate(beside):
        assert shared is not None, "asked for outside of sharing()"
        arguments += [
            *("-map", f"[out{number}]", "-an", "-sn", "-dn", "-f", "rawvideo", "-pix_fmt", "gray"),
            *("-frames:v", str(look.frames), "-fps_mode", "passthrough", "-y", f"file:{shared.file_for(look)}"),
        ]
    return arguments


def forget(looks: Iterable[Look]) -> None:
    """Looks that were taken along may not be what reading them alone gives."""
    shared = _SHARED.get()
    if shared is not None:
        shared.forget(looks)
