"""How much of a file is looked at, and the memory that may take. Known from its headers: nothing here decodes."""

from __future__ import annotations

from yt360.media.probe import MediaInfo

FRAMES = 9
"""Frames that are looked at, spread over the file."""

SAMPLE_S = 28.0
"""Seconds of sound that are listened to, in all windows together."""

_MOST_MEMORY_MB = 8192
"""Most memory that a file may claim by the size and rate that it states."""

_FRAMES_HELD, _BYTES_A_PIXEL, _SOUND_COPIES = 24, 3, 6
"""Frames that a decoder may hold for reference, pixels of 10 bits in 4:2:0, and copies of the sound while measuring."""


def memory_mb_beyond(info: MediaInfo) -> int:
    """Memory that looking into a file may take beyond the usual, by the size of its picture and the rate of its sound.

    Bounded: sizes are stated by files from outside.
    """
    pixels = max((video.width * video.height for video in info.videos), default=0)
    rate = max((audio.sample_rate_hz * audio.channels for audio in info.audios), default=0)
    needed = pixels * _BYTES_A_PIXEL * _FRAMES_HELD + rate * SAMPLE_S * 4 * _SOUND_COPIES
    return min(_MOST_MEMORY_MB, int(needed / (1 << 20)))
