"""Write files whose containers state what their channels are: CAF, AIFF, MP4 and MOV boxes, BW64, ``.amb``."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

B_FORMAT, HOA_ACN_SN3D, HOA_ACN_N3D = 107, 190, 191
"""Upper halves of Apple's layout tags."""


def chan(tag: int, channels: int = 0, labels: Sequence[int] = (), bitmap: int = 0) -> bytes:
    """Apple's channel layout: a tag (upper half), or labels one by one."""
    head = struct.pack(">III", tag << 16 | channels, bitmap, len(labels))
    return head + b"".join(struct.pack(">II12x", label, 0) for label in labels)


def chnl(positions: Sequence[int], *, version: int = 0, defined: int = 0) -> bytes:
    """Content of ISO's channel layout box: loudspeaker positions, or a configuration."""
    if version == 0:
        return bytes([0, 0, 0, 0, 1, defined]) + (bytes(8) if defined else bytes(positions))
    rest = b"\x00" if defined else bytes([len(positions), *positions])
    return bytes([1, 0, 0, 0, 1 << 4, len(positions), defined]) + rest


def _samples(sound: NDArray[np.float64], kind: str) -> bytes:
    return np.round(sound.T * 32767).clip(-32768, 32767).astype(kind).tobytes()


def write_caf(path: Path, sound: NDArray[np.float64], rate_hz: int, layout: bytes = b"") -> Path:
    """PCM of 16 bits; ``layout`` is the content of ``chan``."""
    channels = len(sound)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack(">q", len(content)) + content

    description = struct.pack(">d4sIIIII", rate_hz, b"lpcm", 0, 2 * channels, 1, channels, 16)
    data = b"caff" + struct.pack(">HH", 1, 0) + chunk(b"desc", description)
    data += chunk(b"chan", layout) if layout else b""
    path.write_bytes(data + chunk(b"data", bytes(4) + _samples(sound, ">i2")))
    return path


def write_aiff(path: Path, sound: NDArray[np.float64], rate_hz: int, layout: bytes) -> Path:
    """PCM of 16 bits; the rate is an 80 bit number."""
    exponent = rate_hz.bit_length() - 1
    rate = struct.pack(">HQ", 16383 + exponent, rate_hz << (63 - exponent))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack(">I", len(content)) + content + b"\0" * (len(content) & 1)

    common = struct.pack(">HIH", len(sound), sound.shape[1], 16) + rate
    body = chunk(b"COMM", common) + chunk(b"CHAN", layout) + chunk(b"SSND", bytes(8) + _samples(sound, ">i2"))
    path.write_bytes(b"FORM" + struct.pack(">I", 4 + len(body)) + b"AIFF" + body)
    return path


def chna(references: Sequence[str], pack: str) -> bytes:
    """Tracks from 1 on with their track or channel formats."""
    head = struct.pack("<HH", len(references), len(references))
    entries = [
        struct.pack("<H", k + 1)
        + f"ATU_{k + 1:08d}".encode()
        + reference.ljust(14, "\0").encode()
        + pack.encode()
        + b"\0"
        for k, reference in enumerate(references)
    ]
    return head + b"".join(entries)


def write_bw64(
    path: Path, sound: NDArray[np.float64], rate_hz: int, chunks: dict[bytes, bytes], magic: bytes = b"BW64"
) -> Path:
    """PCM of 16 bits whose size stands in ``ds64`` alone; ``chunks`` follow the samples."""
    channels, samples = len(sound), _samples(sound, "<i2")
    body = b"WAVE"
    body += b"ds64" + struct.pack("<IQQQI", 28, 0, len(samples), 0, 0)
    body += b"fmt " + struct.pack("<IHHIIHH", 16, 1, channels, rate_hz, rate_hz * 2 * channels, 2 * channels, 16)
    body += b"data" + struct.pack("<I", 0xFFFFFFFF) + samples
    for kind, content in chunks.items():
        body += kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)
    path.write_bytes(magic + struct.pack("<I", 0xFFFFFFFF) + body)
    return path


def write_amb(path: Path, sound: NDArray[np.float64], rate_hz: int) -> Path:
    """WAVE-EX whose sub-format is B-format (``.amb``)."""
    channels, samples = len(sound), _samples(sound, "<i2")
    guid = bytes.fromhex("010000002107d3118644c8c1ca000000")
    fields = struct.pack("<HHIIHHHHI", 0xFFFE, channels, rate_hz, rate_hz * 2 * channels, 2 * channels, 16, 22, 16, 0)
    body = (
        b"WAVE" + b"fmt " + struct.pack("<I", 40) + fields + guid + b"data" + struct.pack("<I", len(samples)) + samples
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path
