"""Pictures of two videos against each other, by descriptions whose likeness is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from yt360.filters.duplicates import pictures
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.duplicates.visual_fingerprint import LENGTH

NOTHING = np.zeros((0, 2), np.int64)


def axes(*places: int) -> NDArray[np.int8]:
    """A description for each place, of which no two have anything in common; plain where the place is negative."""
    frames = np.zeros((len(places), LENGTH), np.int8)
    for row, place in enumerate(places):
        if place >= 0:
            frames[row, place] = 100
    return frames


def of(frames: NDArray[np.int8], frame_s: float = 2.0) -> VideoFingerprint:
    return VideoFingerprint(NOTHING, frames, frame_s, frame_s * len(frames))


def between(cosine: float) -> NDArray[np.int8]:
    """Two descriptions with this cosine, to a hundredth, that a mirror does not change."""
    frames = np.zeros((2, LENGTH), np.int8)
    frames[0, 0] = 120
    frames[1, :2] = np.rint(120 * np.array([cosine, np.sqrt(1 - cosine**2)]))
    return frames


def test_each_picture_is_compared_with_those_of_about_its_moment() -> None:
    one, other = of(axes(0, 1, 2, 3)), of(axes(9, 0, 1, 2, 3))
    assert pictures.likeness(one, other, 1.0, 2.0, 0.0, 8.0) == (1.0, False)
    # 2.5 s either way, and no further: four seconds off every picture meets strangers only.
    assert pictures.likeness(one, other, 1.0, 4.5, 0.0, 8.0)[0] == 1.0
    assert pictures.likeness(one, other, 1.0, 4.6, 0.0, 8.0)[0] == 0.0
    assert pictures.likeness(one, other, 1.0, 0.0, 0.0, 8.0)[0] == 1.0


def test_a_wider_spacing_of_either_video_widens_what_is_about_the_same_moment() -> None:
    one, other = of(axes(0, 9), frame_s=4.0), of(axes(9, 9, 0, 9, 9), frame_s=2.0)
    assert pictures.likeness(one, other, 1.0, 0.0, 0.0, 0.0)[0] == 1.0
    assert pictures.likeness(other, one, 1.0, 0.0, 4.0, 4.0)[0] == 1.0
    narrow = of(axes(0, 9), frame_s=2.0)
    assert pictures.likeness(narrow, other, 1.0, 0.0, 0.0, 0.0)[0] == 0.0


def test_a_faster_copy_is_compared_where_its_moments_lie() -> None:
    one, other = of(axes(*range(10))), of(axes(0, *[50] * 3, 2, *[50] * 3, 4, *[50] * 3, 6))
    assert pictures.likeness(one, other, 2.0, 0.0, 12.0, 12.0)[0] == 1.0
    assert pictures.likeness(one, other, 1.0, 0.0, 12.0, 12.0)[0] == 0.0


def test_only_what_is_in_the_overlap_counts_both_ends_included() -> None:
    one, other = of(axes(5, 0, 1, 5)), of(axes(6, 0, 1, 6))
    assert pictures.likeness(one, other, 1.0, 0.0, 2.0, 4.0)[0] == 1.0
    assert pictures.likeness(one, other, 1.0, 0.0, 0.0, 6.0)[0] == 0.5
    assert pictures.likeness(one, other, 1.0, 0.0, 0.0, 0.0)[0] == 0.0


def test_the_median_of_the_likeness_decides() -> None:
    alike = pictures.likeness(of(axes(0, 1, 2)), of(axes(0, 1, 50)), 1.0, 0.0, 0.0, 6.0)
    strange = pictures.likeness(of(axes(0, 1, 2)), of(axes(0, 50, 50)), 1.0, 0.0, 0.0, 6.0)
    assert (alike[0], strange[0]) == (1.0, 0.0)


def test_plain_pictures_say_nothing_unless_the_other_video_has_some() -> None:
    plain, one = of(axes(-1, -1)), of(axes(0, 1))
    assert pictures.likeness(plain, plain, 1.0, 0.0, 0.0, 4.0) == (None, False)
    assert pictures.likeness(plain, one, 1.0, 0.0, 0.0, 4.0) == (0.0, False)
    assert pictures.likeness(one, plain, 1.0, 0.0, 0.0, 4.0) == (0.0, False)
    assert pictures.likeness(one, one, 1.0, 100.0, 0.0, 4.0) == (None, False), "nothing at about the same moment"
    mixed = of(axes(-1, 1))
    assert pictures.likeness(mixed, one, 1.0, 0.0, 0.0, 4.0) == (1.0, False), "of the two only one is compared"
    assert pictures.likeness(one, of(axes(0, -1)), 1.0, 0.0, 0.0, 4.0)[0] == 0.5


@pytest.mark.parametrize(("size", "found"), [(16, False), (17, True)])
def test_a_mirror_must_make_pictures_clearly_more_alike(size: int, found: bool) -> None:
    """By 0.05 of the cosine: rooms are nearly symmetrical. The last half of a description tells left from right."""
    one, other = np.zeros((1, LENGTH), np.int8), np.zeros((1, LENGTH), np.int8)
    one[0, [0, -1]] = 100, size
    other[0, [0, -1]] = 100, -size
    cosine, mirrored = pictures.likeness(of(one), of(other), 1.0, 0.0, 0.0, 1.0)
    assert mirrored is found
    assert cosine == pytest.approx(1.0 if found else (100**2 - size**2) / (100**2 + size**2), abs=1e-4)


def test_views_are_proposed_by_likeness_mirrored_or_not() -> None:
    rng = np.random.default_rng(1)
    looks = rng.integers(-60, 60, (4, LENGTH)).astype(np.int8)
    mirror = looks[1:2].copy()
    mirror[:, LENGTH // 2 :] *= -1
    videos = [of(looks[0:1]), of(looks[1:2]), of(looks[[2, 0]]), of(mirror), of(looks[3:4]), of(axes(-1))]
    assert list(pictures.proposals(videos)) == [(0, 2), (1, 3)]
    assert list(pictures.proposals([of(axes(-1)), of(axes(-1, -1))])) == []
    assert list(pictures.proposals([])) == []


def test_two_that_are_alike_are_proposed_among_very_many() -> None:
    """More than fit into the buckets of a key of few bits."""
    looks = np.random.default_rng(2).integers(-60, 60, (400, LENGTH)).astype(np.int8)
    videos = [of(look[None]) for look in [*looks, looks[0]]]
    assert list(pictures.proposals(videos)) == [(0, 400)]


@pytest.mark.parametrize(("cosine", "found"), [(0.89, []), (0.91, [(0, 1)])])
def test_views_at_the_boundary_of_what_is_worth_comparing(cosine: float, found: list[tuple[int, int]]) -> None:
    both = between(cosine)
    assert list(pictures.proposals([of(both[:1]), of(both[1:])])) == found


def test_of_a_video_only_pictures_that_differ_from_the_last_view_are_views() -> None:
    alike, other = between(0.93), between(0.85)
    assert len(pictures._views(alike)) == 1
    assert len(pictures._views(other)) == 2
    np.testing.assert_array_equal(pictures._views(axes(-1, 3, 3, -1, 4, 3)), axes(3, 4, 3))
    assert len(pictures._views(axes(-1))) == 0


@pytest.mark.parametrize(("count", "kept"), [(24, range(24)), (25, [round(k * 24 / 23) for k in range(24)])])
def test_of_many_views_some_are_kept_from_the_first_to_the_last(count: int, kept: object) -> None:
    found = pictures._views(axes(*range(count)))
    assert np.argmax(found, axis=1).tolist() == list(kept)  # type: ignore[call-overload]


def film(count: int, seed: int = 3) -> NDArray[np.int8]:
    """A picture that changes at random by a part of itself, from one frame to the next."""
    rng = np.random.default_rng(seed)
    still = np.random.default_rng(9).integers(-60, 60, LENGTH)
    frames: NDArray[np.int8] = np.clip(still + rng.integers(-25, 26, (count, LENGTH)), -127, 127).astype(np.int8)
    return frames


def test_changes_align_two_pictures_at_their_offset() -> None:
    whole = film(30)
    found = pictures.align(of(whole[7:27]), of(whole), 5.0)
    assert found is not None
    assert (found.speed, found.offset_s, found.mirrored) == (1.0, 14.0, False)
    assert found.correlation > 0.9
    back = pictures.align(of(whole), of(whole[7:27]), 5.0)
    assert back is not None
    assert (back.speed, back.offset_s) == (1.0, -14.0)
    assert pictures.align(of(whole), of(film(30, seed=4)), 5.0) is None, "another take at the place"


@pytest.mark.parametrize("flip", [False, True])
def test_a_mirrored_film_aligns_in_the_mirror_only(flip: bool) -> None:
    whole = film(24)
    other = whole.copy()
    if flip:
        other[:, LENGTH // 2 :] *= -1
    found = pictures.align(of(whole), of(other), 5.0)
    assert found is not None
    assert (found.mirrored, found.offset_s) == (flip, 0.0)
    assert found.correlation == pytest.approx(1.0)


def test_a_still_aligns_with_nothing_from_either_side() -> None:
    still, lively = of(np.repeat(film(1), 24, axis=0)), of(film(24))
    assert pictures.align(still, lively, 5.0) is None
    assert pictures.align(lively, still, 5.0) is None
    assert pictures.align(of(axes()), lively, 5.0) is None
    assert pictures._changes(axes())[1] == 0.0
    assert pictures._changes(axes(1, 2))[1] == pytest.approx(0.5)


def test_films_must_overlap_for_long_enough_and_in_enough_frames() -> None:
    whole = film(40)
    for frames, least_s, aligned in ((6, 12.0, True), (6, 12.1, False), (5, 5.0, False), (7, 14.0, True)):
        found = pictures.align(of(whole[:frames]), of(whole), least_s)
        assert (found is not None) is aligned, (frames, least_s)


def test_a_film_that_runs_faster_aligns_at_its_speed() -> None:
    """Frame k of one is at 1.03 k of the other: every fraction between two frames occurs."""
    slow = np.cumsum(np.random.default_rng(6).normal(0, 4, (80, LENGTH)), axis=0)
    at = np.arange(70) / 1.03
    low, share = np.floor(at).astype(int), (at % 1)[:, None]
    fast = (1 - share) * slow[low] + share * slow[low + 1]
    scale = 120 / np.abs(slow).max()
    one, other = (of((scale * each).round().astype(np.int8)) for each in (slow, fast))
    found = pictures.align(one, other, 5.0)
    assert found is not None
    assert found.speed == 1.03
    assert found.offset_s == pytest.approx(0.0, abs=0.5)
