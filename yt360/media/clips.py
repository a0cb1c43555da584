"""Clips as files: written so that training reads them fast at random, and checked as a reader would."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from yt360.errors import ItemError
from yt360.media.containers import flac, spherical_boxes

REPEATABLE_X264 = "threads=1:cpu-independent=1"
"""x264's parameters under which equal frames give equal bytes: one thread, and none of the assembly of its macroblock
tree. That divides by approximations which differ between processors, and with AVX-512 takes in memory behind a row of
blocks that nobody wrote, where a row is no multiple of 8 blocks. Its C code does neither, at the same quality."""

_BT601 = 6
"""SMPTE 170M: what players and libav assume for pictures of this size, written down so that nobody has to."""


class ClipVideoWriter:
    """H.264 in MP4 at a constant frame rate with closed GOPs of ``gop`` frames and no B-frames.

    Frames are shown in the order in which they are stored, so frame n is at n / fps exactly and a
    seek decodes at most ``gop`` frames. Tuned for decoding (no CABAC, no deblocking filter): half the
    time of x264's defaults for a tenth more bytes. Equal frames give equal bytes, see :data:`REPEATABLE_X264`.
    ``crf`` and ``preset`` are libx264's. The file says that it is a whole mono equirectangular picture (``st3d`` and
    ``sv3d``) unless ``whole_sphere`` is false. Nothing is written when no frame came.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: int | Fraction,
        *,
        gop: int,
        crf: float,
        preset: str,
        whole_sphere: bool = True,
    ) -> None:
        self.frames = 0
        self._whole_sphere = whole_sphere
        self._path = path
        self._container = av.open(
            str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
        )
        stream = self._container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.gop_size = gop
        context.colorspace = _BT601
        context.options = {
            "crf": f"{crf:g}",
            "preset": preset,
            "tune": "fastdecode",
            "flags": "+bitexact+cgop",
            "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:bframes=0:{REPEATABLE_X264}",
        }
        self._stream = stream

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Append one frame ``(height, width, 3)`` RGB."""
        picture = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts = self.frames
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
        self.frames += 1

    def __enter__(self) -> ClipVideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self.frames:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
        self._container.close()
        if kind is None and self.frames and self._whole_sphere:
            spherical_boxes.inject(self._path)


def write_clip_sound(
    path: Path, samples: NDArray[np.floating], sample_rate_hz: int, subtype: str, comments: Mapping[str, str]
) -> None:
    """AmbiX ``(samples, 4)`` as FLAC that says what it is, and ``comments`` (:mod:`yt360.media.containers.flac`)."""
    soundfile.write(path, samples, sample_rate_hz, subtype=subtype, format="FLAC")
    flac.write_comments(path, {**flac.AMBIX, **comments})


def write_two_channels(
    path: Path, samples: NDArray[np.floating], sample_rate_hz: int, subtype: str, comments: Mapping[str, str]
) -> None:
    """Left and right ``(samples, 2)`` as FLAC with ``comments``."""
    soundfile.write(path, samples, sample_rate_hz, subtype=subtype, format="FLAC")
    flac.write_comments(path, {"CHANNELS": "left right", **comments})


def check_clip_video(path: Path) -> int:
    """Decode every frame of a clip; their number. Raises :class:`ItemError` when the file is not whole."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            promised = stream.frames
            decoded = sum(1 for _ in container.decode(stream))
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise ItemError("corrupt", f"{path}: expected a clip's H.264 video, found: {error}") from error
    if not decoded or decoded != promised:
        raise ItemError("truncated", f"{path}: expected {promised} frames, decoded {decoded}")
    return decoded


def check_clip_sound(path: Path, wanted_channels: int = 4) -> int:
    """Decode every sample of a clip; their number. Raises :class:`ItemError` when the file is not whole."""
    try:
        with soundfile.SoundFile(path) as stream:
            promised, channels = stream.frames, stream.channels
            decoded = sum(len(block) for block in stream.blocks(1 << 16, dtype="float32"))
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise ItemError("corrupt", f"{path}: expected a clip's FLAC sound, found: {error}") from error
    if channels != wanted_channels or not decoded or decoded != promised:
        wanted = f"{wanted_channels} channels of {promised} samples"
        raise ItemError("truncated", f"{path}: expected {wanted}, decoded {channels} of {decoded}")
    return decoded
