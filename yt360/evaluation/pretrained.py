"""A model to evaluate: its weights, frozen, with how its samples were made and what it is called in the tables."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from yt360.errors import UsageError
from yt360.evaluation.recipe import EvaluationRecipe
from yt360.models.audio_visual import AudioVisualModel, video_encoder
from yt360.models.spectrogram import PictureInput, SpatialSpectrogram
from yt360.training import checkpoints
from yt360.training.recipe import ModelSettings, TrainingRecipe, parse_recipe


@dataclass
class Pretrained:
    """``model`` in evaluation mode on ``device``; ``recipe`` holds its data, views, sound and switches.

    ``row``: its name in the tables. ``digest`` of its weights. ``hears``: whether the sound half means
    anything (not for a video network from elsewhere).
    """

    row: str
    model: AudioVisualModel
    spectrogram: SpatialSpectrogram
    pictures: PictureInput
    recipe: TrainingRecipe
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
                "use a checkpoint trained with translators: true, or leave this cell out"
            )

    def inputs(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Pictures ``(b·k, 3, t, h, w)`` and spectrograms ``(b·k, channels, t, mels)`` of a batch on the device."""
        pictures = self.pictures(batch["pictures"]).flatten(0, 1)
        spectrograms = self.spectrogram(batch["sound"], batch["matrices"]).flatten(0, 1)
        return pictures, spectrograms

    def about(self) -> dict[str, Any]:
        """What a result says of the model."""
        settings = self.recipe.model
        return {
            "checkpoint": self.folder,
            "digest": self.digest,
            "mode": self.recipe.mode,
            "switches": self.recipe.behaviour.model_dump(mode="json"),
            "seed": self.recipe.seed,
            "recipe": self.recipe.name,
            "architecture": f"{settings.video}-{settings.depth} width {settings.width}, {self.recipe.sound.features}",
        }


def load_pretrained(evaluation: EvaluationRecipe, checkpoint: Path | None, device: torch.device) -> Pretrained:
    """The model that an evaluation asks for. Raises :class:`UsageError`, which says what to get and where to put it."""
    if evaluation.weights == "kinetics":
        return _kinetics(evaluation, device)
    if checkpoint is None:
        if evaluation.weights == "trained":
            raise UsageError(
                f"{evaluation.name}: expected --checkpoint, the output folder of yt360 train or yt360 model convert"
            )
        recipe = _bare(evaluation, evaluation.model.model_dump(mode="json"), evaluation.sound.model_dump(mode="json"))
        return _random(evaluation, recipe, device)
    folder = find_model(checkpoint)
    tensors, description = checkpoints.read_model(folder)
    recipe, trained_here = _recipe_of(folder, checkpoint, description, evaluation)
    _check_mode(evaluation, recipe, folder)
    if evaluation.weights == "random":
        return _random(evaluation, recipe, device)
    row = row_of(recipe) if trained_here else evaluation.row
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
    model = AudioVisualModel(recipe, translators=translators, whole_video=False)
    checkpoints.load_into(model, checkpoints.without_front_end(tensors), folder)
    spectrogram = SpatialSpectrogram(recipe.sound)
    checkpoints.load_front_end(spectrogram, tensors, folder)
    return _frozen(row, model, spectrogram, recipe, folder, device, hears=True)


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


def find_model(folder: Path) -> Path:
    """The model folder in ``folder``: itself, its ``model/``, or its newest checkpoint."""
    candidates = [folder, folder / "model", *reversed(checkpoints.list_checkpoints(folder / "checkpoints"))]
    for candidate in candidates:
        if (candidate / "model.json").is_file():
            return candidate
    found = "nothing" if not folder.exists() else "a file" if folder.is_file() else "a folder without a model"
    raise UsageError(
        f"{folder}: expected an output folder of yt360 train (with model/ or checkpoints/) or of yt360 model convert, "
        f"found {found}: train one (yt360 train avsa --root ROOT --out {folder})"
    )


def _recipe_of(
    folder: Path, asked: Path, description: dict[str, Any], evaluation: EvaluationRecipe
) -> tuple[TrainingRecipe, bool]:
    """The training recipe beside a model, or one made of its description; and whether it was beside it."""
    for place in (folder, asked, *folder.parents[:2]):
        path = place / "recipe.json"
        if path.is_file():
            try:
                recipe = parse_recipe(json.loads(path.read_text(encoding="utf-8")), str(path))
            except (OSError, ValueError) as error:
                raise UsageError(f"{path}: expected the recipe of a training run, found: {error}") from error
            ours = checkpoints.describe(recipe)
            wrong = [name for name in ("model", "sound", "mode", "switches") if ours[name] != description.get(name)]
            if wrong:
                raise UsageError(
                    f"{folder}: model.json and {path} disagree in {', '.join(wrong)}: the weights are of another "
                    "architecture or mode than the run; name the folder of one run"
                )
            return recipe, True
    try:
        return _bare(evaluation, description["model"], description["sound"], description), False
    except KeyError as error:
        raise UsageError(f"{folder}/model.json: does not say its {error}: not a model of this version") from error


def _bare(
    evaluation: EvaluationRecipe, model: Any, sound: Any, description: dict[str, Any] | None = None
) -> TrainingRecipe:
    """A recipe with the paper's data and views around an architecture."""
    mode = (description or {}).get("mode", evaluation.mode or "correct")
    fields: dict[str, Any] = {"name": evaluation.name, "mode": mode, "model": model, "sound": sound}
    if mode == "ablation":
        fields["switches"] = (description or {}).get("switches")
    phase = {"name": "none", "objective": "avsa", "views": 2, "batch": 2, "translators": True, "steps": 1}
    return parse_recipe(fields | {"phases": [phase]}, evaluation.name)


def _check_mode(evaluation: EvaluationRecipe, recipe: TrainingRecipe, folder: Path) -> None:
    if evaluation.mode is not None and evaluation.mode != recipe.mode:
        raise UsageError(
            f"{folder}: was trained in mode {recipe.mode!r}, the evaluation {evaluation.name} is for mode "
            f"{evaluation.mode!r}: modes are never mixed; name a checkpoint of that mode, or drop mode:"
        )


def _random(evaluation: EvaluationRecipe, recipe: TrainingRecipe, device: torch.device) -> Pretrained:
    torch.manual_seed(evaluation.seed)
    model = AudioVisualModel(recipe, translators=True, whole_video=False)
    row = evaluation.row or "random"
    return _frozen(row, model, SpatialSpectrogram(recipe.sound), recipe, "", device, hears=True)


def _kinetics(evaluation: EvaluationRecipe, device: torch.device) -> Pretrained:
    model_settings = {"video": "torchvision", "pretrained": False}
    recipe = _bare(evaluation, model_settings, evaluation.sound.model_dump(mode="json"))
    model = AudioVisualModel(recipe, translators=False, whole_video=False)
    model.video = video_encoder(ModelSettings(video="torchvision", pretrained=True))
    row = evaluation.row or "kinetics"
    return _frozen(row, model, SpatialSpectrogram(recipe.sound), recipe, "", device, hears=False)


def _frozen(
    row: str,
    model: AudioVisualModel,
    spectrogram: SpatialSpectrogram,
    recipe: TrainingRecipe,
    folder: Path | str,
    device: torch.device,
    *,
    hears: bool,
) -> Pretrained:
    model.eval().requires_grad_(False).to(device)
    digest = _digest([model, spectrogram])
    return Pretrained(
        row=row,
        model=model,
        spectrogram=spectrogram.to(device),
        pictures=PictureInput().to(device),
        recipe=recipe,
        digest=digest,
        folder=str(folder),
        device=device,
        hears=hears,
    )


def _digest(modules: list[nn.Module]) -> str:
    """Of all weights and buffers, with their names."""
    total = hashlib.blake2b(digest_size=10)
    for module in modules:
        for name, value in sorted(module.state_dict().items()):
            total.update(name.encode())
            total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def sampling(evaluation: EvaluationRecipe, recipe: TrainingRecipe, views: int) -> TrainingRecipe:
    """The recipe by which samples of ``views`` views are made for an evaluation of a model.

    As the model was trained, but views look everywhere alike, and single values may be changed by the
    evaluation. All rows of a table must agree in this; a result records its digest.
    """
    fields = recipe.model_dump(mode="json")
    fields["views"] |= {"energy_share": 0.0} | evaluation.view
    fields["data"] |= evaluation.data | {"workers": evaluation.run.workers}
    fields["evaluation"]["views"] = max(views, 2)
    fields["phases"] = [
        {"name": "evaluation", "objective": "avsa", "views": max(views, 2), "batch": 2, "translators": True, "steps": 1}
    ]
    fields["start_from"] = None
    try:
        return TrainingRecipe.model_validate(fields)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise UsageError(f"{evaluation.name}: {key}: {problem['msg']}, found {problem['input']!r:.80}") from error
