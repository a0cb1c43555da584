"""The sound that the page plays: four channels as WAV, decoded here.

What a browser makes of four channels is its own affair. Chromium 156 hands on those of FLAC, AAC and Opus (families 1,
2 and 255) in order; Safari decodes AAC into another order (Omnitone's router is there for that), and not every browser
opens Opus of family 2. So the page is given samples and reads the WAV by itself: channel n of the file is channel n of
AmbiX.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

CHANNELS = ("W", "Y", "Z", "X")
"""In the file's order: ACN, with SN3D weights."""

_PCM = 1
_FULL_SCALE = 32767


def sound_wav(foa: NDArray[np.floating], rate_hz: int) -> tuple[bytes, float]:
    """AmbiX ``(4, samples)`` as WAV of 16 bits, and what its samples are to be multiplied with.

    The factor is 1 unless the sound goes over full scale; then it is the peak, and nothing is clipped.
    Raises :class:`ValueError` for another number of channels.

    >>> wav, gain = sound_wav(np.array([[0.5], [0.25], [0.0], [-2.0]]), 24_000)
    >>> gain, np.frombuffer(wav[44:], "<i2").tolist()
    (2.0, [8192, 4096, 0, -32767])
    """
    if foa.ndim != 2 or len(foa) != len(CHANNELS):
        raise ValueError(f"expected first-order sound of shape (4, samples), found {foa.shape}")
    gain = max(1.0, float(np.abs(foa).max(initial=0.0)))
    samples = np.round(foa.T * (_FULL_SCALE / gain)).astype("<i2").tobytes()
    frame = 2 * len(CHANNELS)
    head = struct.pack("<HHIIHH", _PCM, len(CHANNELS), rate_hz, rate_hz * frame, frame, 16)
    riff = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(riff)) + riff, gain
