"""A trained model for whoever has a recording: weights, sound input and picture input in one module."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from yt360.models import hub
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.card import model_card
from yt360.models.folder import (
    CARD,
    find_model,
    load_front_end,
    load_into,
    model_tensors,
    read_model,
    read_processor,
    without_front_end,
    write_model,
)
from yt360.models.picture_input import PictureInput
from yt360.models.processor_settings import ProcessorSettings
from yt360.models.settings import ModelDescription
from yt360.models.spectrogram import SpatialSpectrogram


class Features(NamedTuple):
    """What a model says of moments seen in directions, float32 ``(moments, directions, n)``.

    ``video`` and ``sound``: the encoders' features. ``video_embedding`` and ``sound_embedding``: behind the heads, of
    length 1, to be compared by their dot product. ``video_from_sound`` and ``sound_from_video``: what the translation
    networks predict of the other modality's features (``None`` without them); ``predicted_video_embedding`` and
    ``predicted_sound_embedding``: the same behind their heads (without translation networks the other modality's
    embedding).
    """

    video: Tensor
    sound: Tensor
    video_embedding: Tensor
    sound_embedding: Tensor
    predicted_video_embedding: Tensor
    predicted_sound_embedding: Tensor
    video_from_sound: Tensor | None
    sound_from_video: Tensor | None

    def match(self) -> Tensor:
        """How well picture and sound fit in each direction, ``(moments, directions)`` in [-1, 1]."""
        video = (self.predicted_video_embedding * self.video_embedding).sum(-1)
        return (video + (self.predicted_sound_embedding * self.sound_embedding).sum(-1)) / 2


class AVSAModel(nn.Module):
    """A model of ``yt360 train`` or ``yt360 model convert``, in evaluation mode.

    >>> import yt360
    >>> model = yt360.AVSAModel.from_pretrained(folder)
    >>> processor = yt360.AVSAProcessor.from_pretrained(folder)
    >>> inputs = processor(clip, start_s=[0.0], directions_deg=[(0, 0), (90, 0)])
    >>> features = model(**inputs)
    >>> features.video.shape, features.match().shape
    (torch.Size([1, 2, 16]), torch.Size([1, 2]))
    """

    def __init__(
        self,
        config: ModelDescription,
        network: AudioVisualModel,
        spectrogram: SpatialSpectrogram,
        processor: ProcessorSettings,
        card: str = "",
    ) -> None:
        super().__init__()
        self.config, self.processor_settings, self.card = config, processor, card
        self.network, self.spectrogram = network, spectrogram
        self.pictures = PictureInput(config.model.picture_scale)
        self.eval().requires_grad_(False)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, *, revision: str | None = None, device: str | torch.device = "cpu"
    ) -> AVSAModel:
        """A model folder, an output folder of a training run, or ``user/name`` on Hugging Face's hub.

        A folder of that name wins over the hub. Raises :class:`yt360.errors.UsageError` where there is no whole model.
        """
        folder = find_model(hub.local_folder(name, revision))
        tensors, config = read_model(folder)
        translates = any(key.startswith("video_to_sound.") for key in tensors)
        network = AudioVisualModel(config.model, config.sound.channels, translators=translates, whole_video=False)
        load_into(network, without_front_end(tensors), folder)
        spectrogram = SpatialSpectrogram(config.sound)
        load_front_end(spectrogram, tensors, folder)
        card = (folder / CARD).read_text(encoding="utf-8", errors="replace") if (folder / CARD).is_file() else ""
        return cls(config, network, spectrogram, read_processor(folder, config), card).to(device)

    def forward(self, pictures: Tensor, sound: Tensor, matrices: Tensor, directions: Tensor) -> Features:
        """What :class:`yt360.AVSAProcessor` makes of a recording.

        ``pictures`` (moments, directions, time, size, size, 3) uint8 RGB; ``sound`` (moments, 1, 4, samples) float32
        AmbiX; ``matrices`` (moments, directions, 4, 4) turn it to each direction; ``directions`` (moments, directions,
        3) unit vectors. Translation networks of the kind ``transformer`` let directions of one moment see each other.
        """
        device = self.spectrogram.mean.device
        pictures, sound, matrices, directions = (x.to(device) for x in (pictures, sound, matrices, directions))
        moments, views = pictures.shape[:2]
        video = self.network.video(self.pictures(pictures).flatten(0, 1)).view(moments, views, -1).float()
        spectrograms = self.spectrogram(sound, matrices).flatten(0, 1)
        heard = self.network.sound(spectrograms).view(moments, views, -1).float()
        translated = self.network.translate(video, heard, directions)
        found = self.network.heads(video, heard, directions)
        return Features(
            video=video,
            sound=heard,
            video_embedding=found.video_target,
            sound_embedding=found.sound_target,
            predicted_video_embedding=found.video_prediction,
            predicted_sound_embedding=found.sound_prediction,
            video_from_sound=None if translated is None else translated[0],
            sound_from_video=None if translated is None else translated[1],
        )

    def save_pretrained(self, folder: str | Path, *, card: str | None = None) -> None:
        """Write a model folder; one that is there is replaced. ``card``: text of its README (default: as it was)."""
        path = Path(folder)
        text = card or self.card or self._card(path.name)
        tensors = model_tensors(self.network, self.spectrogram)
        write_model(path, tensors, self.config, text, self.processor_settings)

    def push_to_hub(self, name: str, *, private: bool = True, token: str | None = None) -> str:
        """Upload to ``user/name`` on Hugging Face's hub, which is made if it is not there; the address.

        Raises :class:`yt360.errors.UsageError` where the hub refuses, or ``huggingface_hub`` is not installed.
        """
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            self.save_pretrained(folder, card=self.card or self._card(name))
            return hub.upload(folder, name, private=private, token=token)

    def _card(self, name: str) -> str:
        parameters = sum(parameter.numel() for parameter in self.network.parameters())
        return model_card(self.config, name=name, parameters=parameters, data=["Not recorded."], results={}, command="")
