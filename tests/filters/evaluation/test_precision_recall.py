from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from yt360.filters.evaluation import precision_recall


@given(st.integers(0, 300), st.integers(0, 300))
def test_wilsons_interval_is_that_of_scipy(good: int, bad: int) -> None:
    if good + bad == 0:
        assert precision_recall.wilson(0, 0) == (0.0, 1.0)
        return
    known = binomtest(good, good + bad).proportion_ci(0.95, method="wilson")
    assert precision_recall.wilson(good, good + bad) == pytest.approx((known.low, known.high), abs=1e-6)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        precision_recall.wilson(3, 2)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_every_point_of_a_sweep_is_what_its_threshold_does(cases: list[tuple[float, bool]]) -> None:
    scores, wanted = (np.array(each) for each in zip(*cases, strict=True))
    points = precision_recall.sweep(scores, wanted)
    assert [at for at, _ in points] == sorted(set(scores.tolist()), reverse=True)
    for at, counts in points:
        assert counts == precision_recall.count(scores >= at, wanted)


def test_area_of_a_perfect_and_of_a_useless_score() -> None:
    wanted = np.arange(100) < 30
    assert precision_recall.average_precision(precision_recall.sweep(wanted.astype(float), wanted)) == 1.0
    assert precision_recall.average_precision(precision_recall.sweep(np.zeros(100), wanted)) == pytest.approx(0.3)


def test_a_detector_that_drops_nothing_has_precision_one_and_recall_zero() -> None:
    counts = precision_recall.count([False, False, False], [True, False, True])
    assert (counts.precision, counts.recall, counts.false_alarms) == (1.0, 0.0, 0.0)


def test_nothing_to_drop_has_recall_zero() -> None:
    assert precision_recall.count([True, False], [False, False]).recall == 0.0
