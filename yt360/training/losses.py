"""One vectorised InfoNCE for every pool of negatives, and the accuracies that go with it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from yt360.models.audio_visual import Embeddings
from yt360.training.distributed import gather_with_gradient

Pool = Literal["all_views", "same_slot"]


class Alignment(NamedTuple):
    """Loss and accuracies of a batch, scalar tensors.

    ``avc``: share of predictions whose most similar target, of all views of all videos, belongs to
    the same video (chance 1/N). ``avsa``: share whose most similar target among the views of its own
    video is the right one (chance 1/K); NaN with a single view.
    """

    loss: Tensor
    avc: Tensor
    avsa: Tensor


def info_nce(similarity: Tensor, pool: Pool, temperature: float, first: int = 0) -> Tensor:
    """Mean of Eq. 7 over all predictions.

    ``similarity`` (n, K, N, K): prediction (i, k) against target (j, l), where prediction video i is
    target video ``first + i``. ``all_views``: every target is in the pool (Eq. 8). ``same_slot``: the
    targets of the own video and those of the same slot k of the other videos, as in the published
    code.
    """
    n, views, videos, _ = similarity.shape
    own = torch.arange(n, device=similarity.device) + first
    slot = torch.arange(views, device=similarity.device)
    if pool == "all_views":
        logits = similarity.reshape(n * views, videos * views)
        labels = (own[:, None] * views + slot).flatten()
    else:
        inside = similarity[torch.arange(n, device=similarity.device), :, own]
        across = similarity.diagonal(dim1=1, dim2=3).transpose(1, 2)
        across = across.masked_fill(functional.one_hot(own, videos).bool()[:, None, :], float("-inf"))
        logits = torch.cat([inside, across], dim=2).flatten(0, 1)
        labels = slot.repeat(n)
    return functional.cross_entropy(logits.float() / temperature, labels)


@torch.no_grad()
def accuracies(similarity: Tensor, first: int = 0) -> tuple[Tensor, Tensor]:
    """(avc, avsa) as :class:`Alignment` defines them, from ``similarity`` as in :func:`info_nce`."""
    n, views = similarity.shape[:2]
    own = torch.arange(n, device=similarity.device) + first
    best_video = similarity.flatten(2).argmax(dim=2) // views
    avc = (best_video == own[:, None]).float().mean()
    if views == 1:
        return avc, torch.full_like(avc, float("nan"))
    inside = similarity[torch.arange(n, device=similarity.device), :, own]
    return avc, (inside.argmax(dim=2) == torch.arange(views, device=similarity.device)).float().mean()


def align(embeddings: Embeddings, pool: Pool, temperature: float) -> Alignment:
    """Mean of both directions (sound to video, video to sound).

    Under several processes predictions are this process's, targets those of all, gathered with
    gradients: the mean of the processes' losses, and DDP's mean of their gradients, are those of one
    process with the whole batch.
    """
    # Both modalities in one exchange: for tensors of this size, processes wait for its start, not for its bytes.
    own = torch.cat([embeddings.video_target, embeddings.sound_target], dim=-1)
    everyones, first = gather_with_gradient(own)
    video_targets, sound_targets = everyones.chunk(2, dim=-1)
    results = []
    for prediction, targets in (
        (embeddings.video_prediction, video_targets),
        (embeddings.sound_prediction, sound_targets),
    ):
        similarity = torch.einsum("ikd,jld->ikjl", prediction, targets)
        results.append((info_nce(similarity, pool, temperature, first), *accuracies(similarity.detach(), first)))
    return Alignment(*(torch.stack(column).mean() for column in zip(*results, strict=True)))
