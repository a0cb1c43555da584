from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from tests.filters.shots.films import FPS, Film, dissolved, place
from yt360.filters.shots.settings import ShotSettings
from yt360.filters.shots.transitions import ShotDetector, Transition


def watch(film: Film, settings: ShotSettings | None = None) -> list[Transition]:
    detector = ShotDetector(FPS, settings)
    for frame in film:
        detector.push(frame)
    detector.finish()
    return detector.transitions


@pytest.mark.parametrize("at", [1, 16, 37, 70, 95])
def test_a_cut_is_found_to_the_frame(at: int) -> None:
    film = np.concatenate([place(1, at), place(2, 96 - at)])
    assert watch(film) == [Transition(at - 1, at, "cut")]


def test_a_cut_is_found_while_the_camera_turns() -> None:
    film = np.concatenate([place(3, 40, turn_deg_s=60), place(4, 40, turn_deg_s=-90)])
    assert watch(film) == [Transition(39, 40, "cut")]


def test_every_shot_of_a_quick_sequence_ends() -> None:
    film = np.concatenate([place(seed, 20) for seed in range(10, 15)])
    assert [found.end for found in watch(film)] == [20, 40, 60, 80]


@pytest.mark.parametrize("frames", [4, 8, 16, 32])
def test_a_dissolve_is_found_and_what_is_clear_of_it_is_kept(frames: int) -> None:
    first, second = place(5, 64), place(6, 64)
    (found,) = watch(dissolved(first, second, frames))
    assert abs(found.begin - (64 - frames)) <= max(4, frames // 3)
    assert abs(found.end - 64) <= max(4, frames // 3)


@pytest.mark.parametrize("frames", [8, 16])
def test_a_dissolve_from_a_plain_place_to_a_rich_one_is_found_by_its_mixture(frames: int) -> None:
    """Contrast only rises there."""
    rich = place(6, 64)
    plain = np.stack([cv2.GaussianBlur(frame, (0, 0), 2.5) for frame in place(5, 64)])
    (found,) = watch(dissolved(plain, rich, frames))
    assert found.kind == "dissolve"
    assert abs(found.begin - (64 - frames)) <= 4
    assert abs(found.end - 64) <= 4


@pytest.mark.parametrize("seed", range(3))
def test_a_plain_place_of_straight_edges_is_not_any_other(seed: int) -> None:
    """A quarter of its edges look like some edge of a rich place, and not the other way round."""
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.integers(0, 320, 14))
    picture = np.full((160, 320, 3), 150.0)
    picture[80:] = 90
    for left, right in itertools.pairwise(edges):
        picture[rng.integers(30, 75) : 100, left:right] = rng.uniform(40, 220)
    grain = rng.normal(0, 1.5, (24, 160, 320, 1))
    walls = np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8) + grain, 0, 255).astype(np.uint8)
    assert watch(np.concatenate([walls, place(seed, 24)])) == [Transition(23, 24, "cut")]
    assert watch(np.concatenate([place(seed, 24), walls])) == [Transition(23, 24, "cut")]


def test_a_fade_through_black_parts_two_places_and_not_one() -> None:
    down = np.linspace(1, 0, 10)[:, None, None, None]

    def faded(first: Film, second: Film) -> Film:
        out, back = first[-10:] * down, second[:10] * down[::-1]
        return np.concatenate([first[:-10], np.asarray(np.rint([*out, *back]), np.uint8), second[10:]])

    (found,) = watch(faded(place(7, 50), place(8, 50)))
    assert found.kind == "black"
    assert found.begin <= 46
    assert found.end >= 54
    whole = place(7, 100)
    assert watch(faded(whole[:50], whole[50:])) == []


@pytest.mark.parametrize(("frames", "shots"), [(7, 1), (10, 3)])
def test_black_for_longer_than_half_a_second_is_a_shot_of_its_own(frames: int, shots: int) -> None:
    film = place(9, 80)
    film[36 : 36 + frames] = 0
    found = watch(film)
    assert len(found) + 1 == shots
    if shots == 3:
        assert found == [Transition(35, 36, "black"), Transition(35 + frames, 36 + frames, "black")]


def test_a_shot_after_long_black_begins_where_its_picture_is_whole() -> None:
    film = place(9, 96)
    film[30:45] = 0
    film[45:53] = np.rint(film[45:53] * np.linspace(0.1, 0.9, 8)[:, None, None, None])
    black, rising = watch(film)
    assert black == Transition(29, 30, "black")
    assert (rising.begin, rising.kind) == (44, "black")
    assert 50 <= rising.end <= 53


def _flash(film: Film) -> None:
    for at in (20, 47, 71):
        film[at : at + 2] = np.clip(film[at : at + 2].astype(int) + 170, 0, 255)


def _concert(film: Film) -> None:
    rng = np.random.default_rng(0)
    for at in range(0, len(film), 9):
        film[at : at + 9] = np.clip(film[at : at + 9] * rng.uniform(0.3, 1.2, 3), 0, 255)


def _dim(film: Film) -> None:
    film[:] = film * np.linspace(1, 0.15, len(film))[:, None, None, None]


def _shake(film: Film) -> None:
    rng = np.random.default_rng(1)
    for frame in film:
        frame[:] = np.roll(frame, int(rng.normal(0, 10)), axis=1)


@pytest.mark.parametrize("change", [_flash, _concert, _dim, _shake])
def test_light_and_shaking_are_no_cuts(change: Callable[[Film], None]) -> None:
    for seed in (20, 21, 22):
        film = place(seed, 96)
        change(film)
        assert watch(film) == []


@pytest.mark.parametrize("speed_deg_s", [40, 120, 240])
def test_a_turning_camera_is_no_cut(speed_deg_s: float) -> None:
    assert watch(place(23, 80, turn_deg_s=speed_deg_s)) == []


def test_night_is_parted_by_its_colours_and_by_nothing_less() -> None:
    rng = np.random.default_rng(2)

    def night(level: float, frames: int) -> Film:
        rows = np.linspace(level, level / 3, 160)[:, None, None]
        noise = rng.normal(0, 4, (frames, 160, 320, 3))
        return np.asarray(np.clip(rows + noise, 0, 255), np.uint8)

    film = np.concatenate([night(22, 48), night(60, 48)])
    assert [found.end for found in watch(film)] == [48]
    assert watch(film, ShotSettings(colour_jump_levels=60.0)) == []
    assert watch(night(22, 96)) == []


def test_the_share_of_a_place_decides() -> None:
    """Half of the picture stays: the inset of a title beside a scene that goes on."""
    first, second = place(30, 48), place(31, 48)
    second[:, :, :160] = place(30, 96)[48:, :, :160]
    film = np.concatenate([first, second])
    assert watch(film) == []
    assert [found.end for found in watch(film, ShotSettings(same_place_share=0.75))] == [48]


def test_the_contrast_of_a_dissolve_decides() -> None:
    film = dissolved(place(32, 64), place(33, 64), 16)
    assert len(watch(film)) == 1
    assert watch(film, ShotSettings(dissolve_contrast=0.5)) == []


def test_nothing_comes_before_what_is_settled_and_the_wait_is_bounded() -> None:
    film = np.concatenate([place(seed, 30) for seed in range(40, 46)])
    detector, settled, known = ShotDetector(FPS), 0, 0
    for count, frame in enumerate(film, start=1):
        detector.push(frame)
        assert all(found.begin >= settled for found in detector.transitions[known:])
        assert detector.settled >= count - detector.lookahead
        settled, known = detector.settled, len(detector.transitions)
    detector.finish()
    assert detector.settled == len(film)
