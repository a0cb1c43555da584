"""Files of 360° cameras that were never stitched are named, with what stitches them, whatever they are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.media_containers import box, encode
from benchmarks.media_scenes import make_scene
from benchmarks.media_sounds import foa_scene
from yt360.media import ffmpeg
from yt360.media.inspect import inspect_media
from yt360.media.probe import probe
from yt360.media.projection.layouts import draw, dual_fisheye
from yt360.media.raw_camera import name_camera

RATE = 24_000


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.concatenate([make_scene(5, 128, 256).frames(8)] * 8)


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    return 0.3 * foa_scene(np.random.default_rng(4), 8 * RATE)


@pytest.mark.parametrize(
    ("name", "size", "word"),
    [("two-strips.360", (64, 192), "GoPro"), ("VID_00.insv", (64, 64), "Insta360"), ("CAM.osv", (64, 64), "DJI")],
)
def test_raw_files_of_cameras_are_named(
    tmp_path: Path, foa: np.ndarray, name: str, size: tuple[int, int], word: str
) -> None:
    rng = np.random.default_rng(3)
    halves = [
        encode(tmp_path / f"{k}.mp4", frames=rng.integers(0, 255, (16, *size, 3)).astype(np.uint8)) for k in (0, 1)
    ]
    sound = encode(tmp_path / "s.m4a", sound=foa[:, : 2 * RATE], audio="aac")
    path = tmp_path / "x.mp4"
    inputs = ["-i", str(halves[0]), "-i", str(sound), "-i", str(halves[1])]
    ffmpeg.run(["-y", *inputs, "-map", "0", "-map", "1", "-map", "2", "-c", "copy", str(path)], timeout_s=60)
    path = path.rename(tmp_path / name)
    code, words = inspect_media(path).reasons()[0]
    assert code == "raw-camera"
    assert word in words
    assert "export it to equirectangular" in words


@pytest.mark.parametrize(
    ("what", "word"),
    [
        ("GoPro udta", "GoPro"), ("Ricoh udta", "Ricoh"), ("DJI data track", "DJI"), ("Insta360 trailer", "Insta360"),
        ("Kandao udta", "Kandao"),
    ],
)  # fmt: skip
def test_a_renamed_raw_file_is_named_by_what_its_camera_left_in_it(
    tmp_path: Path, foa: np.ndarray, frames: np.ndarray, what: str, word: str
) -> None:
    circles = np.stack([draw(dual_fisheye(), frame, 256, 512) for frame in frames[::8]])
    path = encode(tmp_path / "x.mp4", frames=circles, sound=foa, audio="aac", fps=1)
    left = {
        "GoPro udta": box(b"udta", box(b"FIRM", b"H19.03.02.02.00"), box(b"MINF", b"GoPro MAX")),
        "Ricoh udta": box(b"udta", box(b"@mod", b"\0\0RICOH THETA V")),
        "Kandao udta": box(b"udta", box(b"\xa9mod", b"\0\x09\x55\xc4QooCam 8K")),
    }.get(what)
    if left is not None:
        data = path.read_bytes()
        moov = data.index(b"moov") - 4
        size = int.from_bytes(data[moov : moov + 4], "big")
        assert moov + size == len(data)
        path.write_bytes(data[:moov] + (size + len(left)).to_bytes(4, "big") + data[moov + 4 :] + left)
    elif what == "DJI data track":
        info = probe(path)
        named = replace(info, tags=(("handler_name", "DJI meta"),))
        picture = inspect_media(path).picture
        assert picture is not None
        assert "DJI" in name_camera(picture, named).words
        return
    else:
        path.write_bytes(path.read_bytes() + bytes(200) + b"8db42d694ccc418790edff439fe026bf")
    code, words = inspect_media(path).reasons()[0]
    assert (code, word in words) == ("raw-camera", True), words


@pytest.mark.parametrize(
    ("tag", "size", "reason", "wanted"),
    [
        ("RICOH THETA V", (1920, 1080), "unknown-projection", "raw-camera"),
        ("DJI", (5760, 2880), "not-360", "raw-camera"),
        ("DJI", (3840, 2160), "not-360", "not-360"),
        ("QooCam EGO", (3840, 1920), "vr180", "vr180"),
        ("", (3840, 1920), "not-360", "not-360"),
    ],
)
def test_circles_that_nobody_sees_are_guessed_by_their_camera(
    tmp_path: Path, frames: np.ndarray, tag: str, size: tuple[int, int], reason: str, wanted: str
) -> None:
    """Lit corners or a rim below them hide the circles; makers of plain cameras must have two squares side by side."""
    path = encode(tmp_path / "x.mp4", frames=frames[:4])
    info, picture = probe(path), inspect_media(path).picture
    assert picture is not None
    video = replace(info.videos[0], width=size[0], height=size[1])
    info = replace(info, videos=(video,), tags=(("make", tag),))
    assert name_camera(replace(picture, reading=None, reason=reason, projection="flat"), info).reason == wanted
