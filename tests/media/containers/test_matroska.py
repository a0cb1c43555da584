from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.media_containers import element, equi, matroska_projection
from yt360.media.containers.matroska import read_matroska
from yt360.media.containers.spatial import ContainerMetadata


def segment(*video: bytes, padding: int = 0) -> bytes:
    track = element(0xAE, element(0x83, b"\1") + element(0xE0, b"".join(video)))
    sound = element(0xAE, element(0x83, b"\2"))
    return element(0x1A45DFA3, b"") + element(0x18538067, element(0x1654AE6B, track + sound) + bytes(padding))


def parse(data: bytes) -> ContainerMetadata:
    return read_matroska(io.BytesIO(data), len(data))


@pytest.mark.parametrize(
    ("mode", "stereo", "right_first"),
    [
        (0, "mono", False),
        (1, "left-right", False),
        (2, "top-bottom", True),
        (3, "top-bottom", False),
        (11, "left-right", True),
    ],
)
def test_stereo_modes(mode: int, stereo: str, right_first: bool) -> None:
    picture = parse(segment(element(0x53B8, bytes([mode])))).picture()
    assert (picture.stereo, picture.right_eye_first) == (stereo, right_first)
    assert picture.projection is None


def test_equirectangular_with_bounds_and_yaw() -> None:
    private = equi(left=0.25, right=0.25)[8:]
    picture = parse(segment(matroska_projection(1, private, yaw_deg=-20))).picture()
    assert picture.projection == "equirectangular"
    assert picture.bounds.width == pytest.approx(0.5)
    assert picture.yaw_deg == -20


def test_mesh_is_located() -> None:
    picture = parse(segment(matroska_projection(3, b"mesh payload"))).picture()
    assert picture.projection == "mesh"
    assert picture.mesh is not None
    assert picture.mesh.size == len(b"mesh payload")


def test_rectangular_is_no_statement() -> None:
    assert parse(segment(matroska_projection(0))).picture().projection is None


def test_cut_file_is_seen_by_its_promised_size() -> None:
    data = segment(padding=500)
    assert parse(data[:-200]).promised_size == len(data)


def test_unknown_size_promises_nothing() -> None:
    data = segment()
    at = data.index(bytes.fromhex("18538067")) + 4
    assert parse(data[:at] + b"\x01" + b"\xff" * 7 + data[at + 8 :]).promised_size is None


def test_wild_angle_is_a_problem() -> None:
    wild = element(0x7670, element(0x7671, b"\1") + element(0x7673, struct.pack(">d", float("nan"))))
    assert parse(segment(wild)).picture().problems


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_parse_without_an_exception(data: bytes) -> None:
    parse(data)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_mutated_file_parses_without_an_exception(at: int, value: int) -> None:
    data = bytearray(segment(element(0x53B8, b"\1"), matroska_projection(1, equi()[8:])))
    data[at % len(data)] = value
    parse(bytes(data))
