from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.media_pictures import blemished, world
from benchmarks.media_scenes import flat_view, make_scene
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH, PictureGuess
from yt360.media.projection.decision import PictureThresholds, decide_picture
from yt360.media.projection.layouts import draw, dual_fisheye, half_equirectangular, known_layouts
from yt360.media.projection.letterbox import guess_projection

SEEDS = (2, 5)


@pytest.fixture(scope="module")
def scenes() -> dict[int, np.ndarray]:
    """Gray frames ``(3, 360, 720)`` of a few scenes."""
    return {seed: make_scene(seed).frames(3).mean(axis=3).astype(np.uint8) for seed in SEEDS}


@pytest.fixture(scope="module")
def worlds() -> list[np.ndarray]:
    """Equirectangular frames ``(2, 240, 480)`` of two painted worlds."""
    return [world(seed, 2, 240, 480) for seed in (7, 8)]


def look(frames: np.ndarray, width: int, height: int) -> PictureGuess:
    small = [cv2.resize(frame, (WORK_WIDTH, WORK_HEIGHT), interpolation=cv2.INTER_AREA) for frame in frames]
    return guess_projection(np.stack(small), width, height)


def drawn(name: str, frames: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    layout = known_layouts().get(name) or half_equirectangular("left-right")
    width, height = {
        "equirectangular": (720, 360), "equirectangular-lr": (960, 240), "equirectangular-tb": (480, 480),
        "cubemap-6x1": (1080, 180), "cubemap-1x6": (180, 1080),
    }.get(name, (720, 480))  # fmt: skip
    if name == "half":
        width, height = 720, 360
    out = []
    for frame in frames:
        eye = draw(layout, frame, height, width)
        other = draw(layout, np.roll(frame, 4, axis=1), height, width)
        if layout.stereo == "left-right":
            eye[:, width // 2 :] = other[:, : width // 2]
        elif layout.stereo == "top-bottom":
            eye[height // 2 :] = other[: height // 2]
        out.append(eye)
    return np.stack(out), (width, height)


def test_what_a_person_can_look_at_has_the_middle_and_the_grain(scenes: dict[int, np.ndarray]) -> None:
    one, two = (
        look(frames, *size)
        for frames, size in (drawn(name, scenes[5]) for name in ("equirectangular", "equirectangular-tb"))
    )
    assert one.measures["middle"] < -1 < 1 < two.measures["middle"]
    assert two.measures["grain"] < one.measures["grain"] - 0.2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", sorted(set(known_layouts())))
def test_layout_is_told_from_the_picture(scenes: dict[int, np.ndarray], name: str, seed: int) -> None:
    frames, (width, height) = drawn(name, scenes[seed])
    guess = look(frames, width, height)
    layout = known_layouts()[name]
    assert (guess.projection, guess.stereo) == (layout.projection, layout.stereo), guess.reason


@pytest.mark.parametrize("seed", SEEDS)
def test_stretched_shapes_are_equirectangular_too(scenes: dict[int, np.ndarray], seed: int) -> None:
    for width, height in ((640, 360), (900, 400), (500, 500)):
        assert look(scenes[seed], width, height).projection == "equirectangular"


@pytest.mark.parametrize("seed", SEEDS)
def test_vr180_and_flat_are_not_360(scenes: dict[int, np.ndarray], seed: int) -> None:
    frames, (width, height) = drawn("half", scenes[seed])
    assert look(frames, width, height).projection in ("half_equirectangular", "unknown")
    flat = flat_view(make_scene(seed), 2, 270, 480).mean(axis=3).astype(np.uint8)
    assert look(flat, 480, 270).projection in ("flat", "unknown")


def test_round_pictures_are_fisheye(scenes: dict[int, np.ndarray]) -> None:
    frames = np.stack([draw(dual_fisheye(), frame, 360, 720) for frame in scenes[5]])
    assert look(frames, 720, 360).projection == "fisheye"


def test_pillar_box_is_never_equirectangular(scenes: dict[int, np.ndarray]) -> None:
    flat = flat_view(make_scene(5), 2, 270, 480).mean(axis=3).astype(np.uint8)
    boxed = np.pad(flat, ((0, 0), (0, 0), (60, 60)))
    assert look(boxed, 600, 270).projection != "equirectangular"


def test_black_poles_and_a_logo_do_not_fool_it(scenes: dict[int, np.ndarray]) -> None:
    frames = scenes[5].copy()
    frames[:, :50] = 0
    logo = np.random.default_rng(1).integers(0, 2, 60).repeat(12)
    frames[:, -60:] = np.where(np.roll(logo, 6), 250, 20)
    assert look(frames, 720, 360).projection == "equirectangular"


def test_wide_black_poles_do_not_make_it_round(scenes: dict[int, np.ndarray]) -> None:
    frames = scenes[5].copy()
    frames[:, :76] = frames[:, -76:] = 0
    assert look(frames, 720, 360).projection == "equirectangular"


def test_top_bottom_with_black_poles_is_no_cubemap(scenes: dict[int, np.ndarray]) -> None:
    """Regression: black rims and two alike halves close most seams of six faces."""
    frames = scenes[5].copy()
    frames[:, :76] = frames[:, -76:] = 0
    both, (width, height) = drawn("equirectangular-tb", frames)
    guess = look(both, width, height)
    assert (guess.projection, guess.stereo) == ("equirectangular", "top-bottom"), guess.reason


def test_square_eyes_whose_edges_happen_to_be_alike_are_no_whole_spheres() -> None:
    """Regression: one wall behind both edges of a VR180 eye."""
    frames = make_scene(6013, 240, 480).frames(3).mean(axis=3).astype(np.uint8)
    half, (width, height) = drawn("half", frames)
    assert look(half, width, height).projection in ("half_equirectangular", "unknown")


def test_nothing_to_see_is_unknown() -> None:
    assert look(np.full((3, 90, 180), 40, np.uint8), 180, 90).projection == "unknown"
    assert look(np.zeros((3, 90, 180), np.uint8), 180, 90).projection == "unknown"
    assert guess_projection(np.zeros((0, WORK_HEIGHT, WORK_WIDTH), np.uint8), 10, 10).projection == "unknown"


def test_noise_is_not_confidently_a_sphere() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 180, 360)).astype(np.uint8)
    assert look(noise, 360, 180).projection in ("flat", "unknown")


@pytest.mark.parametrize("poles", ["tiles", "patch", "logo", "cap", "pasted", "mirror", "tripod", "sky"])
def test_whatever_is_at_the_poles_a_stated_sphere_stays_one(worlds: list[np.ndarray], poles: str) -> None:
    """Ten of 31 clean rooms were lost to what lies under the camera."""
    for seed in range(3):
        frames = blemished(worlds[seed % 2], np.random.default_rng(seed), poles, "none")
        guess = look(frames, 480, 240)
        decision = decide_picture(guess.scores, "equirectangular", PictureThresholds())
        assert (decision.kind, decision.best.name) == ("sphere", "equirectangular"), guess.reason


@pytest.mark.parametrize("light", ["night", "fog", "water", "dim"])
def test_in_bad_light_a_sphere_is_one_or_unknown(worlds: list[np.ndarray], light: str) -> None:
    for seed in range(2):
        frames = blemished(worlds[seed], np.random.default_rng(seed), "none", light)
        guess = look(frames, 480, 240)
        assert guess.projection in ("equirectangular", "unknown"), guess.reason
        assert decide_picture(guess.scores, "equirectangular", PictureThresholds()).best.name == "equirectangular"


def test_two_equal_eyes_are_two_eyes(scenes: dict[int, np.ndarray]) -> None:
    both = np.concatenate([scenes[5], scenes[5]], axis=1)
    assert look(both, 720, 720).stereo == "top-bottom"


def test_a_picture_of_180_degrees_on_an_empty_canvas_is_no_whole_sphere(scenes: dict[int, np.ndarray]) -> None:
    frames = scenes[5].copy()
    frames[:, :, :180] = frames[:, :, -180:] = 0
    guess = look(frames, 720, 360)
    assert guess.projection == "half_equirectangular"
    assert decide_picture(guess.scores, "equirectangular", PictureThresholds()).kind == "other"
