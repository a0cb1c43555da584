"""What an evaluation does: one YAML file, one row of a table; every default is the published protocol's.

Source of the defaults: section 3 of the paper and the released evaluation configurations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError, model_validator

from yt360.errors import UsageError
from yt360.models.settings import ModelSettings, SpectrogramSettings
from yt360.settings import Settings, misfit, read_fields, with_current_names


class Features(Settings):
    """The frozen features that all rows share.

    ``views`` of each sample; a row that uses fewer takes the first ones. ``train_clips_per_video``
    samples of each training video make a round, ``rounds`` rounds differ in moments, views and
    augmentation (epoch e of a head reads round e mod ``rounds``). ``test_clips_per_video`` samples of
    each test video, the same for every model.
    """

    views: Annotated[int, Field(ge=1, le=64)] = 4
    train_clips_per_video: Annotated[int, Field(ge=1)] = 16
    rounds: Annotated[int, Field(ge=1)] = 10
    test_clips_per_video: Annotated[int, Field(ge=1)] = 15
    batch: Annotated[int, Field(ge=1)] = 32


class _Head(Settings):
    """Training of a small head: Adam, the rate times ``decay`` at each of the ``milestones`` (epochs)."""

    epochs: Annotated[int, Field(ge=1)] = 10
    batch: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 1e-5
    milestones: tuple[int, ...] = (5, 8)
    decay: Annotated[float, Field(gt=0, le=1)] = 0.1


class AvcBinTask(_Head):
    """Do sound and picture belong to the same video? Negatives: the sound of another video (table 1).

    ``translators``: the picture's features go through the video-to-sound network first, as the
    published code does. ``views`` are scored one by one and their logits averaged.
    """

    task: Literal["avc-bin"] = "avc-bin"
    views: Annotated[int, Field(ge=1)] = 4
    translators: bool = False
    hidden: Annotated[int, Field(ge=1)] = 512
    learning_rate: Annotated[float, Field(gt=0)] = 1e-5


class AvsaBinTask(_Head):
    """Do sound and picture have the same direction? Negatives: the same sound, turned (table 1).

    ``negatives``: ``yaw`` turns by U(-180°, 180°) about the vertical axis, as published; ``angles`` (not in the
    paper) draws from bins of yaw and of pitch alike and reports each bin.
    """

    task: Literal["avsa-bin"] = "avsa-bin"
    views: Annotated[int, Field(ge=1)] = 4
    translators: bool = False
    negatives: Literal["yaw", "angles"] = "yaw"
    hidden: Annotated[int, Field(ge=1)] = 512
    milestones: tuple[int, ...] = (8,)


class SegmentationTask(_Head):
    """Semantic segmentation with an FPN head (table 2).

    ``inputs``: a head is trained for each, on the same samples; ``context`` is video, sound and both
    translators' features. ``labels``: ``coco-32`` are the paper's 32 classes, ``maps`` all classes of the
    dataset's maps. ``encoders``: ``frozen``; ``as-published`` leaves batch norm and dropout in training
    mode and augments the test split, as the published code does; ``trained`` is the paper's end-to-end row.
    ``train_fov_deg``, ``test_fov_deg``: ranges of the horizontal field of view. ``pictures`` test clips are drawn
    whole, as in the paper's figure 5.
    """

    task: Literal["segmentation"] = "segmentation"
    inputs: Annotated[tuple[Literal["video", "sound", "context"], ...], Field(min_length=1)] = (
        "video",
        "sound",
        "context",
    )
    labels: Literal["coco-32", "maps"] = "coco-32"
    encoders: Literal["frozen", "as-published", "trained"] = "frozen"
    views: Annotated[int, Field(ge=1)] = 4
    train_clips_per_video: Annotated[int, Field(ge=1)] = 16
    test_clips_per_video: Annotated[int, Field(ge=1)] = 10
    train_fov_deg: tuple[float, float] = (54.0, 108.0)
    test_fov_deg: tuple[float, float] = (90.0, 90.0)
    pyramid: Annotated[int, Field(ge=8)] = 256
    branch: Annotated[int, Field(ge=8)] = 128
    batch: Annotated[int, Field(ge=1)] = 20
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    pictures: Annotated[int, Field(ge=0, le=1000)] = 4

    @model_validator(mode="after")
    def _fits(self) -> SegmentationTask:
        if self.encoders == "trained" and len(self.inputs) > 1:
            raise ValueError("encoders: trained changes the encoders for one head, so name one of inputs")
        for low, high in (self.train_fov_deg, self.test_fov_deg):
            if not 0 < low <= high < 180:
                raise ValueError(f"a field of view must lie in (0, 180) degrees, found [{low}, {high}]")
        return self


class ActionTask(_Head):
    """Action recognition by fine-tuning the whole video encoder (table 3).

    ``folds`` are averaged. ``clips_per_video`` of each training video make an epoch (5 UCF, 10 HMDB as
    published). Clip@1 judges ``clips`` random clips one by one, Video@1 the mean softmax of as many uniform ones.
    """

    task: Literal["action"] = "action"
    dataset: Literal["ucf101", "hmdb51"] = "ucf101"
    folds: Annotated[tuple[Literal[1, 2, 3], ...], Field(min_length=1)] = (1, 2, 3)
    clips_per_video: Annotated[int, Field(ge=1)] | None = None
    clips: Annotated[int, Field(ge=1)] = 25
    frames: Annotated[int, Field(ge=1)] = 8
    frames_per_second: Annotated[float, Field(gt=0)] = 16.0
    size: Annotated[int, Field(ge=16)] = 112
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    epochs: Annotated[int, Field(ge=1)] = 20
    batch: Annotated[int, Field(ge=1)] = 28
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    milestones: tuple[int, ...] = (8, 12, 16)
    decay: Annotated[float, Field(gt=0, le=1)] = 0.3

    @property
    def train_clips(self) -> int:
        """Clips of each training video in an epoch."""
        return self.clips_per_video or {"ucf101": 5, "hmdb51": 10}[self.dataset]


class LocaliseTask(Settings):
    """How far off is the direction that fits the sound best, and the yaw that aligns it best (not in the paper).

    No labels: the model's own similarity of sound and picture on ``around`` views a ring at ``elevations_deg``.
    """

    task: Literal["localise"] = "localise"
    around: Annotated[int, Field(ge=4, le=72)] = 12
    elevations_deg: tuple[float, ...] = (-30.0, 0.0, 30.0)
    fov_deg: Annotated[float, Field(gt=0, lt=180)] = 60.0
    clips_per_video: Annotated[int, Field(ge=1)] = 4
    batch: Annotated[int, Field(ge=1)] = 4
    least_directness: Annotated[float, Field(ge=0, le=1)] = 0.3


class RetrievalTask(Settings):
    """Find the sound to a picture and the picture to a sound among one sample of each test video (not in the paper)."""

    task: Literal["retrieval"] = "retrieval"
    views: Annotated[int, Field(ge=1)] = 4


class _Probe(Settings):
    """``labels``: ``coco-32`` and ``maps`` take the largest class in a view (of the dataset's maps),
    ``ucf101`` and ``hmdb51`` the action."""

    labels: Literal["coco-32", "maps", "ucf101", "hmdb51"] = "coco-32"
    modality: Literal["video", "sound"] = "video"
    fold: Literal[1, 2, 3] = 1
    train_clips_per_video: Annotated[int, Field(ge=1)] = 4
    test_clips_per_video: Annotated[int, Field(ge=1)] = 4
    least_share: Annotated[float, Field(ge=0, le=1)] = 0.05

    @model_validator(mode="after")
    def _sound_has_maps_only(self) -> _Probe:
        if self.modality == "sound" and self.labels in ("ucf101", "hmdb51"):
            raise ValueError(f"labels: {self.labels} has no ambisonic sound; use modality: video")
        return self


class ProbeTask(_Probe):
    """Multinomial logistic regression on frozen features; the L2 weight is chosen on a fifth of the training videos."""

    task: Literal["probe"] = "probe"


class KnnTask(_Probe):
    """``neighbours`` nearest by cosine, weighted by exp(similarity / ``temperature``), on frozen features."""

    task: Literal["knn"] = "knn"
    neighbours: Annotated[int, Field(ge=1)] = 20
    temperature: Annotated[float, Field(gt=0)] = 0.07


Cell = AvcBinTask | AvsaBinTask | SegmentationTask | ActionTask | LocaliseTask | RetrievalTask | ProbeTask | KnnTask
TASKS: dict[str, type[Cell]] = {kind.model_fields["task"].default: kind for kind in get_args(Cell)}


class EvaluationRunSettings(Settings):
    """What changes speed, not results."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    workers: Annotated[int, Field(ge=0, le=256)] = 2
    checkpoint_every: Annotated[int, Field(ge=1)] = 500


class EvaluationRecipe(Settings):
    """One row of a table.

    ``row``: which model this is meant for; a checkpoint of another is refused. ``mode`` likewise.
    ``weights``: ``trained``; ``random`` keeps the architecture of the checkpoint (or ``model`` where there is
    none) and forgets what was learned; ``kinetics`` is torchvision's supervised R(2+1)D-18.
    ``data`` and ``view`` change single values of how samples are made (sections ``data`` and ``views`` of a
    training recipe); the rest is as the model was trained, but that views look everywhere alike.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    row: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] | None = None
    mode: Literal["correct", "original", "ablation"] | None = None
    weights: Literal["trained", "random", "kinetics"] = "trained"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    cells: Annotated[tuple[Annotated[Cell, Field(discriminator="task")], ...], Field(min_length=1)]
    features: Features = Features()
    model: ModelSettings = ModelSettings()
    sound: SpectrogramSettings = SpectrogramSettings()
    data: dict[str, Any] = Field(default_factory=dict)
    view: dict[str, Any] = Field(default_factory=dict)
    run: EvaluationRunSettings = EvaluationRunSettings()

    @model_validator(mode="after")
    def _views_are_there(self) -> EvaluationRecipe:
        for cell in self.cells:
            if isinstance(cell, AvcBinTask | AvsaBinTask | RetrievalTask) and cell.views > self.features.views:
                raise ValueError(f"{cell.task} uses {cell.views} views, features.views gives {self.features.views}")
        return self


def load_evaluation(what: str) -> EvaluationRecipe:
    """The recipe of a YAML file, or one with the defaults of a task's name. Raises :class:`UsageError`."""
    if what in TASKS:
        return EvaluationRecipe(name=what, cells=(TASKS[what](),))
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


def override(recipe: EvaluationRecipe, assignments: list[str]) -> EvaluationRecipe:
    """The recipe with ``key.key=value`` assignments (values are YAML); ``cells.KEY`` changes every cell that has it."""
    fields = recipe.model_dump(mode="json")
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        *parents, last = key.split(".")
        try:
            value = yaml.safe_load(text)
            nodes: list[Any] = [fields]
            for parent in parents:
                nodes = [child for node in nodes for child in _children(node, parent)]
            open_ended = parents in (["data"], ["view"])
            nodes = [node for node in nodes if isinstance(node, dict) and (last in node or open_ended)]
            if not separator or not nodes:
                raise KeyError(key)
        except (KeyError, IndexError, yaml.YAMLError) as error:
            raise UsageError(f"--set {assignment!r}: expected key.key=value with a key of the recipe") from error
        for node in nodes:
            node[last] = value
    return parse_evaluation(fields, "--set")


def _children(node: Any, name: str) -> list[Any]:
    found = node[name]
    return found if isinstance(found, list) else [found]
