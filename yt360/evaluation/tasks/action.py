"""Action recognition by fine-tuning (table 3)."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from yt360.dataset.colour_jitter import jitter
from yt360.errors import ItemError
from yt360.evaluation.intervals import Measure, proportion
from yt360.evaluation.metrics import top_k
from yt360.evaluation.pretrained import Pretrained
from yt360.evaluation.recipe import ActionTask
from yt360.evaluation.samples import HEAD, TEST, TRAIN, Unreadable
from yt360.evaluation.tasks.action_data import ActionVideo, Fold, decode_at, take

_JITTER = (0.4, 0.4, 0.4, 0.2)
_CROP_SHARE = (0.08, 1.0)
_CROP_ASPECT = (3 / 4, 4 / 3)
_TEST_SIDE = 128 / 112
_SOURCE_SIDE = 240 / 112


class ActionModel(nn.Module):
    """The whole video encoder, dropout and a linear layer; everything learns."""

    def __init__(self, pretrained: Pretrained, task: ActionTask, classes: int, seed: int) -> None:
        super().__init__()
        self.video = copy.deepcopy(pretrained.model.video).requires_grad_(True)
        torch.manual_seed(int(np.random.SeedSequence((seed, HEAD)).generate_state(1)[0]))
        self.dropout = nn.Dropout(task.dropout)
        self.classifier = nn.Linear(pretrained.origin.model.features, classes)
        self.to(pretrained.device)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(n, 3, t, h, w)`` to ``(n, classes)``."""
        scores: Tensor = self.classifier(self.dropout(self.video(pictures)))
        return scores


def random_crop(rng: np.random.Generator, frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A random part of the picture (8 to 100 % of it), the same in all frames, resized; mirrored half the time."""
    height, width = frames.shape[1:3]
    for _ in range(10):
        area = height * width * rng.uniform(*_CROP_SHARE)
        aspect = math.exp(rng.uniform(math.log(_CROP_ASPECT[0]), math.log(_CROP_ASPECT[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
            break
    else:
        h = w = min(height, width)
        top, left = (height - h) // 2, (width - w) // 2
    part = frames[:, top : top + h, left : left + w]
    found = np.stack([cv2.resize(frame, (size, size), interpolation=cv2.INTER_LINEAR) for frame in part])
    return np.ascontiguousarray(found[:, :, ::-1]) if rng.random() < 0.5 else found


def centre_crop(frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Shorter side to 128/112 of ``size``, then the middle."""
    height, width = frames.shape[1:3]
    scale = round(size * _TEST_SIDE) / min(height, width)
    resized = (max(size, round(width * scale)), max(size, round(height * scale)))
    top, left = (resized[1] - size) // 2, (resized[0] - size) // 2
    return np.stack(
        [
            cv2.resize(frame, resized, interpolation=cv2.INTER_LINEAR)[top : top + size, left : left + size]
            for frame in frames
        ]
    )


@dataclass
class TrainClips(Dataset[Any]):
    """``clips`` random clips of each video, for one epoch; item ``i`` is a clip of video ``i // clips``."""

    videos: Sequence[ActionVideo]
    task: ActionTask
    seed: int
    epoch: int

    def __getitem__(self, index: int) -> dict[str, Any] | Unreadable:
        task, video = self.task, self.videos[index // self.task.train_clips]
        rng = np.random.default_rng((self.seed, TRAIN, self.epoch, index))
        try:
            frames = decode_at(video.path, task.frames_per_second, round(task.size * _SOURCE_SIDE))
        except ItemError as error:
            return Unreadable(index, video.path.name, str(error))
        start = int(rng.integers(max(1, len(frames) - task.frames + 1)))
        clip = jitter(rng, random_crop(rng, take(frames, start, task.frames), task.size), _JITTER)
        return {"pictures": clip[None], "label": np.int64(video.label), "index": np.int64(index)}


@dataclass
class TestClips(Dataset[Any]):
    """Of each test video ``clips`` random clips (the same for every model), then as many uniform ones."""

    __test__ = False
    videos: Sequence[ActionVideo]
    task: ActionTask
    seed: int

    def __getitem__(self, index: int) -> dict[str, Any] | Unreadable:
        task, video = self.task, self.videos[index]
        try:
            frames = decode_at(video.path, task.frames_per_second, round(task.size * _TEST_SIDE))
        except ItemError as error:
            return Unreadable(index, video.path.name, str(error))
        last = max(0, len(frames) - task.frames)
        rng = np.random.default_rng((self.seed, TEST, index))
        starts = [*rng.integers(last + 1, size=task.clips), *np.linspace(0, last, task.clips).round().astype(int)]
        frames = centre_crop(frames, task.size)
        clips = np.stack([take(frames, int(start), task.frames) for start in starts])
        return {"pictures": clips, "label": np.int64(video.label), "index": np.int64(index)}


def loss(batch: dict[str, Tensor], *, model: ActionModel, pretrained: Pretrained) -> tuple[Tensor, Tensor]:
    """Sum of the cross-entropy over clips, and their number."""
    scores = model(pretrained.pictures(batch["pictures"]).flatten(0, 1))
    count = torch.tensor(float(len(scores)), device=scores.device)
    return functional.cross_entropy(scores, batch["label"], reduction="sum"), count


def judge(pretrained: Pretrained, batch: dict[str, Tensor], *, model: ActionModel, clips: int) -> dict[str, Tensor]:
    """``clip_right`` (n, clips) of the random clips; ``video_scores`` (n, classes), mean softmax of uniform ones."""
    views = pretrained.pictures(batch["pictures"])
    found = torch.stack([model(each).softmax(dim=-1) for each in views])
    right = found[:, :clips].argmax(dim=-1) == batch["label"][:, None]
    return {"clip_right": right, "video_scores": found[:, clips:].mean(dim=1), "label": batch["label"]}


def features(pretrained: Pretrained, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Frozen ``features`` (n, features), the mean over a video's uniform clips, for probes."""
    views = pretrained.pictures(batch["pictures"])
    half = views.shape[1] // 2
    made = torch.stack([pretrained.model.video(each[half:]).mean(dim=0) for each in views])
    return {"features": made, "label": batch["label"]}


def measures(parts: Sequence[tuple[Fold, dict[str, Tensor]]]) -> dict[str, Measure]:
    """Clip@1 and Video@1 in percent: the mean of the folds, with an interval over the videos of all of them."""
    clip, video, groups = [], [], []
    for fold, found in parts:
        label = found["label"].numpy()
        clip.append(found["clip_right"].double().mean(dim=1).numpy())
        video.append(top_k(found["video_scores"].double().numpy(), label).astype(float))
        groups.append(np.array([fold.test[int(index)].path.name for index in found["index"]]))
    result = {}
    for name, values in (("clip_1", clip), ("video_1", video)):
        pooled = proportion(np.concatenate(values), np.concatenate(groups))
        mean = 100 * float(np.mean([each.mean() for each in values]))
        shift = mean - pooled.value
        result[name] = Measure(mean, pooled.low + shift, pooled.high + shift, pooled.n, pooled.groups)
    return result
