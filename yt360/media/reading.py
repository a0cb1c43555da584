"""Read any file in the project's canonical form: mono equirectangular frames, AmbiX sound.

Time 0 is the start of the container's clock for picture and sound alike, so that both stay
together. ffmpeg decodes; sound is taken as it is decoded, at its own rate, without a channel layout
ever reaching a filter that could mix, then put in order with numpy and resampled with soxr.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from yt360.media import ffmpeg
from yt360.media.lookup import Lookup, lookup_map
from yt360.media.picture import VideoDecodeSpec, equirectangular_filter, eye_filter, filter_string, input_stream
from yt360.media.sound import FoaDecodeSpec
from yt360.media.spatial import Bounds

DEFAULT_TIMEOUT_S = 3600.0
"""Seconds after which decoding a file is given up."""

_MOST_LOOKUP_SOURCE = 2
"""Times the wanted size of the source pictures that are looked up, at most; larger ones are shrunk first."""

_PREROLL_S = 0.5
"""Decoders need some history before their output is right (Opus 80 ms, RFC 7845 section 4.6; AAC one frame)."""

_AT_ONCE = 9600
"""Samples that ffmpeg hands on and writes at a time; a packet of Opus has 960, and each handing on wakes a thread."""


def _seek(start_s: float, duration_s: float | None) -> list[str]:
    arguments = ["-ss", f"{start_s:.6f}"] if start_s > 0 else []
    return arguments + (["-t", f"{duration_s:.6f}"] if duration_s is not None else [])


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
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Iterator[NDArray[np.uint8]]:
    """Frames ``(height, width, 3)`` RGB, or ``(height, width)`` gray, mono equirectangular.

    With ``fps``, frame k shows the picture at ``start_s + k / fps`` (nearest source frame; before the
    first one the first one is held). Without it, the source's own frames.
    Raises :class:`yt360.media.ffmpeg.FfmpegError`.
    """
    channels = 1 if gray else 3
    stream = input_stream()
    if fps is not None:
        stream = stream.filter("fps", fps=fps, start_time=0, round="near")
    finish: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None
    rows, columns = height, width
    if reading.needs_lookup:
        stream, (rows, columns), finish = _prepare_lookup(stream, path, reading, height, width)
    else:
        stream = equirectangular_filter(stream, reading, height, width)
    before = ["-noautorotate", "-threads", "1", *_seek(start_s, duration_s)]
    if key_frames:
        before = ["-skip_frame", "nokey", *before]
    if reading.drop_sei:
        before += without_sei(reading.codec)
    arguments = [
        *ffmpeg.input_arguments(path, before=before),
        *("-map", f"0:v:{reading.stream}", "-an", "-sn", "-dn", "-vf", filter_string(stream)),
        *("-filter_threads", "1", "-f", "rawvideo", "-pix_fmt", "gray" if gray else "rgb24"),
    ]
    if fps is None:
        arguments += ["-fps_mode", "passthrough"]
    elif duration_s is not None:
        arguments += ["-frames:v", str(max(1, round(duration_s * fps)))]
    shape = (rows, columns) if gray else (rows, columns, channels)
    size = rows * columns * channels
    with ffmpeg.stream([*arguments, "pipe:1"], timeout_s=timeout_s) as pipe:
        while len(data := pipe.read(size)) == size:
            frame = np.frombuffer(data, np.uint8).reshape(shape)
            yield frame if finish is None else finish(frame)


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


def read_channels(
    path: Path,
    reading: FoaDecodeSpec,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    block_s: float = 10.0,
    exact: bool = True,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(channels, n)`` of the stream as decoded, at its own rate, before any reordering.

    Zeros stand for the time before a late stream begins. ``exact`` decodes from the start of the file and
    drops what comes before ``start_s``: only that is right to the sample in every container. Without it
    ffmpeg seeks, which is off by up to 1 ms in Matroska (its clock) and by up to one AAC frame in MP4.
    """
    rate, channels = reading.sample_rate_hz, reading.channels
    wanted = None if duration_s is None else round(duration_s * rate)
    block = max(1, round(block_s * rate))
    padding = max(0, round((reading.delay_s - start_s) * rate))
    if wanted is not None:
        padding = min(padding, wanted)
        wanted -= padding
    for offset in range(0, padding, block):
        yield np.zeros((channels, min(block, padding - offset)), np.float32)
    if wanted == 0:
        return
    # After a seek start a little early and cut, so that the decoder's first, wrong samples are not kept.
    into_s = max(0.0, start_s - reading.delay_s)
    preroll_s = into_s if exact else min(_PREROLL_S, into_s)
    skip = round(preroll_s * rate)
    length_s = None if wanted is None else wanted / rate + preroll_s + 0.1
    seek = _seek(0.0 if exact else start_s - preroll_s, length_s + reading.delay_s if length_s and exact else length_s)
    arguments = [
        *ffmpeg.input_arguments(path, before=["-threads", "1", *seek]),
        *("-map", f"0:a:{reading.stream}", "-vn", "-sn", "-dn", "-af", f"asetnsamples=n={_AT_ONCE}:p=0"),
        *("-filter_threads", "1", "-c:a", "pcm_f32le", "-f", "f32le", "-flush_packets", "0", "pipe:1"),
    ]
    with ffmpeg.stream(arguments, timeout_s=timeout_s) as pipe:
        while skip > 0 and pipe.read(min(skip, block) * 4 * channels):
            skip -= min(skip, block)
        while wanted is None or wanted > 0:
            count = block if wanted is None else min(block, wanted)
            samples = np.empty((count, channels), "<f4")
            decoded = samples[: pipe.readinto(samples.data.cast("B")) // (4 * channels)].T
            if decoded.size == 0:
                break
            if wanted is not None:
                wanted -= decoded.shape[1]
            yield decoded


def _resampled(
    blocks: Iterator[NDArray[np.float32]], channels: int, source_hz: int, target_hz: int
) -> Iterator[NDArray[np.float32]]:
    if source_hz == target_hz:
        yield from blocks
        return
    resampler = soxr.ResampleStream(source_hz, target_hz, channels, dtype="float32", quality="HQ")
    for block in blocks:
        out = resampler.resample_chunk(np.ascontiguousarray(block.T))
        if out.size:
            yield np.ascontiguousarray(out.T)
    out = resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
    if out.size:
        yield np.ascontiguousarray(out.T)


def read_sound(
    path: Path,
    reading: FoaDecodeSpec,
    *,
    sample_rate_hz: int,
    start_s: float = 0.0,
    duration_s: float | None = None,
    block_s: float = 10.0,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(4, n)`` of AmbiX W Y Z X at ``sample_rate_hz``; peaks above 1 are kept as they are.

    Raises :class:`yt360.media.ffmpeg.FfmpegError`.
    """
    decoded = read_channels(path, reading, start_s=start_s, duration_s=duration_s, block_s=block_s, timeout_s=timeout_s)
    if not (reading.as_decoded and reading.sample_rate_hz != sample_rate_hz):
        decoded = (reading.ambisonic(block) for block in decoded)
    yield from _resampled(decoded, 4, reading.sample_rate_hz, sample_rate_hz)


def read_head_locked(
    path: Path,
    reading: FoaDecodeSpec,
    *,
    sample_rate_hz: int,
    start_s: float = 0.0,
    duration_s: float | None = None,
    block_s: float = 10.0,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Iterator[NDArray[np.float32]]:
    """Blocks ``(2, n)`` of the head-locked pair (left, right); nothing where the file has none."""
    if not reading.head_locked:
        return
    pair = list(reading.head_locked)
    decoded = read_channels(path, reading, start_s=start_s, duration_s=duration_s, block_s=block_s, timeout_s=timeout_s)
    yield from _resampled((block[pair] for block in decoded), len(pair), reading.sample_rate_hz, sample_rate_hz)
