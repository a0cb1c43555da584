"""A bounded look into a file: a few frames and a few seconds of sound, spread over its whole length."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from yt360.errors import ItemError
from yt360.media.picture import Turn, matrix_turn, turned
from yt360.media.probe import AudioStream, MediaInfo, VideoStream, open_media, stream_at
from yt360.media.reading_sound import no_samples, read_channels
from yt360.media.sound import FoaDecodeSpec
from yt360.media.timeline import SoundNotes

_MOST_PACKETS = 400
"""Packets that are read after one seek in search of a frame that decodes."""

_STEPS_BACK_S = (0.0, 4.0, 16.0, 64.0)
"""How far in front of a place its key frame is looked for."""

_MOST_BAD = 0.01
"""Share of values that are no samples above which a window is damaged as a whole."""

_CUT_SHORT, _CUT_SLACK_S = 0.9, 0.5
"""Share of the promised length that some stream must reach, and seconds that it may lack besides."""

_MATRIX_BYTES = 36
"""Nine numbers of a display matrix."""

_VORBIS_PRIMING_S = 0.01
"""A track of Vorbis in MP4 that is shown from later on is cut by ourselves: libav 62 leaves out a whole packet where
the cut lies inside of it. Up to here it is the first packet, which decodes to nothing."""

_TAIL_S, _MOST_TAIL_PACKETS = 2.0, 5000
"""Seconds before the promised end from which packets are counted, and how many at most."""

_PAIR_S, _MOST_PAIR_PACKETS = 0.12, 16
"""How much later the second frame of a pair is that shows what moves, and how far it is looked for."""


def falls_short(found_s: float, promised_s: float) -> bool:
    """Whether a stream ends so long before what is promised that something must be wrong with either."""
    return found_s < _CUT_SHORT * promised_s - _CUT_SLACK_S


@dataclass
class FrameSample:
    """Frames ``(n, height, width)`` gray of the file as coded, and how well it decoded.

    ``times_s`` are on the container's clock, whose start is 0. ``failed`` counts places that gave no
    good frame. ``last_s`` is the time of the last packet that is there.
    ``stereo_message`` tells that a frame carries a statement on its stereo layout.
    ``turn`` is what the file says is to be done to a coded frame, and was.
    ``later`` holds, for each frame, one a moment later, or None where there is none.
    """

    frames: NDArray[np.uint8]
    later: list[NDArray[np.uint8] | None] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    attempts: int = 0
    failed: int = 0
    stereo_message: bool = False
    last_s: float | None = None
    turn: Turn = ""


def sample_frames(info: MediaInfo, video: VideoStream, *, count: int, height: int, width: int) -> FrameSample:
    """Up to ``count`` frames of a picture stream, spread evenly, decoded at key frames where possible.

    They are turned as the file says they are shown.
    """
    duration = info.duration_s or 0.0
    sample = FrameSample(np.zeros((0, height, width), np.uint8))
    frames: list[NDArray[np.uint8]] = []
    reformatter = VideoReformatter()  # with one for each frame, half of the work would be to set it up
    with open_media(info.path, info.metadata) as container:
        stream = stream_at(container, "video", video.index)
        stream.thread_type = "SLICE"
        stream.codec_context.skip_frame = "NONREF"
        last = -np.inf
        if info.metadata.picture(video.index).oriented:
            sample.turn = _first_turn(container, stream)
        if duration > 0:
            sample.last_s = _last_packet(container, stream, info.start_s, duration)
            if sample.last_s is not None and falls_short(sample.last_s, duration):
                duration = max(0.0, sample.last_s)
        times = [info.start_s + duration * (k + 0.5) / count for k in range(count)] if duration > 0 else [info.start_s]
        for time_s in times:
            sample.attempts += 1
            frame = _frame_near(container, stream, time_s, last)
            if frame is None:
                sample.failed += 1
                continue
            if frame.time is not None:
                last = frame.time
            if frame.is_corrupt:
                sample.failed += 1
            sample.turn = sample.turn or ("" if frames else _turn(frame))
            sample.stereo_message |= frame.side_data.get(SideData.STEREO3D) is not None
            sample.times_s.append(round(float(frame.time or 0.0) - info.start_s, 3))
            frames.append(_gray(reformatter, frame, height, width, sample.turn))
            after = _frame_after(container, stream, frame.time)
            sample.later.append(None if after is None else _gray(reformatter, after, height, width, sample.turn))
    if frames:
        sample.frames = np.stack(frames)
    return sample


def _last_packet(container: Any, stream: Any, start_s: float, duration_s: float) -> float | None:
    """Time of the last picture packet, looked for near the promised end; nothing is decoded."""
    try:
        near_end_s = max(0.0, duration_s - _TAIL_S)
        container.seek(int((start_s + near_end_s) / stream.time_base), stream=stream, backward=True)
        last = None
        for count, packet in enumerate(container.demux(stream)):
            if packet.pts is not None:
                end = packet.pts + (packet.duration or 0)
                last = end if last is None else max(last, end)
            if count > _MOST_TAIL_PACKETS:
                break
        return None if last is None else float(last * stream.time_base) - start_s
    except (av.FFmpegError, ValueError):
        return None


def _frame_near(container: Any, stream: Any, time_s: float, last_s: float) -> Any:
    """The first good frame at the key frame before ``time_s`` or after; a new one where that is cheap.

    MPEG-TS is sought to any packet: the key frame that what follows needs may lie further in front.
    """
    for back_s in _STEPS_BACK_S:
        frame = _frame_from(container, stream, time_s - back_s, last_s)
        if frame is not None or back_s > time_s:
            return frame
    return None


def _frame_from(container: Any, stream: Any, time_s: float, last_s: float) -> Any:
    try:
        container.seek(max(0, int(time_s / stream.time_base)), stream=stream, backward=True)
        best = None
        for packets, packet in enumerate(container.demux(stream)):
            for frame in packet.decode():
                best = frame
                # Short files have few key frames: go on to a frame that was not seen yet.
                if frame.time is None or frame.time > last_s + 1e-3:
                    return frame
            if packets > _MOST_PACKETS:
                break
        return best
    except (av.FFmpegError, ValueError):
        return None


def _turn(frame: Any) -> Turn:
    matrix = frame.side_data.get(SideData.DISPLAYMATRIX)
    data = bytes(matrix) if matrix is not None else b""
    return matrix_turn(struct.unpack("=9i", data)) if len(data) == _MATRIX_BYTES else ""


def _first_turn(container: Any, stream: Any) -> Turn:
    """The turn that the first frame of a file carries; nothing has been read of it yet."""
    try:
        for count, packet in enumerate(container.demux(stream)):
            for frame in packet.decode():
                return _turn(frame)
            if count > _MOST_PACKETS:
                break
    except (av.FFmpegError, ValueError):
        pass
    return ""


def _gray(reformatter: VideoReformatter, frame: Any, height: int, width: int, turn: Turn) -> NDArray[np.uint8]:
    plane: Any = reformatter.reformat(frame, format="gray", threads=1)
    gray = turned(plane.to_ndarray(), turn)
    shrunk: NDArray[np.uint8] = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA).astype(
        np.uint8, copy=False
    )
    return shrunk


def _frame_after(container: Any, stream: Any, time_s: float | None) -> Any:
    """A frame a moment after the one that was decoded last; None where there is none."""
    if time_s is None:
        return None
    try:
        for count, packet in enumerate(container.demux(stream)):
            for frame in packet.decode():
                if frame.time is not None and frame.time >= time_s + _PAIR_S:
                    return frame
            if count > _MOST_PAIR_PACKETS:
                break
    except (av.FFmpegError, ValueError):
        pass
    return None


@dataclass
class SoundSample:
    """Windows ``(channels, n)`` of a sound stream as decoded, and how well it decoded.

    ``failed`` counts windows that did not decode, ``last_s`` is where the last sound was found,
    ``first_s`` where the first frame sounds. ``not_numbers_s`` are the tenths of a second with values that are no
    samples; few of them in a window are 0 in it, as reading makes them: a clip is lost by them and not a video.
    """

    windows: list[NDArray[np.float32]]
    starts_s: list[float]
    rate_hz: int
    failed: int = 0
    last_s: float = 0.0
    first_s: float | None = None
    not_numbers_s: list[float] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


def sound_windows(
    duration_s: float, *, count: int, window_s: float, around_s: Sequence[float] = ()
) -> list[tuple[float, float]]:
    """(start, length) of windows spread over ``duration_s``; everything where that is not longer.

    The first is at the start and the last at the end; the others are moved to lie around some of the moments
    ``around_s`` that the picture is known of.
    """
    if duration_s <= count * window_s:
        return [(0.0, duration_s)]
    last = duration_s - window_s
    starts = [k * last / (count - 1) for k in range(count)]
    if len(around_s) >= count - 2:
        chosen = [around_s[round(k)] for k in np.linspace(0, len(around_s) - 1, count)[1:-1]]
        starts[1:-1] = [min(max(0.0, time_s - window_s / 2), last) for time_s in chosen]
    return [(start, window_s) for start in starts]


def plain_reading(info: MediaInfo, stream: AudioStream) -> FoaDecodeSpec:
    """How to decode a sound stream while nothing is known of what its channels are."""
    stated = info.metadata.sound(stream.index)
    edits = stated.edits
    if stream.codec == "vorbis" and stated.only_edit is not None and stated.only_edit[1] > _VORBIS_PRIMING_S:
        edits = (stated.only_edit,)
    return FoaDecodeSpec(
        channels=stream.channels,
        sample_rate_hz=stream.sample_rate_hz,
        stream=stream.index,
        codec=stream.codec,
        delay_s=max(0.0, stream.start_s - info.start_s),
        edits=tuple((at - info.start_s, begin, length) for at, begin, length in edits),
        parts=stream.parts,
        matrix=stream.matrix,
        opus_header=stream.opus_header,
    )


def sample_sound(
    path: Path,
    reading: FoaDecodeSpec,
    *,
    duration_s: float,
    count: int,
    window_s: float,
    around_s: Sequence[float] = (),
    seekable: bool = True,
    tick_s: float = 0.0,
) -> SoundSample:
    """Decode :func:`sound_windows` by a :func:`plain_reading`; ``tick_s`` is the unit of the stream's time stamps.

    Without ``seekable`` everything up to the end of the last window is decoded, once.
    """
    sample = SoundSample([], [], reading.sample_rate_hz)
    spans = sound_windows(duration_s, count=count, window_s=window_s, around_s=around_s)
    if not seekable:
        return _in_one_pass(path, reading, spans, sample)
    for begin, length in spans:
        notes = SoundNotes()
        try:
            blocks = list(_window(path, reading, begin, length, tick_s, notes))
        except ItemError as error:
            if error.kind in ("timeout", "time-stamps"):
                raise
            sample.failed += 1
            sample.messages.append(str(error))
            continue
        if blocks:
            window = np.concatenate(blocks, axis=1)
            if begin == 0.0:
                sample.first_s = notes.start_s
            window = _cleaned(window, begin, sample)
            sample.windows.append(window)
            sample.starts_s.append(begin)
            sample.last_s = max(sample.last_s, begin + window.shape[1] / reading.sample_rate_hz)
    return sample


def _cleaned(window: NDArray[np.float32], begin_s: float, sample: SoundSample) -> NDArray[np.float32]:
    bad = no_samples(window)
    if bad is None or bad.mean() > _MOST_BAD:
        return window
    tenths = np.unique((begin_s + np.flatnonzero(bad.any(axis=0)) / sample.rate_hz) * 10 // 1)
    sample.not_numbers_s += [tenth / 10 for tenth in tenths.tolist()]
    return np.where(bad, np.float32(0), window)


def _window(
    path: Path, reading: FoaDecodeSpec, begin: float, length: float, tick_s: float, notes: SoundNotes
) -> Iterator[NDArray[np.float32]]:
    return read_channels(
        path, reading, start_s=begin, duration_s=length, exact=False, tick_s=tick_s, notes=notes, timeout_s=60.0
    )


def _in_one_pass(
    path: Path, reading: FoaDecodeSpec, spans: Sequence[tuple[float, float]], sample: SoundSample
) -> SoundSample:
    """The windows ``spans`` (start, length) of a file in which no place but the beginning can be found."""
    rate, at, notes = reading.sample_rate_hz, 0, SoundNotes()
    parts: list[list[NDArray[np.float32]]] = [[] for _ in spans]
    end_s = max(begin + length for begin, length in spans)
    try:
        for block in read_channels(path, reading, duration_s=end_s, notes=notes):
            for part, (begin, length) in zip(parts, spans, strict=True):
                first, last = round(begin * rate) - at, round((begin + length) * rate) - at
                piece = block[:, max(0, first) : max(0, last)]
                if piece.size:
                    part.append(piece.copy())
            at += block.shape[1]
    except ItemError as error:
        if error.kind in ("timeout", "time-stamps"):
            raise
        sample.failed = sum(not part for part in parts)
        sample.messages.append(str(error))
    sample.first_s = notes.start_s
    for part, (begin, _) in zip(parts, spans, strict=True):
        if part:
            sample.windows.append(_cleaned(np.concatenate(part, axis=1), begin, sample))
            sample.starts_s.append(begin)
            sample.last_s = max(sample.last_s, begin + sample.windows[-1].shape[1] / rate)
    return sample
