"""Opus of mapping family 3: decoded behind the matrix of its header, in every container that can hold it."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.media_containers import encode
from benchmarks.media_stamps import noise
from tests import SHARED
from yt360.errors import ItemError
from yt360.media.containers.opus_projection import read_projection
from yt360.media.inspect import inspect_media
from yt360.media.probe import probe
from yt360.media.reading_sound import read_channels, read_sound
from yt360.media.sampling import plain_reading
from yt360.media.sound import FoaDecodeSpec

CASE = SHARED / "cases" / "unknown-parameters"
MATRIX = np.array([[0.5, 0.5, 0.5, 0.5], [0.7, 0.0, -0.7, 0.0], [0.5, -0.5, 0.5, -0.5], [0.0, 0.6, 0.0, -0.6]])
"""From the coded channels to W Y Z X."""


def _crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 1 << 31 else crc << 1) & 0xFFFFFFFF
    return crc


def _projected(path: Path, sound: np.ndarray) -> Path:
    """An Ogg file of family 3 that decodes to ``sound`` ``(4, n)``: the first page of one of family 255 rewritten."""
    encode(path, sound=np.linalg.solve(MATRIX, sound), rate_hz=48_000, layout="quad", audio="opus255")
    data = path.read_bytes()
    begin = 27 + data[26]
    end = begin + sum(data[27:begin])
    head = bytearray(data[begin:end])
    assert (head[18], head[19], head[20]) == (255, 4, 0)
    head[18] = 3
    matrix = np.round(MATRIX.T * 32768).astype("<i2").tobytes()  # column by column
    packet = bytes(head[:21]) + matrix
    page = bytearray(data[:26]) + bytes([1, len(packet)]) + packet
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<I", _crc(bytes(page)))
    path.write_bytes(bytes(page) + data[end:])
    return path


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return noise(4.0, 48_000).astype(np.float64)


@pytest.fixture(scope="module")
def ogg(tmp_path_factory: pytest.TempPathFactory, sound: np.ndarray) -> Path:
    return _projected(tmp_path_factory.mktemp("opus") / "x.ogg", sound)


def _remuxed(source: Path, path: Path) -> Path:
    with av.open(str(source)) as container, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(container.streams.audio[0])
        for packet in container.demux(audio=0):
            if packet.pts is not None:
                packet.stream = stream
                out.mux(packet)
    if path.suffix == ".mp4":
        _whole_matrix(path)
    return path


def _whole_matrix(path: Path) -> None:
    """libav writes as many bytes of the matrix as there are channels: put all of it into the box, which comes last."""
    data = bytearray(path.read_bytes())
    box = data.index(b"dOps") - 4
    size = struct.unpack(">I", data[box : box + 4])[0]
    new = bytes(data[box : box + 21]) + np.round(MATRIX.T * 32768).astype("<i2").tobytes()
    parents = [
        data.rindex(name, 0, box) - 4 for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"Opus")
    ]
    data[box : box + size] = new
    for parent in [*parents, box]:
        grown = struct.unpack(">I", data[parent : parent + 4])[0] + len(new) - size
        data[parent : parent + 4] = struct.pack(">I", grown)
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", ["ogg", "mka", "mp4"])
def test_the_matrix_is_applied_and_time_is_kept(tmp_path: Path, ogg: Path, sound: np.ndarray, suffix: str) -> None:
    path = ogg if suffix == "ogg" else _remuxed(ogg, tmp_path / f"x.{suffix}")
    info = probe(path)
    audio = info.audios[0]
    assert (audio.channels, audio.sample_rate_hz, audio.opus_family) == (4, 48_000, 3)
    reading = plain_reading(info, audio)
    assert FoaDecodeSpec.from_json(reading.to_json()) == reading
    found = np.concatenate(list(read_channels(path, reading, block_s=0.7)), axis=1)
    assert abs(found.shape[1] - sound.shape[1]) <= 960
    middle = slice(48_000, 3 * 48_000)
    for channel in range(4):
        wanted, heard = sound[channel, middle], found[channel, middle]
        assert np.corrcoef(wanted, heard)[0, 1] > 0.97
        assert np.corrcoef(wanted, np.roll(heard, 24))[0, 1] < 0.97
        assert np.std(heard) == pytest.approx(np.std(wanted), rel=0.05)


def test_a_part_from_the_middle_is_that_of_the_whole(ogg: Path) -> None:
    info = probe(ogg)
    reading = plain_reading(info, info.audios[0])
    whole = np.concatenate(list(read_channels(ogg, reading)), axis=1)
    part = np.concatenate(list(read_channels(ogg, reading, start_s=1.5, duration_s=1.0)), axis=1)
    np.testing.assert_array_equal(part, whole[:, 72_000:120_000])
    sought = np.concatenate(list(read_channels(ogg, reading, start_s=1.5, duration_s=1.0, exact=False)), axis=1)
    assert np.abs(sought - part).max() < 1e-3


def test_a_header_that_cannot_be_is_named(ogg: Path) -> None:
    data = ogg.read_bytes()
    head = data[28 : 28 + data[27]]
    assert read_projection(head) is not None
    assert read_projection(head[:18] + b"\x02" + head[19:]) is None
    with pytest.raises(ItemError, match="20 bytes of matrix, expected 32"):
        read_projection(head[:41])
    with pytest.raises(ItemError, match="4 streams"):
        read_projection(head[:20] + b"\x05" + head[21:])


@pytest.mark.skipif(not CASE.is_dir(), reason=f"needs the case in {CASE}")
def test_the_case_is_kept_with_its_directions() -> None:
    import soundfile

    inspection = inspect_media(CASE / "family3.mp4", CASE / "family3.opus")
    assert inspection.verdict == "keep", inspection.reasons()
    assert inspection.ambisonic is not None
    assert inspection.ambisonic.reading is not None
    reading = inspection.ambisonic.reading
    scene = soundfile.read(SHARED / "cases" / "scene_foa_24k.flac")[0].T
    found = np.concatenate(list(read_sound(CASE / "family3.opus", reading, sample_rate_hz=24_000)), axis=1)
    middle = slice(48_000, 200_000)
    likeness = np.corrcoef(np.concatenate([scene[:, middle], found[:, middle]]))[:4, 4:]
    assert (np.diag(likeness) > 0.7).all()
    assert (np.argmax(likeness, axis=1) == np.arange(4)).all()
