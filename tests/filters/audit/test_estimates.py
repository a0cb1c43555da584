"""Estimates against populations whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from yt360.filters.audit.estimates import Judged, estimate, needed


def test_a_sample_by_hand() -> None:
    # 40 dropped, of which 9 of 10 judged rightly; 200 kept closely, 2 of 10 missed; 1000 far away, none of 20.
    found = estimate([Judged(True, 40, 10, 9), Judged(False, 200, 10, 2), Judged(False, 1000, 20, 0)])
    assert found.precision is not None
    assert found.recall is not None
    assert found.precision[0] == 0.9
    assert found.recall[0] == pytest.approx(36 / (36 + 40))
    assert found.recall[1] < 36 / (36 + 40 + 100)  # up to 16 % of the 1000 may be missed too
    # The correction for a sample of a quarter narrows the exact interval.
    exact = binomtest(9, 10).proportion_ci()
    assert exact.low < found.precision[1] < found.precision[2] < exact.high


def test_a_census_leaves_no_doubt() -> None:
    found = estimate([Judged(True, 7, 7, 5), Judged(False, 30, 30, 3)])
    assert found.precision == pytest.approx((5 / 7, 5 / 7, 5 / 7))
    assert found.recall == pytest.approx((5 / 8, 5 / 8, 5 / 8))


def test_one_large_stratum_has_the_exact_interval() -> None:
    found = estimate([Judged(True, 10**9, 50, 45), Judged(False, 5, 5, 0)])
    exact = binomtest(45, 50).proportion_ci()
    assert found.precision == pytest.approx((0.9, exact.low, exact.high), abs=1e-6)


def test_what_was_not_judged_is_not_estimated() -> None:
    assert estimate([Judged(True, 5, 0, 0), Judged(False, 5, 5, 1)]).precision is None
    only_precision = estimate([Judged(True, 5, 5, 5), Judged(False, 5, 0, 0)])
    assert only_precision.precision is not None
    assert only_precision.recall is None
    nothing_to_find = estimate([Judged(False, 9, 9, 0)])
    assert nothing_to_find.precision is None
    assert nothing_to_find.recall is None


@pytest.mark.parametrize(
    ("sizes", "rates", "judged"),
    [
        ((150, 150, 500, 1500, 3000), (0.8, 0.97, 0.1, 0.02, 0.001), (20, 20, 20, 20, 20)),
        ((15, 15, 50, 150, 300), (0.6, 0.9, 0.2, 0.05, 0.01), (15, 15, 20, 20, 20)),
        ((1000, 1000, 500, 1500, 3000), (0.5, 0.5, 0.5, 0.1, 0.05), (40, 40, 40, 40, 40)),
    ],
)
def test_intervals_hold_the_truth(
    sizes: tuple[int, int, int, int, int],
    rates: tuple[float, float, float, float, float],
    judged: tuple[int, int, int, int, int],
) -> None:
    """Coverage over drawn populations: 95 % nominal, and no less than 94 % in 500 rounds."""
    rng = np.random.default_rng(3)
    dropped = (True, True, False, False, False)
    held = np.zeros(2)
    rounds = 500
    for _ in range(rounds):
        faulty = [rng.binomial(size, rate) for size, rate in zip(sizes, rates, strict=True)]
        drawn = [
            Judged(side, size, count, int(rng.hypergeometric(bad, size - bad, count)))
            for side, size, count, bad in zip(dropped, sizes, judged, faulty, strict=True)
        ]
        found = estimate(drawn)
        hits, misses = sum(faulty[:2]), sum(faulty[2:])
        for k, (truth, value) in enumerate(
            ((hits / sum(sizes[:2]), found.precision), (hits / (hits + misses), found.recall))
        ):
            assert value is not None
            held[k] += value[1] - 1e-9 <= truth <= value[2] + 1e-9
    assert (held / rounds > 0.94).all(), held / rounds


def test_needed_is_the_least_that_is_enough() -> None:
    strata = [Judged(True, 1000, 20, 18), Judged(False, 5000, 20, 1)]
    for width in (0.1, 0.2):
        precision, recall = needed(strata, width)
        assert precision is not None
        assert recall is not None
        assert 20 < precision < recall <= 6000
    wide, narrow = needed(strata, 0.2)[0], needed(strata, 0.1)[0]
    assert wide is not None
    assert narrow is not None
    assert 3 * wide < narrow < 5 * wide  # half the width takes four times as many
    assert needed([Judged(True, 10, 0, 0)], 0.1) == (None, None)


def test_a_census_is_always_enough() -> None:
    precision, recall = needed([Judged(True, 12, 4, 2), Judged(False, 12, 4, 2)], 0.01)
    assert (precision, recall) == (24, 24)


@pytest.mark.parametrize("counts", [(5, 6, 1), (5, 3, 4), (5, 3, -1)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected 0 <= faulty"):
        estimate([Judged(True, *counts)])
