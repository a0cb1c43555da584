"""A clock that drifts, behind time stamps that are rounded: which straight line do they round?

Matroska and FLV write whole milliseconds. Followed step by step, a clock that is slow by 500 ppm is a millisecond off
before the first step is seen. All stamps together tell more: each one bounds the line to half a unit.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

MOST_PPM = 3000.0
"""Above that it is no clock but a wrong sample rate."""

_ROUNDED, _FITTED = 1.1, 1.3
"""Units of the container within which stamps lie around a line that explains them: no drift at all, and one."""

_LEAST_STAMPS = 8
_OPUS_SILK, _OPUS_HYBRID, _OPUS_CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)
_FLAC_FIXED, _FLAC_BYTE, _FLAC_WORD = {1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608}, 6, 7
_EAC3_BLOCKS, _AC3_BLOCK, _AC3_FRAME = (1, 2, 3, 6), 256, 1536
_BITS = re.compile(r"pcm_[suf](\d+)")
_TELLING = frozenset({"ac3", "eac3", "wavpack", "opus", "flac"})
"""Codecs beside PCM whose packets tell their length."""


def tells_samples(codec: str) -> bool:
    """Whether :func:`samples_of` may find anything in packets of this codec.

    >>> tells_samples("pcm_s16le"), tells_samples("aac")
    (True, False)
    """
    return codec in _TELLING or _BITS.match(codec) is not None


def samples_of(codec: str, packet: bytes, size: int, channels: int) -> int:
    """Samples that a packet of ``size`` bytes decodes to, by its first 32 bytes; 0 where they do not tell.

    >>> samples_of("ac3", bytes(32), 1792, 4)
    1536
    >>> samples_of("pcm_s16le", bytes(32), 8192, 4)
    1024
    """
    bits = _BITS.match(codec)
    if bits is not None:
        return size * 8 // (int(bits[1]) * max(1, channels))
    if codec == "ac3":
        return _AC3_FRAME
    if codec == "eac3" and len(packet) > 4:
        dependent, short = packet[2] >> 6 == 1, packet[4] >> 6 == 3
        return 0 if dependent else _AC3_BLOCK * (6 if short else _EAC3_BLOCKS[packet[4] >> 4 & 3])
    if codec == "wavpack" and packet[:4] == b"wvpk":
        return int.from_bytes(packet[20:24], "little")
    if codec == "opus" and packet:
        return _opus(packet)
    return _flac(packet) if codec == "flac" else 0


def _opus(packet: bytes) -> int:
    """RFC 6716, section 3.1."""
    configuration, code = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        length = _OPUS_SILK[configuration % 4]
    elif configuration < 16:
        length = _OPUS_HYBRID[configuration % 2]
    else:
        length = _OPUS_CELT[configuration % 4]
    frames = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[code]
    return length * frames


def _flac(packet: bytes) -> int:
    """RFC 9639, section 9.1."""
    if len(packet) < 16 or packet[0] != 0xFF or packet[1] & 0xFC != 0xF8:
        return 0
    code = packet[2] >> 4
    if code in (_FLAC_BYTE, _FLAC_WORD):  # behind the number of the frame, which is coded as in UTF-8
        ones = f"{packet[4]:08b}".find("0")
        at = 4 + (ones if ones > 1 else 1)
        return 1 + int.from_bytes(packet[at : at + (1 if code == _FLAC_BYTE else 2)], "big")
    return 256 << (code - 8) if code >= 8 else _FLAC_FIXED.get(code, 0)


def drift_ppm(at: NDArray[np.float64], stamps: NDArray[np.float64], unit: float) -> float:
    """How much longer the clock of rounded ``stamps`` is than that of the samples ``at`` before them, in millionths.

    All are in samples, ``unit`` is what stamps are rounded to. 0 where rounding alone explains them, and where no
    straight line does.
    """
    if len(at) < _LEAST_STAMPS:
        return 0.0
    deviation = stamps - at

    def spread(slope: float) -> float:
        return float(np.ptp(deviation - slope * at))

    if spread(0.0) <= _ROUNDED * unit:
        return 0.0
    low, high = -1.1e-6 * MOST_PPM, 1.1e-6 * MOST_PPM
    for _ in range(60):  # the spread is a convex function of the slope
        third = (high - low) / 3
        if spread(low + third) <= spread(high - third):
            high -= third
        else:
            low += third
    slope = (low + high) / 2
    return 1e6 * slope if abs(slope) <= MOST_PPM / 1e6 and spread(slope) <= _FITTED * unit else 0.0
