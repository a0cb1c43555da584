"""Projection meshes (``mshp``): decode, and rasterise into a look-up for an equirectangular picture.

A mesh says for points around the viewer where in the frame their colour is. It covers EAC, stereo
EAC, VR180 and fisheye without guessing. Source: Spherical Video V2 RFC, "Mesh Projection Box".
Counts are bounded as players bound them; a compressed mesh may not grow past a limit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yt360 import sphere
from yt360.media.containers.reader import MalformedError

MAX_MESH_BYTES = 8 << 20
"""Size of an unpacked mesh beyond which it is refused."""

_MAX_COORDINATES = 100_000
"""Most coordinates of a mesh."""

_MAX_VERTICES = 64_000
"""Most vertices of a mesh."""

_MAX_INDICES = 256_000
"""Most indices of a mesh."""

_MAX_LISTS = 1_000
"""Most lists of triangles of a mesh."""

_TOLERANCE = 1e-9
"""Slack of a point on the edge of a triangle."""


@dataclass(frozen=True)
class Mesh:
    """Triangles of one eye.

    ``positions`` ``(vertices, 3)`` in the frame of :mod:`yt360.sphere` (x front, y left, z up);
    ``texture`` ``(vertices, 2)`` as (column, row) fractions of the frame, (0, 0) at its top left;
    ``triangles`` ``(n, 3)`` vertex indices.
    """

    positions: NDArray[np.float64]
    texture: NDArray[np.float64]
    triangles: NDArray[np.int64]


def _signed(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Zig-zag: 0, 1, 2, 3 mean 0, -1, 1, -2."""
    return (values >> 1) ^ -(values & 1)


class _Bits:
    """Big-endian fields of any width out of ``data``; reading past the end is malformed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def number(self, bits: int) -> int:
        end = self.position + bits
        if end > 8 * len(self.data):
            raise MalformedError(f"a mesh ends inside a field at bit {self.position}")
        first, last = self.position // 8, (end + 7) // 8
        value = int.from_bytes(self.data[first:last], "big") >> (8 * last - end)
        self.position = end
        return value & ((1 << bits) - 1)

    def array(self, count: int, bits: int) -> NDArray[np.int64]:
        end = self.position + count * bits
        if end > 8 * len(self.data):
            raise MalformedError(f"a mesh of {len(self.data)} bytes ends inside {count} fields of {bits} bits")
        first, last = self.position // 8, (end + 7) // 8
        flat = np.unpackbits(np.frombuffer(self.data, np.uint8, last - first, first))
        fields = flat[self.position - 8 * first :][: count * bits].reshape(count, bits)
        self.position = end
        return fields.astype(np.int64) @ (1 << np.arange(bits - 1, -1, -1, dtype=np.int64))

    def count(self, most: int, what: str) -> int:
        value = self.number(32)
        if value > most:
            raise MalformedError(f"{value} {what}, expected at most {most}")
        return value

    def align(self) -> None:
        self.position = (self.position + 7) // 8 * 8


def decode_meshes(payload: bytes) -> list[Mesh]:
    """The meshes of an ``mshp`` payload (after the box header): one, or left eye and right eye.

    Raises :class:`MalformedError`.
    """
    if len(payload) < 12:
        raise MalformedError(f"an mshp payload of {len(payload)} bytes")
    crc, encoding = int.from_bytes(payload[4:8], "big"), payload[8:12]
    if zlib.crc32(payload[8:]) != crc:
        raise MalformedError("the checksum of the mesh is wrong")
    body = payload[12:]
    if encoding == b"dfl8":
        body = _inflate(body)
    elif encoding != b"raw ":
        raise MalformedError(f"mesh encoding {encoding!r}, expected b'raw ' or b'dfl8'")
    meshes: list[Mesh] = []
    offset = 0
    while offset + 8 <= len(body) and len(meshes) < 2:
        size = int.from_bytes(body[offset : offset + 4], "big")
        if size < 8 or offset + size > len(body):
            raise MalformedError(f"a mesh box states {size} bytes, {len(body) - offset} are left")
        if body[offset + 4 : offset + 8] == b"mesh":
            meshes.append(_decode_mesh(body[offset + 8 : offset + size]))
        offset += size
    if not meshes:
        raise MalformedError("an mshp payload without a mesh box")
    return meshes


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = inflater.decompress(data, MAX_MESH_BYTES)
    except zlib.error as error:
        raise MalformedError(f"the mesh does not inflate: {error}") from None
    if inflater.unconsumed_tail:
        raise MalformedError(f"the mesh inflates to more than {MAX_MESH_BYTES} bytes")
    return body


def _decode_mesh(data: bytes) -> Mesh:
    bits = _Bits(data)
    coordinate_count = bits.count(_MAX_COORDINATES, "coordinates")
    if len(data) < 4 + 4 * coordinate_count:
        raise MalformedError(f"{coordinate_count} coordinates in {len(data)} bytes")
    coordinates = np.frombuffer(data, ">f4", coordinate_count, 4).astype(np.float64)
    bits.position = 8 * (4 + 4 * coordinate_count)
    vertex_count = bits.count(_MAX_VERTICES, "vertices")
    if coordinate_count == 0 or vertex_count == 0:
        raise MalformedError("a mesh without vertices")
    deltas = bits.array(5 * vertex_count, (2 * coordinate_count - 1).bit_length()).reshape(vertex_count, 5)
    indices = np.cumsum(_signed(deltas), axis=0)
    if indices.min() < 0 or indices.max() >= coordinate_count:
        raise MalformedError("a vertex refers to a coordinate that does not exist")
    vertices = coordinates[indices]
    if not np.isfinite(vertices).all():
        raise MalformedError("a coordinate that is not finite")
    bits.align()
    triangles = _decode_triangles(bits, vertex_count)
    right, up, back = vertices[:, 0], vertices[:, 1], vertices[:, 2]
    texture = np.stack([vertices[:, 3], 1 - vertices[:, 4]], axis=1)
    return Mesh(np.stack([-back, -right, up], axis=1), texture, triangles)


def _decode_triangles(bits: _Bits, vertex_count: int) -> NDArray[np.int64]:
    width = (2 * vertex_count - 1).bit_length()
    found: list[NDArray[np.int64]] = []
    total = 0
    for _ in range(bits.count(_MAX_LISTS, "vertex lists")):
        texture, kind = bits.number(8), bits.number(8)
        count = bits.count(_MAX_INDICES, "indices")
        total += count
        if total > _MAX_INDICES:
            raise MalformedError(f"more than {_MAX_INDICES} indices")
        index = np.cumsum(_signed(bits.array(count, width)))
        bits.align()
        if texture != 0 or count < 3:
            continue
        if index.min() < 0 or index.max() >= vertex_count:
            raise MalformedError("a triangle refers to a vertex that does not exist")
        if kind == 0:
            found.append(index[: count // 3 * 3].reshape(-1, 3))
        elif kind == 1:
            found.append(np.stack([index[:-2], index[1:-1], index[2:]], axis=1))
        elif kind == 2:
            found.append(np.stack([np.full(count - 2, index[0]), index[1:-1], index[2:]], axis=1))
        else:
            raise MalformedError(f"index type {kind}, expected 0, 1 or 2")
    if not found:
        raise MalformedError("a mesh without triangles")
    return np.concatenate(found)


def rasterise(mesh: Mesh, height: int, width: int) -> NDArray[np.float64]:
    """Where in the frame each pixel of an equirectangular picture is: ``(height, width, 2)``.

    (column, row) fractions of the frame; NaN where the mesh has nothing. Each ray from the centre is
    cut with each triangle near it and the texture coordinates interpolated in the triangle's plane.
    """
    lookup = np.full((height, width, 2), np.nan)
    directions = sphere.pixel_vectors(height, width)
    corners = mesh.positions[mesh.triangles]
    texture = mesh.texture[mesh.triangles]
    determinants = np.linalg.det(corners)
    scale = np.max(np.linalg.norm(corners, axis=2), axis=1) ** 3
    for triangle in np.flatnonzero(np.abs(determinants) > 1e-12 * scale):
        rows, columns = _covered_box(corners[triangle], height, width)
        rays = directions[rows[:, None], columns[None, :]]
        weights = rays @ np.linalg.inv(corners[triangle])
        inside = (weights >= -_TOLERANCE).all(axis=-1)
        if not inside.any():
            continue
        i, j = np.nonzero(inside)
        chosen = weights[i, j]
        chosen = chosen / chosen.sum(axis=-1, keepdims=True)
        lookup[rows[i], columns[j]] = chosen @ texture[triangle]
    return lookup


def _covered_box(corners: NDArray[np.float64], height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the pixels that a triangle (seen from the centre) may cover."""
    azimuth, elevation = sphere.direction(corners)
    points = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    # A great arc bulges past its ends by at most (1 - cos(arc/2)); a margin of that size is safe.
    arc = max(float(sphere.angle_between(points[a], points[b])) for a, b in ((0, 1), (1, 2), (2, 0)))
    margin = arc / 2 * np.tan(min(arc, 2.8) / 4) + 2 * np.pi / height
    top, bottom = elevation.max() + margin, elevation.min() - margin
    first = max(0, int(np.floor((np.pi / 2 - top) / np.pi * height - 0.5)))
    last = min(height - 1, int(np.ceil((np.pi / 2 - bottom) / np.pi * height - 0.5)))
    rows = np.arange(first, last + 1)
    relative = sphere.wrap_angle(azimuth - azimuth[0])
    low, high = float(relative.min()), float(relative.max())
    if top >= np.pi / 2 or bottom <= -np.pi / 2 or high - low > np.pi * 0.9:
        return rows, np.arange(width)
    # Near a pole a small arc spans a large azimuth.
    spread = margin / max(0.05, float(np.cos(max(abs(top), abs(bottom)))))
    start = int(np.floor((np.pi - (azimuth[0] + high + spread)) / (2 * np.pi) * width - 0.5))
    stop = int(np.ceil((np.pi - (azimuth[0] + low - spread)) / (2 * np.pi) * width - 0.5))
    if stop - start + 1 >= width:
        return rows, np.arange(width)
    return rows, np.arange(start, stop + 1) % width


def horizontal_extent_deg(lookup: NDArray[np.float64]) -> float:
    """How many degrees of the horizon a look-up covers."""
    height = lookup.shape[0]
    horizon = np.isfinite(lookup[height // 2 - 1 : height // 2 + 1, :, 0]).any(axis=0)
    return float(horizon.mean() * 360)
