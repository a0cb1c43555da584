from __future__ import annotations

import numpy as np
import pytest

from tests.filters.frame_of_reference.scenes import seen, texture
from yt360 import sphere
from yt360.filters.frame_of_reference.picture_rotation import RotationTracker, agreed_rotation


def angle_deg(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(one @ other.T) - 1) / 2, -1, 1))))


def curve(kind: str, count: int) -> list[np.ndarray]:
    time_s = np.arange(count) / 4
    yaw, pitch, roll = {
        "turning": (25 * time_s, 0 * time_s, 0 * time_s),
        "shaking": (12 * np.sin(5 * time_s), 6 * np.sin(3.3 * time_s), 5 * np.sin(4.1 * time_s)),
        "tumbling": (30 * time_s, 30 * np.sin(time_s), 20 * np.sin(0.7 * time_s)),
    }[kind]
    angles = np.radians(np.stack([yaw, pitch, roll], axis=1))
    turns = [sphere.yaw_rotation(y) @ sphere.pitch_rotation(p) @ sphere.roll_rotation(r) for y, p, r in angles]
    return [turn @ turns[0].T for turn in turns]


@pytest.mark.parametrize("kind", ["turning", "shaking", "tumbling"])
def test_the_turn_of_a_sphere_is_found_within_half_a_degree(kind: str) -> None:
    picture, tracker = texture(), RotationTracker()
    errors = [angle_deg(tracker.push(seen(picture, turn)).rotation, turn) for turn in curve(kind, 24)]
    assert max(errors) < 0.5


def test_what_moves_in_front_does_not_turn_the_picture() -> None:
    picture, tracker = seen(texture(), np.eye(3)), RotationTracker()
    box = texture(5)[:40, :60]
    for step in range(8):
        frame = picture.copy()
        frame[40:80, 20 + 8 * step : 80 + 8 * step] = box
        found = tracker.push(frame)
    assert angle_deg(found.rotation, np.eye(3)) < 0.3


def test_nothing_is_said_where_there_is_nothing_to_follow() -> None:
    tracker = RotationTracker()
    for _ in range(3):
        found = tracker.push(np.full((128, 256), 90, np.uint8))
    assert found.agreeing == 0
    assert np.allclose(found.rotation, np.eye(3))


def test_another_place_keeps_the_turn_and_goes_on_from_there() -> None:
    tracker, turn = RotationTracker(), sphere.yaw_rotation(0.3)
    tracker.push(seen(texture(0), np.eye(3)))
    assert angle_deg(tracker.push(seen(texture(0), turn)).rotation, turn) < 0.5
    assert tracker.push(seen(texture(9), np.eye(3))).agreeing == 0
    after = tracker.push(seen(texture(9), turn))
    assert angle_deg(after.rotation, turn @ turn) < 0.5


def test_outliers_do_not_count() -> None:
    rng = np.random.default_rng(0)
    directions = sphere.unit_vector(rng.uniform(-np.pi, np.pi, 60), rng.uniform(-1, 1, 60))
    rotation = sphere.yaw_rotation(0.7) @ sphere.roll_rotation(0.2)
    turned = directions @ rotation.T
    turned[:20] = sphere.unit_vector(rng.uniform(-np.pi, np.pi, 20), rng.uniform(-1, 1, 20))
    found, share = agreed_rotation(directions, turned)
    assert angle_deg(found, rotation) < 1e-3
    assert share == pytest.approx(40 / 60, abs=0.03)
