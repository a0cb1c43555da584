"""Measures against independent libraries, and intervals against simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, jaccard_score, roc_auc_score, top_k_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from yt360.evaluation import metrics
from yt360.evaluation.intervals import bootstrap, mean_interval, proportion
from yt360.evaluation.recipe import KnnTask
from yt360.evaluation.tasks import probes


def _maps(seed: int, pictures: int = 3, classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, (pictures, 9, 11)).astype(np.uint8)
    found = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, classes, truth.shape))
    truth[rng.random(truth.shape) < 0.2] = metrics.IGNORED
    return truth, found


@given(st.integers(0, 10_000), st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_segmentation_measures_agree_with_torchmetrics_and_sklearn(seed: int, classes: int) -> None:
    from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex  # seconds to import

    truth, found = _maps(seed, classes=classes)
    counts = np.stack([metrics.confusion(a, b, classes) for a, b in zip(truth, found, strict=True)])
    kept = truth != metrics.IGNORED
    a, b = truth[kept], found[kept]
    assert metrics.pixel_accuracy(counts) == pytest.approx(100 * accuracy_score(a, b))
    there = sorted(set(a.tolist()) | set(b.tolist()))
    assert metrics.mean_iou(counts) == pytest.approx(100 * jaccard_score(a, b, labels=there, average="macro"))
    per_class = MulticlassJaccardIndex(classes, average=None, ignore_index=metrics.IGNORED)
    theirs = per_class(torch.from_numpy(found), torch.from_numpy(truth.astype(np.int64)))[there].mean()
    assert metrics.mean_iou(counts) == pytest.approx(100 * float(theirs), rel=1e-5)
    micro = MulticlassAccuracy(classes, average="micro", ignore_index=metrics.IGNORED)
    ours = metrics.pixel_accuracy(counts)
    assert ours == pytest.approx(
        100 * float(micro(torch.from_numpy(found), torch.from_numpy(truth.astype(int)))), rel=1e-5
    )


def test_the_published_miou_is_a_mean_over_pictures_and_classes() -> None:
    truth, found = _maps(3)
    values = []
    for a, b in zip(truth, found, strict=True):
        kept = a != metrics.IGNORED
        for each in set(a[kept]) | set(b[kept]):
            values.append(jaccard_score(a[kept] == each, b[kept] == each))
    counts = np.stack([metrics.confusion(a, b, 7) for a, b in zip(truth, found, strict=True)])
    assert metrics.mean_iou_samplewise(*metrics.sample_ious(counts)) == pytest.approx(100 * np.mean(values))


def test_a_class_found_where_it_is_not_counts_zero_in_the_published_miou() -> None:
    truth, found = np.zeros((1, 1, 4), np.uint8), np.array([[[0, 0, 0, 1]]])
    counts = metrics.confusion(truth[0], found[0], 3)[None]
    assert metrics.mean_iou_samplewise(*metrics.sample_ious(counts)) == pytest.approx(100 * (0.75 + 0) / 2)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_ranking_measures_agree_with_sklearn_and_torchmetrics(seed: int) -> None:
    from torchmetrics.retrieval import RetrievalRecall

    rng = np.random.default_rng(seed)
    positive, negative = rng.normal(0.5, 1, 13).round(1), rng.normal(0, 1, 17).round(1)
    labels = np.repeat([1, 0], [13, 17])
    assert metrics.roc_auc(positive, negative) == pytest.approx(roc_auc_score(labels, np.append(positive, negative)))
    scores, classes = rng.normal(size=(40, 6)), rng.integers(0, 6, 40)
    for k in (1, 3):
        theirs = top_k_accuracy_score(classes, scores, k=k, labels=range(6))
        assert metrics.top_k(scores, classes, k).mean() == pytest.approx(theirs)
    similarity = rng.normal(size=(12, 12))
    recall = RetrievalRecall(top_k=5)
    queries = torch.arange(12).repeat_interleave(12)
    theirs = recall(torch.from_numpy(np.exp(similarity)).flatten(), torch.eye(12).flatten().bool(), indexes=queries)
    assert (metrics.ranks(similarity) <= 5).mean() == pytest.approx(float(theirs))


def test_ties_rank_like_chance() -> None:
    assert metrics.ranks(np.zeros((9, 9))).tolist() == [5.0] * 9


def test_logistic_regression_agrees_with_sklearn() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 120)
    x = rng.normal(size=(120, 5)) + rng.normal(size=(4, 5))[y]
    weight, bias = probes.fit_logistic(torch.from_numpy(x), torch.from_numpy(y), 4, 0.02)
    theirs = LogisticRegression(C=1 / (0.02 * len(x)), tol=1e-10, max_iter=5000).fit(x, y)
    ours = torch.softmax(torch.from_numpy(x) @ weight + bias, dim=1).numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(x), atol=1e-4)


def test_nearest_neighbours_agree_with_sklearn() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 80)
    x, x_test = rng.normal(size=(80, 6)), rng.normal(size=(30, 6))
    task = KnnTask(neighbours=7, temperature=0.2)
    votes = probes.nearest_neighbours(torch.from_numpy(x), y, torch.from_numpy(x_test), 3, task)

    def weights(distance: np.ndarray) -> np.ndarray:
        return np.exp((1 - distance) / 0.2)

    theirs = KNeighborsClassifier(7, metric="cosine", weights=weights).fit(x, y).predict_proba(x_test)
    np.testing.assert_allclose(votes / votes.sum(1, keepdims=True), theirs, rtol=1e-3)


def test_the_probe_chooses_on_training_videos_only() -> None:
    """Test labels do not enter: features that mean nothing score chance, separable ones 100 %."""
    rng = np.random.default_rng(2)
    y, groups = np.arange(200) % 4, np.arange(200) // 10
    noise = torch.from_numpy(rng.normal(size=(200, 8)))
    scores, _ = probes.linear_probe(noise, y, groups, torch.from_numpy(rng.normal(size=(400, 8))), 4, seed=0)
    assert 0.15 < metrics.top_k(scores, np.arange(400) % 4).mean() < 0.35
    clear = torch.eye(4)[y]
    scores, _ = probes.linear_probe(clear, y, groups, torch.eye(4), 4, seed=0)
    assert metrics.top_k(scores, np.arange(4)).all()


def test_intervals_cover_what_they_promise_with_samples_in_groups() -> None:
    """40 groups of 10 alike samples: an interval that took samples for independent would cover half of the time."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    inside = 0
    for _ in range(300):
        hits = np.repeat(rng.random(40) < 0.7, 10)
        found = proportion(hits, groups)
        inside += found.low <= 70 <= found.high
    assert 0.92 <= inside / 300 <= 0.99
    independent = proportion(rng.random(400) < 0.7, np.arange(400))
    assert found.high - found.low > 2 * (independent.high - independent.low)


def test_intervals_at_the_ends_stay_inside_and_are_not_points() -> None:
    whole = proportion(np.ones(40), np.repeat(np.arange(10), 4))
    assert whole.value == whole.high == 100
    assert whole.low == pytest.approx(100 * 10 / (10 + 1.96**2), abs=0.1)
    none = proportion(np.zeros(40), np.arange(40))
    assert none.low == none.value == 0 < none.high
    assert np.isnan(proportion([], []).value)


def test_bootstrap_draws_whole_groups() -> None:
    groups = np.repeat([0, 1, 2], [1, 5, 2])
    seen: list[int] = []

    def counted(rows: Any) -> float:
        seen.append(int((groups[rows] == 1).sum()))
        return 0.0

    bootstrap(counted, groups, resamples=50)
    assert {count % 5 for count in seen} == {0}


def test_mean_interval_is_students() -> None:
    mean, half = mean_interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(2.484, abs=1e-3)
    assert np.isnan(mean_interval([1.0])[1])
