"""The two trained encoders, for whatever comes after training."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from yt360.models.audio_visual import video_encoder
from yt360.models.folder import find_model, load_front_end, load_into, part, read_model
from yt360.models.settings import ModelDescription
from yt360.models.sound_net import SoundNet
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.models.video_net import R2Plus1D, TorchvisionR2Plus1D


class Encoders(NamedTuple):
    """``video``: (batch, 3, time, height, width), RGB as :class:`yt360.models.picture_input.PictureInput` gives it for
    the ``picture_scale`` of :func:`describe_model`, to (batch, features).
    ``sound``: (batch, channels, time, mels), as :func:`load_spectrogram`'s module gives it, to (batch, features).
    """

    video: R2Plus1D | TorchvisionR2Plus1D
    sound: SoundNet


def load_encoders(folder: Path | str) -> Encoders:
    """The encoders of a model folder, a checkpoint, or a run's output folder, in evaluation mode on the CPU.

    Raises :class:`UsageError` when the folder holds no whole model.
    """
    folder = find_model(Path(folder))
    tensors, description = read_model(folder)
    encoders = Encoders(video_encoder(description.model), SoundNet(description.sound.channels, description.model.width))
    load_into(encoders.video, part(tensors, "video."), folder)
    load_into(encoders.sound, part(tensors, "sound."), folder)
    encoders.video.eval()
    encoders.sound.eval()
    return encoders


def load_spectrogram(folder: Path | str) -> SpatialSpectrogram:
    """The sound input that a model's sound encoder was trained with, statistics included."""
    folder = find_model(Path(folder))
    tensors, description = read_model(folder)
    spectrogram = SpatialSpectrogram(description.sound)
    load_front_end(spectrogram, tensors, folder)
    return spectrogram


def describe_model(folder: Path | str) -> ModelDescription:
    """Architecture, sound input and size of the input of a model folder, a checkpoint or a run's output folder."""
    return read_model(find_model(Path(folder)))[1]
