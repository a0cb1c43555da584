"""DCASE's scores on cases that were worked out by hand from the formulas."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from yt360 import sphere
from yt360.evaluation.localisation_scores import LocalisationScorer, LocalisationScores

SPEECH, MUSIC = 0, 1


def at(*azimuths_deg: float) -> np.ndarray:
    """Unit vectors at the horizon."""
    return sphere.unit_vector(np.radians(azimuths_deg), 0.0)


def score(references: list[Any], estimates: list[Any], **settings: Any) -> LocalisationScores:
    scorer = LocalisationScorer(**settings)
    scorer.add(references, estimates)
    return scorer.scores()


def close(found: LocalisationScores, f20: float, er20: float, le_deg: float, lr: float) -> bool:
    return asdict(found) == pytest.approx({"f20": f20, "er20": er20, "le_deg": le_deg, "lr": lr}, abs=1e-5)


def test_one_source_found_ten_degrees_off() -> None:
    found = score([{SPEECH: at(0)}] * 10, [{SPEECH: at(10)}] * 10)
    assert (found.f20, found.er20, found.lr) == (1.0, 0.0, 1.0)
    assert found.le_deg == pytest.approx(10)


@pytest.mark.parametrize(("off_deg", "f20", "er20"), [(19.99, 1.0, 0.0), (20.01, 0.0, 1.0)])
def test_beyond_twenty_degrees_it_is_no_true_positive_but_localised(off_deg: float, f20: float, er20: float) -> None:
    found = score([{SPEECH: at(0)}] * 10, [{SPEECH: at(off_deg)}] * 10)
    assert (found.f20, found.er20, found.lr) == (f20, er20, 1.0)
    assert found.le_deg == pytest.approx(off_deg)


def test_one_of_two_is_missed() -> None:
    """TP 1, FN 1: F = 1 / (1 + 0.5), LR = 1 / 2; one deletion of two references."""
    found = score([{SPEECH: at(0, 90)}] * 10, [{SPEECH: at(90)}] * 10)
    assert close(found, 2 / 3, 0.5, 0, 0.5)


def test_one_is_too_many() -> None:
    """TP 1, FP 1: F = 1 / (1 + 0.5); one insertion to one reference."""
    found = score([{SPEECH: at(0)}] * 10, [{SPEECH: at(120, 3)}] * 10)
    assert close(found, 2 / 3, 1.0, 3, 1.0)


def test_another_class_at_the_right_place_is_a_substitution() -> None:
    found = score([{SPEECH: at(0)}] * 10, [{MUSIC: at(0)}] * 10)
    assert close(found, 0.0, 1.0, 180.0, 0.0)


def test_pairs_are_those_with_the_least_sum() -> None:
    """0 and 50 against 40 and 60: 40 + 10, or 60 + 10: the first. Near are 10, far are 40."""
    found = score([{SPEECH: at(0, 50)}], [{SPEECH: at(60, 40)}])
    assert found.le_deg == pytest.approx((40 + 10) / 2)
    assert found.f20 == pytest.approx(1 / 2)
    assert found.er20 == pytest.approx(1 / 2)


def test_angles_of_a_segment_are_averaged_before_they_are_judged() -> None:
    references, estimates = [{SPEECH: at(0)}] * 2, [{SPEECH: at(10)}, {SPEECH: at(40)}]
    by_second = score(references, estimates)
    assert [by_second.f20, by_second.le_deg] == pytest.approx([0.0, 25])
    by_frame = score(references, estimates, frames_per_segment=1)
    assert [by_frame.f20, by_frame.le_deg] == pytest.approx([1 / 2, 25])


def test_segments_are_counted_one_by_one() -> None:
    """The second second has nothing: one deletion of two references, F = 1 / (1 + 0.5)."""
    found = score([{SPEECH: at(0)}] * 20, [{SPEECH: at(0)}] * 10 + [{}] * 10)
    assert close(found, 2 / 3, 0.5, 0, 0.5)


def test_an_estimate_at_another_moment_of_the_segment_pairs_with_nothing() -> None:
    found = score([{SPEECH: at(0)}] * 5 + [{}] * 5, [{}] * 5 + [{SPEECH: at(0)}] * 5)
    assert close(found, 0.0, 1.0, 180.0, 0.0)


def test_where_nothing_pairs_recall_falls_by_as_many_as_were_given() -> None:
    """A second that is right, and one in which the source sounds first and two estimates come later: LR = 1 / (1 + 2),
    F = 1 / (1 + 0.5 * 2), two deletions of two references.
    """
    references = [{SPEECH: at(0)}] * 15 + [{}] * 5
    estimates = [{SPEECH: at(0)}] * 10 + [{}] * 5 + [{SPEECH: at(0, 90)}] * 5
    found = score(references, estimates)
    assert close(found, 1 / 2, 1.0, 0, 1 / 3)


def test_scores_are_means_over_the_classes_that_have_a_reference() -> None:
    """Speech: F 1, LE 4, LR 1. Music: F 0, LE 180, LR 0. A dog that nobody barked costs insertions alone."""
    frame = {SPEECH: at(0), MUSIC: at(90)}
    found = score([frame] * 10, [{SPEECH: at(4), 7: at(0)}] * 10)
    assert found.f20 == 0.5
    assert found.le_deg == pytest.approx((4 + 180) / 2)
    assert found.lr == 0.5
    assert found.er20 == pytest.approx(1 / 2)  # music for a dog


def test_clips_add_up() -> None:
    scorer = LocalisationScorer()
    scorer.add([{SPEECH: at(0)}] * 10, [{SPEECH: at(0)}] * 10)
    scorer.add([{SPEECH: at(0)}] * 10, [{}] * 10)
    assert close(scorer.scores(), 2 / 3, 0.5, 0, 0.5)


def test_nothing_to_find() -> None:
    assert score([{}] * 10, [{}] * 10) == LocalisationScores(0.0, 0.0, 180.0, 0.0)
    assert score([{}] * 10, [{SPEECH: at(0)}] * 10).er20 == 1.0


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="expected as many frames as references have, 2, found 1"):
        LocalisationScorer().add([{}, {}], [{}])
