"""Tasks that train on pictures: segmentation heads, and action recognition."""

from __future__ import annotations

from functools import partial

import numpy as np
from torch import Tensor

from yt360.dataset.manifest import ClipSplit
from yt360.dataset.members import MemberReader
from yt360.errors import ItemError
from yt360.evaluation.context import TaskContext, TaskResult, fold_digest, labelled, on_videos
from yt360.evaluation.fine_tuning import Fit
from yt360.evaluation.recipe import ActionTask, SegmentationTask
from yt360.evaluation.samples import TEST, TRAIN, RequestDataset, draw_requests
from yt360.evaluation.tasks import action, segmentation
from yt360.evaluation.tasks.action_data import Fold
from yt360.evaluation.tasks.labelled import SegmentLabels, labels_of
from yt360.evaluation.tasks.sphere_pictures import draw_clip
from yt360.hashing import digest_json
from yt360.training.distributed import barrier


def _name(task: SegmentationTask) -> str:
    return "-".join(["segmentation", *task.inputs, task.encoders])


def measure_segmentation(job: TaskContext, task: SegmentationTask) -> list[TaskResult]:
    """A head for each input on the training split, judged on the test split; pictures of whole spheres beside."""
    settings, splits, seed = job.sampling(task.views), job.splits, job.recipe.seed
    labels = labels_of(task.labels, splits["train"], MemberReader(job.root))
    labels_of(task.labels, splits["test"], MemberReader(job.root))
    maker = labelled(job, task, settings, labels, task.views, train=True)
    segmenter = segmentation.Segmenter(job.pretrained, task, len(labels.names), seed)
    identity = digest_json([task.model_dump(mode="json", exclude={"pictures"}), job.identity(task)])

    def epoch_samples(epoch: int) -> RequestDataset:
        requests = draw_requests(splits["train"], task.train_clips_per_video, seed, TRAIN, epoch)
        return RequestDataset(requests, splits["train"], maker)

    segmenter.train()
    Fit(
        module=segmenter,
        parameters=segmenter.learned(),
        loss=partial(segmentation.loss, segmenter=segmenter, pretrained=job.pretrained),
        dataset=epoch_samples,
        samples=len(splits["train"].videos) * task.train_clips_per_video,
        task=task,
        path=job.out / "checkpoints" / f"{_name(task)}.safetensors",
        identity=identity,
        job=job,
    ).run()
    segmenter.eval()
    split = splits["test"]
    requests = draw_requests(split, task.test_clips_per_video, seed, TEST)
    test_maker = labelled(job, task, settings, labels, task.views, train=False)
    judge = partial(segmentation.judge, requests=requests, segmenter=segmenter, classes=len(labels.names))
    dataset = RequestDataset(requests, split, test_maker)
    tensors, bad = job.extractor(settings, max(1, task.batch)).run(dataset, len(requests), judge, identity, "test")
    counts = tensors["counts"][:, 0].numpy()
    outcomes = []
    for number, name in enumerate(task.inputs):
        found, classes = segmentation.measures(tensors, number, labels)
        details = {"classes": classes, "majority_pixel_accuracy": segmentation.majority(counts)}
        outcomes.append(TaskResult(found, details, {"input": name}, bad))
    if job.group.first:
        _draw(job, task, segmenter, labels, split)
    barrier()
    return outcomes


def _draw(
    job: TaskContext, task: SegmentationTask, segmenter: segmentation.Segmenter, labels: SegmentLabels, split: ClipSplit
) -> None:
    """Whole spheres of the first clips of evenly spaced videos."""
    videos = np.linspace(0, len(split.videos) - 1, min(task.pictures, len(split.videos))).round().astype(int)
    reader = MemberReader(job.root)
    for video in np.unique(videos):
        clip = split.clips[int(split.clips_of[video][0])]
        try:
            draw_clip(clip, segmenter, job.pretrained, labels, reader, job.out / "pictures")
        except ItemError as error:
            job.said(f"no picture of {clip.clip}: {error}", 0, 0)


def measure_action(job: TaskContext, task: ActionTask) -> TaskResult:
    """Fine-tune on each fold and judge its test videos."""
    pretrained, seed = job.pretrained, job.recipe.seed
    parts: list[tuple[Fold, dict[str, Tensor]]] = []
    bad: list[tuple[str, str]] = []
    for number in task.folds:
        fold = job.fold(task.dataset, number)
        model = action.ActionModel(pretrained, task, len(fold.classes), seed)
        fields = task.model_dump(mode="json", exclude={"folds"})
        identity = digest_json([fields, fold_digest(fold), seed, pretrained.digest])
        model.train()
        Fit(
            module=model,
            parameters=list(model.parameters()),
            loss=partial(action.loss, model=model, pretrained=pretrained),
            dataset=lambda epoch, fold=fold: action.TrainClips(fold.train, task, seed, epoch),  # type: ignore[misc]
            samples=len(fold.train) * task.train_clips,
            task=task,
            path=job.out / "checkpoints" / f"action-{task.dataset}-fold{number}.safetensors",
            identity=identity,
            job=job,
        ).run()
        model.eval()
        judge = partial(action.judge, model=model, clips=task.clips)
        test = action.TestClips(fold.test, task, seed)
        tensors, unreadable = on_videos(job, test, len(fold.test), judge, [identity, task.clips])
        parts.append((fold, tensors))
        bad += unreadable
    each = {str(fold.number): action.measures([(fold, found)]) for fold, found in parts}
    details = {"folds": each, "classes": len(parts[0][0].classes)}
    return TaskResult(action.measures(parts), details, unreadable=tuple(bad))
