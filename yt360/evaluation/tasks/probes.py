"""Linear probe and k-nearest-neighbours on frozen features."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from yt360.evaluation.alone import rows_alone
from yt360.evaluation.recipe import KnnTask

_L2 = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def fit_logistic(x: Tensor, y: Tensor, classes: int, l2: float, *, steps: int = 200) -> tuple[Tensor, Tensor]:
    """Weights ``(features, classes)`` and biases of multinomial logistic regression by L-BFGS in float64.

    Minimises the mean cross-entropy plus ``l2 / 2`` times the squared weights (scikit-learn's objective with
    ``C = 1 / (n l2)``).
    """
    weight = torch.zeros(x.shape[1], classes, dtype=torch.float64, device=x.device, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, device=x.device, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=steps, history_size=20, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        solver.zero_grad()
        value = functional.cross_entropy(x @ weight + bias, y) + l2 / 2 * weight.square().sum()
        value.backward()
        return value

    solver.step(loss)
    return weight.detach(), bias.detach()


def linear_probe(
    x: Tensor, y: NDArray[np.int64], groups: NDArray[np.int64], x_test: Tensor, classes: int, seed: int
) -> tuple[NDArray[np.float64], float]:
    """Scores ``(n, classes)`` of test features, and the L2 weight that was chosen on a fifth of the training groups."""
    x, x_test = x.double(), x_test.double()
    mean, std = x.mean(dim=0), x.std(dim=0, unbiased=False).clamp_min(1e-8)
    x, x_test = (x - mean) / std, (x_test - mean) / std
    names = np.unique(groups)
    held_out = np.random.default_rng((seed, 0)).permutation(names)[: max(1, len(names) // 5)]
    inside = ~np.isin(groups, held_out)
    labels = torch.from_numpy(y).to(x.device)
    chosen = _L2[2]
    if inside.any() and not inside.all():
        rows, rest = torch.from_numpy(np.flatnonzero(inside)), torch.from_numpy(np.flatnonzero(~inside))
        scores = []
        for l2 in _L2:
            weight, bias = fit_logistic(x[rows], labels[rows], classes, l2)
            scores.append(float(((x[rest] @ weight + bias).argmax(1) == labels[rest]).double().mean()))
        chosen = _L2[int(np.argmax(scores))]
    weight, bias = fit_logistic(x, labels, classes, chosen)
    return rows_alone(lambda part: part @ weight + bias, x_test).cpu().numpy(), chosen


def nearest_neighbours(
    x: Tensor, y: NDArray[np.int64], x_test: Tensor, classes: int, task: KnnTask
) -> NDArray[np.float64]:
    """Votes ``(n, classes)`` (Wu et al., *Instance Discrimination*, CVPR 2018, section 3.4)."""
    x = functional.normalize(x.float(), dim=1)
    labels = functional.one_hot(torch.from_numpy(y).to(x.device), classes).float()

    def vote(part: Tensor) -> Tensor:
        near = (functional.normalize(part.float(), dim=1) @ x.T).topk(min(task.neighbours, len(x)), dim=1)
        weight = torch.exp((near.values - near.values[:, :1]) / task.temperature)
        return (labels[near.indices] * weight[..., None]).sum(dim=1)

    return rows_alone(vote, x_test, at_once=1024).double().cpu().numpy()
