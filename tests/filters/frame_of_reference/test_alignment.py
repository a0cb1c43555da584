from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from tests.filters.frame_of_reference.scenes import moving_frames, moving_sound
from yt360 import ambisonics, sphere
from yt360.filters.frame_of_reference import measurement
from yt360.filters.frame_of_reference.alignment import SeenAndHeard, heading_evidence, lag_evidence, turned
from yt360.filters.frame_of_reference.visual_activity import SECTORS

SECONDS = 14.0


@lru_cache
def both(turned_deg: float = 0.0) -> SeenAndHeard:
    found = measurement.look(0.0, moving_frames(SECONDS), moving_sound(SECONDS, turned_deg=turned_deg))
    assert found is not None
    return found.both


@pytest.mark.parametrize("yaw_deg", [0.0, 70.0, -130.0])
def test_a_sound_that_moves_with_what_is_seen_gives_its_heading(yaw_deg: float) -> None:
    found = heading_evidence([both(-yaw_deg)])
    assert found is not None
    assert abs((found.yaw_deg - yaw_deg + 180) % 360 - 180) < 8
    assert found is not None
    assert found.correlation > 0.6
    assert found is not None
    assert found.correlation > 1.5 * found.mirrored


def test_a_mirrored_sound_fits_better_the_other_way_round() -> None:
    part = both()
    found = heading_evidence([SeenAndHeard(part.seen, part.heard[:, ::-1], part.heading, part.fps)])
    assert found is not None
    assert found.mirrored > 1.5 * found.correlation


def test_what_only_sounds_louder_and_softer_in_place_is_no_trajectory() -> None:
    rng = np.random.default_rng(0)
    loud = 1 + np.sin(np.arange(200) / 5)
    heard, seen = np.zeros((200, SECTORS)), np.zeros((200, SECTORS))
    heard[:, 10] = loud
    seen[:, 40] = loud
    heard += 0.01 * rng.random(heard.shape)
    seen += 0.01 * rng.random(seen.shape)
    found = heading_evidence([SeenAndHeard(seen, heard, np.zeros(200), 16.0)])
    assert found is not None
    assert found.correlation <= 1.3 * found.mirrored or found.correlation < 0.3


def test_changes_seen_and_heard_give_the_lag() -> None:
    rng = np.random.default_rng(3)
    blinks = np.abs(np.diff((rng.random(321) < 0.2).astype(float)))
    level = np.cumsum(rng.choice([-1.0, 1.0], 320) * blinks)
    seen, heard = np.full((320, SECTORS), 0.05), np.full((320, SECTORS), 0.01)
    seen[:, 20] += blinks
    heard[:, 20] = np.exp(level - level.mean())
    for lag in (-6, 0, 5):
        part = SeenAndHeard(seen, np.roll(heard, lag, axis=0), np.zeros(320), 16.0)
        found = lag_evidence([part], 0.0)
        assert found is not None
        assert found.lag_s == pytest.approx(lag / 16, abs=0.03)
        assert found is not None
        assert found.above_chance > 5


@pytest.mark.parametrize("frames", [8, 9])
def test_halves_are_all_of_it(frames: int) -> None:
    rng = np.random.default_rng(5)
    part = SeenAndHeard(rng.random((frames, SECTORS)), rng.random((frames, SECTORS)), rng.random(frames), 16.0)
    first, second = part.halves()
    assert len(first.seen) == 4
    assert first.fps == second.fps == part.fps
    for name in ("seen", "heard", "heading"):
        together = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_array_equal(together, getattr(part, name))


def test_halves_that_contradict_each_other_do_not_agree() -> None:
    """The same film twice; the second time the sound comes from the right of what is seen."""
    part, aside = both(), both(-90.0)
    middle = len(part.seen) // 2
    heard = np.concatenate([part.heard[:middle], aside.heard[middle:]])
    alike = heading_evidence([part])
    torn = heading_evidence([SeenAndHeard(part.seen, heard, part.heading, part.fps)])
    assert alike is not None
    assert torn is not None
    assert alike.agreeing == 1
    assert torn.agreeing <= 0.5


def test_nothing_that_moves_is_no_evidence() -> None:
    still = np.zeros((160, SECTORS))
    assert heading_evidence([SeenAndHeard(still, still, np.zeros(160), 16.0)]) is None
    assert heading_evidence([]) is None
    assert lag_evidence([], 0.0) is None


def test_a_turned_map_is_the_map_of_a_turned_sound() -> None:
    field = np.zeros((1, SECTORS))
    azimuth = sphere.column_azimuths(SECTORS)
    field[0] = np.exp(5 * np.cos(azimuth - 0.4))
    moved = turned(field, np.array([np.radians(90)]))
    assert azimuth[int(np.argmax(moved[0]))] == pytest.approx(0.4 + np.pi / 2, abs=0.05)
    heard = ambisonics.rotate(ambisonics.encode([1.0], 0.4, 0.0), sphere.yaw_rotation(np.pi / 2))
    assert np.arctan2(heard[1, 0], heard[3, 0]) == pytest.approx(0.4 + np.pi / 2)
