"""Write test media: encode frames and channels, and put spatial metadata into the files by hand.

The boxes and elements are assembled here, independently of the parsers that read them.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360.media import ffmpeg

SPHERICAL_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")


def box(kind: bytes, *content: bytes) -> bytes:
    """An MP4 box."""
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def full_box(kind: bytes, *content: bytes) -> bytes:
    """An MP4 box with version 0 and no flags."""
    return box(kind, bytes(4), *content)


def st3d(mode: int) -> bytes:
    """Stereo layout: 0 mono, 1 top-bottom, 2 left-right, 3 custom."""
    return full_box(b"st3d", bytes([mode]))


def sv3d(projection: bytes, *, yaw_deg: float = 0, pitch_deg: float = 0, roll_deg: float = 0) -> bytes:
    """Spherical box around a projection box."""
    pose = struct.pack(">iii", *(round(angle * 65536) for angle in (yaw_deg, pitch_deg, roll_deg)))
    return box(b"sv3d", full_box(b"svhd", b"yt360\0"), box(b"proj", full_box(b"prhd", pose), projection))


def equi(left: float = 0, top: float = 0, right: float = 0, bottom: float = 0) -> bytes:
    """Equirectangular with cropped bounds as fractions."""
    return full_box(b"equi", struct.pack(">IIII", *(int(value * 2**32) for value in (top, bottom, left, right))))


def cbmp(layout: int = 0, padding: int = 0) -> bytes:
    """Cubemap."""
    return full_box(b"cbmp", struct.pack(">II", layout, padding))


def sa3d(channel_map: list[int], *, head_locked: bool = False, normalization: int = 0) -> bytes:
    """Ambisonics."""
    head = struct.pack(">BBIBBI", 0, 0x80 if head_locked else 0, 1, 0, normalization, len(channel_map))
    return box(b"SA3D", head, struct.pack(f">{len(channel_map)}I", *channel_map))


def vexu(projection: bytes = b"", packing: bytes = b"", *, eyes: int | None = None) -> bytes:
    """Apple's statement: the kind of projection (``equi`` …), of packing (``side``, ``over``), the bits of ``stri``."""
    parts = b""
    if eyes is not None:
        parts += box(b"eyes", full_box(b"stri", bytes([eyes])), full_box(b"hero", b"\1"))
    if packing:
        parts += box(b"pack", full_box(b"pkin", packing))
    if projection:
        parts += box(b"proj", full_box(b"prji", projection))
    return box(b"vexu", parts)


def spherical_xml(stereo: str = "mono", extra: str = "") -> bytes:
    """The V1 ``uuid`` box."""
    xml = (
        '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"><GSpherical:Spherical>true</GSpherical:Spherical>'
        "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>"
        f"<GSpherical:StereoMode>{stereo}</GSpherical:StereoMode>{extra}</rdf:SphericalVideo>"
    )
    return box(b"uuid", SPHERICAL_UUID, xml.encode())


class _BitWriter:
    def __init__(self) -> None:
        self.bits: list[int] = []

    def write(self, value: int, width: int) -> None:
        self.bits += [(value >> k) & 1 for k in range(width - 1, -1, -1)]

    def align(self) -> None:
        self.bits += [0] * (-len(self.bits) % 8)

    def data(self) -> bytes:
        self.align()
        return np.packbits(np.asarray(self.bits, np.uint8)).tobytes()


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def mesh_box(vertices: NDArray[np.float64], triangles: NDArray[np.int64]) -> bytes:
    """``mesh`` from vertices ``(n, 5)`` (x right, y up, z back, u, v up) and triangles ``(m, 3)``."""
    values, inverse = np.unique(vertices.astype(">f4").astype(np.float64), return_inverse=True)
    index = inverse.reshape(vertices.shape)
    writer = _BitWriter()
    width = max(1, (2 * len(values) - 1).bit_length())
    previous = [0] * 5
    for row in index:
        for k in range(5):
            writer.write(_zigzag(int(row[k]) - previous[k]), width)
            previous[k] = int(row[k])
    writer.align()
    writer.write(1, 32)
    writer.write(0, 8)
    writer.write(0, 8)
    writer.write(triangles.size, 32)
    width, last = max(1, (2 * len(vertices) - 1).bit_length()), 0
    for vertex in triangles.ravel():
        writer.write(_zigzag(int(vertex) - last), width)
        last = int(vertex)
    head = struct.pack(">I", len(values)) + values.astype(">f4").tobytes() + struct.pack(">I", len(vertices))
    return box(b"mesh", head, writer.data())


def mshp(*meshes: bytes, deflate: bool = True) -> bytes:
    """Projection meshes with their checksum."""
    body = b"".join(meshes)
    if deflate:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        payload = b"dfl8" + packer.compress(body) + packer.flush()
    else:
        payload = b"raw " + body
    return full_box(b"mshp", struct.pack(">I", zlib.crc32(payload)), payload)


def grid_mesh(span_deg: float, layout_u: tuple[float, float] = (0, 1), *, steps: int = 48) -> bytes:
    """A mesh that shows ``span_deg`` of the horizon as an equirectangular picture in ``layout_u`` of the frame."""
    s, t = np.meshgrid(np.linspace(-1, 1, steps + 1), np.linspace(-1, 1, steps // 2 + 1))
    azimuth, elevation = -np.radians(span_deg / 2) * s, -np.pi / 2 * t
    x, y = np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation)
    u = layout_u[0] + (s + 1) / 2 * (layout_u[1] - layout_u[0])
    vertices = np.stack([-y, np.sin(elevation), -x, u, (1 - t) / 2], axis=-1).reshape(-1, 5)
    columns = steps + 1
    cells = [(r * columns + c) for r in range(steps // 2) for c in range(steps)]
    triangles = [(k, k + columns, k + 1) for k in cells] + [(k + 1, k + columns, k + columns + 1) for k in cells]
    return mesh_box(vertices, np.asarray(triangles))


def _find(data: bytes | bytearray, path: list[bytes], start: int, end: int) -> list[int]:
    """Offsets of the boxes along ``path`` inside ``data[start:end]``, outermost first."""
    offset = start
    while offset + 8 <= end:
        size, kind = struct.unpack(">I4s", data[offset : offset + 8])
        if kind == path[0]:
            inner = offset + 8 + (8 if kind == b"stsd" else 0)
            return [offset] + (_find(data, path[1:], inner, offset + size) if path[1:] else [])
        offset += max(8, size)
    raise ValueError(f"no box {path[0]!r}")


def insert_boxes(path: Path, handler: bytes, *boxes: bytes, in_track: bool = False) -> None:
    """Append boxes to the sample entry (or the track) of the first track with ``handler``; ``moov`` must come last."""
    data = bytearray(path.read_bytes())
    (moov,) = _find(data, [b"moov"], 0, len(data))
    offset, end = moov + 8, moov + struct.unpack(">I", data[moov : moov + 4])[0]
    while offset < end:
        size, kind = struct.unpack(">I4s", data[offset : offset + 8])
        if kind == b"trak" and data[offset : offset + size].find(b"hdlr") > 0:
            at = data.index(b"hdlr", offset, offset + size)
            if data[at + 12 : at + 16] == handler:
                break
        offset += size
    else:
        raise ValueError(f"no track {handler!r}")
    parents = [moov, offset]
    if not in_track:
        chain = _find(data, [b"mdia", b"minf", b"stbl", b"stsd"], offset + 8, offset + size)
        entry = chain[-1] + 16
        parents += [*chain, entry]
    last = parents[-1]
    payload = b"".join(boxes)
    position = last + struct.unpack(">I", data[last : last + 4])[0]
    data[position:position] = payload
    for parent in parents:
        grown = struct.unpack(">I", data[parent : parent + 4])[0] + len(payload)
        data[parent : parent + 4] = struct.pack(">I", grown)
    path.write_bytes(data)


def element(identifier: int, data: bytes) -> bytes:
    """An EBML element with an eight-byte size."""
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + (1 << 56 | len(data)).to_bytes(8, "big") + data


def matroska_projection(kind: int, private: bytes = b"", *, yaw_deg: float = 0.0) -> bytes:
    """A ``Projection`` element."""
    body = element(0x7671, bytes([kind])) + element(0x7673, struct.pack(">d", yaw_deg))
    return element(0x7670, body + (element(0x7672, private) if private else b""))


VIDEO_CODECS = {
    "rgb": ["-c:v", "ffv1", "-pix_fmt", "bgr0"],
    "h264": ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p"],
    "vp9": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "30", "-b:v", "0"],
    "mpeg4": ["-c:v", "mpeg4"],
    "mjpeg": ["-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"],
}
AUDIO_CODECS = {
    "opus": (["-c:a", "libopus", "-mapping_family", "2", "-b:a", "480k"], "ambisonic 1"),
    "opus255": (["-c:a", "libopus", "-mapping_family", "255", "-b:a", "480k"], "quad"),
    "vorbis": (["-c:a", "libvorbis", "-q:a", "7"], "quad"),
    "aac": (["-c:a", "aac", "-b:a", "384k"], "4.0"),
    "aac51": (["-c:a", "aac", "-b:a", "512k"], "5.1"),
    "pcm": (["-c:a", "pcm_f32le"], "4 channels"),
    "flac": (["-c:a", "flac"], "quad"),
}
"""Encoder options and the channel layout that each is fed with."""


def encode(
    path: Path,
    *,
    frames: NDArray[np.uint8] | None = None,
    fps: float = 8,
    video: str = "h264",
    sound: NDArray[np.float64] | None = None,
    rate_hz: int = 24_000,
    audio: str = "opus",
    layout: str | None = None,
) -> Path:
    """Encode RGB or gray ``frames`` ``(n, h, w[, 3])`` and channels ``(c, n)`` into one file."""
    inputs: list[str] = []
    outputs: list[str] = []
    scratch: list[Path] = []
    if frames is not None:
        raw = path.with_suffix(".frames")
        raw.write_bytes(np.ascontiguousarray(frames).tobytes())
        scratch.append(raw)
        pixels = "gray" if frames.ndim == 3 else "rgb24"
        size = f"{frames.shape[2]}x{frames.shape[1]}"
        inputs += ["-f", "rawvideo", "-pix_fmt", pixels, "-s", size, "-r", f"{fps:g}", "-i", str(raw)]
        outputs += VIDEO_CODECS[video]
    if sound is not None:
        raw = path.with_suffix(".samples")
        raw.write_bytes(np.ascontiguousarray(sound.T.astype("<f4")).tobytes())
        scratch.append(raw)
        options, usual = AUDIO_CODECS[audio]
        inputs += ["-f", "f32le", "-ar", str(rate_hz), "-ch_layout", layout or usual, "-i", str(raw)]
        outputs += options
    ffmpeg.run(["-y", *inputs, *outputs, "-threads", "1", str(path)], timeout_s=120)
    for file in scratch:
        file.unlink()
    return path
