"""A sphere between black bars is read without them; black poles of a sphere are no bars."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.media_containers import encode, equi, insert_boxes, sv3d
from benchmarks.media_scenes import flat_view, make_scene
from yt360.media.inspect import inspect_media
from yt360.media.picture import VideoDecodeSpec
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH, measure_picture
from yt360.media.projection.evidence import evidence
from yt360.media.projection.letterbox import guess_projection
from yt360.media.reading_picture import read_frames


@pytest.fixture(scope="module")
def sphere_frames() -> np.ndarray:
    return make_scene(5, 240, 480).frames(4)


def boxed(frames: np.ndarray, height: int) -> np.ndarray:
    """Frames ``(n, h, w, 3)`` in the middle of black ones."""
    bar = (height - frames.shape[1]) // 2
    return np.pad(frames, ((0, 0), (bar, height - frames.shape[1] - bar), (0, 0), (0, 0)))


def shrunk(frames: np.ndarray) -> np.ndarray:
    return np.stack([cv2.resize(f[..., 1], (WORK_WIDTH, WORK_HEIGHT), interpolation=cv2.INTER_AREA) for f in frames])


@pytest.mark.parametrize("height", [270, 300])
def test_a_sphere_between_bars_is_found_and_their_height_is_right(sphere_frames: np.ndarray, height: int) -> None:
    guess = guess_projection(shrunk(boxed(sphere_frames, height)), 480, height)
    assert guess.layout == "equirectangular"
    assert guess.letterbox == pytest.approx((height - 240) / 2 / height, abs=1e-6)


@pytest.mark.parametrize(("height", "cap"), [(240, 20), (270, 30)])
def test_black_poles_are_no_bars(sphere_frames: np.ndarray, height: int, cap: int) -> None:
    """A frame of 2:1 is one with its poles; squeezed to 16:9, what lies between them has no usual shape."""
    frames = np.stack([cv2.resize(f, (480, height), interpolation=cv2.INTER_AREA) for f in sphere_frames])
    frames[:, :cap] = frames[:, -cap:] = 0
    guess = guess_projection(shrunk(frames), 480, height)
    assert (guess.layout, guess.letterbox) == ("equirectangular", 0.0)


def test_a_plain_picture_between_bars_stays_one(sphere_frames: np.ndarray) -> None:
    guess = guess_projection(shrunk(boxed(flat_view(make_scene(5), 4, 240, 480), 270)), 480, 270)
    assert (guess.projection, guess.letterbox) == ("flat", 0.0)


def test_bars_hide_the_poles_of_a_sphere(sphere_frames: np.ndarray) -> None:
    """Their rims run along the rows and would look like poles."""
    open_ = measure_picture(shrunk(sphere_frames), 480, 240)
    barred = measure_picture(shrunk(boxed(sphere_frames, 270)), 480, 270)
    assert open_.above == 0
    assert evidence(open_)["equirectangular"]["poles"] != 0
    assert barred.above == pytest.approx(15 / 270, abs=0.01)
    assert evidence(barred)["equirectangular"]["poles"] == 0


def test_reading_leaves_the_bars_out(tmp_path: Path, sphere_frames: np.ndarray) -> None:
    plain = encode(tmp_path / "plain.mkv", frames=sphere_frames, video="rgb")
    path = encode(tmp_path / "x.mp4", frames=boxed(sphere_frames, 270))
    reading = inspect_media(path).picture.reading  # type: ignore[union-attr]
    assert reading is not None
    assert reading.letterbox == pytest.approx(15 / 270)
    assert VideoDecodeSpec.from_json(reading.to_json()) == reading
    shown = next(read_frames(path, reading, height=120, width=240, gray=True)).astype(float)
    wanted = next(read_frames(plain, VideoDecodeSpec(480, 240), height=120, width=240, gray=True))
    assert np.abs(shown - wanted).mean() < 4
    assert np.abs(shown[:4] - wanted[:4]).mean() < 8


def test_a_statement_on_the_whole_frame_goes_before(tmp_path: Path, sphere_frames: np.ndarray) -> None:
    path = encode(tmp_path / "x.mp4", frames=boxed(sphere_frames, 270))
    insert_boxes(path, b"vide", sv3d(equi()))
    reading = inspect_media(path).picture.reading  # type: ignore[union-attr]
    assert reading is not None
    assert reading.letterbox == 0


@pytest.mark.parametrize(
    ("stereo", "eye"),
    [("mono", (0, 0.1, 1, 0.8)), ("top-bottom", (0, 0.1, 1, 0.4)), ("left-right", (0, 0.1, 0.5, 0.8))],
)  # fmt: skip
def test_an_eye_lies_between_the_bars(stereo: str, eye: tuple[float, ...]) -> None:
    assert VideoDecodeSpec(10, 10, stereo=stereo, letterbox=0.1).eye == pytest.approx(eye)  # type: ignore[arg-type]
