"""Put supplemental messages (projection, packing) into H.264 and HEVC streams, independently of what reads them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360.media import ffmpeg

EQUIRECTANGULAR = (150, bytes([0x40]))
GUARDED = (150, bytes([0x60 | 0x00, 0x10, 0x20, 0x00]))
CUBEMAP = (151, bytes([0x40]))
FISHEYE = (152, bytes([0x40]) + bytes(8))
HALF_TURN = {"h264": (47, bytes([0x10, 0x00, 0x09])), "hevc": (47, bytes([0x10, 0x00, 0x18]))}
"""Display orientation: no flips, 180° in units of 360° / 2^16, until further notice."""


def rotation(yaw_deg: float, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> tuple[int, bytes]:
    """The sphere's rotation in 2^-16 degrees."""
    return 154, struct.pack(">Biii", 0x40, *(round(angle * 65536) for angle in (yaw_deg, pitch_deg, roll_deg)))


def packing(kind: int, interpretation: int = 1) -> tuple[int, bytes]:
    """Frame packing: 3 side by side, 4 top and bottom; interpretation 2 is right eye first."""
    bits = "1" + "0" + f"{kind:07b}" + "0" + f"{interpretation:06b}" + "000000" + "0" * 16 + "0" * 8 + "1" + "0"
    bits += "0" * (-len(bits) % 8)
    return 45, int(bits, 2).to_bytes(len(bits) // 8, "big")


def unit(codec: str, *messages: tuple[int, bytes]) -> bytes:
    """A unit of messages with its start code and emulation prevention."""
    data = b""
    for kind, payload in messages:
        data += bytes([kind, len(payload)]) + payload
    data += b"\x80"
    escaped, zeros = bytearray(), 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    head = b"\x06" if codec == "h264" else bytes([39 << 1, 1])
    return b"\0\0\0\1" + head + bytes(escaped)


def encode_with(path: Path, frames: NDArray[np.uint8], codec: str, *messages: tuple[int, bytes]) -> Path:
    """Frames ``(n, h, w, 3)``, 2 a second, as H.264 or HEVC with the messages in front of the first picture."""
    raw, stream = path.with_suffix(".rgb"), path.with_suffix("." + codec)
    raw.write_bytes(frames.tobytes())
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    coder = ["libx264"] if codec == "h264" else ["libx265", "-x265-params", "log-level=none:bframes=0"]
    ffmpeg.run(
        ["-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", "2", "-i", str(raw), "-c:v", *coder,
         "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", codec, str(stream)], timeout_s=60,
    )  # fmt: skip
    data = stream.read_bytes()
    at = 0
    while True:  # the first unit that is a picture
        at = data.index(b"\0\0\1", at) + 3
        first = data[at]
        if (1 <= first & 31 <= 5) if codec == "h264" else first >> 1 & 63 < 32:
            break
    at -= 4 if data[at - 4] == 0 else 3
    stream.write_bytes(data[:at] + unit(codec, *messages) + data[at:])
    ffmpeg.run(["-y", "-r", "2", "-f", codec, "-i", str(stream), "-c", "copy", str(path)], timeout_s=60)
    raw.unlink()
    stream.unlink()
    return path
