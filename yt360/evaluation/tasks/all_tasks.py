"""What each task of an evaluation does: names of its results, and how they are measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, assert_never

from yt360.dataset.members import MemberReader
from yt360.evaluation.alone import alone
from yt360.evaluation.context import TaskContext, TaskResult, is_action
from yt360.evaluation.frozen_features import Bank, Turn, how
from yt360.evaluation.intervals import Measure
from yt360.evaluation.recipe import (
    ActionTask,
    AvcBinTask,
    AvsaBinTask,
    KnnTask,
    LocaliseTask,
    ProbeTask,
    RetrievalTask,
    SegmentationTask,
    Task,
)
from yt360.evaluation.samples import TEST, TRAIN, RequestDataset, draw_requests, videos_of
from yt360.evaluation.tasks import binary, localise, retrieval, segmentation
from yt360.evaluation.tasks.fine_tuned import measure_action, measure_segmentation
from yt360.evaluation.tasks.labelled import labels_of
from yt360.evaluation.tasks.probe_tasks import measure_probe


def result_names(task: Task) -> list[str]:
    """Names of the results that :func:`measure` gives, in its order."""
    if isinstance(task, AvcBinTask | AvsaBinTask):
        parts = [task.task, f"{task.views}-views"] + (["transf"] if task.translators else [])
        parts += ["angles"] if isinstance(task, AvsaBinTask) and task.negatives == "angles" else []
        return ["-".join(parts)]
    if isinstance(task, SegmentationTask):
        ending = "" if task.encoders == "frozen" else f"-{task.encoders}"
        return [f"segmentation-{name}{ending}" for name in task.inputs]
    if isinstance(task, ActionTask):
        return [f"action-{task.dataset}"]
    if isinstance(task, ProbeTask | KnnTask):
        return [f"{task.task}-{task.labels}-{task.modality}"]
    if isinstance(task, LocaliseTask | RetrievalTask):
        return [task.task]
    assert_never(task)


def require(job: TaskContext, task: Task) -> None:
    """Raise :class:`UsageError` where the model or the maps lack what a task needs."""
    pretrained = job.pretrained
    if isinstance(task, AvcBinTask | AvsaBinTask):
        pretrained.need_sound(task.task)
        if task.translators:
            pretrained.need_translators(f"{task.task} with translators: true")
    elif isinstance(task, SegmentationTask):
        segmentation.needs(task, pretrained)
    elif isinstance(task, LocaliseTask | RetrievalTask) or (
        isinstance(task, ProbeTask | KnnTask) and task.modality == "sound"
    ):
        pretrained.need_sound(task.task)
    if isinstance(task, SegmentationTask) or (isinstance(task, ProbeTask | KnnTask) and not is_action(task)):
        for split in job.splits.values():
            labels_of(task.labels, split, MemberReader(job.root))


def measure(job: TaskContext, task: Task) -> list[TaskResult]:
    """All results of a task. On other processes than the first the list may hold nothing of use."""
    if isinstance(task, AvcBinTask | AvsaBinTask):
        return [_binary(job, task)]
    if isinstance(task, SegmentationTask):
        return measure_segmentation(job, task)
    if isinstance(task, ActionTask):
        return [measure_action(job, task)]
    if isinstance(task, LocaliseTask):
        return [_localise(job, task)]
    if isinstance(task, RetrievalTask):
        return [_retrieval(job, task)]
    if isinstance(task, ProbeTask | KnnTask):
        return [measure_probe(job, task)]
    assert_never(task)


def banks(job: TaskContext, which: str, turns: Sequence[Turn]) -> list[Bank]:
    """The shared frozen features: all rounds of the training split, or the test split."""
    settings = job.recipe.features
    extractor = job.extractor(job.sampling(settings.views), settings.batch)
    if which == "test":
        return [extractor.bank(job.splits["test"], TEST, settings.test_clips_per_video, turns)]
    rounds = range(settings.rounds)
    return [
        extractor.bank(job.splits["train"], TRAIN, settings.train_clips_per_video, turns, number) for number in rounds
    ]


def _all_turns(job: TaskContext) -> tuple[Turn, ...]:
    """Turns that any task of the recipe asks for: one bank serves all tasks."""
    turns: dict[Turn, None] = {}
    for task in job.recipe.tasks:
        if isinstance(task, AvcBinTask | AvsaBinTask):
            turns |= dict.fromkeys(binary.turns_of(task))
    return tuple(turns)


def _only(bank: Bank, turns: Sequence[Turn], wanted: Sequence[Turn]) -> Bank:
    places = [turns.index(turn) for turn in wanted]
    return Bank(
        bank.video, bank.sound, bank.turned[:, places], bank.angles[:, places], bank.directions, bank.videos,
        bank.unreadable,
    )  # fmt: skip


def _binary(job: TaskContext, task: AvcBinTask | AvsaBinTask) -> TaskResult:
    turns, wanted = _all_turns(job), binary.turns_of(task)
    train = [_only(bank, turns, wanted) for bank in banks(job, "train", turns)]
    (test,) = (_only(bank, turns, wanted) for bank in banks(job, "test", turns))
    head = binary.train_head(task, train, job.pretrained, job.recipe.seed)
    judged = binary.judge(task, test, head, job.pretrained, job.recipe.seed)
    details: dict[str, Any] = {"auc": 100 * binary.auc(judged), "chance": 50.0}
    if isinstance(task, AvsaBinTask):
        details["by_angle"] = binary.by_angle(task, judged)
    unreadable = (*(bad for bank in train for bad in bank.unreadable), *test.unreadable)
    return TaskResult({"accuracy": binary.accuracy(judged)}, details, unreadable=unreadable)


def _retrieval(job: TaskContext, task: RetrievalTask) -> TaskResult:
    (bank,) = banks(job, "test", _all_turns(job))
    found: dict[str, Measure] = {}
    size = 0
    for way, similarity in retrieval.similarities(bank, job.pretrained, task.views).items():
        found |= {f"{way} {name}": value for name, value in retrieval.recall(similarity).items()}
        size = len(similarity)
    details = {"gallery": size, "chance": {"recall@1": 100 / size, "median_rank": (size + 1) / 2}}
    return TaskResult(found, details, unreadable=bank.unreadable)


def _localise(job: TaskContext, task: LocaliseTask) -> TaskResult:
    settings, split = job.sampling(2), job.splits["test"]
    requests = draw_requests(split, task.clips_per_video, job.recipe.seed, TEST)
    reader = MemberReader(job.root, verify=settings.data.verify_digests)
    dataset = RequestDataset(requests, split, localise.GridMaker(task, settings, reader))
    extract = partial(localise.match, task=task)
    identity = [split.digest, how(settings, job.pretrained.origin.sound), task.model_dump(mode="json")]
    tensors, bad = job.extractor(settings, task.batch).run(dataset, len(requests), alone(extract), identity, "localise")
    videos = videos_of(split, requests)[tensors["index"].numpy()]
    found = {name: value.double().numpy() for name, value in tensors.items()}
    directed = int((found["heard"][:, 3] >= task.least_directness).sum())
    details = {"samples": len(videos), "directed_samples": directed}
    return TaskResult(localise.measures(task, found, videos), details, unreadable=bad)
