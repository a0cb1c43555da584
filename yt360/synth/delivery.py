"""Puts picture and sound into files the way YouTube, cameras and editors deliver them.

Every way was checked to decode back to the right channels in order (``tests/synth``). Equal frames
and samples give equal bytes: one thread, no clock, no random ids.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import W, X, Y, Z
from yt360.media import ffmpeg
from yt360.media.clips import REPEATABLE_X264
from yt360.synth.render import SAMPLE_RATE_HZ

_TIMEOUT_S = 600.0
_EXACT = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"]

DELIVERIES = ("opus", "vorbis", "aac-pair", "pcm")
"""``opus``: Matroska with Opus mapping family 2, as itag 338. ``vorbis``: Matroska with four-channel Vorbis, as
itag 339. ``aac-pair``: MP4 whose own sound is a stereo fold-down, and an M4A with AAC 5.1 that holds X Y W 0 Z 0,
as itag 327. ``pcm``: Matroska with float samples, the only one that can hold NaN."""

_LAYOUTS = {1: "mono", 2: "stereo", 4: "quad", 6: "5.1"}


def write_video(
    folder: Path,
    name: str,
    frames: Iterable[NDArray[np.uint8]],
    size: tuple[int, int],
    fps: float,
    sound: NDArray[np.float32],
    delivery: str,
    *,
    filters: str = "null",
    head_locked: NDArray[np.float32] | None = None,
) -> list[str]:
    """Write one video; the names of its files, the picture first.

    ``frames`` are ``(height, width, 3)`` RGB of ``size`` (height, width), ``filters`` an ffmpeg graph on them.
    ``sound`` is ``(channels, samples)`` at 48 kHz in the order in which it is to be stored (W Y Z X for
    proper ambisonics; ``aac-pair`` packs it as YouTube does). ``head_locked`` ``(2, samples)`` goes behind
    it (``opus`` only).
    """
    data = b"".join(frame.tobytes() for frame in frames)
    height, width = size
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "pipe:0"]
    coding = [
        "-vf",
        f"{filters},format=yuv420p",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        "20",
        "-threads",
        "1",
    ]
    coding += ["-g", str(round(3 * fps)), "-filter_threads", "1", "-x264-params", REPEATABLE_X264]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        if delivery == "aac-pair":
            w, y, z, x = sound[[W, Y, Z, X]]
            nothing = np.zeros_like(w)
            packed = np.stack([x, y, w, nothing, z, nothing])
            fold = (np.stack([w + y, w - y]) / 2).astype(np.float32)
            video, audio = f"{name}.mp4", f"{name}.f327.m4a"
            stereo = _raw_input(Path(scratch), "fold", fold, "stereo")
            tail = ["-map", "0:v", "-map", "1:a", "-c:a", "aac", "-b:a", "128k", *_EXACT, "-movflags", "+faststart"]
            _encode([*picture, *stereo, *coding, *tail], folder / video, data)
            surround = _raw_input(Path(scratch), "foa", packed, "5.1")
            # Mid/side and intensity coding would mix channels that have nothing to do with each other.
            exact = ["-aac_ms", "0", "-aac_is", "0", "-aac_coder", "fast", "-cutoff", "20000"]
            _encode([*surround, "-c:a", "aac", "-b:a", "512k", *exact, *_EXACT], folder / audio, None)
            return [video, audio]
        channels = sound if head_locked is None else np.concatenate([sound, head_locked])
        layout, codec = _sound_coding(delivery, channels.shape[0], head_locked is not None)
        source = _raw_input(Path(scratch), "foa", channels, layout)
        file = f"{name}.mkv"
        _encode([*picture, *source, *coding, "-map", "0:v", "-map", "1:a", *codec, *_EXACT], folder / file, data)
        return [file]


def _sound_coding(delivery: str, channels: int, head_locked: bool) -> tuple[str, Sequence[str]]:
    if delivery == "pcm" or channels not in (4, 6):
        return _LAYOUTS[channels], ["-c:a", "pcm_f32le" if delivery == "pcm" else "libopus"]
    if delivery == "vorbis" and channels == 4:
        return "quad", ["-c:a", "libvorbis", "-q:a", "6"]
    layout = "ambisonic 1+stereo" if head_locked else "ambisonic 1"
    return layout, ["-c:a", "libopus", "-mapping_family", "2", "-b:a", f"{96 * channels}k"]


def _raw_input(scratch: Path, name: str, sound: NDArray[np.float32], layout: str) -> list[str]:
    path = scratch / f"{name}.f32"
    path.write_bytes(np.ascontiguousarray(sound.T, dtype=np.float32).tobytes())
    return ["-f", "f32le", "-ar", str(SAMPLE_RATE_HZ), "-ch_layout", layout, "-i", str(path)]


def _encode(arguments: list[str], path: Path, picture: bytes | None) -> None:
    ffmpeg.run(["-y", *arguments, str(path)], timeout_s=_TIMEOUT_S, stdin=picture)
