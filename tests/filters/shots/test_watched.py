from __future__ import annotations

import numpy as np
import pytest

from tests.filters.shots.films import FPS, one_by_one, place
from yt360.filters.shots.transitions import ShotDetector, Transition
from yt360.filters.shots.watched import WatchedFrames


def test_a_frame_comes_with_every_transition_before_it() -> None:
    film = np.concatenate([place(1, 40), place(2, 40)])
    frames = WatchedFrames(one_by_one(film), ShotDetector(FPS))
    for number, frame in enumerate(film):
        at = frames.at(number)
        assert at is not None
        np.testing.assert_array_equal(at, frame)
        assert [found.begin for found in frames.known() if found.begin < number] == ([39] if number > 39 else [])
    assert frames.at(80) is None


@pytest.mark.parametrize(
    ("begin", "end", "touched"), [(0, 40, False), (0, 41, True), (39, 60, True), (40, 80, False), (0, 80, True)]
)
def test_a_clip_that_ends_with_its_shot_is_clear_of_the_cut(begin: int, end: int, touched: bool) -> None:
    film = np.concatenate([place(1, 40), place(2, 40)])
    frames = WatchedFrames(one_by_one(film), ShotDetector(FPS))
    assert frames.inside(begin, end) == ([Transition(39, 40, "cut")] if touched else [])


def test_frames_that_nobody_asks_for_again_are_given_back() -> None:
    film = place(3, 200)
    detector = ShotDetector(FPS)
    frames = WatchedFrames(one_by_one(film), detector)
    assert frames.at(120) is not None
    assert len(frames._held) <= detector.lookahead + 1
    with pytest.raises(ValueError, match="frame 119 was given back"):
        frames.at(119)
