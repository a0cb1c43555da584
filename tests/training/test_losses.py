from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from torch.nn import functional

from yt360.models.audio_visual import Embeddings
from yt360.training.losses import accuracies, align, info_nce


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return functional.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def similarity(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return torch.einsum("ikd,jld->ikjl", prediction, target)


def loop_loss(prediction: torch.Tensor, target: torch.Tensor, pool: str) -> float:
    """Eq. 7 summed term by term: an independent reference."""
    videos, views, _ = prediction.shape
    total = 0.0
    for i in range(videos):
        for k in range(views):
            if pool == "all_views":
                others = [(j, m) for j in range(videos) for m in range(views)]
            else:
                others = [(i, m) for m in range(views)] + [(j, k) for j in range(videos) if j != i]
            scores = {key: math.exp(float(prediction[i, k] @ target[key]) / 0.07) for key in others}
            total -= math.log(scores[i, k] / sum(scores.values()))
    return total / (videos * views)


@pytest.mark.parametrize("pool", ["all_views", "same_slot"])
@pytest.mark.parametrize(("videos", "views"), [(5, 4), (3, 1), (2, 2)])
def test_vectorised_loss_equals_the_sum_of_terms(
    pool: Literal["all_views", "same_slot"], videos: int, views: int
) -> None:
    prediction, target = unit(videos, views, 8), unit(videos, views, 8, seed=1)
    found = info_nce(similarity(prediction, target), pool, 0.07)
    assert float(found) == pytest.approx(loop_loss(prediction, target, pool), abs=1e-5)


def test_pools_have_112_and_31_members() -> None:
    """With all similarities equal the loss is the logarithm of the pool's size (facts 0.4)."""
    equal = torch.zeros(28, 4, 28, 4)
    assert float(info_nce(equal, "all_views", 0.07)) == pytest.approx(math.log(112), abs=1e-5)
    assert float(info_nce(equal, "same_slot", 0.07)) == pytest.approx(math.log(31), abs=1e-5)


def test_one_view_makes_both_pools_the_same() -> None:
    s = similarity(unit(6, 1, 8), unit(6, 1, 8, seed=1))
    assert float(info_nce(s, "all_views", 0.07)) == pytest.approx(float(info_nce(s, "same_slot", 0.07)), abs=1e-6)


@pytest.mark.parametrize("pool", ["all_views", "same_slot"])
def test_a_part_of_the_predictions_against_all_targets(pool: Literal["all_views", "same_slot"]) -> None:
    """What a process of several computes: the mean of the parts is the whole."""
    prediction, target = unit(6, 3, 8), unit(6, 3, 8, seed=1)
    whole = info_nce(similarity(prediction, target), pool, 0.07)
    parts = [info_nce(similarity(prediction[i : i + 2], target), pool, 0.07, first=i) for i in (0, 2, 4)]
    torch.testing.assert_close(torch.stack(parts).mean(), whole)
    accuracy = torch.stack([torch.stack(accuracies(similarity(prediction[i : i + 2], target), i)) for i in (0, 2, 4)])
    torch.testing.assert_close(accuracy.mean(dim=0), torch.stack(accuracies(similarity(prediction, target))))


def test_perfect_predictions_are_all_right_and_the_loss_is_small() -> None:
    target = unit(5, 4, 64)
    alignment = align(Embeddings(target, target, target, target), "all_views", 0.07)
    assert (float(alignment.avc), float(alignment.avsa)) == (1.0, 1.0)
    assert float(alignment.loss) < 0.1


def test_right_video_wrong_view() -> None:
    target = unit(5, 4, 64)
    avc, avsa = accuracies(similarity(target.roll(1, dims=1), target))
    assert (float(avc), float(avsa)) == (1.0, 0.0)


def test_chance_levels() -> None:
    avc, avsa = accuracies(similarity(unit(50, 4, 16), unit(50, 4, 16, seed=3)))
    assert float(avc) < 0.1
    assert float(avsa) == pytest.approx(0.25, abs=0.1)


def test_avsa_accuracy_of_a_single_view_is_undefined() -> None:
    assert math.isnan(float(accuracies(similarity(unit(5, 1, 8), unit(5, 1, 8)))[1]))


def test_gradients_reach_predictions_and_targets() -> None:
    """As published: targets are not detached."""
    tensors = [unit(4, 2, 8, seed=s).requires_grad_() for s in range(4)]
    align(Embeddings(*tensors), "all_views", 0.07).loss.backward()
    assert all(tensor.grad is not None and tensor.grad.abs().sum() > 0 for tensor in tensors)
