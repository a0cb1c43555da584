from __future__ import annotations

import contextlib
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.media_containers import box, full_box, grid_mesh, mshp
from yt360.media.containers.reader import MalformedError
from yt360.media.mesh import decode_meshes, horizontal_extent_deg, rasterise


@pytest.mark.parametrize("deflate", [True, False])
def test_whole_sphere_mesh_is_the_identity(deflate: bool) -> None:
    meshes = decode_meshes(mshp(grid_mesh(360), deflate=deflate)[8:])
    lookup = rasterise(meshes[0], 32, 64)
    assert np.isfinite(lookup).all()
    columns, rows = (np.arange(64) + 0.5) / 64, (np.arange(32) + 0.5) / 32
    # A flat triangle of 7.5° deviates from the sphere by less than a third of a pixel of this picture.
    assert np.abs(lookup[..., 1] - rows[:, None]).max() < 0.01
    assert np.abs(lookup[2:-2, :, 0] - columns).max() < 0.01


def test_stereo_meshes_give_the_left_eye_first() -> None:
    left, right = decode_meshes(mshp(grid_mesh(360, (0, 0.5)), grid_mesh(360, (0.5, 1)))[8:])
    assert left.texture[:, 0].max() == pytest.approx(0.5)
    assert right.texture[:, 0].min() == pytest.approx(0.5)


@pytest.mark.parametrize("span", [180, 200, 270, 360])
def test_extent_of_a_narrow_mesh(span: int) -> None:
    lookup = rasterise(decode_meshes(mshp(grid_mesh(span))[8:])[0], 45, 90)
    assert horizontal_extent_deg(lookup) == pytest.approx(span, abs=5)


def test_zip_bomb_is_refused() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    payload = b"dfl8" + packer.compress(bytes(200 << 20)) + packer.flush()
    with pytest.raises(MalformedError, match="inflates to more than"):
        decode_meshes(full_box(b"mshp", struct.pack(">I", zlib.crc32(payload)), payload)[8:])


def test_wrong_checksum_is_refused() -> None:
    payload = bytearray(mshp(grid_mesh(360))[8:])
    payload[-3] ^= 1
    with pytest.raises(MalformedError, match="checksum"):
        decode_meshes(bytes(payload))


def test_huge_counts_are_refused() -> None:
    payload = b"raw " + box(b"mesh", struct.pack(">I", 0x7FFFFFFF))
    with pytest.raises(MalformedError, match="coordinates"):
        decode_meshes(full_box(b"mshp", struct.pack(">I", zlib.crc32(payload)), payload)[8:])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_mesh_bytes_are_malformed_or_decode(data: bytes) -> None:
    payload = b"raw " + box(b"mesh", data)
    with contextlib.suppress(MalformedError):
        decode_meshes(full_box(b"mshp", struct.pack(">I", zlib.crc32(payload)), payload)[8:])
