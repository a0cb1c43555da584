"""Sound files as other people's programs write them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.media_containers import encode, insert_boxes, sa3d
from benchmarks.other_hands.sources import Array

_AMB_FLOAT = bytes.fromhex("030000002107d3118644c8c1ca000000")


def _wav(path: Path, sound: Array, rate_hz: int) -> Path:
    soundfile.write(path.with_suffix(".wav"), sound.T, rate_hz, subtype="PCM_24")
    return path.with_suffix(".wav")


def _flac(path: Path, sound: Array, rate_hz: int) -> Path:
    soundfile.write(path.with_suffix(".flac"), sound.T, rate_hz, subtype="PCM_16")
    return path.with_suffix(".flac")


def _amb(path: Path, sound: Array, rate_hz: int) -> Path:
    """WAVE-EX of B-format (R. Dobson, 2000): floats, no loudspeaker mask, the GUID of ambisonics."""
    data, channels = np.ascontiguousarray(sound.T, "<f4").tobytes(), sound.shape[0]
    form = struct.pack("<HHIIHHHHI", 0xFFFE, channels, rate_hz, 4 * channels * rate_hz, 4 * channels, 32, 22, 32, 0)
    chunks = b"fmt " + struct.pack("<I", 40) + form + _AMB_FLOAT + b"data" + struct.pack("<I", len(data)) + data
    path = path.with_suffix(".amb")
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def _coded(suffix: str, audio: str, layout: str | None = None) -> Callable[[Path, Array, int], Path]:
    def write(path: Path, sound: Array, rate_hz: int) -> Path:
        return encode(path.with_suffix(suffix), sound=sound, rate_hz=rate_hz, audio=audio, layout=layout)

    return write


def _stated(normalization: int) -> Callable[[Path, Array, int], Path]:
    def write(path: Path, sound: Array, rate_hz: int) -> Path:
        made = encode(path.with_suffix(".mp4"), sound=sound, rate_hz=rate_hz, audio="aac")
        insert_boxes(made, b"soun", sa3d([0, 1, 2, 3], normalization=normalization))
        return made

    return write


WRITERS: dict[str, Callable[[Path, Array, int], Path]] = {
    "wav": _wav,
    "flac": _flac,
    "amb": _amb,
    "mkv pcm": _coded(".mkv", "pcm"),
    "mp4 aac": _coded(".mp4", "aac"),
    "webm opus": _coded(".webm", "opus"),
    "ogg vorbis": _coded(".ogg", "vorbis"),
    "mp4 aac sa3d": _stated(0),
    "mp4 aac sa3d n3d": _stated(1),
    "m4a itag 327": _coded(".m4a", "aac51"),
    "mkv pcm pair": _coded(".mkv", "pcm", "6 channels"),
    "webm opus pair": _coded(".webm", "opus", "ambisonic 1+stereo"),
    "mkv flac 5.1": _coded(".mkv", "flac", "5.1"),
    "mkv flac quad": _coded(".mkv", "flac", "quad"),
    "mkv flac 4.0": _coded(".mkv", "flac", "4.0"),
}
"""Writers ``(path without suffix, (channels, n), rate) -> file`` by name."""
