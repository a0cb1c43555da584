"""What an evaluation does: one YAML file, one row of a table; every default is the published protocol's.

Source of the defaults: section 3 of the paper and the released evaluation configurations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from yt360 import overrides
from yt360.errors import UsageError
from yt360.models.settings import ModelSettings, SpectrogramSettings
from yt360.settings import Settings, misfit, read_fields, unit, with_current_names


class Features(Settings):
    """The frozen features that all tasks share. A task that uses fewer views takes the first ones."""

    views: int = Field(default=4, ge=1, le=64, description="Views of each sample.")
    train_clips_per_video: int = Field(default=16, ge=1, description="Samples of each training video in a round.")
    rounds: int = Field(
        default=10,
        ge=1,
        description="Rounds of training samples, which differ in moments, views and augmentation. Epoch e of a head "
        "reads round e modulo their number.",
    )
    test_clips_per_video: int = Field(
        default=15, ge=1, description="Samples of each test video, the same for every model."
    )
    batch: int = Field(default=32, ge=1, description="Samples that pass the encoders together; changes no result.")


class _HeadTraining(Settings):
    """Training of a head with Adam."""

    epochs: int = Field(default=10, ge=1, description="Passes over the training samples.")
    batch: int = Field(default=32, ge=1, description="Samples in a batch.")
    learning_rate: float = Field(default=1e-4, gt=0, description="Step size of Adam at the start.")
    weight_decay: float = Field(default=1e-5, ge=0, description="Weight of the L2 penalty.")
    milestones: tuple[int, ...] = Field(
        default=(5, 8), description="Epochs at which the learning rate is multiplied by decay."
    )
    decay: float = Field(default=0.1, gt=0, le=1, description="Factor of the learning rate at each milestone.")


class AvcBinTask(_HeadTraining):
    """Do sound and picture belong to the same video? Negatives: the sound of another video (table 1)."""

    task: Literal["avc-bin"] = Field(default="avc-bin", description="The task.")
    views: int = Field(default=4, ge=1, description="Views that are scored one by one; their logits are averaged.")
    translators: bool = Field(
        default=False,
        description="Send the picture's features through the video-to-sound network first, as the published code does.",
    )
    hidden: int = Field(default=512, ge=1, description="Width of the head's hidden layer.")
    learning_rate: float = Field(default=1e-5, gt=0, description="Step size of Adam at the start.")


class AvsaBinTask(_HeadTraining):
    """Do sound and picture have the same direction? Negatives: the same sound, turned (table 1)."""

    task: Literal["avsa-bin"] = Field(default="avsa-bin", description="The task.")
    views: int = Field(default=4, ge=1, description="Views that are scored one by one; their logits are averaged.")
    translators: bool = Field(
        default=False,
        description="Send the picture's features through the video-to-sound network first, as the published code does.",
    )
    negatives: Literal["yaw", "angles"] = Field(
        default="yaw",
        description="yaw: turned by U(-180, 180) degrees about the vertical axis, as published. angles (not in the "
        "paper): drawn from bins of yaw and of pitch alike, each bin reported.",
    )
    hidden: int = Field(default=512, ge=1, description="Width of the head's hidden layer.")
    milestones: tuple[int, ...] = Field(
        default=(8,), description="Epochs at which the learning rate is multiplied by decay."
    )


class SegmentationTask(_HeadTraining):
    """Semantic segmentation with a feature pyramid head (table 2)."""

    task: Literal["segmentation"] = Field(default="segmentation", description="The task.")
    inputs: tuple[Literal["video", "sound", "context"], ...] = Field(
        default=("video", "sound", "context"),
        min_length=1,
        description="What the heads get; one is trained for each, on the same samples. sound adds the sound's features "
        "to the video's, context both translators' to these.",
    )
    labels: Literal["coco-32", "maps"] = Field(
        default="coco-32",
        description="coco-32: the paper's 32 classes. maps: all classes of the dataset's panoptic maps.",
    )
    encoders: Literal["frozen", "as-published", "trained"] = Field(
        default="frozen",
        description="as-published leaves batch norm and dropout of the frozen model in training mode and augments the "
        "test split, as the published code does. trained is the paper's end-to-end row.",
    )
    views: int = Field(default=4, ge=1, description="Views of each sample.")
    train_clips_per_video: int = Field(default=16, ge=1, description="Samples of each training video in an epoch.")
    test_clips_per_video: int = Field(default=10, ge=1, description="Samples of each test video.")
    train_fov_deg: tuple[float, float] = Field(
        default=(54.0, 108.0), description="Range of the horizontal field of view in training, within 0 and 180."
    )
    test_fov_deg: tuple[float, float] = Field(
        default=(90.0, 90.0), description="Range of the horizontal field of view at test, within 0 and 180."
    )
    pyramid: int = Field(default=256, ge=8, description="Channels of the pyramid's levels.")
    branch: int = Field(default=128, ge=8, description="Channels of the branches that merge the levels.")
    batch: int = Field(default=20, ge=1, description="Samples in a batch.")
    weight_decay: float = Field(default=5e-4, ge=0, description="Weight of the L2 penalty.")
    pictures: int = Field(
        default=4, ge=0, le=1000, description="Test clips that are drawn whole, as in the paper's figure 5."
    )

    @model_validator(mode="after")
    def _fits(self) -> SegmentationTask:
        if self.encoders == "trained" and len(self.inputs) > 1:
            raise ValueError("encoders: trained changes the encoders for one head, so name one of inputs")
        for low, high in (self.train_fov_deg, self.test_fov_deg):
            if not 0 < low <= high < 180:
                raise ValueError(f"a field of view must lie in (0, 180) degrees, found [{low}, {high}]")
        return self


class ActionTask(_HeadTraining):
    """Action recognition by fine-tuning the whole video encoder (table 3)."""

    task: Literal["action"] = Field(default="action", description="The task.")
    dataset: Literal["ucf101", "hmdb51"] = Field(default="ucf101", description="The dataset of actions.")
    folds: tuple[Literal[1, 2, 3], ...] = Field(
        default=(1, 2, 3), min_length=1, description="Folds that are trained and tested; their results are averaged."
    )
    clips_per_video: int | None = Field(
        default=None,
        ge=1,
        description="Clips of each training video in an epoch; 5 of UCF and 10 of HMDB if not given, as published.",
    )
    clips: int = Field(
        default=25,
        ge=1,
        description="Random clips of a test video that Clip@1 judges one by one, and uniform ones whose mean softmax "
        "Video@1 judges.",
    )
    frames: int = Field(default=8, ge=1, description="Frames of a clip.")
    frames_per_second: float = Field(default=16.0, gt=0, description="Frames taken of a second of video.")
    size: int = Field(default=112, ge=16, description="Width and height of a crop.", json_schema_extra=unit("pixels"))
    dropout: float = Field(default=0.5, ge=0, lt=1, description="Share of features dropped before the classifier.")
    epochs: int = Field(default=20, ge=1, description="Passes over the training samples.")
    batch: int = Field(default=28, ge=1, description="Clips in a batch.")
    weight_decay: float = Field(default=0.0, ge=0, description="Weight of the L2 penalty.")
    milestones: tuple[int, ...] = Field(
        default=(8, 12, 16), description="Epochs at which the learning rate is multiplied by decay."
    )
    decay: float = Field(default=0.3, gt=0, le=1, description="Factor of the learning rate at each milestone.")

    @property
    def train_clips(self) -> int:
        """Clips of each training video in an epoch."""
        return self.clips_per_video or {"ucf101": 5, "hmdb51": 10}[self.dataset]


class LocaliseTask(Settings):
    """How far off is the direction that fits the sound best, and the yaw that aligns it best (not in the paper).

    No labels: the model's own similarity of sound and picture on a grid of views.
    """

    task: Literal["localise"] = Field(default="localise", description="The task.")
    around: int = Field(default=12, ge=4, le=72, description="Views in a ring around the vertical axis.")
    elevations_deg: tuple[float, ...] = Field(
        default=(-30.0, 0.0, 30.0), description="Elevation of each ring, up is positive."
    )
    fov_deg: float = Field(default=60.0, gt=0, lt=180, description="Field of view of each view.")
    clips_per_video: int = Field(default=4, ge=1, description="Samples of each test video.")
    batch: int = Field(default=4, ge=1, description="Samples that pass the model together; changes no result.")
    least_directness: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Least directness (1 - diffuseness) of a sound whose direction counts as the truth.",
    )


class RetrievalTask(Settings):
    """Find the sound to a picture and the picture to a sound among one sample of each test video (not in the paper)."""

    task: Literal["retrieval"] = Field(default="retrieval", description="The task.")
    views: int = Field(default=4, ge=1, description="Views of each sample, max-pooled.")


class _Probe(Settings):
    labels: Literal["coco-32", "maps", "ucf101", "hmdb51"] = Field(
        default="coco-32",
        description="coco-32 and maps: the largest class in a view (of the dataset's panoptic maps). ucf101 and "
        "hmdb51: the action.",
    )
    modality: Literal["video", "sound"] = Field(default="video", description="Whose features are probed.")
    fold: Literal[1, 2, 3] = Field(default=1, description="Fold of the action dataset.")
    train_clips_per_video: int = Field(default=4, ge=1, description="Samples of each training video.")
    test_clips_per_video: int = Field(default=4, ge=1, description="Samples of each test video.")
    least_share: float = Field(
        default=0.05, ge=0, le=1, description="Least share of a view that its largest class must cover to count."
    )

    @model_validator(mode="after")
    def _sound_has_maps_only(self) -> _Probe:
        if self.modality == "sound" and self.labels in ("ucf101", "hmdb51"):
            raise ValueError(f"labels: {self.labels} has no ambisonic sound; use modality: video")
        return self


class ProbeTask(_Probe):
    """Multinomial logistic regression on frozen features; the L2 weight is chosen on a fifth of the training videos."""

    task: Literal["probe"] = Field(default="probe", description="The task.")


class KnnTask(_Probe):
    """The nearest neighbours by cosine on frozen features, weighted by exp(similarity / ``temperature``)."""

    task: Literal["knn"] = Field(default="knn", description="The task.")
    neighbours: int = Field(default=20, ge=1, description="Neighbours that vote.")
    temperature: float = Field(default=0.07, gt=0, description="What similarities are divided by for the votes.")


Task = AvcBinTask | AvsaBinTask | SegmentationTask | ActionTask | LocaliseTask | RetrievalTask | ProbeTask | KnnTask
TASKS: dict[str, type[Task]] = {kind.model_fields["task"].default: kind for kind in get_args(Task)}


class EvaluationRunSettings(Settings):
    """What changes speed, not results."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where the network computes. auto: CUDA where there is one."
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="CPU threads of the network; as many as cores if not given."
    )
    workers: int = Field(
        default=2, ge=0, le=256, description="Processes that decode and crop. 0: the main process does it itself."
    )
    checkpoint_every: int = Field(
        default=500, ge=1, description="Steps from one checkpoint of a head's training to the next."
    )


class EvaluationRecipe(Settings):
    """One row of a table: a model, and the tasks that measure it."""

    aliases: ClassVar[Mapping[str, str]] = {"cells": "tasks"}

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the recipe in results: letters, digits, dots, dashes, at most 64.",
    )
    row: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$",
        description="Row of the tables that this is meant for; a checkpoint of another is refused.",
    )
    mode: Literal["correct", "original", "ablation"] | None = Field(
        default=None, description="Mode that the model must have been trained in."
    )
    weights: Literal["trained", "random", "kinetics"] = Field(
        default="trained",
        description="random keeps the architecture of the checkpoint (or model where there is none) and forgets what "
        "was learned. kinetics is torchvision's supervised R(2+1)D-18.",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="Seed of samples and heads.")
    tasks: tuple[Annotated[Task, Field(discriminator="task")], ...] = Field(
        min_length=1, description="What is measured; each task leaves results of its own."
    )
    features: Features = Field(default=Features(), description="The frozen features that tasks share.")
    model: ModelSettings = Field(
        default=ModelSettings(), description="Architecture for weights: random without a checkpoint."
    )
    sound: SpectrogramSettings = Field(
        default=SpectrogramSettings(), description="Sound input where there is no checkpoint."
    )
    data: dict[str, Any] = Field(
        default_factory=dict,
        description="Keys of a training recipe's section data that differ from the model's own training.",
    )
    view: dict[str, Any] = Field(
        default_factory=dict,
        description="Keys of a training recipe's section views that differ from the model's own training. Views look "
        "everywhere alike (energy_share 0) unless it is named here.",
    )
    run: EvaluationRunSettings = Field(default=EvaluationRunSettings(), description="Speed and bookkeeping.")

    @model_validator(mode="after")
    def _views_are_there(self) -> EvaluationRecipe:
        for task in self.tasks:
            if isinstance(task, AvcBinTask | AvsaBinTask | RetrievalTask) and task.views > self.features.views:
                raise ValueError(f"{task.task} uses {task.views} views, features.views gives {self.features.views}")
        return self


def load_evaluation(what: str) -> EvaluationRecipe:
    """The recipe of a YAML file, or one with the defaults of a task's name. Raises :class:`UsageError`."""
    if what in TASKS:
        return EvaluationRecipe(name=what, tasks=(TASKS[what](),))
    path = Path(what)
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{what!r}: expected a YAML recipe or one of {', '.join(TASKS)}")
    return parse_evaluation(read_fields(path), what)


def parse_evaluation(fields: dict[str, Any], source: str) -> EvaluationRecipe:
    """An :class:`EvaluationRecipe` out of plain values; ``source`` is named in errors."""
    fields = with_current_names(EvaluationRecipe, fields, source)
    try:
        return EvaluationRecipe.model_validate(fields)
    except ValidationError as error:
        raise misfit(error, f"{source}: the evaluation does not fit", EvaluationRecipe) from error


def override(recipe: EvaluationRecipe, assignments: Sequence[str]) -> EvaluationRecipe:
    """The recipe changed by ``--set`` assignments: see :func:`yt360.overrides.override`."""
    fields = recipe.model_dump(mode="json")
    overrides.override(EvaluationRecipe, fields, assignments, open_sections=("data", "view"))
    return parse_evaluation(fields, "--set")
