"""Cohen's kappa against worked examples and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from yt360.filters.evaluation.agreement import agreements, cohens_kappa
from yt360.filters.evaluation.label_table import Label, LabelTable


def of_counts(counts: dict[tuple[str, str], int]) -> tuple[dict[str, str], dict[str, str]]:
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    for (one, two), count in counts.items():
        for _ in range(count):
            name = f"video{len(first)}"
            first[name], second[name] = one, two
    return first, second


def test_the_example_that_everybody_knows() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, by chance 0.5."""
    found = cohens_kappa(*of_counts({("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}))
    assert found.videos == 50
    assert found.observed == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)
    assert found.interval == pytest.approx((0.4 - 1.959964 * 0.1296, 0.4 + 1.959964 * 0.1296), abs=1e-3)
    assert len(found.disagreements) == 15


def test_scikit_learn_says_the_same() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    for _ in range(20):
        words = rng.choice(["keep", "still", "voice-over", "duplicate"], (2, 40), p=[0.6, 0.2, 0.1, 0.1])
        words[1, :25] = words[0, :25]
        first, second = ({f"v{k}": str(word) for k, word in enumerate(row)} for row in words)
        assert cohens_kappa(first, second).kappa == pytest.approx(metrics.cohen_kappa_score(*words))


def test_where_kappa_is_not_defined() -> None:
    same = {"a": "keep", "b": "keep"}
    assert cohens_kappa(same, same).kappa is None
    assert cohens_kappa(same, same).observed == 1
    assert cohens_kappa(same, {"c": "keep"}).videos == 0
    assert cohens_kappa({"a": "x", "b": "y"}, {"a": "y", "b": "x"}).kappa == pytest.approx(-1)


def test_each_two_people_with_videos_in_common() -> None:
    table = LabelTable(
        [
            Label("v1", "keep", "ann"),
            Label("v1", "still", "ben"),
            Label("v2", "keep", "eve"),
            Label("v1", "", "eve", note="?"),
        ]
    )
    (pair,) = agreements(table)
    assert (pair.first, pair.second, pair.disagreements) == ("ann", "ben", (("v1", "keep", "still"),))
