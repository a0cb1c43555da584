"""Hostile files: mutations of whole files are read or refused; none crashes a parser or hangs it."""

from __future__ import annotations

import contextlib
import resource
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.media_containers import (
    box,
    encode,
    equi,
    full_box,
    grid_mesh,
    insert_boxes,
    mshp,
    sa3d,
    spherical_xml,
    st3d,
    sv3d,
    vexu,
)
from benchmarks.media_fuzz import attack
from benchmarks.media_iamf import mux_iamf
from benchmarks.media_layouts import B_FORMAT, chan, chna, chnl, write_bw64, write_caf
from yt360.errors import ItemError
from yt360.media.containers.metadata import read_metadata
from yt360.media.lookup import lookup_map
from yt360.media.picture import VideoDecodeSpec

MUTATIONS = 510
LARGEST_MB = 512
_BOXES = (b"moov", b"trak", b"stsd", b"sv3d", b"proj", b"equi", b"mshp", b"SA3D", b"uuid", b"hdlr", b"avc1",
          b"vexu", b"chan", b"chnl", b"iacb", b"chna")  # fmt: skip


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("fuzz")
    frames = np.zeros((4, 32, 64, 3), np.uint8)
    sound = 0.1 * np.random.default_rng(0).standard_normal((4, 6000))
    mp4 = encode(folder / "a.mov", frames=frames, sound=sound, audio="pcm")
    insert_boxes(mp4, b"vide", st3d(1), sv3d(equi(left=0.1), yaw_deg=5))
    insert_boxes(mp4, b"vide", spherical_xml(), in_track=True)
    insert_boxes(mp4, b"vide", vexu(b"equi", b"over", eyes=3))
    insert_boxes(mp4, b"soun", sa3d([0, 2, 3, 1]), full_box(b"chan", chan(0, labels=(3, 1, 2, 9))))
    insert_boxes(mp4, b"soun", box(b"chnl", chnl([2, 0, 1, 10], version=1)))
    mesh = encode(folder / "b.mp4", frames=frames)
    insert_boxes(mesh, b"vide", sv3d(mshp(grid_mesh(360, steps=12))))
    webm = encode(folder / "c.webm", frames=frames, video="vp9", sound=sound, audio="opus")
    iamf = mux_iamf(folder / "d.mp4", sound, 48_000, codec="flac")
    caf = write_caf(folder / "e.caf", sound[:, :400], 48_000, chan(B_FORMAT, 4))
    tracks = chna([f"AT_0004000{k}_01" for k in range(1, 5)], "AP_00040001")
    bw64 = write_bw64(folder / "f.wav", sound[:, :400], 48_000, {b"chna": tracks, b"axml": b"<a><b>1</b></a>"})
    return [path.read_bytes() for path in (mp4, mesh, webm, iamf, caf, bw64)]


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut, overwrite, repeat, or give a box an impossible size."""
    out = bytearray(data)
    kind = rng.integers(5)
    if kind == 0:
        return bytes(out[: rng.integers(0, len(out))])
    if kind == 1:
        for _ in range(rng.integers(1, 12)):
            out[rng.integers(len(out))] = rng.integers(256)
    elif kind == 2:
        places = [out.find(name) for name in _BOXES]
        at = int(rng.choice([p for p in places if p >= 4] or [4]))
        out[at - 4 : at] = struct.pack(">I", int(rng.choice([0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF, len(data) * 2])))
    elif kind == 3:
        start = int(rng.integers(len(out)))
        out[start:start] = out[start : start + int(rng.integers(1, 400))] * 3
    else:
        start = int(rng.integers(len(out)))
        out[start : start + 64] = rng.integers(0, 256, 64).astype(np.uint8).tobytes()
    return bytes(out)


def test_mutated_files_are_read_or_refused(originals: list[bytes], tmp_path: Path) -> None:
    rng = np.random.default_rng(360)
    path = tmp_path / "hostile"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for k in range(MUTATIONS):
        path.write_bytes(mutate(originals[k % len(originals)], rng))
        started = time.process_time()
        try:
            metadata = read_metadata(path)
        except ItemError:
            assert not path.stat().st_size
            continue
        picture = metadata.picture()
        if picture.mesh is not None:
            reading = VideoDecodeSpec(64, 32, projection="mesh", mesh=picture.mesh)
            with contextlib.suppress(ItemError):
                lookup_map(path, reading, 8, 16)
        assert time.process_time() - started < 5, f"mutation {k} took too long"
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < LARGEST_MB


@pytest.mark.slow
def test_inspect_survives_a_few_of_the_attacks(tmp_path: Path) -> None:
    """A slice of ``benchmarks/media_fuzz.py``: PyAV and ffmpeg included, each file ends in a verdict or a kind."""
    found = attack(5, 7, tmp_path)
    assert found.ends.total() == 5
    assert "timeout" not in found.ends
    assert found.peak_mb < LARGEST_MB
