"""Encoders of another run that the first phase of a training starts with (``start_from`` of a recipe)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from yt360.errors import UsageError
from yt360.models import folder
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training.recipe import TrainingRecipe
from yt360.training.run_lock import differing_names


@dataclass(frozen=True)
class Start:
    """The weights in a model folder, which fit the recipe."""

    path: Path
    tensors: dict[str, Tensor]

    def load_into(self, model: AudioVisualModel, spectrogram: SpatialSpectrogram) -> None:
        """The encoders and the sound statistics; everything else of ``model`` stays as it is."""
        folder.load_into(model.video, folder.part(self.tensors, "video."), self.path)
        folder.load_into(model.sound, folder.part(self.tensors, "sound."), self.path)
        folder.load_front_end(spectrogram, self.tensors, self.path)


def read_start(recipe: TrainingRecipe) -> Start | None:
    """What a recipe starts from, if it says so.

    Raises :class:`UsageError` where there is no such model, or one that this recipe's model cannot start from.
    """
    if recipe.start_from is None:
        return None
    path = Path(recipe.start_from)
    if folder.config_of(path) is None:
        found = "nothing" if not path.exists() else "a file" if path.is_file() else "a folder without config.json"
        raise UsageError(
            f"start_from: {path}: expected a folder with a model (OUT of yt360 model convert, OUT/model of yt360 "
            f"train), found {found}"
        )
    tensors, description = folder.read_model(path)
    theirs, ours = (each.to_json()["sound"] for each in (description, recipe.description()))
    if differing := differing_names(theirs, ours):
        raise UsageError(f"{path}: its encoders hear another sound input ({', '.join(differing)} differ)")
    scale = description.model.picture_scale
    if scale != recipe.model.picture_scale:
        raise UsageError(f"{path}: its pictures were normalised otherwise; set model.picture_scale: {scale}")
    with torch.device("meta"):  # names and shapes alone
        model = AudioVisualModel(
            recipe.model.model_copy(update={"pretrained": False}), recipe.sound.channels, translators=False,
            whole_video=True,
        )  # fmt: skip
    for name, encoder in (("video.", model.video), ("sound.", model.sound)):
        folder.require_fit(encoder, folder.part(tensors, name), path)
    return Start(path, tensors)
