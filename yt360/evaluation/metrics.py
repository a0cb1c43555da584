"""Measures of the tasks, from counts that add up exactly over blocks and processes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IGNORED = 255


def confusion(truth: NDArray[np.integer], found: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Counts ``(classes, classes)`` of pixels, rows truth, columns found; truth :data:`IGNORED` counts nowhere."""
    counted = truth != IGNORED
    pairs = truth[counted].astype(np.int64) * classes + found[counted].astype(np.int64)
    return np.bincount(pairs.ravel(), minlength=classes * classes).reshape(classes, classes)


def pixel_accuracy(counts: NDArray[np.int64]) -> float:
    """Share of labelled pixels that are right, of counts ``(…, classes, classes)`` added up, in percent."""
    total = counts.reshape(-1, *counts.shape[-2:]).sum(axis=0)
    return 100 * float(np.trace(total)) / float(total.sum()) if total.sum() else float("nan")


def mean_iou(counts: NDArray[np.int64]) -> float:
    """Mean over classes of intersection over union of all pixels, in percent.

    Classes that neither truth nor prediction holds are left out. ``counts`` as in :func:`pixel_accuracy`.
    """
    total = counts.reshape(-1, *counts.shape[-2:]).sum(axis=0)
    union = total.sum(axis=0) + total.sum(axis=1) - np.diag(total)
    there = union > 0
    return 100 * float(np.mean(np.diag(total)[there] / union[there])) if there.any() else float("nan")


def sample_ious(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each picture's counts ``(n, classes, classes)``: sum of IoU over its classes, and how many it has.

    The published code's mIoU is the sum over all pictures of the first over that of the second: a mean over
    (picture, class) pairs, in which a class that is found where it is not counts 0.
    """
    hit = np.diagonal(counts, axis1=1, axis2=2)
    union = counts.sum(axis=1) + counts.sum(axis=2) - hit
    there = union > 0
    return np.where(there, hit / np.maximum(union, 1), 0.0).sum(axis=1), there.sum(axis=1)


def mean_iou_samplewise(sums: NDArray[np.floating], classes: NDArray[np.integer]) -> float:
    """The published code's mIoU out of :func:`sample_ious`, in percent; NaN where no sample has a class."""
    return 100 * float(sums.sum()) / float(classes.sum()) if classes.sum() else float("nan")


def ranks(similarity: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rank (from 1) of the right one (the diagonal) in each row ``(n, n)``; ties count half, so chance is chance."""
    right = np.diagonal(similarity)[:, None]
    higher = (similarity > right).sum(axis=1)
    equal = (similarity == right).sum(axis=1) - 1
    return np.asarray(1 + higher + equal / 2)


def top_k(scores: NDArray[np.floating], labels: NDArray[np.integer], k: int = 1) -> NDArray[np.bool_]:
    """Whether the label is among the ``k`` best of each row ``(n, classes)``."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.asarray((best == labels[:, None]).any(axis=1))


def roc_auc(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> float:
    """Chance that a positive scores higher than a negative (ties half): the area under the ROC curve."""
    from scipy.stats import rankdata

    if not positive.size or not negative.size:
        return float("nan")
    order = rankdata(np.concatenate([positive, negative]))[: positive.size].sum()
    return float((order - positive.size * (positive.size + 1) / 2) / (positive.size * negative.size))
