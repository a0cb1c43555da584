"""Two fingerprints that are thought to be of one recording: what is enough, at the boundary of each limit."""

from __future__ import annotations

import numpy as np
import pytest

from yt360.filters.duplicates.alignment import Alignment
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.duplicates.matching import compare
from yt360.filters.duplicates.settings import MatchSettings
from yt360.filters.duplicates.visual_fingerprint import LENGTH

LIMITS = MatchSettings(min_votes=5, min_rate=0.02, min_overlap_s=5.0)


def print_of(hashes: np.ndarray, *, delay: int = 0, seconds: float = 10.0, scene: int = 0) -> VideoFingerprint:
    """Landmarks at every other frame of the fingerprint; frames of one scene."""
    frames = np.random.default_rng(scene).integers(-60, 60, (1, LENGTH)).repeat(5, axis=0).astype(np.int8)
    times = 2 * np.arange(len(hashes)) + delay
    return VideoFingerprint(np.stack([hashes, times], axis=1).astype(np.int64), frames, 2.0, seconds)


def pair(shared: int, **other: float) -> tuple[VideoFingerprint, VideoFingerprint]:
    """150 hashes, of which ``shared`` are equal, spread over the whole time."""
    one = np.arange(150) * 7919
    changed = one + 3
    equal = np.linspace(0, 149, shared).round().astype(int)
    changed[equal] = one[equal]
    return print_of(one), print_of(changed, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shared", "found"), [(0, False), (4, False), (5, True), (150, True)])
def test_the_boundary_of_equal_hashes(shared: int, found: bool) -> None:
    match = compare(*pair(shared), LIMITS)
    assert (match is not None) is found
    if match is not None:
        assert (match.votes, match.offset_s, match.picture) == (shared, 0.0, 1.0)


def test_the_offset_and_what_is_covered() -> None:
    match = compare(*pair(60, delay=50), LIMITS)
    assert match is not None
    assert match.offset_s == pytest.approx(1.6)
    assert match.covered_one == pytest.approx(0.84)


@pytest.mark.parametrize(("delay", "found"), [(156, True), (157, False)])
def test_the_boundary_of_the_overlap(delay: int, found: bool) -> None:
    """5 s of 10 are 156.25 units of 32 ms."""
    assert (compare(*pair(60, delay=delay), LIMITS) is not None) is found


def test_another_picture_under_the_same_sound() -> None:
    assert compare(*pair(150, scene=1), LIMITS) is None


def test_a_part_of_the_hashes_is_enough() -> None:
    """`matches` proposes pairs by hashes that stand beside each other, or by pictures; nothing proposes here."""
    one, other = pair(150)
    few = VideoFingerprint(one.landmarks[::12], one.frames, one.frame_s, one.duration_s)
    assert compare(few, other, LIMITS) is not None


def test_without_sound_the_pictures_decide() -> None:
    nothing = np.zeros(0, np.int64)
    assert compare(print_of(nothing), print_of(nothing), LIMITS) is not None
    assert compare(print_of(nothing), print_of(nothing, scene=1), LIMITS) is None
    assert compare(print_of(nothing), print_of(np.arange(150)), LIMITS) is None, "one of them sounds"


def test_a_stretch_of_one_in_the_time_of_the_other() -> None:
    """Twice as fast, three seconds later."""
    assert Alignment(1, 2.0, 3.0, np.zeros(1)).there(10.0, 20.0) == (23.0, 43.0)
