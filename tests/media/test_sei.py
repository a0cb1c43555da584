"""What the streams state of their pictures counts where the container says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from benchmarks.media_containers import equi, insert_boxes, sv3d
from benchmarks.media_messages import (
    CUBEMAP,
    EQUIRECTANGULAR,
    FISHEYE,
    GUARDED,
    HALF_TURN,
    encode_with,
    packing,
    rotation,
    unit,
)
from yt360.media.containers.spatial import PictureMetadata
from yt360.media.inspect import inspect_media
from yt360.media.lookup import pose_rotation
from yt360.media.sei import read_messages


@pytest.fixture(scope="module")
def bland() -> np.ndarray:
    """A slope of grey, which could be anything."""
    row = np.linspace(60, 180, 256)
    picture = np.repeat(np.repeat(row[None, :, None], 128, axis=0), 3, axis=2)
    return np.stack([picture] * 4).astype(np.uint8)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_projection_packing_and_yaw(tmp_path: Path, bland: np.ndarray, codec: str, suffix: str) -> None:
    path = encode_with(tmp_path / f"x.{suffix}", bland, codec, EQUIRECTANGULAR, rotation(-30), packing(4, 2))
    inspection = inspect_media(path)
    assert inspection.info is not None
    picture = inspection.info.metadata.picture()
    assert (picture.projection, picture.stereo, picture.right_eye_first) == ("equirectangular", "top-bottom", True)
    assert (picture.yaw_deg, picture.named, picture.sources) == (-30, "", ["SEI"])


@pytest.mark.parametrize("angles_deg", [(-30, 0, 0), (0, 10, 0), (0, 0, -20), (50, -25, 70)])
def test_a_rotated_sphere_is_turned_back(angles_deg: tuple[float, float, float]) -> None:
    """ITU-T H.265: angles grow clockwise as seen along x (front), y (left), z (up): roll, pitch, then yaw."""
    picture = PictureMetadata()
    coded = unit("hevc", EQUIRECTANGULAR, rotation(*angles_deg)) + b"\0\0\1\x26\1\0"
    read_messages("hevc", b"", coded, picture)
    assert (picture.named, picture.problems) == ("", [])
    yaw, pitch, roll = angles_deg
    wanted = Rotation.from_euler("ZYX", [yaw, pitch, roll], degrees=True).as_matrix()
    found = pose_rotation(picture.yaw_deg, picture.pitch_deg, picture.roll_deg)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_stream_without_messages_states_nothing(tmp_path: Path, bland: np.ndarray) -> None:
    inspection = inspect_media(encode_with(tmp_path / "x.mp4", bland, "h264", packing(4)))
    assert inspection.info is not None
    assert inspection.info.metadata.picture().projection is None


@pytest.mark.parametrize(
    ("messages", "word"),
    [([GUARDED], "guard bands"), ([CUBEMAP], "cubemap"), ([FISHEYE], "fisheye"),
     ([EQUIRECTANGULAR, (155, b"\x40\0")], "packed by regions")],
)  # fmt: skip
def test_what_cannot_be_unrolled_is_named(
    tmp_path: Path, bland: np.ndarray, messages: list[tuple[int, bytes]], word: str
) -> None:
    reasons = dict(inspect_media(encode_with(tmp_path / "x.mp4", bland, "hevc", *messages)).reasons())
    assert word in reasons["unknown-projection"]


def test_the_container_goes_before(tmp_path: Path, bland: np.ndarray) -> None:
    path = encode_with(tmp_path / "x.mp4", bland, "h264", FISHEYE)
    insert_boxes(path, b"vide", sv3d(equi(), yaw_deg=20))
    inspection = inspect_media(path)
    assert inspection.info is not None
    picture = inspection.info.metadata.picture()
    assert (picture.projection, picture.yaw_deg, picture.named) == ("equirectangular", 20, "")


def test_a_cancelled_message_is_none() -> None:
    picture = PictureMetadata()
    read_messages("h264", b"", unit("h264", (150, b"\x80")) + b"\0\0\1\x65\0", picture)
    assert picture.projection is None
    assert not picture.problems


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["h264", "hevc"]),
    st.integers(0, 999),
    st.integers(0, 255),
    st.integers(0, 60),
    st.binary(max_size=40),
)
def test_any_bytes_parse_without_an_exception(codec: str, at: int, value: int, cut: int, extradata: bytes) -> None:
    data = bytearray(unit(codec, EQUIRECTANGULAR, rotation(1, 2, 3), packing(3)) + b"\0\0\1\x26\1\0")
    data[at % len(data)] = value
    for header in (extradata, b"\1" + extradata, b"\1" + bytes(21) + b"\1" + extradata):
        read_messages(codec, header, bytes(data[: len(data) - cut]), PictureMetadata())


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_a_turn_that_is_said_once_counts_for_the_whole_picture(tmp_path: Path, codec: str, suffix: str) -> None:
    """No frame that is looked at further in says it again."""
    frames = np.repeat(np.arange(40, dtype=np.uint8)[:, None, None, None] * 5, 64, axis=1).repeat(128, 2).repeat(3, 3)
    path = encode_with(tmp_path / f"x.{suffix}", frames, codec, HALF_TURN[codec])
    inspection = inspect_media(path)
    assert inspection.frames is not None
    assert inspection.frames.turn == "half"
