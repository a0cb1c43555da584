"""Labels, vectors and sources: multi-ACCDOA."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from yt360 import sphere
from yt360.dataset.starss import EventLabel
from yt360.evaluation.doa.targets import event_targets, found_frames, reference_frames, track_loss

FRONT, LEFT, BACK = np.eye(3)[0], np.eye(3)[1], -np.eye(3)[0]


def test_labels_become_vectors_of_frames_and_those_behind_the_end_are_left_out() -> None:
    labels = [
        EventLabel(0, 2, 0, 90, 0),
        EventLabel(0, 2, 1, 180, 0),
        EventLabel(1, 0, 0, 0, 90),
        EventLabel(2, 0, 0, 0, 0),
    ]
    first, second = reference_frames(labels, 2)
    assert first.keys() == {2}
    np.testing.assert_allclose(first[2], [LEFT, BACK], atol=1e-12)
    np.testing.assert_allclose(second[0], [[0, 0, 1]], atol=1e-12)


def test_more_sources_than_tracks_are_left_out() -> None:
    vectors, counts = event_targets([{1: np.stack([FRONT, LEFT, BACK])}], 2, 2)
    assert counts.tolist() == [[0, 2]]
    np.testing.assert_allclose(vectors[0, :, 1], [FRONT, LEFT])


def one_class(*vectors: np.ndarray) -> torch.Tensor:
    """``(1, tracks, 1, 3)``."""
    return torch.from_numpy(np.stack(vectors)).float()[None, :, None]


@pytest.mark.parametrize("order", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 1)])
def test_any_order_of_tracks_and_any_track_twice_is_right(order: tuple[int, ...]) -> None:
    vectors, counts = event_targets([{0: np.stack([FRONT, LEFT])}], 1, 3)
    predicted = one_class(*(vectors[0, place, 0].numpy() for place in order))
    assert track_loss(predicted, vectors, counts) == 0


def test_a_source_that_no_track_has_costs() -> None:
    vectors, counts = event_targets([{0: np.stack([FRONT, LEFT])}], 1, 3)
    assert track_loss(one_class(FRONT, FRONT, FRONT), vectors, counts) == pytest.approx(
        2 / 9
    )  # one track, |F - L|² = 2


def test_silence_costs_what_is_predicted() -> None:
    vectors, counts = event_targets([{}], 1, 3)
    assert track_loss(one_class(FRONT, 0 * FRONT, 0 * FRONT), vectors, counts) == pytest.approx(1 / 9)
    assert track_loss(one_class(*[0 * FRONT] * 3), vectors, counts) == 0


def at(azimuth_deg: float) -> np.ndarray:
    return sphere.unit_vector(np.radians(azimuth_deg), 0.0)


@pytest.mark.parametrize(("length", "count"), [(0.501, 1), (0.499, 0)])
def test_a_vector_must_be_longer_than_the_threshold(length: float, count: int) -> None:
    (found,) = found_frames(np.stack([length * at(20), 0 * FRONT])[None, :, None], 0.5, 30)
    assert len(found.get(0, [])) == count


@pytest.mark.parametrize(("apart_deg", "count"), [(29.9, 1), (30.1, 2)])
def test_tracks_that_are_near_each_other_are_one_source_between_them(apart_deg: float, count: int) -> None:
    (found,) = found_frames(np.stack([at(0), at(apart_deg)])[None, :, None], 0.5, 30)
    assert len(found[0]) == count
    if count == 1:
        np.testing.assert_allclose(found[0], [at(apart_deg / 2)], atol=1e-9)
    assert np.linalg.norm(found[0], axis=1) == pytest.approx(1)
