"""Apple's projected media are metadata like Google's, which go before where both are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.media_containers import encode, equi, full_box, insert_boxes, spherical_xml, st3d, sv3d, vexu
from benchmarks.media_scenes import make_scene
from tests.media.containers.test_mp4 import movie, parse
from yt360.media import ffmpeg
from yt360.media.inspect import inspect_media


@pytest.mark.parametrize(
    ("packing", "eyes", "stereo", "reversed_"),
    [(b"", None, None, False), (b"side", 3, "left-right", False), (b"over", 3, "top-bottom", False),
     (b"over", 11, "top-bottom", True), (b"none", None, None, False)],
)  # fmt: skip
def test_projection_and_packing(packing: bytes, eyes: int | None, stereo: str | None, reversed_: bool) -> None:
    picture = parse(movie(b"vide", vexu(b"equi", packing, eyes=eyes))).picture()
    assert (picture.projection, picture.stereo, picture.right_eye_first) == ("equirectangular", stereo, reversed_)
    assert picture.sources == ["vexu"]
    assert not picture.problems


def test_half_of_the_sphere_is_bounds() -> None:
    picture = parse(movie(b"vide", vexu(b"hequ", b"side"))).picture()
    assert 360 * picture.bounds.width == 180
    assert picture.bounds.height == 1


@pytest.mark.parametrize("first", [True, False])
def test_google_s_boxes_go_before(first: bool) -> None:
    google = st3d(1) + sv3d(equi(left=0.1), yaw_deg=30)
    apple = vexu(b"hequ", b"side", eyes=11)
    picture = parse(movie(b"vide", google + apple if first else apple + google)).picture()
    assert (picture.projection, picture.stereo, picture.right_eye_first) == ("equirectangular", "top-bottom", False)
    assert [picture.yaw_deg, picture.bounds.left] == pytest.approx([30, 0.1])


def test_v1_goes_before() -> None:
    picture = parse(movie(b"vide", vexu(b"rect"), in_track=spherical_xml("top-bottom"))).picture()
    assert (picture.projection, picture.stereo, picture.named) == ("equirectangular", "top-bottom", "")


def test_what_google_s_boxes_leave_open_is_taken_from_apple_s() -> None:
    picture = parse(movie(b"vide", sv3d(equi()), vexu(b"equi", b"over"))).picture()
    assert picture.stereo == "top-bottom"


def test_an_unknown_kind_is_a_problem() -> None:
    assert any("prji" in problem for problem in parse(movie(b"vide", vexu(b"what"))).picture().problems)


def _file(path: Path, frames: np.ndarray, *boxes: bytes) -> Path:
    encode(path, frames=frames, fps=2)
    insert_boxes(path, b"vide", *boxes)
    return path


@pytest.fixture(scope="module")
def bland() -> np.ndarray:
    """A slope of grey, which could be anything."""
    row = np.linspace(60, 180, 256)
    picture = np.repeat(np.repeat(row[None, :, None], 128, axis=0), 3, axis=2)
    return np.stack([picture] * 4).astype(np.uint8)


@pytest.mark.parametrize(
    ("kind", "reason", "word"),
    [(b"hequ", "vr180", "180"), (b"rect", "not-360", "rectilinear"), (b"fish", "unknown-projection", "fisheye"),
     (b"prim", "unknown-projection", "Apple Immersive Video")],
)  # fmt: skip
def test_a_picture_that_is_no_sphere_is_named(
    tmp_path: Path, bland: np.ndarray, kind: bytes, reason: str, word: str
) -> None:
    reasons = dict(inspect_media(_file(tmp_path / "x.mp4", bland, vexu(kind))).reasons())
    assert word in reasons[reason]


def test_layers_of_two_views_are_named(tmp_path: Path, bland: np.ndarray) -> None:
    report = inspect_media(_file(tmp_path / "x.mp4", bland, full_box(b"lhvC", bytes(19)))).to_json()
    assert report["video"]["codec"] == "mv-hevc"


def test_a_file_of_ffmpeg_that_says_it_twice_keeps_pose_and_stereo(tmp_path: Path, bland: np.ndarray) -> None:
    once = _file(tmp_path / "once.mp4", bland, st3d(1), sv3d(equi(), yaw_deg=30))
    twice = tmp_path / "twice.mp4"
    ffmpeg.run(["-y", "-i", str(once), "-c", "copy", "-strict", "unofficial", str(twice)], timeout_s=30)
    assert b"vexu" in twice.read_bytes()
    picture = inspect_media(twice).info.metadata.picture()  # type: ignore[union-attr]
    assert (picture.projection, picture.stereo, picture.yaw_deg) == ("equirectangular", "top-bottom", 30)
    data = twice.read_bytes()
    twice.write_bytes(data.replace(b"st3d", b"free").replace(b"sv3d", b"free"))
    picture = inspect_media(twice).info.metadata.picture()  # type: ignore[union-attr]
    assert (picture.projection, picture.sources[:1]) == ("equirectangular", ["vexu"])


@pytest.mark.parametrize(
    ("apple", "google"), [(vexu(b"equi"), sv3d(equi())), (vexu(b"equi", b"over"), st3d(1) + sv3d(equi()))]
)
def test_it_counts_as_much_as_google_s(tmp_path: Path, bland: np.ndarray, apple: bytes, google: bytes) -> None:
    found = [inspect_media(_file(tmp_path / "x.mp4", bland, boxes)).picture for boxes in (apple, google)]
    assert found[0] == found[1]
    assert found[0] is not None
    assert found[0].source in ("metadata", "both") or "metadata says" in found[0].disagreement


@pytest.mark.parametrize(("kind", "world"), [(b"rect", 3), (b"fish", 5), (b"prim", 5)])
def test_a_picture_that_surely_is_a_sphere_overrules_it(tmp_path: Path, kind: bytes, world: int) -> None:
    frames = make_scene(world, 128, 256).frames(4)
    picture = inspect_media(_file(tmp_path / "x.mp4", frames, vexu(kind))).picture
    assert picture is not None
    assert (picture.projection, picture.reason) == ("equirectangular", "")
    assert "prji" in picture.disagreement


@pytest.mark.parametrize("world", [5, 9])
def test_a_picture_that_likely_is_a_sphere_makes_it_doubtful(tmp_path: Path, world: int) -> None:
    """Looks like a sphere to 0.88: neither that nor the plain picture of the metadata is said for sure."""
    frames = make_scene(world, 128, 256).frames(4)
    picture = inspect_media(_file(tmp_path / "x.mp4", frames, vexu(b"rect"))).picture
    assert picture is not None
    assert (picture.projection, picture.reason, picture.reading) == ("unknown", "unknown-projection", None)
    assert "equirectangular" in picture.words
    assert "plain picture" in picture.words
    assert "prji" in picture.disagreement
