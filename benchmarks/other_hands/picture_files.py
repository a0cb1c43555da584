"""Picture files as other people's programs write them, with metadata that are true, absent or false."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.media_containers import cbmp, equi, insert_boxes, spherical_xml, st3d, sv3d
from benchmarks.other_hands.layouts import LayoutKind
from yt360.media import ffmpeg

Frames = NDArray[np.uint8]

_SECONDS, _FPS = 10, 2
_X264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]

CODECS = {
    "h264": (".mp4", [*_X264, "-crf", "23"]),
    "h264, starved": (".mp4", [*_X264, "-crf", "37"]),
    "hevc": (
        ".mp4",
        ["-c:v", "libx265", "-preset", "ultrafast", "-crf", "28", "-x265-params", "log-level=none:pools=1"],
    ),
    "vp9": (".webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "34", "-b:v", "0"]),
    "mjpeg": (".mkv", ["-c:v", "mjpeg", "-q:v", "5", "-pix_fmt", "yuvj420p"]),
}
"""Suffix and encoder options by name."""

DESCRIBED = ("equirectangular", "cubemap", "half_equirectangular")
"""Projections that boxes can state without a mesh."""


def write_picture(path: Path, frames: Frames, kind: LayoutKind, codec: str, metadata: str, *, xml: bool) -> Path:
    """Ten seconds of ``frames`` ``(n, h, w, 3)``; ``metadata`` is ``true``, ``absent`` or ``false``."""
    boxes = _boxes(kind, metadata, xml=xml)
    suffix, options = CODECS[codec]
    # Boxes are written into MP4, and carried from there into other containers by ffmpeg.
    coded = path.with_suffix(".mp4" if boxes else suffix)
    if boxes and suffix != ".mp4":
        options = CODECS["h264"][1]
    height, width = frames.shape[1:3]
    held = np.repeat(frames, -(-_SECONDS * _FPS // len(frames)), axis=0)[: _SECONDS * _FPS]
    arguments = [
        "-y",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{width}x{height}",
        "-r",
        str(_FPS),
        "-i",
        "pipe:0",
    ]
    ffmpeg.run([*arguments, *options, "-threads", "1", str(coded)], timeout_s=120, stdin=held.tobytes())
    if not boxes:
        return coded
    insert_boxes(coded, b"vide", *boxes, in_track=xml)
    if suffix == ".mp4":
        return coded
    remuxed = path.with_suffix(".mkv")
    copy = ["-c", "copy", "-strict", "unofficial", str(remuxed)]
    ffmpeg.run(["-y", *ffmpeg.input_arguments(coded), *copy], timeout_s=60)
    coded.unlink()
    return remuxed


def _boxes(kind: LayoutKind, metadata: str, *, xml: bool) -> list[bytes]:
    if metadata == "absent":
        return []
    modes = {"mono": 0, "top-bottom": 1, "left-right": 2}
    if metadata == "false":
        # A whole picture claims to be two eyes of one; everything else claims to be such a picture.
        plain = kind.projection == "equirectangular" and kind.stereo == "mono"
        return [spherical_xml("top-bottom" if plain else "mono")] if xml else [st3d(1 if plain else 0), sv3d(equi())]
    if kind.projection == "cubemap":
        return [st3d(0), sv3d(cbmp())]
    if kind.projection == "half_equirectangular":
        return [st3d(modes[kind.stereo]), sv3d(equi(left=0.25, right=0.25))]
    return [spherical_xml(kind.stereo)] if xml else [st3d(modes[kind.stereo]), sv3d(equi())]
