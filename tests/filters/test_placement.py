from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yt360.filters.placement import place_clips


def place(
    seconds: Sequence[bool],
    start_s: float = 0.0,
    end_s: float | None = None,
    clip_s: float = 10.0,
    min_clip_s: float = 9.5,
    share: float = 0.5,
) -> Any:
    """Clips of a timeline given in whole seconds."""
    steps = np.repeat(np.asarray(seconds, bool), 10)
    end_s = len(seconds) if end_s is None else end_s
    return place_clips(steps, start_s, end_s, clip_s=clip_s, min_clip_s=min_clip_s, min_active_share=share)


def starts(*arguments: Any, **settings: Any) -> list[float]:
    return [clip.start_s for clip in place(*arguments, **settings)]


def test_published_shape_of_segments() -> None:
    """Whole seconds, gaps of at least ten; without silence exactly ten; a silence is skipped and no more."""
    assert starts([True] * 45) == [0, 10, 20, 30]
    assert starts([False] * 60) == []
    assert starts([True] * 12 + [False] * 9 + [True] * 20) == [0, 21, 31]


def test_the_most_sound_is_kept_where_first_come_first_served_loses_some() -> None:
    """Six seconds of sound, a pause, then exactly ten: starting at the first sound would cut the ten in two."""
    assert starts([True] * 6 + [False] * 1 + [True] * 10) == [7]
    assert starts([False] * 3 + [True] * 20 + [False] * 4) == [3, 13]


@given(st.lists(st.booleans(), max_size=60), st.floats(0, 3), st.floats(0, 2), st.integers(2, 12), st.floats(0.05, 1))
def test_clips_hold_what_they_promise_and_first_come_first_served_is_no_better(
    seconds: list[bool], start_s: float, cut_s: float, clip_s: int, share: float
) -> None:
    end_s = max(0.0, len(seconds) - cut_s)
    placed = place(seconds, start_s, end_s, clip_s=clip_s, min_clip_s=0.9 * clip_s, share=share)
    steps = np.repeat(np.asarray(seconds, bool), 10)

    def sound(start: float, duration: float) -> Any:
        return int(steps[round(start * 10) : round((start + duration) * 10)].sum())

    for clip in placed:
        assert clip.start_s == int(clip.start_s)
        assert 0.9 * clip_s - 1e-5 <= clip.duration_s <= clip_s
        assert min(clip.start_s + clip.duration_s, end_s) - max(clip.start_s, start_s) >= 0.9 * clip_s - 1e-5
        assert sound(clip.start_s, clip.duration_s) >= share * clip.duration_s * 10 - 1.1
    for one, following in pairwise(placed):
        assert following.start_s >= one.start_s + one.duration_s - 1e-6
    greedy, second = 0, int(np.ceil(start_s))
    while second + clip_s <= end_s:
        if sound(second, clip_s) >= share * clip_s * 10:
            greedy += sound(second, clip_s)
            second += clip_s
        else:
            second += 1
    assert sum(sound(clip.start_s, clip.duration_s) for clip in placed) >= greedy


def test_a_recording_of_just_under_ten_seconds_gives_a_clip() -> None:
    (clip,) = place([True] * 10, 0.0, 9.97)
    assert (clip.start_s, clip.duration_s) == (0, pytest.approx(9.97))
    assert place([True] * 10, 0.0, 9.4) == []
    assert starts([True] * 11, 0.85, 10.87) == [1]
    assert starts([True] * 11, 0.04, 10.04) == [0]
    assert starts([True] * 21, 0.7, 20.9) == [1, 11]


def test_a_stream_that_ends_behind_its_timeline_gives_the_clip_that_is_there() -> None:
    (clip,) = place([True] * 10, 0.0, 10.3, clip_s=10.3)
    assert (clip.start_s, clip.duration_s) == (0, pytest.approx(10.3))


def test_a_clip_with_exactly_the_least_share_of_sound_is_cut() -> None:
    assert starts([True] * 5 + [False] * 5, share=0.5) == [0]
    assert starts([True] * 4 + [False] * 6, share=0.5) == []


def shares(seconds: Any, placed: Any) -> Any:
    """Share of the clips that is silent, and of the sound that no clip holds."""
    steps, inside = np.repeat(np.asarray(seconds, bool), 10), np.zeros(10 * len(seconds), bool)
    for clip in placed:
        inside[round(clip.start_s * 10) : round((clip.start_s + clip.duration_s) * 10)] = True
    return (inside & ~steps).sum() / max(1, inside.sum()), (steps & ~inside).sum() / max(1, steps.sum())


def budget(seconds: Any, silent: float, lost: float = 1.0) -> Any:
    steps = np.repeat(np.asarray(seconds, bool), 10)
    lengths = {"clip_s": 10.0, "min_clip_s": 9.5, "min_active_share": 0.5}
    return place_clips(steps, 0.0, float(len(seconds)), **lengths, max_silent_share=silent, max_lost_share=lost)


def test_clips_together_hold_no_more_silence_than_allowed_and_no_less_sound_than_they_could() -> None:
    quarter = [True] * 30 + [False] * 3 + [True] * 17
    assert [clip.start_s for clip in budget(quarter, 1.0)] == [0, 10, 20, 30, 40]
    # Three silent seconds of fifty are 6 %: the clip with them goes, and the others move together.
    assert [clip.start_s for clip in budget(quarter, 0.06)] == [0, 10, 20, 30, 40]
    within = budget(quarter, 0.059)
    assert shares(quarter, within) == (0.0, pytest.approx(7 / 47))


@given(st.lists(st.booleans(), min_size=10, max_size=80), st.floats(0.0, 0.4))
@example([False] * 2 + [True] * 8, 0.19921875)
def test_the_budget_of_silence_is_held_whatever_is_lost(seconds: list[bool], silent: float) -> None:
    placed = budget(seconds, silent)
    assert shares(seconds, placed)[0] <= silent + 1e-6
    for one, following in pairwise(placed):
        assert following.start_s >= one.start_s + one.duration_s - 1e-6


@given(st.lists(st.booleans(), min_size=10, max_size=80), st.floats(0.0, 0.4), st.floats(0.0, 0.5))
def test_no_more_sound_is_given_up_than_allowed(seconds: list[bool], silent: float, lost: float) -> None:
    steps = np.repeat(np.asarray(seconds, bool), 10)

    def sound(placed: Any) -> Any:
        return sum(int(steps[round(c.start_s * 10) : round((c.start_s + c.duration_s) * 10)].sum()) for c in placed)

    free, placed = budget(seconds, 1.0), budget(seconds, silent, lost)
    assert sound(placed) >= (1 - lost) * sound(free) - 1e-6
    assert shares(seconds, placed)[0] <= max(silent, shares(seconds, free)[0]) + 1e-6


def test_a_recording_of_one_clip_is_not_lost_to_a_pause() -> None:
    short = [True] * 4 + [False] * 2 + [True] * 4
    assert budget(short, 0.05) == []
    assert [clip.start_s for clip in budget(short, 0.05, 0.03)] == [0]
