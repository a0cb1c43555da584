"""What the tasks of an evaluation share: model, data, run folder; and what a task gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from yt360.dataset import manifest
from yt360.dataset.manifest import ClipSplit
from yt360.dataset.members import MemberReader
from yt360.dataset.settings import SampleSettings
from yt360.evaluation.alone import Extract, alone
from yt360.evaluation.frozen_features import Extractor, samples_digest
from yt360.evaluation.intervals import Measure
from yt360.evaluation.pretrained import Pretrained, sampling
from yt360.evaluation.recipe import ActionTask, EvaluationRecipe, KnnTask, ProbeTask, SegmentationTask, Task
from yt360.evaluation.samples import need_two_videos
from yt360.evaluation.tasks import action_data
from yt360.evaluation.tasks.labelled import LabelledMaker, SegmentLabels
from yt360.hashing import digest_json
from yt360.training.distributed import Processes

ACTIONS = ("ucf101", "hmdb51")

_VIDEOS_AT_ONCE = 4


@dataclass(frozen=True)
class TaskResult:
    """Measures by name, with what else is worth keeping. ``settings`` tell outcomes of one task apart."""

    measures: dict[str, Measure]
    details: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass
class TaskContext:
    """What the tasks of an evaluation share."""

    recipe: EvaluationRecipe
    pretrained: Pretrained
    root: str
    out: Path
    group: Processes
    stopped: Callable[[], bool]
    said: Callable[[str, int, int], None]

    @cached_property
    def splits(self) -> dict[str, ClipSplit]:
        """The dataset's ``train`` and ``test`` clips."""
        data = self.sampling(2).data
        table = manifest.read_table(self.root)
        rate = self.pretrained.origin.sound.sample_rate_hz
        names = {"train": data.train_split, "test": data.test_split}
        found = {key: manifest.load_split(self.root, name, data, rate, table=table) for key, name in names.items()}
        manifest.check_shards(self.root, list(found.values()))
        for split in found.values():
            need_two_videos(split, self.root)
        return found

    def sampling(self, views: int) -> SampleSettings:
        """How samples of ``views`` views are made."""
        return sampling(self.recipe, self.pretrained.origin.samples, views)

    def extractor(self, settings: SampleSettings, batch: int) -> Extractor:
        """Makes and keeps features below the run folder."""
        return Extractor(
            pretrained=self.pretrained,
            settings=settings,
            root=self.root,
            folder=self.out / "features",
            group=self.group,
            seed=self.recipe.seed,
            batch=batch,
            stopped=self.stopped,
            said=self.said,
        )

    def fold(self, dataset: str, number: int) -> action_data.Fold:
        """A fold of an action dataset below the root."""
        return action_data.load_fold(Path(self.root), dataset, number)

    def identity(self, task: Task) -> list[Any]:
        """What a task's result depends on besides its own settings."""
        recipe = self.recipe
        shared = [recipe.seed, self.pretrained.digest, self.pretrained.row, recipe.data, recipe.view]
        if is_action(task):
            return [*shared, [fold_digest(self.fold(name, number)) for name, number in folds_of(task)]]
        return [*shared, recipe.features.model_dump(), *(split.digest for split in self.splits.values())]

    def about_data(self, task: Task) -> dict[str, Any]:
        """What a result says of its data."""
        if is_action(task):
            folds = [self.fold(name, number) for name, number in folds_of(task)]
            digest = digest_json([fold_digest(fold) for fold in folds])
            count = {"train": len(folds[0].train), "test": len(folds[0].test)}
            return {"root": self.root, "dataset": folds[0].dataset, "digest": digest, "videos": count}
        clips = getattr(task, "test_clips_per_video", None) or getattr(task, "clips_per_video", None)
        clips = clips or self.recipe.features.test_clips_per_video
        views = self.recipe.features.views
        test = self.splits["test"]
        return {
            "root": self.root,
            "digest": digest_json([split.digest for split in self.splits.values()]),
            "test_samples": samples_digest(self.sampling(views), test, self.recipe.seed, clips),
            "clips": {name: len(split.clips) for name, split in self.splits.items()},
            "videos": {name: len(split.videos) for name, split in self.splits.items()},
        }


def is_action(task: Task) -> bool:
    """Whether a task works on an action dataset instead of shards."""
    return isinstance(task, ActionTask) or (isinstance(task, ProbeTask | KnnTask) and task.labels in ACTIONS)


def folds_of(task: Task) -> list[tuple[str, int]]:
    """(dataset, fold) that a task on an action dataset needs."""
    if isinstance(task, ActionTask):
        return [(task.dataset, number) for number in task.folds]
    assert isinstance(task, ProbeTask | KnnTask)
    return [(task.labels, task.fold)]


def fold_digest(fold: action_data.Fold) -> str:
    """Changes when the lists of a fold do."""
    lists = [[[video.path.name, video.label] for video in part] for part in (fold.train, fold.test)]
    return digest_json([fold.dataset, fold.number, fold.classes, lists])


def labelled(
    job: TaskContext,
    task: SegmentationTask | ProbeTask | KnnTask,
    settings: SampleSettings,
    labels: SegmentLabels,
    views: int,
    *,
    train: bool,
) -> LabelledMaker:
    reader = MemberReader(job.root, verify=settings.data.verify_digests)
    augment, fov = train, None
    if isinstance(task, SegmentationTask):
        augment = train or task.encoders == "as-published"
        fov = task.train_fov_deg if train else task.test_fov_deg
    return LabelledMaker(settings, reader, labels, views, fov, augment)


def on_videos(
    job: TaskContext, dataset: Dataset[Any], total: int, extract: Extract, identity: Any
) -> tuple[dict[str, Tensor], tuple[tuple[str, str], ...]]:
    """What ``extract`` makes of each video of an action dataset (see :meth:`Extractor.run`)."""
    extractor = job.extractor(job.sampling(2), _VIDEOS_AT_ONCE)
    return extractor.run(dataset, total, alone(extract), identity, "test")
