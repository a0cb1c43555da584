"""Semantic segmentation on frozen encoders (table 2): heads on the same maps, measured on the same test samples."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from yt360.evaluation.alone import alone
from yt360.evaluation.intervals import Measure, bootstrap
from yt360.evaluation.metrics import IGNORED, confusion, mean_iou, mean_iou_samplewise, pixel_accuracy, sample_ious
from yt360.evaluation.pretrained import Pretrained
from yt360.evaluation.recipe import SegmentationTask
from yt360.evaluation.tasks.labelled import SegmentLabels
from yt360.evaluation.tasks.segmentation_head import PyramidHead
from yt360.models.video_net import R2Plus1D
from yt360.training.batch_plan import Request


class Segmenter(nn.Module):
    """An audio-visual model and a pyramid head for each of the task's inputs.

    ``frozen``: the model neither learns nor changes its statistics; ``as-published``: it does not learn, but its
    batch norm and dropout are in training mode while the heads train, so that its statistics move.
    """

    def __init__(self, pretrained: Pretrained, task: SegmentationTask, classes: int, seed: int) -> None:
        super().__init__()
        self.task = task
        self.model = copy.deepcopy(pretrained.model).requires_grad_(task.encoders == "trained")
        size, frames = pretrained.origin.samples.views.size, pretrained.origin.samples.data.frames
        with torch.no_grad():
            maps = self.model.video.maps(torch.zeros(1, 3, frames, size, size, device=pretrained.device))[1:]
        features = pretrained.origin.model.features
        extra = {"video": 0, "sound": features, "context": 3 * features}
        heads: dict[str, nn.Module] = {}
        for name in task.inputs:
            torch.manual_seed(seed)
            heads[name] = PyramidHead(
                [each.shape[1] for each in maps],
                [each.shape[2] for each in maps],
                extra[name],
                classes,
                task.pyramid,
                task.branch,
            )
        self.heads = nn.ModuleDict(heads).to(pretrained.device)

    def train(self, mode: bool = True) -> Segmenter:
        super().train(mode)
        if self.task.encoders == "frozen":
            self.model.eval()
        return self

    def learned(self) -> list[nn.Parameter]:
        """Parameters that learn; what no head reads (the last projections) is left out."""
        parts: list[nn.Module] = [self.heads]
        if self.task.encoders == "trained":
            parts.append(self.model.video)
            parts += [self.model.sound] if set(self.task.inputs) & {"sound", "context"} else []
            if "context" in self.task.inputs:
                parts += [self.model.video_to_sound, self.model.sound_to_video]
        return [parameter for part in parts for parameter in part.parameters()]

    def forward(
        self, pictures: Tensor, spectrograms: Tensor | None, directions: Tensor, size: int
    ) -> dict[str, Tensor]:
        """Scores ``(b·k, classes, size, size)`` of each input.

        Pictures ``(b·k, 3, t, h, w)``, spectrograms ``(b·k, channels, t, mels)``, directions ``(b, k, 3)``.
        """
        with torch.set_grad_enabled(self.task.encoders == "trained" and torch.is_grad_enabled()):
            maps = self.model.video.maps(pictures)
            extra = self._extra(maps[-1], spectrograms, directions)
        return {name: head(maps[1:], extra[name], size) for name, head in self.heads.items()}

    def _extra(self, last: Tensor, spectrograms: Tensor | None, directions: Tensor) -> dict[str, Tensor | None]:
        found: dict[str, Tensor | None] = {"video": None}
        if spectrograms is None:
            return found
        sound = self.model.sound(spectrograms)
        found["sound"] = sound
        if "context" in self.heads:
            views = directions.shape[:2]
            seen = self.model.video_to_sound(self._pooled(last).view(*views, -1), directions).flatten(0, 1)
            heard = self.model.sound_to_video(sound.view(*views, -1), directions).flatten(0, 1)
            found["context"] = torch.cat([sound, seen, heard], dim=1)
        return found

    def _pooled(self, last: Tensor) -> Tensor:
        """What the video encoder makes of its last map."""
        video = self.model.video
        pool = video.pool if isinstance(video, R2Plus1D) else video.net.avgpool
        pooled: Tensor = pool(last).flatten(1)
        return pooled


def needs(task: SegmentationTask, pretrained: Pretrained) -> None:
    """Raise :class:`UsageError` where a task asks for what the model lacks."""
    if set(task.inputs) & {"sound", "context"}:
        pretrained.need_sound("segmentation with sound")
    if "context" in task.inputs:
        pretrained.need_translators("segmentation with context")


def inputs(pretrained: Pretrained, task: SegmentationTask, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """The network's pictures and, where a head hears, spectrograms."""
    if set(task.inputs) == {"video"}:
        return pretrained.pictures(batch["pictures"]).flatten(0, 1), None
    return pretrained.inputs(batch)


def loss(batch: dict[str, Tensor], *, segmenter: Segmenter, pretrained: Pretrained) -> tuple[Tensor, Tensor]:
    """Sum over heads and labelled pixels of the cross-entropy, and the number of labelled pixels."""
    labels = batch["labels"].flatten(0, 1).long()
    pictures, spectrograms = inputs(pretrained, segmenter.task, batch)
    scores = segmenter(pictures, spectrograms, batch["directions"], labels.shape[-1])
    total = sum(
        (functional.cross_entropy(each, labels, ignore_index=IGNORED, reduction="sum") for each in scores.values()),
        start=torch.zeros((), device=labels.device),
    )
    return total, (labels != IGNORED).sum()


def _scores(pretrained: Pretrained, batch: dict[str, Tensor], *, segmenter: Segmenter) -> dict[str, Tensor]:
    """Scores ``(samples, views, classes, height, width)`` by kind of input."""
    pictures, spectrograms = inputs(pretrained, segmenter.task, batch)
    found = segmenter(pictures, spectrograms, batch["directions"], batch["labels"].shape[-1])
    return {name: scores.unflatten(0, batch["labels"].shape[:2]) for name, scores in found.items()}


def judge(
    pretrained: Pretrained, batch: dict[str, Tensor], *, requests: Sequence[Request], segmenter: Segmenter, classes: int
) -> dict[str, Tensor]:
    """Counts of a block: ``counts`` (videos, inputs, classes, classes), ``iou_sum`` and ``iou_classes``
    (videos, inputs) summed over pictures, and the ``video`` (videos,) they are of."""
    labels = batch["labels"].flatten(0, 1)
    scores = alone(partial(_scores, segmenter=segmenter))(pretrained, batch)
    truth, views = labels.cpu().numpy(), batch["labels"].shape[1]
    videos, where = np.unique([requests[int(index)].video for index in batch["index"]], return_inverse=True)
    counts = np.zeros((len(videos), len(scores), classes, classes), np.int64)
    sums, present = np.zeros((len(videos), len(scores))), np.zeros((len(videos), len(scores)), np.int64)
    for number, each in enumerate(scores.values()):
        found = each.flatten(0, 1).argmax(dim=1).cpu().numpy()
        for picture, row in enumerate(np.repeat(where, views)):
            table = confusion(truth[picture], found[picture], classes)
            iou, there = sample_ious(table[None])
            counts[row, number] += table
            sums[row, number] += iou[0]
            present[row, number] += there[0]
    return {
        "counts": torch.from_numpy(counts),
        "iou_sum": torch.from_numpy(sums),
        "iou_classes": torch.from_numpy(present),
        "video": torch.from_numpy(videos),
    }


def measures(
    found: dict[str, Tensor], number: int, labels: SegmentLabels
) -> tuple[dict[str, Measure], dict[str, dict[str, float]]]:
    """Pixel accuracy, dataset mIoU and the published per-sample mIoU of input ``number``, in percent, with intervals
    over videos; and accuracy and IoU of each class that occurs."""
    counts, videos = found["counts"][:, number].numpy(), found["video"].numpy()
    sums, present = found["iou_sum"][:, number].numpy(), found["iou_classes"][:, number].numpy()
    total = {
        "pixel_accuracy": bootstrap(lambda rows: pixel_accuracy(counts[rows]), videos, resamples=300),
        "miou": bootstrap(lambda rows: mean_iou(counts[rows]), videos, resamples=300),
        "miou_samplewise": bootstrap(
            lambda rows: mean_iou_samplewise(sums[rows], present[rows]), videos, resamples=300
        ),
    }
    whole = counts.sum(axis=0)
    hit, truth, guess = np.diag(whole), whole.sum(axis=1), whole.sum(axis=0)
    classes = {
        labels.names[k]: {
            "accuracy": 100 * float(hit[k] / truth[k]) if truth[k] else math.nan,
            "iou": 100 * float(hit[k] / (truth[k] + guess[k] - hit[k])),
            "pixels": int(truth[k]),
        }
        for k in np.flatnonzero(truth + guess)
    }
    return total, classes


def majority(counts: NDArray[np.int64]) -> float:
    """Pixel accuracy in percent of always saying the test split's most frequent class: what knowing nothing gives."""
    truth = counts.sum(axis=0).sum(axis=1)
    return 100 * float(truth.max() / truth.sum()) if truth.sum() else math.nan
