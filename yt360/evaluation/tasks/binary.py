"""AVC-Bin and AVSA-Bin (table 1): does this sound belong to this picture, and does it come from where it looks?

A head on both features is trained on frozen encoders. Each test sample is judged twice, once with
its own sound and once with a negative: the published code flips a coin for which of the two it
judges; the expected accuracy is the same, guessing gives exactly 50 %.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from yt360.evaluation.alone import rows_alone
from yt360.evaluation.frozen_features import ANGLES, ANY_YAW, Bank, Turn
from yt360.evaluation.intervals import Measure, bootstrap, proportion
from yt360.evaluation.metrics import roc_auc
from yt360.evaluation.pretrained import Pretrained
from yt360.evaluation.recipe import AvcBinTask, AvsaBinTask
from yt360.evaluation.samples import HEAD, PARTNERS

Scorer = Callable[[Tensor, Tensor], Tensor]
"""Features of picture and sound, ``(n, k, features)`` each, to logits ``(n, 2)``: no, yes."""


class PairHead(nn.Module):
    """Two layers on the features of a picture and a sound; logits of several views are averaged."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * features, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, 2))

    def forward(self, video: Tensor, sound: Tensor) -> Tensor:
        """``(n, k, features)`` each, to ``(n, 2)``."""
        logits: Tensor = self.layers(torch.cat([video, sound], dim=-1)).mean(dim=1)
        return logits


@dataclass(frozen=True)
class Judged:
    """``score`` (n,): log-odds of "yes"; ``truth``, ``videos`` (n,); ``turn`` and ``angle`` of a turned negative."""

    score: NDArray[np.float64]
    truth: NDArray[np.bool_]
    videos: NDArray[np.int64]
    turn: NDArray[np.int64]
    angle: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray((self.score > 0) == self.truth)


def turns_of(task: AvcBinTask | AvsaBinTask) -> tuple[Turn, ...]:
    """Turned sounds that a task's banks must hold."""
    if isinstance(task, AvcBinTask):
        return ()
    return (ANY_YAW,) if task.negatives == "yaw" else ANGLES


def partners(videos: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each sample a random one of another video, ``(n,)``."""
    n = len(videos)
    order = np.argsort(videos, kind="stable")
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    _, first, where, counts = np.unique(videos[order], return_index=True, return_inverse=True, return_counts=True)
    # Of the n - c samples that are not of the own video (which lie together in order), one is drawn.
    own_first, own_count = first[where][place], counts[where][place]
    drawn = rng.integers(0, n - own_count)
    return order[np.where(drawn >= own_first, drawn + own_count, drawn)]


def train_head(task: AvcBinTask | AvsaBinTask, rounds: Sequence[Bank], pretrained: Pretrained, seed: int) -> PairHead:
    """The head of a task, trained on banks of the training split; epoch e reads bank e mod their number."""
    device = pretrained.device
    torch.manual_seed(int(np.random.SeedSequence((seed, HEAD)).generate_state(1, np.uint64)[0]))
    head = PairHead(rounds[0].video.shape[-1], task.hidden).to(device)
    optimiser = torch.optim.Adam(head.parameters(), lr=task.learning_rate, weight_decay=task.weight_decay)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(task.milestones), task.decay)
    ready = [_on(device, task, bank, pretrained) for bank in rounds]
    for epoch in range(task.epochs):
        bank, (video, sound, turned) = rounds[epoch % len(rounds)], ready[epoch % len(rounds)]
        rng = np.random.default_rng((seed, HEAD, epoch))
        order, positive = rng.permutation(len(bank)), rng.random(len(bank)) < 0.5
        other = partners(bank.videos, rng)
        turn = rng.integers(0, max(1, turned.shape[1]), len(bank))
        for start in range(0, len(order) - task.batch + 1, task.batch) or [0]:
            chosen = order[start : start + task.batch]
            own, wrong = sound[chosen], _negatives(sound, turned, other, turn, chosen)
            label = torch.from_numpy(positive[chosen].astype(np.int64)).to(device)
            logits = head(video[chosen].float(), torch.where(label[:, None, None] == 1, own, wrong).float())
            optimiser.zero_grad(set_to_none=True)
            functional.cross_entropy(logits, label).backward()
            optimiser.step()
        schedule.step()
    return head.eval()


def _negatives(
    sound: Tensor, turned: Tensor, other: NDArray[np.int64], turn: NDArray[np.int64], chosen: NDArray[np.int64]
) -> Tensor:
    if turned.shape[1]:
        return turned[torch.from_numpy(chosen), torch.from_numpy(turn[chosen])]
    return sound[torch.from_numpy(other[chosen])]


def _on(
    device: torch.device, task: AvcBinTask | AvsaBinTask, bank: Bank, pretrained: Pretrained
) -> tuple[Tensor, Tensor, Tensor]:
    """A bank's features as a task uses them: its views, translated where it says so, turned only for AVSA-Bin."""
    video, sound = bank.video[:, : task.views].to(device), bank.sound[:, : task.views].to(device)
    turned = bank.turned[:, :, : task.views].to(device)
    if isinstance(task, AvcBinTask):
        turned = turned[:, :0]
    if task.translators:
        directions = bank.directions[:, : task.views].to(device)
        with torch.inference_mode():
            video = rows_alone(lambda v, d: pretrained.model.video_to_sound(v.float(), d).half(), video, directions)
        video = video.clone()
    return video, sound, turned


@torch.inference_mode()
def judge(task: AvcBinTask | AvsaBinTask, bank: Bank, score: Scorer, pretrained: Pretrained, seed: int) -> Judged:
    """Each test sample with its own sound, and with its negative (or one of each turn)."""
    video, sound, turned = _on(pretrained.device, task, bank, pretrained)
    n = len(bank)
    if isinstance(task, AvcBinTask):
        other = partners(bank.videos, np.random.default_rng((seed, PARTNERS)))
        pairs = [(sound, -1, np.zeros(n)), (sound[torch.from_numpy(other)], 0, np.zeros(n))]
    else:
        angles = bank.angles.double().numpy()
        pairs = [(sound, -1, np.zeros(n))] + [(turned[:, t], t, angles[:, t]) for t in range(turned.shape[1])]
    scores = []
    for heard, _, _ in pairs:
        logits = rows_alone(lambda v, s: score(v.float(), s.float()), video, heard)
        scores.append((logits[:, 1] - logits[:, 0]).double().cpu().numpy())
    return Judged(
        score=np.concatenate(scores),
        truth=np.repeat([True] + [False] * (len(pairs) - 1), n),
        videos=np.tile(bank.videos, len(pairs)),
        turn=np.repeat([turn for _, turn, _ in pairs], n),
        angle=np.concatenate([angle for _, _, angle in pairs]),
    )


def accuracy(judged: Judged) -> Measure:
    """Mean of the accuracies on positives and on negatives, in percent: 50 is chance however many there are of each."""
    if judged.truth.sum() * 2 == judged.truth.size:
        return proportion(judged.right, judged.videos)
    return bootstrap(lambda rows: 100 * _balanced(judged.right[rows], judged.truth[rows]), judged.videos)


def _balanced(right: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((right[truth].mean() + right[~truth].mean()) / 2)


_YAW_EDGES_DEG = (0, 15, 30, 45, 60, 90, 120, 150, 180)


def by_angle(task: AvsaBinTask, judged: Judged) -> list[dict[str, float | str]]:
    """How well negatives are told from positives, for each bin of angles: recognised share, balanced accuracy, AUC."""
    if task.negatives == "angles":
        bins = [(turn.name, judged.turn == number) for number, turn in enumerate(ANGLES)]
    else:
        size = np.degrees(np.abs(judged.angle))
        bins = [
            (f"yaw {low}-{high}°", ~judged.truth & (size >= low) & (size <= high))
            for low, high in itertools.pairwise(_YAW_EDGES_DEG)
        ]
    rows: list[dict[str, float | str]] = []
    own = judged.truth
    for name, chosen in bins:
        if chosen.any():
            told = proportion(judged.right[chosen], judged.videos[chosen])
            rows.append(
                {
                    "bin": name,
                    "recognised": told.value,
                    "recognised_low": told.low,
                    "recognised_high": told.high,
                    "balanced_accuracy": (told.value + 100 * float(judged.right[own].mean())) / 2,
                    "auc": 100 * roc_auc(judged.score[own], judged.score[chosen]),
                    "n": int(chosen.sum()),
                }
            )
    return rows


def auc(judged: Judged) -> float:
    """Area under the ROC curve of the scores, in [0, 1]."""
    return roc_auc(judged.score[judged.truth], judged.score[~judged.truth])
