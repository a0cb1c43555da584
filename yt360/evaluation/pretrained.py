"""A model to evaluate: its weights, frozen, with how its samples were made and what it is called in the tables."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from yt360.dataset.settings import DataSettings, PublishedBehaviour, SampleSettings, ViewSettings
from yt360.errors import UsageError
from yt360.evaluation.recipe import EvaluationRecipe
from yt360.files import parse_json
from yt360.models.audio_visual import AudioVisualModel, video_encoder
from yt360.models.folder import find_model, load_front_end, load_into, read_model, without_front_end
from yt360.models.picture_input import PictureInput
from yt360.models.settings import ModelDescription, ModelSettings, SpectrogramSettings
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.settings import misfit
from yt360.training.recipe import TrainingRecipe, parse_recipe
from yt360.training.run_lock import differing_names


@dataclass(frozen=True)
class Origin:
    """How a model came to be: architecture, sound input and samples of its training.

    ``recipe`` is the name of the training recipe, or of the evaluation where no recipe is known.
    """

    recipe: str
    mode: Literal["correct", "original", "ablation"]
    seed: int
    model: ModelSettings
    sound: SpectrogramSettings
    samples: SampleSettings
    training: Training | None = None


@dataclass(frozen=True)
class Training:
    """How long a model was trained: of each phase its objective, epochs (where they were asked for) and ``steps``
    (empty where they are not known)."""

    objectives: tuple[str, ...]
    epochs: tuple[int | None, ...]
    steps: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        return {name: list(getattr(self, name)) for name in ("objectives", "epochs", "steps")}


@dataclass
class Pretrained:
    """``model`` in evaluation mode on ``device``; ``origin`` holds its data, views, sound and switches.

    ``row``: its name in the tables. ``digest`` of its weights. ``hears``: whether the sound half means
    anything (not for a video network from elsewhere).
    """

    row: str
    model: AudioVisualModel
    spectrogram: SpatialSpectrogram
    pictures: PictureInput
    origin: Origin
    digest: str
    folder: str
    device: torch.device
    hears: bool

    def need_sound(self, what: str) -> None:
        """Raise :class:`UsageError` where there is no trained sound encoder."""
        if not self.hears:
            raise UsageError(f"{what} needs a sound encoder; weights: kinetics have none: use a model of yt360 train")

    def need_translators(self, what: str) -> None:
        """Raise :class:`UsageError` where the model has no translation networks."""
        if not self.model.translates:
            raise UsageError(
                f"{what} needs the translation networks, the model {self.folder} ({self.row}) has none: "
                "use a checkpoint trained with translators: true, or leave this task out"
            )

    def inputs(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Pictures ``(b·k, 3, t, h, w)`` and spectrograms ``(b·k, channels, t, mels)`` of a batch on the device."""
        pictures = self.pictures(batch["pictures"]).flatten(0, 1)
        spectrograms = self.spectrogram(batch["sound"], batch["matrices"]).flatten(0, 1)
        return pictures, spectrograms

    def about(self) -> dict[str, Any]:
        """What a result says of the model."""
        origin, settings = self.origin, self.origin.model
        return {
            "checkpoint": self.folder,
            "digest": self.digest,
            "mode": origin.mode,
            "switches": origin.samples.behaviour.model_dump(mode="json"),
            "seed": origin.seed,
            "recipe": origin.recipe,
            "architecture": f"{settings.video}-{settings.depth} width {settings.width}, {origin.sound.features}",
            "training": None if origin.training is None else origin.training.to_json(),
            "differs": differences_from_paper(origin),
        }


_NAMED_BY_ROWS: dict[str, Any] = {"video": True, "pretrained": True, "picture_scale": True, "translator": {"kind"}}


def differences_from_paper(origin: Origin) -> dict[str, Any]:
    """Settings of a model and its input that are not the paper's, by their dotted names.

    What rows of the tables are named after is left out (:func:`row_of`): the kind of translator, intensity
    channels, torchvision's encoder.
    """

    def told(model: ModelSettings, sound: SpectrogramSettings, samples: SampleSettings) -> dict[str, Any]:
        return {
            "model": model.model_dump(mode="json", exclude=_NAMED_BY_ROWS),
            "sound": sound.model_dump(mode="json", exclude={"features", "statistics_samples"}),
            "data": samples.data.model_dump(mode="json", include={"picture_s", "frames_per_second", "sound_s"}),
            "views": samples.views.model_dump(mode="json", include={"size"}),
        }

    ours = told(origin.model, origin.sound, origin.samples)
    names = differing_names(ours, told(ModelSettings(), SpectrogramSettings(), SampleSettings()))
    return {name: reduce(lambda node, key: node[key], name.split("."), ours) for name in names}


def load_pretrained(evaluation: EvaluationRecipe, checkpoint: Path | None, device: torch.device) -> Pretrained:
    """The model that an evaluation asks for. Raises :class:`UsageError`, which says what to get and where to put it."""
    if evaluation.weights == "kinetics":
        return _kinetics(evaluation, device)
    if checkpoint is None:
        if evaluation.weights == "trained":
            raise UsageError(
                f"{evaluation.name}: expected --checkpoint, the output folder of yt360 train or yt360 model convert"
            )
        return _random(evaluation, _untrained(evaluation, evaluation.model), device)
    folder = find_model(checkpoint)
    tensors, description = read_model(folder)
    recipe = _recipe_beside(folder, checkpoint, description)
    origin = _described(evaluation, description)
    if recipe is not None:
        origin = _trained(recipe, description, whole=not (folder / "state.json").is_file())
    _check_mode(evaluation, origin.mode, folder)
    if evaluation.weights == "random":
        return _random(evaluation, origin, device)
    row = evaluation.row if recipe is None else row_of(recipe)
    if row is None:
        raise UsageError(
            f"{folder}: no recipe.json of its training beside it, so nothing says which row of the tables it is: "
            "name one with row: (or --set row=avsa)"
        )
    if evaluation.row is not None and evaluation.row != row:
        raise UsageError(
            f"{folder}: holds {row!r} (from its recipe.json), the evaluation {evaluation.name} is for "
            f"{evaluation.row!r}: name that model with --checkpoint, or drop row:"
        )
    translators = any(name.startswith("video_to_sound.") for name in tensors)
    model = AudioVisualModel(origin.model, origin.sound.channels, translators=translators, whole_video=False)
    load_into(model, without_front_end(tensors), folder)
    spectrogram = SpatialSpectrogram(origin.sound)
    load_front_end(spectrogram, tensors, folder)
    return _frozen(row, model, spectrogram, origin, folder, device, hears=True)


def row_of(recipe: TrainingRecipe) -> str:
    """Name of a training run in the tables: objective and what differs from the paper's own way of it."""
    last = recipe.phases[-1]
    name = last.objective
    if last.objective == "avsa":
        parts = [] if len(recipe.phases) > 1 or recipe.start_from else ["nocurriculum"]
        parts += ["mlp"] if last.translators and recipe.model.translator.kind == "mlp" else []
        parts += [] if last.translators else ["notransf"]
    else:
        parts = ["transf"] if last.translators else []
    parts += ["intensity"] if recipe.sound.features == "logmel+intensity" else []
    parts += ["kinetics"] if recipe.model.video == "torchvision" else []
    return "-".join([name, *parts])


def _recipe_beside(folder: Path, asked: Path, description: ModelDescription) -> TrainingRecipe | None:
    """The training recipe beside a model, if there is one."""
    for place in (folder, asked, *folder.parents[:2]):
        path = place / "recipe.json"
        if path.is_file():
            try:
                recipe = parse_recipe(parse_json(path.read_text(encoding="utf-8")), str(path))
            except (OSError, ValueError) as error:
                raise UsageError(f"{path}: expected the recipe of a training run, found: {error}") from error
            ours, theirs = recipe.description().to_json(), description.to_json()
            wrong = [name for name in ("model", "sound", "mode", "switches") if ours[name] != theirs[name]]
            if wrong:
                raise UsageError(
                    f"{folder}: its description and {path} disagree in {', '.join(wrong)}: the weights are of another "
                    "architecture or mode than the run; name the folder of one run"
                )
            return recipe
    return None


def _trained(recipe: TrainingRecipe, description: ModelDescription, *, whole: bool) -> Origin:
    """The origin of a model that was trained with ``recipe``; not ``whole``: a checkpoint on the way."""
    samples = recipe.held_out_settings()
    steps = description.steps
    phases = recipe.phases[: len(steps)] if steps else recipe.phases  # of a checkpoint: those that began
    known = steps or tuple(phase.steps for phase in phases if phase.steps is not None)
    training = Training(
        objectives=tuple(phase.objective for phase in phases),
        epochs=tuple(phase.epochs if whole or phase is not phases[-1] else None for phase in phases),
        steps=known if len(known) == len(phases) else (),
    )
    return Origin(recipe.name, recipe.mode, recipe.seed, recipe.model, recipe.sound, samples, training)


def _described(evaluation: EvaluationRecipe, description: ModelDescription) -> Origin:
    """The origin of a model that only its description tells of; where that says nothing, samples are the paper's."""
    data, views = DataSettings(), ViewSettings()
    if given := description.input:
        times = given.model_dump(include={"picture_s", "frames_per_second", "sound_s"})
        data, views = DataSettings(**times), ViewSettings(size=given.size)
    samples = SampleSettings(data=data, views=views, behaviour=description.switches)
    training = None
    if description.steps:
        count = len(description.steps)
        training = Training(description.objectives[:count], (None,) * count, description.steps)
    return Origin(evaluation.name, description.mode, 0, description.model, description.sound, samples, training)


def _untrained(evaluation: EvaluationRecipe, model: ModelSettings) -> Origin:
    """The origin of weights that no training of ours made, with the paper's samples."""
    mode = evaluation.mode or "correct"
    if mode == "ablation":
        raise UsageError(f"{evaluation.name}: mode: ablation needs a trained model, which says its switches")
    behaviour = PublishedBehaviour.original() if mode == "original" else PublishedBehaviour()
    return Origin(evaluation.name, mode, 0, model, evaluation.sound, SampleSettings(behaviour=behaviour))


def _check_mode(evaluation: EvaluationRecipe, mode: str, folder: Path) -> None:
    if evaluation.mode is not None and evaluation.mode != mode:
        raise UsageError(
            f"{folder}: was trained in mode {mode!r}, the evaluation {evaluation.name} is for mode "
            f"{evaluation.mode!r}: modes are never mixed; name a checkpoint of that mode, or drop mode:"
        )


def _random(evaluation: EvaluationRecipe, origin: Origin, device: torch.device) -> Pretrained:
    torch.manual_seed(evaluation.seed)
    model = AudioVisualModel(origin.model, origin.sound.channels, translators=True, whole_video=False)
    row = evaluation.row or "random"
    return _frozen(row, model, SpatialSpectrogram(origin.sound), origin, "", device, hears=True)


def _kinetics(evaluation: EvaluationRecipe, device: torch.device) -> Pretrained:
    origin = _untrained(evaluation, ModelSettings(video="torchvision", picture_scale="kinetics"))
    model = AudioVisualModel(origin.model, origin.sound.channels, translators=False, whole_video=False)
    model.video = video_encoder(ModelSettings(video="torchvision", pretrained=True))
    row = evaluation.row or "kinetics"
    return _frozen(row, model, SpatialSpectrogram(origin.sound), origin, "", device, hears=False)


def _frozen(
    row: str,
    model: AudioVisualModel,
    spectrogram: SpatialSpectrogram,
    origin: Origin,
    folder: Path | str,
    device: torch.device,
    *,
    hears: bool,
) -> Pretrained:
    model.eval().requires_grad_(False).to(device)
    scale = origin.model.picture_scale
    digest = _digest([model, spectrogram], "" if scale == "imagenet" else scale)
    return Pretrained(
        row=row,
        model=model,
        spectrogram=spectrogram.to(device),
        pictures=PictureInput(origin.model.picture_scale).to(device),
        origin=origin,
        digest=digest,
        folder=str(folder),
        device=device,
        hears=hears,
    )


def _digest(modules: list[nn.Module], more: str) -> str:
    """Digest of all weights and buffers, with their names, and of what else features depend on."""
    total = hashlib.blake2b(digest_size=10)
    for module in modules:
        for name, value in sorted(module.state_dict().items()):
            total.update(name.encode())
            total.update(value.detach().cpu().contiguous().numpy().tobytes())
    total.update(more.encode())
    return total.hexdigest()


def sampling(evaluation: EvaluationRecipe, trained: SampleSettings, views: int) -> SampleSettings:
    """How samples of ``views`` views are made for an evaluation of a model that was trained on ``trained``.

    As the model was trained, but views look everywhere alike, and single values may be changed by the
    evaluation. All rows of a table must agree in this; a result records its digest.
    """
    fields = trained.model_dump(mode="json")
    fields["views"] |= {"energy_share": 0.0} | evaluation.view
    fields["data"] |= evaluation.data | {"workers": evaluation.run.workers}
    fields |= {"view_count": max(views, 2), "several_moments": False}
    try:
        return SampleSettings.model_validate(fields)
    except ValidationError as error:
        raise misfit(error, f"{evaluation.name}: the evaluation does not fit") from error
