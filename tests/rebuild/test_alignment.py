"""Where clips are in today's video: trimmed, cut in the middle, encoded anew, or another video."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rebuild.sounds import RATE, clip_of, melody, video_of
from yt360.rebuild.alignment import SAME_PLACE_S, starts

SOUND = melody(1, 60)
CLIPS = [clip_of(SOUND, start_s) for start_s in (5.0, 15.0, 30.0, 48.0)]
PUBLISHED = {clip.clip: clip.start_s for clip, _ in CLIPS}


def shifts(found: dict[str, float]) -> list[float]:
    return [round(found[name] - start_s, 2) for name, start_s in PUBLISHED.items()]


def test_the_same_video_has_its_clips_where_they_were() -> None:
    assert starts(CLIPS, video_of(SOUND)) == PUBLISHED


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.08, -0.05])
def test_an_encoders_delay_is_no_trim(delay_s: float) -> None:
    moved = np.roll(SOUND, round(delay_s * RATE))
    assert starts(CLIPS, video_of(moved)) == PUBLISHED


@pytest.mark.parametrize("trim_s", [0.5, 3.2, 7.75])
def test_a_trimmed_video_has_them_earlier(trim_s: float) -> None:
    found = starts(CLIPS, video_of(SOUND[round(trim_s * RATE) :]))
    assert shifts(found) == pytest.approx([-trim_s] * 4, abs=0.04)


def test_a_longer_intro_has_them_later() -> None:
    found = starts(CLIPS, video_of(np.concatenate([melody(7, 4), SOUND])))
    assert shifts(found) == pytest.approx([4.0] * 4, abs=0.04)


def test_a_video_cut_in_the_middle_has_each_at_its_own_place() -> None:
    shorter = np.concatenate([SOUND[: 27 * RATE], SOUND[29 * RATE :]])
    assert shifts(starts(CLIPS, video_of(shorter))) == pytest.approx([0.0, 0.0, -2.0, -2.0], abs=0.04)


def test_another_video_and_silence_say_nothing() -> None:
    assert starts(CLIPS, video_of(melody(99, 60), scene=9)) == PUBLISHED
    assert starts(CLIPS, video_of(np.zeros(60 * RATE, np.float32))) == PUBLISHED
    assert starts(CLIPS, None) == PUBLISHED


def test_a_list_without_fingerprints_is_cut_where_it_says() -> None:
    assert starts([(clip, None) for clip, _ in CLIPS], video_of(SOUND[4 * RATE :])) == PUBLISHED


def test_a_clip_that_was_cut_off_begins_before_the_video() -> None:
    found = starts(CLIPS, video_of(SOUND[8 * RATE :]))
    assert found["a-00005"] == pytest.approx(-3.0, abs=0.04)


def test_the_boundary_between_delay_and_trim() -> None:
    for trim_s, moved in ((SAME_PLACE_S - 0.05, False), (SAME_PLACE_S + 0.05, True)):
        found = starts(CLIPS, video_of(SOUND[round(trim_s * RATE) :]))
        assert (found != PUBLISHED) is moved, trim_s
