"""The two trained encoders, for whatever comes after training."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from yt360.errors import UsageError
from yt360.models.audio_visual import video_encoder
from yt360.models.sound_net import SoundNet
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.models.video_net import R2Plus1D, TorchvisionR2Plus1D
from yt360.training import checkpoints
from yt360.training.recipe import ModelSettings, SpectrogramSettings


class Encoders(NamedTuple):
    """``video``: (batch, 3, time, height, width), ImageNet-normalised RGB, to (batch, features).
    ``sound``: (batch, channels, time, mels), as :func:`load_spectrogram`'s module gives it, to (batch, features).
    """

    video: R2Plus1D | TorchvisionR2Plus1D
    sound: SoundNet


def load_encoders(folder: Path | str) -> Encoders:
    """The encoders of a model folder, a checkpoint, or a run's output folder, in evaluation mode on the CPU.

    Raises :class:`UsageError` when the folder holds no whole model.
    """
    folder = _model_folder(Path(folder))
    tensors, model, sound = _read(folder)
    encoders = Encoders(video_encoder(model), SoundNet(sound.channels, model.width))
    checkpoints.load_into(encoders.video, checkpoints.part(tensors, "video."), folder)
    checkpoints.load_into(encoders.sound, checkpoints.part(tensors, "sound."), folder)
    encoders.video.eval()
    encoders.sound.eval()
    return encoders


def load_spectrogram(folder: Path | str) -> SpatialSpectrogram:
    """The sound input that a model's sound encoder was trained with, statistics included."""
    folder = _model_folder(Path(folder))
    tensors, _, sound = _read(folder)
    spectrogram = SpatialSpectrogram(sound)
    checkpoints.load_front_end(spectrogram, tensors, folder)
    return spectrogram


def _read(folder: Path) -> tuple[dict, ModelSettings, SpectrogramSettings]:
    tensors, description = checkpoints.read_model(folder)
    try:
        return (
            tensors,
            ModelSettings.model_validate(description["model"]),
            SpectrogramSettings.model_validate(description["sound"]),
        )
    except (KeyError, ValidationError) as error:
        raise UsageError(f"{folder}/model.json: does not describe a model of this version ({error})") from error


def _model_folder(folder: Path) -> Path:
    if (folder / "model.json").is_file():
        return folder
    if (folder / "model" / "model.json").is_file():
        return folder / "model"
    found = checkpoints.list_checkpoints(folder / "checkpoints")
    if not found:
        raise UsageError(f"{folder}: no model.json, no model/, no checkpoints/ in it: name an output of yt360 train")
    return found[-1]
