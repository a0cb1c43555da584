"""Frames of any file as mono equirectangular pictures.

Time 0 is the start of the container's clock for picture and sound alike (:mod:`yt360.media.reading_sound`), so that
both stay together. ffmpeg decodes and unrolls plain layouts; :mod:`yt360.media.lookup` finishes the others.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from yt360.media import ffmpeg
from yt360.media.containers.spatial import Bounds
from yt360.media.lookup import Lookup, lookup_map
from yt360.media.picture import (
    VideoDecodeSpec,
    equirectangular_filter,
    eye_filter,
    filter_string,
    input_stream,
    turn_filter,
)
from yt360.media.timeline import first_number

if TYPE_CHECKING:
    from yt360.media.shared_decoding import Look
    from yt360.media.superseded import Superseded

_MOST_LOOKUP_SOURCE = 2
"""Times the wanted size of the source pictures that are looked up, at most; larger ones are shrunk first."""

_FIRST_STAMP = "PTS+0*if(eq(N,0),print(T,16),0)"
"""Prints the time of the first frame."""

_KEY_PACKETS = "noise=drop='not(key)'"
"""Takes all but key frames out before the decoder, as well: VP9's decodes everything, whatever it is told to skip."""

_ON_SHOW_S = 0.001
_FIRST_STEP_BACK_S, _STEPS_BACK = 2.0, 4.0
"""How far in front of the start a seek is tried that did not find the frame on show, and how much further each time."""


def read_frames(
    path: Path,
    reading: VideoDecodeSpec,
    *,
    height: int,
    width: int,
    fps: float | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    gray: bool = False,
    key_frames: bool = False,
    timeout_s: float = ffmpeg.DEFAULT_TIMEOUT_S,
) -> Iterator[NDArray[np.uint8]]:
    """Frames ``(height, width, 3)`` RGB, or ``(height, width)`` gray, mono equirectangular.

    With ``fps``, frame k shows the picture at ``start_s + k / fps`` (nearest source frame; before the
    first one the first one is held). Without it, the source's own frames.
    Raises :class:`yt360.media.ffmpeg.FfmpegError`.
    """
    # Here: who asks where a root stands does not wait for libraries that decode.
    from yt360.media.shared_decoding import Look, taken_along

    if fps is not None and duration_s is not None and gray and not key_frames:
        held = taken_along(Look(path, reading, height, width, fps, start_s, duration_s))
        if held is not None:
            yield from held
            return
    span = _Span(fps, start_s, duration_s, gray, key_frames, timeout_s)
    for (frame,) in _read(path, reading, [(height, width)], span):
        yield frame


def read_frames_in_sizes(
    path: Path,
    reading: VideoDecodeSpec,
    sizes: Sequence[tuple[int, int]],
    *,
    fps: float,
    start_s: float = 0.0,
    duration_s: float | None = None,
    timeout_s: float = ffmpeg.DEFAULT_TIMEOUT_S,
) -> Iterator[tuple[NDArray[np.uint8], ...]]:
    """The same frames in several ``sizes`` (height, width), decoded once: each as :func:`read_frames` gives it alone.

    Raises :class:`yt360.media.ffmpeg.FfmpegError`.
    """
    return _read(path, reading, sizes, _Span(fps, start_s, duration_s, False, False, timeout_s))


@dataclass(frozen=True)
class _Span:
    """Which frames of a file are read; see :func:`read_frames`."""

    fps: float | None
    start_s: float
    duration_s: float | None
    gray: bool
    key_frames: bool
    timeout_s: float


_Frames = tuple[NDArray[np.uint8], ...]
"""A frame in each of the wanted sizes."""

_ROUNDING = 1e-6
"""Of a frame: what times that should be equal may differ by."""


def _read(path: Path, reading: VideoDecodeSpec, sizes: Sequence[tuple[int, int]], span: _Span) -> Iterator[_Frames]:
    if reading.edits and span.fps is not None and not span.key_frames:
        return _edited(path, reading, sizes, span, span.fps)
    return _played(path, reading, sizes, span)


def _edited(
    path: Path, reading: VideoDecodeSpec, sizes: Sequence[tuple[int, int]], span: _Span, fps: float
) -> Iterator[_Frames]:
    """A track that was cut, piece by piece: where a piece begins between key frames, libav is some frames late."""
    end_s = reading.edits[-1][0] + reading.edits[-1][2] - span.start_s
    count = round((end_s if span.duration_s is None else span.duration_s) * fps)
    given = 0
    last: _Frames | None = None
    for begin_s, from_s, length_s in reading.edits:
        begin = max(given, math.ceil((begin_s - span.start_s) * fps - _ROUNDING))
        end = min(count, math.ceil((begin_s + length_s - span.start_s) * fps - _ROUNDING))
        if begin >= end:
            continue
        inside = from_s + span.start_s + begin / fps - begin_s
        piece = replace(span, start_s=inside, duration_s=(end - begin) / fps)
        for frame in _played(path, replace(reading, edits=()), sizes, piece, in_track=True):
            while given < begin:  # nothing is shown: what was shown last stays
                yield last or frame
                given += 1
            last = frame
            yield frame
            given += 1
            if given == end:
                break
    while last is not None and given < count:
        yield last
        given += 1


def _played(
    path: Path, reading: VideoDecodeSpec, sizes: Sequence[tuple[int, int]], span: _Span, *, in_track: bool = False
) -> Iterator[_Frames]:
    """Frames of a span of the file's clock; ``in_track``: of the track's own time, whatever its edit list says."""
    # Here: who asks where a root stands does not wait for libraries that decode.
    from yt360.media import shared_decoding
    from yt360.media.own_clock import late_s
    from yt360.media.superseded import superseded

    fps, start_s, duration_s = span.fps, span.start_s, span.duration_s
    before = [*ffmpeg.KEEP_GAPS, "-noautorotate", "-threads", "1"]
    if in_track:
        before += ["-ignore_editlist", "1", "-copyts", "-seek_timestamp", "1"]
    if span.key_frames:
        before = ["-skip_frame", "nokey", *before]
    held = fps is not None and (start_s > 0 or in_track) and not span.key_frames
    after = ["-frames:v", str(max(1, round(duration_s * fps)))] if fps is not None and duration_s is not None else []
    if fps is None or held:
        after += ["-fps_mode", "passthrough"]
    back_s, thin = 0.0, fps is not None and not span.key_frames
    looks = shared_decoding.within(path, reading, start_s, duration_s) if thin and not in_track else []
    while True:
        begin_s = max(0.0, start_s - back_s)
        # Without -copyts ffmpeg counts from where it sought to.
        wanted_s = start_s if in_track else start_s - begin_s
        stream = input_stream()
        if begin_s == 0 and fps is not None and (late := late_s(path, "video", reading.stream)) > 0:
            stream, looks = stream.filter("setpts", f"PTS+{late:.6f}/TB"), []
        if looks:
            looks = shared_decoding.on_the_same_frames(path, reading.stream, looks, begin_s)
        beside = _beside(looks, begin_s)
        unseen = None
        if thin and fps is not None:
            unseen = superseded(
                path,
                reading.stream,
                fps=fps,
                begin_s=begin_s,
                start_s=start_s,
                duration_s=duration_s,
                in_track=in_track,
                also=tuple((look.fps, look.start_s, look.duration_s) for look in beside),
            )
        if held or unseen is not None:
            stream = stream.filter("setpts", _FIRST_STAMP)
        if fps is not None:
            stream = stream.filter("fps", fps=fps, start_time=f"{wanted_s:.6f}", round="near")
        filters, (rows, columns), parts = _graph(stream, path, reading, sizes)
        # An accurate seek throws away the frame that is on show at the start; without it the filter holds it.
        sought = ["-noaccurate_seek", *ffmpeg.span(begin_s, None)] if held else ffmpeg.span(start_s, duration_s)
        alone = ["-map", f"0:V:{reading.stream}", "-vf", filters, "-filter_threads", "1"]
        output = [
            *(shared_decoding.graph(reading.stream, filters, beside) if beside else alone),
            *("-an", "-sn", "-dn", "-f", "rawvideo", "-pix_fmt", "gray" if span.gray else "rgb24", *after),
        ]
        shape = (rows, columns) if span.gray else (rows, columns, 3)
        size = math.prod(shape)
        with (
            tempfile.TemporaryFile() as said,
            _on_packets(reading, unseen, key_frames=span.key_frames) as packets,
            ffmpeg.stream(
                [
                    *ffmpeg.input_arguments(path, before=[*before, *packets, *sought]),
                    *(*output, "pipe:1", *shared_decoding.outputs(beside)),
                ],
                timeout_s=span.timeout_s,
                said=said,
            ) as pipe,
        ):
            data = pipe.read(size)
            if unseen is not None and not unseen.knows(first_number(said)):
                thin = False  # its clock is not the one by which frames were chosen
                continue
            # Without a frame at all the filter prints the time of the end.
            if held and begin_s > 0 and (len(data) < size or not _on_show(said, wanted_s)):
                back_s = max(_FIRST_STEP_BACK_S, _STEPS_BACK * back_s)
                continue
            with _alike(path, beside, said) as check:
                while len(data) == size:
                    check()
                    frame = np.frombuffer(data, np.uint8).reshape(shape)
                    yield tuple(part.taken_from(frame) for part in parts)
                    data = pipe.read(size)
        return


@contextmanager
def _alike(path: Path, beside: Mapping[Look, str], said: IO[bytes]) -> Iterator[Callable[[], None]]:
    """A check before each frame, and one at the end, that what is decoded for several is the same for each alone.

    Raises :class:`yt360.media.shared_decoding.UnlikeAloneError`.
    """
    from yt360.media import shared_decoding

    def check() -> None:
        if beside and ffmpeg.complains(said):
            raise shared_decoding.UnlikeAloneError(path)

    try:
        yield check
        check()
    finally:
        if beside and ffmpeg.complains(said):
            shared_decoding.forget(beside)


def _beside(looks: Sequence[Look], begin_s: float) -> dict[Look, str]:
    """What ffmpeg does to decoded frames for looks that it writes beside what it is asked for.

    What is finished by a look-up is read alone.
    """
    found = {}
    for look in looks:
        stream = input_stream().filter("fps", fps=look.fps, start_time=f"{look.start_s - begin_s:.6f}", round="near")
        filters, _, finish = _prepared(stream, look.path, look.reading, look.height, look.width)
        if finish is None:
            found[look] = filter_string(filters)
    return found


@contextmanager
def _on_packets(reading: VideoDecodeSpec, unseen: Superseded | None, *, key_frames: bool) -> Iterator[list[str]]:
    """Arguments before the input: what is done to packets in front of the decoder."""
    without = without_sei(reading.codec) if reading.drop_sei else []
    if key_frames and not os.environ.get("YT360_FFMPEG"):  # the filter is in the wheel's ffmpeg
        yield ["-bsf:v", ",".join([_KEY_PACKETS, *without[1:]])]
        return
    if unseen is None:
        yield without
        return
    # In a file: an hour has more places than a command line may hold.
    with tempfile.NamedTemporaryFile("w", suffix=".bsf") as text:
        text.write(",".join([unseen.filter(), *without[1:]]))
        text.flush()
        yield ["-/bsf:v", text.name]


@dataclass(frozen=True)
class _Part:
    """Where one size lies in what comes out of the graph, and what is still to be done to it."""

    top: int
    rows: int
    columns: int
    finish: Lookup | None

    def taken_from(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        part = frame[self.top : self.top + self.rows, : self.columns]
        return part if self.finish is None else self.finish(np.ascontiguousarray(part))


def _graph(
    stream: Any, path: Path, reading: VideoDecodeSpec, sizes: Sequence[tuple[int, int]]
) -> tuple[str, tuple[int, int], list[_Part]]:
    """The text of ``-vf``, the size that comes out of it, and where the wanted sizes are in that: one below another."""
    if len(sizes) == 1:
        filters, (rows, columns), finish = _prepared(stream, path, reading, *sizes[0])
        return filter_string(filters), (rows, columns), [_Part(0, rows, columns, finish)]
    made = [_prepared(input_stream(), path, reading, *size) for size in sizes]
    parts, top, wide = [], 0, max(columns for _, (_, columns), _ in made)
    branches, ends = [], ""
    for number, (filters, (rows, columns), finish) in enumerate(made):
        end = f"[size{number}]"
        # To RGB before anything is laid beside it: each size comes out as it would alone.
        branches.append(f"[in{number}]{filter_string(filters)},format=rgb24,pad={wide}:{rows}{end}")
        parts.append(_Part(top, rows, columns, finish))
        top, ends = top + rows, ends + end
    inputs = "".join(f"[in{number}]" for number in range(len(made)))
    split = f"{filter_string(stream)},split={len(made)}{inputs}"
    return ";".join([split, *branches, f"{ends}vstack=inputs={len(made)}"]), (top, wide), parts


def _on_show(said: IO[bytes], at_s: float) -> bool:
    """Whether the first frame is shown at ``at_s`` already: some containers are sought to the next key frame."""
    stamp = first_number(said)
    return stamp is not None and stamp <= at_s + _ON_SHOW_S


def _prepared(
    stream: Any, path: Path, reading: VideoDecodeSpec, height: int, width: int
) -> tuple[Any, tuple[int, int], Lookup | None]:
    """The graph up to mono equirectangular, the size that comes out of it, and what is still to be done to a frame."""
    stream = turn_filter(stream, reading.turn)
    if reading.needs_lookup:
        return _prepare_lookup(stream, path, reading, height, width)
    return equirectangular_filter(stream, reading, height, width), (height, width), None


def without_sei(codec: str) -> list[str]:
    """Arguments for ffmpeg, before the input, that take supplemental messages out of H.264 and HEVC; none for others.

    Some claim a frame packing that the file does not have, which ffmpeg's filters then go by.
    """
    types = {"h264": "6", "hevc": "39|40"}.get(codec)
    return ["-bsf:v", f"filter_units=remove_types={types}"] if types else []


def _prepare_lookup(
    stream: Any, path: Path, reading: VideoDecodeSpec, height: int, width: int
) -> tuple[Any, tuple[int, int], Lookup]:
    """The graph up to the look-up, the size (rows, columns) that comes out of it, and the look-up."""
    if reading.projection in ("eac", "cubemap"):
        # The faces by the exact filter first, upright; then the whole sphere is turned.
        upright = replace(reading, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0)
        rows, columns = _MOST_LOOKUP_SOURCE * height, _MOST_LOOKUP_SOURCE * width
        stream = equirectangular_filter(stream, upright, rows, columns)
        turned = replace(reading, projection="equirectangular", stereo="mono", bounds=Bounds())
        return stream, (rows, columns), Lookup(lookup_map(path, turned, height, width), rows, columns, wraps=True)
    _, _, eye_width, eye_height = reading.eye
    bounds = reading.bounds
    columns = min(round(reading.width * eye_width), round(_MOST_LOOKUP_SOURCE * width * max(bounds.width, 0.1)))
    rows = min(round(reading.height * eye_height), round(_MOST_LOOKUP_SOURCE * height * max(bounds.height, 0.1)))
    columns, rows = max(2, columns // 2 * 2), max(2, rows // 2 * 2)
    if reading.projection == "mesh":
        columns, rows = round(reading.width * eye_width), round(reading.height * eye_height)
    whole_sphere = reading.projection == "equirectangular" and bounds == Bounds()
    stream = eye_filter(stream, reading).filter("scale", columns, rows, flags="area")
    return stream, (rows, columns), Lookup(lookup_map(path, reading, height, width), rows, columns, wraps=whole_sphere)
