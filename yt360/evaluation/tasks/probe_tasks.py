"""Linear probe and k-nearest-neighbours: labels and features, then the measure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from yt360.dataset.members import MemberReader
from yt360.evaluation.alone import alone
from yt360.evaluation.context import ACTIONS, TaskContext, TaskResult, fold_digest, labelled, on_videos
from yt360.evaluation.frozen_features import how
from yt360.evaluation.intervals import proportion
from yt360.evaluation.metrics import top_k
from yt360.evaluation.pretrained import Pretrained
from yt360.evaluation.recipe import ActionTask, KnnTask, ProbeTask
from yt360.evaluation.samples import TEST, TRAIN, RequestDataset, draw_requests, videos_of
from yt360.evaluation.tasks import action, probes
from yt360.evaluation.tasks.labelled import labels_of, largest_class


def measure_probe(job: TaskContext, task: ProbeTask | KnnTask) -> TaskResult:
    """Accuracy of a probe on frozen features of the test split, of what it learned on the training split's."""
    if task.labels in ACTIONS:
        x, y, groups, x_test, y_test, test_groups, names, bad = _action_features(job, task)
    else:
        x, y, groups, x_test, y_test, test_groups, names, bad = _view_features(job, task)
    details: dict[str, Any] = {"classes": list(names), "train_samples": len(y)}
    if isinstance(task, ProbeTask):
        scores, details["l2"] = probes.linear_probe(x, y, groups, x_test, len(names), job.recipe.seed)
    else:
        scores = probes.nearest_neighbours(x, y, x_test, len(names), task)
    most = int(np.bincount(y, minlength=len(names)).argmax())
    details["majority_accuracy"] = 100 * float((y_test == most).mean())
    measures = {"accuracy": proportion(top_k(scores, y_test), test_groups)}
    if len(names) > 5:
        measures["accuracy_top5"] = proportion(top_k(scores, y_test, 5), test_groups)
    return TaskResult(measures, details, unreadable=bad)


Labelled = tuple[
    Tensor,
    NDArray[np.int64],
    NDArray[Any],
    Tensor,
    NDArray[np.int64],
    NDArray[Any],
    Sequence[str],
    tuple[tuple[str, str], ...],
]


def _action_features(job: TaskContext, task: ProbeTask | KnnTask) -> Labelled:
    fold = job.fold(task.labels, task.fold)
    settings = ActionTask(dataset=task.labels, clips=1 + task.test_clips_per_video)  # type: ignore[arg-type]
    settings = settings.model_copy(update={"size": job.pretrained.origin.samples.views.size})
    found = []
    bad: tuple[tuple[str, str], ...] = ()
    for part in (fold.train, fold.test):
        dataset = action.TestClips(part, settings, job.recipe.seed)
        identity = [fold_digest(fold), part is fold.train, settings.model_dump(mode="json")]
        tensors, unreadable = on_videos(job, dataset, len(part), action.features, identity)
        names = np.array([part[int(index)].path.name for index in tensors["index"]])
        found.append((tensors["features"].to(job.pretrained.device), tensors["label"].numpy(), names))
        bad += unreadable
    return (*found[0], *found[1], fold.classes, bad)


def _view_features(job: TaskContext, task: ProbeTask | KnnTask) -> Labelled:
    views = job.recipe.features.views
    settings = job.sampling(views)
    made_by = how(settings, job.pretrained.origin.sound)
    labels = labels_of(task.labels, job.splits["train"], MemberReader(job.root))
    found = []
    bad: tuple[tuple[str, str], ...] = ()
    for which, kind, clips in (("train", TRAIN, task.train_clips_per_video), ("test", TEST, task.test_clips_per_video)):
        split = job.splits[which]
        requests = draw_requests(split, clips, job.recipe.seed, kind)
        maker = labelled(job, task, settings, labels, views, train=False)
        extract = partial(_largest, classes=len(labels.names), least_share=task.least_share)
        identity = [
            split.digest,
            which,
            clips,
            made_by,
            task.labels,
            task.least_share,
        ]
        dataset = RequestDataset(requests, split, maker)
        tensors, unreadable = job.extractor(settings, job.recipe.features.batch).run(
            dataset, len(requests), alone(extract), identity, f"features of {which}"
        )
        videos = np.repeat(videos_of(split, requests)[tensors["index"].numpy()], views)
        label = tensors["largest"].flatten().numpy()
        kept = label >= 0
        features = tensors[task.modality].flatten(0, 1)[torch.from_numpy(kept)].to(job.pretrained.device)
        found.append((features, label[kept], videos[kept]))
        bad += unreadable
    return (*found[0], *found[1], labels.names, bad)


def _largest(
    pretrained: Pretrained, batch: dict[str, Tensor], *, classes: int, least_share: float
) -> dict[str, Tensor]:
    count, views = batch["pictures"].shape[:2]
    pictures, spectrograms = pretrained.inputs(batch)
    labels = batch["labels"].cpu().numpy()
    return {
        "video": pretrained.model.video(pictures).view(count, views, -1),
        "sound": pretrained.model.sound(spectrograms).view(count, views, -1),
        "largest": torch.from_numpy(np.stack([largest_class(each, classes, least_share) for each in labels])),
    }
