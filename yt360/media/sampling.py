"""A bounded look into a file: a few frames and a few seconds of sound, spread over its whole length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideData
from numpy.typing import NDArray

from yt360.errors import ItemError
from yt360.media.probe import AudioStream, MediaInfo, open_media
from yt360.media.reading import read_channels
from yt360.media.sound import FoaDecodeSpec

_MOST_PACKETS = 400
"""Packets that are read after one seek in search of a frame that decodes."""

_TAIL_S, _MOST_TAIL_PACKETS = 2.0, 5000
"""Seconds before the promised end from which packets are counted, and how many at most."""

_PAIR_S, _MOST_PAIR_PACKETS = 0.12, 16
"""How much later the second frame of a pair is that shows what moves, and how far it is looked for."""


@dataclass
class FrameSample:
    """Frames ``(n, height, width)`` gray of the file as coded, and how well it decoded.

    ``times_s`` are on the container's clock, whose start is 0. ``failed`` counts places that gave no
    good frame. ``last_s`` is the time of the last packet that is there.
    ``stereo_message`` tells that a frame carries a statement on its stereo layout.
    ``later`` holds, for each frame, one a moment later, or None where there is none.
    """

    frames: NDArray[np.uint8]
    later: list[NDArray[np.uint8] | None] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    attempts: int = 0
    failed: int = 0
    stereo_message: bool = False
    last_s: float | None = None


def sample_frames(info: MediaInfo, *, count: int, height: int, width: int) -> FrameSample:
    """Up to ``count`` frames of the first picture stream, spread evenly, decoded at key frames where possible."""
    duration = info.duration_s or 0.0
    times = [info.start_s + duration * (k + 0.5) / count for k in range(count)] if duration > 0 else [info.start_s]
    sample = FrameSample(np.zeros((0, height, width), np.uint8))
    frames: list[NDArray[np.uint8]] = []
    with open_media(info.path, info.metadata) as container:
        stream = next(s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
        stream.thread_type = "SLICE"
        stream.codec_context.skip_frame = "NONREF"
        last = -np.inf
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
            sample.stereo_message |= frame.side_data.get(SideData.STEREO3D) is not None
            sample.times_s.append(round(float(frame.time or 0.0) - info.start_s, 3))
            frames.append(_gray(frame, height, width))
            after = _frame_after(container, stream, frame.time)
            sample.later.append(None if after is None else _gray(after, height, width))
        if duration > 0:
            sample.last_s = _last_packet(container, stream, info.start_s, duration)
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
    """The first good frame at the key frame before ``time_s`` or after; a new one where that is cheap."""
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


def _gray(frame: Any, height: int, width: int) -> NDArray[np.uint8]:
    gray = frame.reformat(format="gray").to_ndarray()
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

    ``failed`` counts windows that did not decode, ``last_s`` is where the last sound was found.
    """

    windows: list[NDArray[np.float32]]
    starts_s: list[float]
    rate_hz: int
    failed: int = 0
    last_s: float = 0.0
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


def sample_sound(
    path: Path,
    stream: AudioStream,
    *,
    start_s: float,
    duration_s: float,
    count: int,
    window_s: float,
    around_s: Sequence[float] = (),
) -> SoundSample:
    """Decode :func:`sound_windows`. ``start_s`` is the start of the container's clock."""
    reading = FoaDecodeSpec(
        channels=stream.channels,
        sample_rate_hz=stream.sample_rate_hz,
        stream=stream.index,
        delay_s=max(0.0, stream.start_s - start_s),
    )
    sample = SoundSample([], [], stream.sample_rate_hz)
    for begin, length in sound_windows(duration_s, count=count, window_s=window_s, around_s=around_s):
        try:
            blocks = list(_window(path, reading, begin, length))
        except ItemError as error:
            if error.kind == "timeout":
                raise
            sample.failed += 1
            sample.messages.append(str(error))
            continue
        if blocks:
            window = np.concatenate(blocks, axis=1)
            sample.windows.append(window)
            sample.starts_s.append(begin)
            sample.last_s = max(sample.last_s, begin + window.shape[1] / stream.sample_rate_hz)
    return sample


def _window(path: Path, reading: FoaDecodeSpec, begin: float, length: float) -> Iterator[NDArray[np.float32]]:
    return read_channels(path, reading, start_s=begin, duration_s=length, exact=False, timeout_s=60.0)
