from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from tests.filters.shots.films import FPS, Film, concert, dim, dissolved, flash, place, shake, walk
from yt360.filters.shots import transitions
from yt360.filters.shots.blending import Blend
from yt360.filters.shots.settings import ShotSettings
from yt360.filters.shots.transitions import ShotDetector, Transition, _groups


def watch(film: Film, settings: ShotSettings | None = None) -> list[Transition]:
    detector = ShotDetector(FPS, settings)
    for frame in film:
        detector.push(frame)
    detector.finish()
    return detector.transitions


def watching(
    count: int,
    *,
    changes: Sequence[float] = (),
    contrasts: Sequence[float] = (),
    brightness: Sequence[float] = (),
    grids: Any = None,
) -> ShotDetector:
    """A detector in the middle of its work: what it knows of ``count`` frames is given, and nothing is looked at."""
    detector = ShotDetector(FPS)
    detector._frames = [np.zeros((16, 32, 3), np.uint8)] * count
    detector._grids = [np.zeros((16, 32, 3), np.float32)] * count if grids is None else list(grids)
    detector._ranges = [transitions._spread(grid) for grid in detector._grids]
    detector._changes = list(changes) or [0.0] * (count - 1)
    light = brightness or [100.0] * count
    panoramas: Any = {
        k: SimpleNamespace(contrast=contrast, number=k, brightness=light[k])
        for k, contrast in enumerate(contrasts or [1.0] * count)
    }
    detector._panoramas = panoramas
    return detector


@pytest.mark.parametrize(
    ("change", "usual", "jumps"), [(9.99, 1.0, False), (10.0, 1.0, True), (20.0, 5.0, False), (20.01, 5.0, True)]
)
def test_a_jump_is_ten_levels_and_four_times_the_usual_change(change: float, usual: float, jumps: bool) -> None:
    """The usual one is the median of the second before and the second after."""
    changes = [99.0] * 10 + [usual] * 30 + [99.0] * 10
    changes[25] = change
    assert watching(51, changes=changes)._jumps(25) is jumps


@pytest.mark.parametrize(("brightest", "uniform"), [(111.9, True), (112.0, False)])
def test_a_picture_of_one_colour_spans_less_than_twelve_levels_apart_from_its_poles(
    brightest: float, uniform: bool
) -> None:
    grid = np.full((16, 32, 3), 100.0, np.float32)
    grid[0], grid[-1] = 0.0, 255.0
    grid[5, 5] = brightest
    assert watching(1, grids=[grid])._uniform(0) is uniform
    grid[5, 5] = (brightest - 30, brightest, brightest + 30)  # gray is the mean of the three
    assert watching(1, grids=[grid])._uniform(0) is uniform


def test_a_second_is_looked_at_when_what_may_lie_over_its_end_is_there() -> None:
    for fps, span, reach in ((16, 16, 26), (1, 2, 3), (30, 30, 47)):
        detector = ShotDetector(fps)
        assert (detector._span, detector._reach) == (span, reach)
        assert detector.lookahead == span + 2 * reach + 1
    assert ShotDetector(FPS)._spans() == [5, 11, 21]
    assert ShotDetector(2)._spans() == [2, 3]


def test_indices_that_lie_near_each_other_are_one_group() -> None:
    assert _groups([1, 2, 6, 11, 15], 4) == [[1, 2, 6], [11, 15]]
    assert _groups([], 4) == []


@pytest.mark.parametrize(("contrast", "clear"), [(0.849, 9), (0.851, 5)])
def test_a_side_is_clear_where_contrast_has_most_of_the_way_behind_it(contrast: float, clear: int) -> None:
    contrasts = [0.0, 0.1, 0.2, 0.4, 0.8, contrast, 0.8, 0.8, 0.8, 1.0]
    assert watching(10, contrasts=contrasts)._clear(0, 1, 9) == clear
    assert watching(10, contrasts=contrasts[::-1])._clear(9, -1, 0) == 9 - clear


def test_the_lowest_contrast_against_both_sides_is_the_middle_of_a_dissolve() -> None:
    contrasts = [1.0] * 60
    contrasts[28:33] = [0.8, 0.7, 0.6, 0.7, 0.8]
    assert watching(60, contrasts=contrasts)._dip(20, 40) == (30, 5)
    assert watching(60, contrasts=contrasts)._dip(20, 30) == (29, 5)


@pytest.mark.parametrize(
    ("here", "sides", "dips"),
    [(0.75, (1.0, 1.0), True), (0.751, (1.0, 1.0), False), (0.78, (1.0, 1.0), False), (0.484, (0.5, 1.0), True),
     (0.486, (0.5, 1.0), False), (0.486, (1.0, 0.5), False)],
)  # fmt: skip
def test_a_dip_lies_below_the_mean_of_both_sides_and_below_the_plainer(
    here: float, sides: tuple[float, float], dips: bool
) -> None:
    detector = watching(60, contrasts=[sides[0]] * 30 + [here] + [sides[1]] * 29)
    detector._settings = ShotSettings(dissolve_contrast=0.75)
    assert (detector._dip(30, 31) is not None) is dips


@pytest.mark.parametrize(("left", "dips"), [(0.75, False), (0.79, True), (0.201, False), (0.2, True), (1.5, True)])
def test_contrast_is_measured_against_light_that_goes_down_and_not_out(left: float, dips: bool) -> None:
    """The middle has 0.6 of the contrast, and ``left`` of the light of the darker side."""
    contrast = min(0.6, left)
    light = [100.0] * 30 + [100 * left] + [130.0] * 29
    detector = watching(60, contrasts=[1.0] * 30 + [contrast] + [1.0] * 29, brightness=light)
    detector._settings = ShotSettings(dissolve_contrast=0.77)
    assert (detector._dip(30, 31) is not None) is dips


@pytest.mark.parametrize(("span", "uniform"), [(19.9, True), (20.1, False)])
def test_a_tenth_of_what_is_seen_within_a_second_is_one_colour(span: float, uniform: bool) -> None:
    def grid(most: float) -> Any:
        made = np.full((16, 32, 3), 20.0, np.float32)
        made[5, 5] += most
        return made

    near = [grid(200.0)] + [grid(span)] * 17
    assert watching(18, grids=near)._uniform(16) is uniform
    assert watching(18, grids=near[::-1])._uniform(1) is uniform
    assert watching(18, grids=near)._uniform(17) is False, "the bright one is more than a second off"


@pytest.mark.parametrize(
    ("low", "share", "explained", "mixture"),
    [
        (0.75, 0.5, 0.9, True),
        (0.751, 0.5, 0.9, False),
        (0.5, 0.3, 0.9, True),
        (0.5, 0.299, 0.9, False),
        (0.5, 0.7, 0.9, True),
        (0.5, 0.701, 0.9, False),
        (0.5, 0.5, 0.8, True),
        (0.5, 0.5, 0.799, False),
    ],
)
def test_a_mixture_is_told_by_its_share_between_a_plain_and_a_rich_place(
    monkeypatch: pytest.MonkeyPatch, low: float, share: float, explained: float, mixture: bool
) -> None:
    asked: list[tuple[int, int, int]] = []

    def blended(first: Any, middle: Any, last: Any) -> Blend:
        asked.append((first.number, middle.number, last.number))
        return Blend(share, explained - 0.01 * abs(middle.number - 31) * (explained > 0.85))

    monkeypatch.setattr(transitions, "blend", blended)
    for contrasts in ([low] * 30 + [1.0] * 30, [1.0] * 30 + [low] * 30):
        found = watching(60, contrasts=contrasts)._mixture(29, 34)
        assert (found is not None) is mixture
        if found is not None:
            assert found[1] == 21, "long spans first"
            assert found[0] == (31 if explained > 0.85 else 29)
    if mixture:
        assert asked[0] == (8, 29, 50)


@pytest.mark.parametrize(
    ("there", "back", "same"),
    [
        (0.5, 0.0, True),
        (0.49, 0.0, False),
        (0.3, 0.2, True),
        (0.3, 0.19, False),
        (0.35, 0.15, True),
        (0.4, 0.149, False),
        (0.25, 0.25, True),
        (0.249, 0.9, False),
    ],
)
def test_a_place_is_known_again_by_many_corners_or_by_fewer_both_ways(
    monkeypatch: pytest.MonkeyPatch, there: float, back: float, same: bool
) -> None:
    def found_again(one: Any, other: Any, turn: int = 0) -> float:
        return there if one.number < other.number else back

    monkeypatch.setattr(transitions, "found_again", found_again)
    detector = watching(2)
    detector._settings = ShotSettings(same_place_share=0.25)
    assert detector._same(0, 1) is same
    assert detector._same_back(0, 1) is (there + back >= 0.5 and min(there, back) >= 0.15)


@pytest.mark.parametrize(("turned", "back", "same"), [(0.375, 0.15, True), (0.374, 0.15, False), (0.375, 0.149, False)])
def test_what_was_first_turned_must_be_known_half_as_well_again_and_both_ways(
    monkeypatch: pytest.MonkeyPatch, turned: float, back: float, same: bool
) -> None:
    monkeypatch.setattr(transitions, "heading_change", lambda one, other: 7)
    monkeypatch.setattr(transitions, "found_again", lambda one, other, turn=0: {7: turned, -7: back}.get(turn, 0.0))
    detector = watching(2)
    detector._settings = ShotSettings(same_place_share=0.25)
    for panorama in detector._panoramas.values():
        panorama.evenly_lit = panorama
    assert detector._same_in_any_heading(0, 1) is same
    assert detector._same_in_other_light(0, 1) is same


@pytest.mark.parametrize(
    ("across", "usual", "drift", "parted"),
    [(9.9, 0.0, 0.0, False), (10.1, 0.0, 0.0, True), (20.0, 5.1, 0.0, False), (21.0, 5.0, 0.0, True),
     (20.0, 2.6, 20.8, False), (20.9, 2.6, 20.8, True)],
)  # fmt: skip
def test_places_are_parted_by_colours_that_change_far_more_than_around(
    across: float, usual: float, drift: float, parted: bool
) -> None:
    """Half a second on either side: the largest step there, and a quarter of how far they drift, are usual."""
    before = [usual * (k % 2) for k in range(9)] if not drift else [drift * (k - 8) / 8 for k in range(9)]
    mean = float(np.mean(before[-3:]))
    # The grids are flat, so of each latitude's mean and deviation the deviation is 0: half of what is compared.
    levels = [100 + 2 * level for level in [*before, *[mean + across] * 9]]
    grids = [np.full((16, 32, 3), level, np.float32) for level in levels]
    detector = watching(18, grids=grids)
    detector._settings = ShotSettings(colour_jump_levels=10.0)
    assert detector._recoloured(8, 9) is parted


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


@pytest.mark.parametrize("frames", [6, 10])
def test_a_fade_that_a_codec_leaves_short_of_black_parts_two_places(frames: int) -> None:
    down = np.linspace(1, 0.07, frames)[:, None, None, None]
    first, second = place(7, 50), place(8, 50)
    first[-frames:] = np.rint(first[-frames:] * down)
    second[:frames] = np.rint(second[:frames] * down[::-1])
    (found,) = watch(np.concatenate([first, second]))
    assert found.begin < 50 <= found.end
    first[-frames:], second = place(7, 50)[-frames:], place(7, 50)
    first[-frames:] = np.rint(first[-frames:] * down)
    second[:frames] = np.rint(second[:frames] * down[::-1])
    assert watch(np.concatenate([first, second])) == []


def test_light_that_goes_down_on_a_walk_is_no_dissolve() -> None:
    film = walk()
    assert watch(film) == []
    light = 1 - 0.6 * np.exp(-(((np.arange(96) - 48) / 6) ** 2))
    assert watch(np.asarray(np.rint(film * light[:, None, None, None]), np.uint8)) == []


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
    assert (rising.begin, rising.kind) in ((44, "black"), (45, "black"))  # the next one has a tenth of the light
    assert 50 <= rising.end <= 53


@pytest.mark.parametrize("change", [flash, concert, dim, shake])
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
