"""Halves that are two eyes, bars and circles."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.media_scenes import make_scene
from yt360 import sphere
from yt360.media.projection import looks
from yt360.media.projection.layouts import draw, dual_fisheye

HEIGHT, WIDTH = 360, 640


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return np.asarray(make_scene(5, HEIGHT, WIDTH).frames(2).mean(axis=3), np.float64).astype(np.uint8)


def test_two_eyes_are_alike_with_parallax_and_two_halves_are_not(scene: np.ndarray) -> None:
    moved = np.roll(scene, 6, axis=2)
    alike, detail = looks.likeness(scene, moved)
    assert alike > 0.9
    assert detail > 3
    assert looks.likeness(*looks.halves(scene)["top-bottom"])[0] < 0.5
    assert looks.likeness(np.full_like(scene, 9), np.full_like(scene, 9)) == (0.0, 0.0)


def test_bars_at_the_sides_make_no_two_eyes_of_one_picture(scene: np.ndarray) -> None:
    boxed = scene.copy()
    boxed[:, :, :90] = boxed[:, :, -90:] = 0
    plain, between = (looks.likeness(*looks.halves(frames)["top-bottom"])[0] for frames in (scene, boxed))
    assert between < plain + 0.2
    assert looks.likeness(boxed, boxed)[0] > 0.99


def test_bars_have_straight_edges_by_night_too(scene: np.ndarray) -> None:
    for picture in (scene, (scene * 0.15 + 8).astype(np.uint8)):
        boxed = np.pad(picture, ((0, 0), (0, 0), (80, 80)))
        assert looks.side_bars(boxed) == pytest.approx(80 / 800, abs=0.005)
    assert looks.side_bars(scene) == 0


def test_a_lit_stage_in_the_dark_has_no_bars(scene: np.ndarray) -> None:
    azimuth, _ = sphere.direction(sphere.pixel_vectors(HEIGHT, WIDTH))
    ragged = 1.2 + 0.2 * np.sin(np.linspace(0, 9, HEIGHT))[:, None]
    stage = np.where(np.abs(azimuth) < ragged, scene, 3).astype(np.uint8)
    assert looks.side_bars(stage) == 0
    assert looks.empty_sides(np.where(np.abs(azimuth) < np.pi / 2, scene, 3).astype(np.uint8))
    assert not looks.empty_sides(scene)


def on_a_canvas(quality: int = 40, begin: int = 160, lit: int = 360) -> np.ndarray:
    """180° between empty quarters, bright in ``lit`` rows, badly coded at another size, as an editor leaves them."""
    columns = np.arange(WIDTH)
    rows = np.where((columns >= begin) & (columns < WIDTH - begin), 90 + 60 * np.sin(columns / 9), 0)
    frame = np.zeros((HEIGHT, WIDTH), np.uint8)
    frame[:lit] = rows.astype(np.uint8)
    if not quality:
        return frame[None]
    data = cv2.imencode(".jpg", cv2.resize(frame, (636, 312)), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    coded = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return np.asarray(cv2.resize(coded, (WIDTH, HEIGHT)), np.uint8)[None]


def test_a_canvas_is_known_by_where_it_is_cut_though_coding_blurs_the_edges() -> None:
    assert looks.cut_quarters(on_a_canvas(0))
    assert looks.cut_quarters(on_a_canvas(40))


@pytest.mark.parametrize(("begin", "cut"), [(162, True), (170, False), (186, False)])
def test_what_begins_further_in_is_not_cut_at_a_quarter(begin: int, cut: bool) -> None:
    assert looks.empty_sides(on_a_canvas(0, begin))
    assert looks.cut_quarters(on_a_canvas(0, begin)) == cut


@pytest.mark.parametrize(("lit", "cut"), [(37, True), (34, False)])
def test_a_tenth_of_the_rows_must_be_lit_at_a_cut(lit: int, cut: bool) -> None:
    assert looks.cut_quarters(on_a_canvas(0, lit=lit)) == cut


@pytest.mark.parametrize(("ragged", "cut"), [(70, True), (74, False)])
def test_four_in_five_of_the_lit_rows_begin_at_a_cut(ragged: int, cut: bool) -> None:
    frame = on_a_canvas(0)
    frame[:, :ragged, :172] = frame[:, :ragged, -172:] = 0
    assert looks.cut_quarters(frame) == cut


def test_rows_in_which_nothing_comes_near_the_cut_do_not_count() -> None:
    frame = on_a_canvas(0)
    frame[:, :150, :186] = frame[:, :150, -186:] = 0
    assert looks.cut_quarters(frame)


@pytest.mark.parametrize(("light", "cut"), [(21, True), (20, False)])
def test_by_night_nothing_tells_where_a_picture_is_cut(light: int, cut: bool) -> None:
    assert looks.cut_quarters(np.minimum(on_a_canvas(0), light)) == cut


def test_a_stage_that_fades_into_the_dark_is_not_cut(scene: np.ndarray) -> None:
    azimuth, _ = sphere.direction(sphere.pixel_vectors(HEIGHT, WIDTH))
    ragged = 1.2 + 0.2 * np.sin(np.linspace(0, 9, HEIGHT))[:, None]
    stage = np.where(np.abs(azimuth) < ragged, scene, 3).astype(np.uint8)
    assert looks.empty_sides(stage)
    assert not looks.cut_quarters(stage)


def test_circles_are_round_by_day_and_by_night(scene: np.ndarray) -> None:
    for light in (1.0, 0.15):
        drawn = np.stack([draw(dual_fisheye(), (frame * light + 8).astype(np.uint8), 320, 640) for frame in scene])
        left, right = looks.halves(drawn)["left-right"]
        assert min(looks.roundness(left), looks.roundness(right)) > 0.6
    assert looks.roundness(scene) < 0.2


def test_black_poles_are_not_round(scene: np.ndarray) -> None:
    frames = scene.copy()
    frames[:, :76] = frames[:, -76:] = 0
    assert looks.roundness(frames) < 0.2
