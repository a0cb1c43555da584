"""Rows that are drawn out change less: how much is measured, and what it says of each layout."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.media_pictures import both_eyes, layout_of
from benchmarks.media_scenes import make_scene, smooth_noise
from yt360 import sphere
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH
from yt360.media.projection.grain import grain
from yt360.media.projection.hypotheses import JUDGED_ASPECT, hypotheses

FINE = (1.0, 1.0)
ROWS, COLUMNS = np.mgrid[0:WORK_HEIGHT, 0:WORK_WIDTH]


def board(wide: int, high: int, level: int = 20) -> np.ndarray:
    """One frame of a chessboard whose fields have this size in pixels."""
    return np.asarray(level * ((COLUMNS // wide + ROWS // high) % 2), np.uint8)[None]


def texture(wide: float, high: float, level: float = 40) -> np.ndarray:
    """One frame of noise, smooth over these lengths (pixels)."""
    noise = np.random.default_rng(2).standard_normal((WORK_HEIGHT, WORK_WIDTH))
    smooth = cv2.GaussianBlur(noise, (0, 0), wide, sigmaY=high)
    return np.asarray(np.clip(128 + level * smooth / smooth.std(), 0, 255), np.uint8)[None]


def change_over_two(length: float, level: float = 40) -> float:
    """Mean change of :func:`texture` over two pixels."""
    return level * float(np.sqrt(2 / np.pi) * np.sqrt(2 * (1 - np.exp(-((2 / length) ** 2) / 4))))


def test_textures_twice_as_wide_change_half_as_much_along_rows() -> None:
    square, change = grain(texture(4, 4), FINE)
    assert square == pytest.approx(0, abs=0.03)
    assert change == pytest.approx(2 * change_over_two(4), rel=0.05)
    expected = np.log((1 + change_over_two(8)) / (1 + change_over_two(4)))
    assert expected < -0.55
    assert grain(texture(8, 4), FINE)[0] == pytest.approx(expected, abs=0.05)
    assert grain(texture(4, 8), FINE)[0] == pytest.approx(-expected, abs=0.05)


def test_level_edges_are_no_grain() -> None:
    steps = (100 * (ROWS // 37 % 2)).astype(np.uint8)
    assert grain(board(4, 4) + steps, FINE)[0] == pytest.approx(grain(board(4, 4), FINE)[0], abs=0.01)


@pytest.mark.parametrize(("outer", "same"), [(60, True), (66, False)])
def test_a_sixth_at_the_top_and_at_the_bottom_is_not_looked_at(outer: int, same: bool) -> None:
    poles = board(4, 4)
    poles[:, :outer] = poles[:, -outer:] = 128
    assert (abs(grain(poles, FINE)[1] - grain(board(4, 4), FINE)[1]) < 1e-6) == same


def test_every_row_counts_alike() -> None:
    """Grass below is no more than sky above: loud rows do not drown the others."""
    mixed = texture(8, 4, 8)
    mixed[:, 180:] = texture(4, 4, 40)[:, 180:]
    expected = np.log((1 + change_over_two(8, 8)) / (1 + change_over_two(4, 8))) / 2
    assert expected < -0.2
    assert grain(mixed, FINE)[0] == pytest.approx(expected, abs=0.025)


def test_coarse_files_are_compared_over_as_many_pixels_both_ways() -> None:
    assert grain(board(8, 8), (2.0, 1.0))[1] == pytest.approx(grain(board(8, 8), (1.0, 2.0))[1])
    assert grain(board(8, 8), (2.0, 1.0))[1] == pytest.approx(2 * grain(board(8, 8), FINE)[1], rel=0.03)


def test_a_plain_picture_has_no_grain() -> None:
    assert grain(np.full((2, WORK_HEIGHT, WORK_WIDTH), 50, np.uint8), FINE) == (0.0, 0.0)


@pytest.fixture(scope="module")
def rough() -> np.ndarray:
    """Texture that is alike in all directions, on the sphere."""
    noise = smooth_noise(np.random.default_rng(3), sphere.pixel_vectors(480, 960), 16, 4)
    return np.clip(110 + 50 * noise, 0, 255).astype(np.uint8)


def test_layouts_order_as_their_degrees_say(rough: np.ndarray) -> None:
    """Drawn out most is two halves above each other, least are two spheres side by side."""
    names = ("half-top-bottom", "equirectangular-tb", "half-mono", "equirectangular", "equirectangular-lr")
    found = {name: grain(both_eyes(layout_of(name), rough, 360, 640, 2)[None], FINE)[0] for name in names}
    assert sorted(found, key=lambda name: found[name])[0] == "half-top-bottom"
    assert max(found, key=lambda name: found[name]) == "equirectangular-lr"
    for drawn_out in ("equirectangular-tb", "half-mono"):
        assert found["half-top-bottom"] + 0.1 < found[drawn_out] < found["equirectangular"] - 0.2


def test_how_far_a_layout_is_drawn_out_follows_from_its_degrees() -> None:
    every = hypotheses()
    assert JUDGED_ASPECT == WORK_WIDTH / WORK_HEIGHT
    plain = every["equirectangular"].log_drawn_out(1.0)
    assert plain == pytest.approx(np.log((WORK_WIDTH / 360) / (WORK_HEIGHT / 180)))
    assert every["equirectangular"].log_drawn_out(4.0) == plain
    assert every["equirectangular-tb"].log_drawn_out(1) - plain == pytest.approx(np.log(2))
    assert every["half-mono"].log_drawn_out(1) - plain == pytest.approx(np.log(2))
    assert every["equirectangular-lr"].log_drawn_out(1) - plain == pytest.approx(-np.log(2))
    assert every["cubemap-6x1"].log_drawn_out(1) == pytest.approx(np.log((640 / 540) / (360 / 90)))
    for name, across, down in (("eac", 270, 180), ("cubemap-cbmp", 270, 180), ("fisheye-left-right", 380, 190)):
        assert every[name].log_drawn_out(1) == pytest.approx(np.log((640 / across) / (360 / down)))
    assert every["flat-mono"].log_drawn_out(JUDGED_ASPECT) == pytest.approx(0)
    assert every["flat-mono"].log_drawn_out(4 / 3) == pytest.approx(np.log(4 / 3))


def test_scenes_of_the_world_have_the_grain_that_spheres_have() -> None:
    scene = make_scene(5, WORK_HEIGHT, WORK_WIDTH).frames(2).mean(axis=3).astype(np.uint8)
    assert -0.5 < grain(scene, FINE)[0] < 0.2
