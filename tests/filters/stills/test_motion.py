from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.filters.pictures import HEIGHT, WIDTH, scenery, turned, with_box
from yt360 import sphere
from yt360.filters.stills import motion
from yt360.filters.stills.settings import MotionSettings

SETTINGS = MotionSettings()


def compare(first: np.ndarray, second: np.ndarray) -> Any:
    return motion.compare(motion.prepare(first), motion.prepare(second), SETTINGS)


def test_block_weights_are_the_solid_angles_of_the_blocks() -> None:
    weights = motion.block_weights(HEIGHT, WIDTH, 0.0)
    rows = sphere.row_solid_angles(HEIGHT, WIDTH) * WIDTH / (4 * np.pi)
    assert weights.shape == (20, 40)
    np.testing.assert_allclose(weights.sum(axis=1), rows.reshape(20, 8).sum(axis=1), rtol=1e-9)


def test_the_poles_are_left_out() -> None:
    picture = scenery()
    other = picture.copy()
    other[: HEIGHT // 10 - 4] = 255 - other[: HEIGHT // 10 - 4]
    assert compare(picture, other).changed == 0


@pytest.mark.parametrize("yaw_deg", [-170.0, -31.0, -1.0, 0.7, 12.34, 95.0])
def test_yaw_is_found_to_a_tenth_of_a_degree(yaw_deg: float) -> None:
    first = scenery()
    rotation = motion.estimate_rotation(first, turned(first, yaw_deg))
    error = cv2.Rodrigues(rotation @ sphere.yaw_rotation(np.deg2rad(yaw_deg)).T)[0]
    assert np.rad2deg(np.linalg.norm(error)) < 0.1


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(3.0, 2.0), (-20.0, 4.0), (8.0, -6.0)])
def test_yaw_and_pitch_are_found_together(yaw_deg: float, pitch_deg: float) -> None:
    first = scenery(3)
    truth = sphere.pitch_rotation(np.deg2rad(pitch_deg)) @ sphere.yaw_rotation(np.deg2rad(yaw_deg))
    rotation = motion.estimate_rotation(first, turned(first, yaw_deg, pitch_deg))
    assert np.rad2deg(np.linalg.norm(cv2.Rodrigues(rotation @ truth.T)[0])) < 0.2


def test_a_turn_alone_is_no_motion_and_a_moving_thing_in_a_turning_world_is() -> None:
    picture = scenery()
    alone = compare(picture, turned(picture, 7.0))
    assert alone.changed > 0.1
    assert alone.residual < 0.005
    assert alone.rotation_deg == pytest.approx(7.0, abs=0.1)
    lively = compare(with_box(picture, 70, 40, 24, 14, 230), turned(with_box(picture, 70, 90, 24, 14, 230), 7.0))
    assert lively.residual > 0.015
    assert lively.rotation_deg == pytest.approx(7.0, abs=0.2)


def test_white_noise_is_no_motion_but_leaves_a_background() -> None:
    rng = np.random.default_rng(0)
    first, second = (scenery() + 8 * rng.standard_normal((HEIGHT, WIDTH)) for _ in range(2))
    pair = compare(first, second)
    assert pair.changed < 0.005
    assert pair.background == pytest.approx(8 * 2 / np.sqrt(np.pi), rel=0.05)  # E|difference of two normals|


def test_a_change_of_brightness_everywhere_is_no_motion_even_where_it_clips() -> None:
    picture = scenery()
    assert compare(picture, np.clip(picture * 1.15 + 6, 0, 255)).changed < 0.01


def test_the_seam_does_not_split_a_region() -> None:
    picture = scenery()
    boxed = with_box(picture, 70, 100, 20, 30, 240)
    inside, across = (compare(np.roll(picture, shift, 1), np.roll(boxed, shift, 1)) for shift in (-24, -112))
    assert inside.regions == across.regions == 1
    assert across.extent == pytest.approx(inside.extent, rel=0.3)


def test_small_differences_of_bytes_do_not_wrap() -> None:
    """uint8 arithmetic wraps modulo 256; the same frames as uint8 and as float must compare alike."""
    first = np.clip(scenery(), 0, 255).astype(np.uint8)
    second = np.clip(with_box(first, 70, 100, 40, 12, 16).round(), 0, 255).astype(np.uint8)
    assert compare(first, second) == compare(first.astype(float), second.astype(float))
    assert compare(first, second) != compare(first, first)


def test_a_size_that_is_no_multiple_of_the_block_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 8"):
        motion.prepare(np.zeros((100, 201), np.uint8))


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.uint8, (2, 32, 64), elements=st.integers(0, 255)))
def test_any_pair_of_frames_gives_finite_shares(frames: np.ndarray) -> None:
    pair = compare(frames[0], frames[1])
    for value in (pair.changed, pair.residual, pair.extent):
        assert 0 <= value <= 1 + 1e-9
    assert np.isfinite([pair.background, *pair.rotation]).all()


def test_the_fast_turn_is_the_turn_of_the_sphere() -> None:
    picture = scenery(5)
    rotation = sphere.roll_rotation(0.2) @ sphere.pitch_rotation(0.7) @ sphere.yaw_rotation(-2.5)
    np.testing.assert_allclose(
        sphere.rotate_small_picture(picture, rotation), sphere.rotate_picture(picture, rotation), atol=0.6, rtol=0
    )
