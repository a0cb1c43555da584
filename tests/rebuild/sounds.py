"""Sounds with moments to recognise them by, and fingerprints of clips of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yt360.filters.duplicates import audio_fingerprint, visual_fingerprint
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.release.fingerprints import PICTURE_S, thinned
from yt360.release.reading import PublishedClip

RATE = audio_fingerprint.RATE_HZ


def melody(seed: int, seconds: float) -> NDArray[np.float32]:
    """Short tones at random times and pitches over a little noise, mono at 8 kHz."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 0.002, round(seconds * RATE)).astype(np.float32)
    for start in np.sort(rng.uniform(0, seconds - 0.3, round(8 * seconds))):
        time = np.arange(round(rng.uniform(0.08, 0.25) * RATE)) / RATE
        tone = 0.2 * np.sin(2 * np.pi * rng.uniform(150, 3200) * time) * np.hanning(time.size)
        begin = round(start * RATE)
        sound[begin : begin + time.size] += tone.astype(np.float32)[: sound.size - begin]
    return sound


def pictures(seed: int, count: int) -> NDArray[np.int8]:
    """Visual fingerprints that are alike within a scene and unlike those of another."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0, 25, visual_fingerprint.LENGTH)
    return np.clip(base + rng.normal(0, 2, (count, visual_fingerprint.LENGTH)), -127, 127).astype(np.int8)


def video_of(sound: NDArray[np.float32], scene: int = 0) -> VideoFingerprint:
    """The fingerprint of a whole video."""
    seconds = sound.size / RATE
    frames = pictures(scene, int(seconds / 2.0) + 1)
    return VideoFingerprint(audio_fingerprint.landmarks([sound]), frames, 2.0, seconds)


def clip_of(
    sound: NDArray[np.float32], start_s: float, *, duration_s: float = 10.0, scene: int = 0, video: str = "a"
) -> tuple[PublishedClip, VideoFingerprint]:
    """A published clip of a video, with its fingerprint."""
    heard = sound[round(start_s * RATE) : round((start_s + duration_s) * RATE)]
    frames = pictures(scene, int(np.ceil(duration_s / PICTURE_S)))
    print_ = VideoFingerprint(audio_fingerprint.landmarks([heard]), frames, PICTURE_S, duration_s)
    published = PublishedClip(
        f"{video}-{start_s:05.0f}", video, "train", start_s, duration_s, "https://vimeo.com/1", "", "0" * 40, "1" * 40
    )
    return published, thinned(print_)
