"""Retrieval between modalities: among one sample of each test video, find the one that belongs to a query."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from yt360.evaluation.alone import rows_alone
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

    def embed(*rows: Tensor) -> Tensor:
        found = pretrained.model.heads(*rows, whole_video=True)
        sides = (found.sound_prediction, found.sound_target, found.video_prediction, found.video_target)
        return torch.stack([side[:, 0] for side in sides], dim=1).double()

    with torch.inference_mode():
        heard, sound, seen, video = rows_alone(embed, *parts).unbind(dim=1)
    return {"video-to-sound": (heard @ sound.T).cpu().numpy(), "sound-to-video": (seen @ video.T).cpu().numpy()}


def recall(similarity: NDArray[np.floating]) -> dict[str, Measure]:
    """R@1, R@5, R@10 in percent and the median rank; a query's video is right on the diagonal."""
    found = ranks(similarity)
    queries = np.arange(len(found))
    measures = {f"recall@{k}": proportion(found <= k, queries) for k in _AT if k < len(found)}
    return measures | {"median_rank": bootstrap(lambda rows: float(np.median(found[rows])), queries)}
