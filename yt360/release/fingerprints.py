"""Fingerprints of clips: by what a clip is recognised when somebody cuts it from another copy of its video.

The measures are those by which duplicates are found (:mod:`yt360.filters.duplicates`), taken of the clip itself, so a
release without media still says what its clips look and sound like, in about 1.5 kB each and with nothing that could be
played.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from yt360.ambisonics import W
from yt360.dataset.decoding import decode_frames
from yt360.dataset.manifest import ClipRow
from yt360.errors import ItemError
from yt360.filters.duplicates import audio_fingerprint, visual_fingerprint
from yt360.filters.duplicates.fingerprints import VideoFingerprint

PICTURE_S = 2.5
"""Time between two described frames of a clip."""

MOST_LANDMARKS = 200
"""Landmarks of a clip that are published, on average one each 50 ms in a clip of ten seconds."""

_MIXER = np.uint32(0x9E3779B1)
"""Odd factor (from the golden ratio) that puts hashes into an order which has nothing to do with the sound."""


def fingerprint(clip: ClipRow, video: bytes, sound: bytes) -> VideoFingerprint:
    """The fingerprint of a clip's MP4 and FLAC. Raises :class:`ItemError` where they do not decode."""
    duration_s = min(clip.frames / clip.fps, clip.samples / clip.sample_rate_hz)
    return VideoFingerprint(_landmarks(clip, sound), _pictures(clip, video, duration_s), PICTURE_S, duration_s)


def _landmarks(clip: ClipRow, sound: bytes) -> NDArray[np.int64]:
    try:
        samples, rate = soundfile.read(io.BytesIO(sound), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise ItemError("corrupt-member", f"clip {clip.clip}: the sound does not decode ({error})") from error
    heard = soxr.resample(np.ascontiguousarray(samples[:, W]), rate, audio_fingerprint.RATE_HZ)
    return audio_fingerprint.landmarks([np.asarray(heard, np.float32)])


def _pictures(clip: ClipRow, video: bytes, duration_s: float) -> NDArray[np.int8]:
    at_s = np.arange(0, max(duration_s, 1e-3), PICTURE_S)
    numbers = np.minimum(np.round(at_s * clip.fps).astype(int), clip.frames - 1)
    size = (visual_fingerprint.COLUMNS, visual_fingerprint.ROWS)
    described = []
    for frame in decode_frames(video, clip, numbers.tolist()):
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        small = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
        described.append(visual_fingerprint.describe(small))
    return np.stack(described)


def thinned(print_: VideoFingerprint) -> VideoFingerprint:
    """The same with at most :data:`MOST_LANDMARKS` landmarks: those whose hashes come first in a fixed order.

    Which these are depends on the hashes alone, so two copies of a recording keep the same ones.
    """
    marks = print_.landmarks
    order = np.lexsort((marks[:, 1], marks[:, 0].astype(np.uint32) * _MIXER))[:MOST_LANDMARKS]
    kept = marks[order]
    return replace(print_, landmarks=kept[np.lexsort((kept[:, 0], kept[:, 1]))])


def to_row(clip: str, print_: VideoFingerprint) -> dict[str, Any]:
    """A row of :data:`yt360.release.schema.FINGERPRINTS`."""
    return {
        "clip": clip,
        "hashes": print_.landmarks[:, 0].astype(np.int32),
        "times": print_.landmarks[:, 1].astype(np.int32),
        "pictures": print_.frames.tobytes(),
    }


def from_row(row: Mapping[str, Any], duration_s: float) -> VideoFingerprint:
    """What :func:`to_row` wrote. Raises :class:`ValueError` for what is no such row."""
    hashes, times = (np.asarray(row[name], np.int64) for name in ("hashes", "times"))
    pictures = np.frombuffer(row["pictures"], np.int8)
    if hashes.ndim != 1 or hashes.shape != times.shape or pictures.size % visual_fingerprint.LENGTH:
        raise ValueError(f"a fingerprint of {hashes.size} hashes, {times.size} times and {pictures.size} bytes")
    frames = pictures.reshape(-1, visual_fingerprint.LENGTH)
    return VideoFingerprint(np.stack([hashes, times], axis=1), frames, PICTURE_S, duration_s)


def joined(prints: Sequence[tuple[float, VideoFingerprint]]) -> VideoFingerprint:
    """The clips of one video, each with its place in seconds, as a fingerprint of that video.

    Where no clip lies there is neither sound nor picture.
    """
    end_s = max(start_s + print_.duration_s for start_s, print_ in prints)
    marks = [print_.landmarks + np.array([0, round(start_s / audio_fingerprint.FRAME_S)]) for start_s, print_ in prints]
    step_s = 0.5
    frames = np.zeros((int(end_s / step_s) + 1, visual_fingerprint.LENGTH), np.int8)
    for start_s, print_ in prints:
        places = np.round((start_s + np.arange(len(print_.frames)) * print_.frame_s) / step_s).astype(int)
        inside = places < len(frames)
        frames[places[inside]] = print_.frames[inside]
    return VideoFingerprint(np.concatenate(marks), frames, step_s, end_s)
