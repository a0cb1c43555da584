"""Where one sound lies in another, by hashes whose times are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from yt360.filters.duplicates import alignment
from yt360.filters.duplicates.alignment import Alignment
from yt360.filters.duplicates.audio_fingerprint import FRAME_S
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.duplicates.visual_fingerprint import LENGTH

PLAIN = np.zeros((0, LENGTH), np.int8)


def marks(hashes: NDArray[np.int64] | range, times: NDArray[np.int64] | range) -> NDArray[np.int64]:
    return np.stack([np.asarray(hashes), np.asarray(times)], axis=1).astype(np.int64)


def of(landmarks: NDArray[np.int64], duration_s: float = 100.0) -> VideoFingerprint:
    return VideoFingerprint(landmarks, PLAIN, 2.0, duration_s)


def line(one: NDArray[np.int64], other: NDArray[np.int64], least: int = 5) -> Alignment:
    return alignment.align(of(one), of(other), least, pitches=False)


def test_equal_hashes_on_one_line_are_its_votes() -> None:
    found = line(marks(range(50), range(0, 500, 10)), marks(range(10, 60), range(1000, 1500, 10)))
    assert (found.votes, found.speed) == (40, 1.0)
    assert found.offset_s == pytest.approx((1000 - 100) * FRAME_S)
    np.testing.assert_allclose(found.times_s, FRAME_S * np.arange(100, 500, 10))


def test_no_hash_in_common_is_no_vote() -> None:
    for one, other in ((range(5), range(9, 14)), (range(0), range(5)), (range(5), range(0))):
        found = line(marks(one, range(len(one))), marks(other, range(len(other))))
        assert (found.votes, found.speed, found.offset_s, found.times_s.size) == (0, 1.0, 0.0, 0)


@pytest.mark.parametrize(("apart", "votes"), [(2, 2), (3, 1)])
def test_peaks_may_move_by_less_than_three_frames(apart: int, votes: int) -> None:
    assert line(marks(range(2), [0, 100]), marks(range(2), [0, 100 + apart])).votes == votes  # type: ignore[arg-type]


@pytest.mark.parametrize(("often", "votes"), [(40, 1), (41, 0)])
def test_what_occurs_all_the_time_says_nothing_about_where(often: int, votes: int) -> None:
    other = marks(np.full(often, 7), np.arange(often) * 10)
    assert line(marks(range(7, 8), range(1)), other).votes == votes


def test_each_of_several_equal_hashes_is_paired() -> None:
    one, other = marks([3, 3, 4], [0, 50, 70]), marks([4, 3, 3], [170, 100, 150])  # type: ignore[arg-type]
    found = line(one, other)
    assert found.votes == 3
    assert found.offset_s == pytest.approx(100 * FRAME_S)
    np.testing.assert_allclose(found.times_s, FRAME_S * np.array([0, 50, 70]))


@pytest.mark.parametrize("speed", [0.954, 0.98, 1.02, 1.046])
def test_the_same_pitch_at_another_speed_is_found(speed: float) -> None:
    times = np.arange(0, 3000, 7)
    found = line(marks(np.arange(times.size), times), marks(np.arange(times.size), np.round(speed * times) + 40))
    assert found.votes == times.size
    assert found.speed == pytest.approx(speed)
    assert found.offset_s == pytest.approx(40 * FRAME_S, abs=FRAME_S)


@pytest.mark.parametrize(("usual", "other", "speed"), [(4, 10, 1.0), (4, 12, 1.02), (1, 9, 1.0), (1, 10, 1.02)])
def test_another_speed_needs_thrice_the_votes_and_twice_the_least(usual: int, other: int, speed: float) -> None:
    """Here the least is 5. Of many speeds that are tried one is lucky."""
    times = np.arange(1, other + 1) * 500
    plain = np.arange(1, usual + 1) * 371
    one = marks(np.arange(usual + other), np.concatenate([plain, times]))
    two = marks(np.arange(usual + other), np.concatenate([plain + 100000, np.round(1.02 * times)]))
    assert line(one, two).speed == speed


def test_what_was_heard_is_counted_from_the_begin_and_before_the_end() -> None:
    sound = of(marks(range(10), range(0, 1000, 100)))
    assert alignment.heard(sound, 100 * FRAME_S, 300 * FRAME_S) == 2
    assert alignment.heard(sound, 0.0, 1000.0) == 10


def test_the_overlap_of_two_sounds_is_in_the_time_of_the_first() -> None:
    nothing = marks(range(0), range(0))
    for offset_s, speed, begin_s, end_s in (
        (0.0, 1.0, 0.0, 40.0),
        (-10.0, 1.0, 10.0, 50.0),
        (10.0, 1.0, 0.0, 30.0),
        (0.0, 2.0, 0.0, 20.0),
        (-10.0, 2.0, 5.0, 25.0),
        (-30.0, 0.5, 60.0, 60.0),
    ):
        found = Alignment(1, speed, offset_s, np.zeros(0))
        overlap = alignment.shared_s(found, of(nothing, 60.0), of(nothing, 40.0))
        assert overlap == pytest.approx((begin_s, end_s, end_s - begin_s)), (offset_s, speed)


@pytest.mark.parametrize(("hashes", "shared_s"), [(7, 20.0), (8, 15.0)])
@pytest.mark.parametrize("side", [0, 1])
def test_a_stretch_full_of_hashes_of_which_none_is_shared_belongs_to_something_else(
    hashes: int, shared_s: float, side: int
) -> None:
    """Cells of five seconds; the other sound lies ten seconds later and runs at twice the speed."""
    within = np.linspace(5.1, 9.9, hashes)
    if side == 1:
        within = 2 * within + 10
    prints = [of(marks(range(0), range(0)), 20.0), of(marks(range(0), range(0)), 50.0)]
    prints[side] = of(marks(range(hashes), np.round(within / FRAME_S).astype(int)), (20.0, 50.0)[side])
    found = Alignment(1, 2.0, 10.0, np.array([1.0]))
    assert alignment.shared_s(found, prints[0], prints[1])[2] == pytest.approx(shared_s)
    heard = Alignment(1, 2.0, 10.0, np.array([1.0, 7.0]))
    assert alignment.shared_s(heard, prints[0], prints[1])[2] == pytest.approx(20.0)


def test_cells_are_five_seconds_as_nearly_as_they_divide_the_overlap_and_two_at_least() -> None:
    full = marks(range(400), np.round(np.arange(400) * 0.1 / FRAME_S).astype(int))
    for length_s, cell_s in ((12.0, 6.0), (13.0, 13 / 3), (4.0, 4.0)):
        found = Alignment(1, 1.0, 0.0, np.array([0.1]))
        assert alignment.shared_s(found, of(full, length_s), of(full, length_s))[2] == pytest.approx(cell_s)
