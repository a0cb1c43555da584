"""Retrieval between modalities: among one sample of each test video, find the one that belongs to a query."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from yt360.evaluation.frozen_features import Bank
from yt360.evaluation.intervals import Measure, bootstrap, proportion
from yt360.evaluation.metrics import ranks
from yt360.evaluation.pretrained import Pretrained

_AT = (1, 5, 10)


def similarities(bank: Bank, pretrained: Pretrained, views: int) -> dict[str, NDArray[np.float64]]:
    """Similarity ``(videos, videos)`` of queries (rows) and gallery, both ways, of the first sample of each video."""
    _, first = np.unique(bank.videos, return_index=True)
    device = pretrained.device
    parts = [x[first, :views].to(device).float() for x in (bank.video, bank.sound, bank.directions)]
    with torch.inference_mode():
        found = pretrained.model.heads(*parts, whole_video=True)
    return {
        "video-to-sound": (found.sound_prediction[:, 0] @ found.sound_target[:, 0].T).double().cpu().numpy(),
        "sound-to-video": (found.video_prediction[:, 0] @ found.video_target[:, 0].T).double().cpu().numpy(),
    }


def recall(similarity: NDArray[np.floating]) -> dict[str, Measure]:
    """R@1, R@5, R@10 in percent and the median rank; a query's video is right on the diagonal."""
    found = ranks(similarity)
    queries = np.arange(len(found))
    measures = {f"recall@{k}": proportion(found <= k, queries) for k in _AT if k < len(found)}
    return measures | {"median_rank": bootstrap(lambda rows: float(np.median(found[rows])), queries)}
