"""The whole model: encoders, translators, heads. Everything that has parameters is in here, so that
wrapping it once (DDP, compile) wraps all of it; the loss has none.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from yt360.models.settings import ModelSettings
from yt360.models.sound_net import SoundNet
from yt360.models.translators import TranslationNet, max_over_views
from yt360.models.video_net import R2Plus1D, TorchvisionR2Plus1D


class Embeddings(NamedTuple):
    """L2-normalised float32 ``(batch, views, projection)``; views is 1 after max-pooling.

    ``video_prediction`` (made from sound) is to match ``video_target``, ``sound_prediction`` (made
    from video) is to match ``sound_target``.
    """

    video_prediction: Tensor
    video_target: Tensor
    sound_prediction: Tensor
    sound_target: Tensor


def video_encoder(settings: ModelSettings) -> R2Plus1D | TorchvisionR2Plus1D:
    """The video encoder that a recipe names, freshly initialised (or with Kinetics weights)."""
    if settings.video == "torchvision":
        return TorchvisionR2Plus1D(pretrained=settings.pretrained)
    return R2Plus1D(settings.width, settings.depth)


class AudioVisualModel(nn.Module):
    """Encoders ``video`` and ``sound`` (of ``sound_channels`` channels), and what one phase hangs on them.

    Without translators each modality has one head, and a prediction is the other modality's target
    (Eq. 6). With them there are four heads, two for targets and two for predictions. ``whole_video``:
    features are max-pooled over the views before the heads (AVC).
    """

    def __init__(self, settings: ModelSettings, sound_channels: int, *, translators: bool, whole_video: bool) -> None:
        super().__init__()
        features = settings.features
        self.video = video_encoder(settings)
        self.sound = SoundNet(sound_channels, settings.width)
        self.video_head = nn.Linear(features, settings.projection)
        self.sound_head = nn.Linear(features, settings.projection)
        self.whole_video = whole_video
        self.translates = translators
        if translators:
            self.sound_to_video = TranslationNet(features, settings.translator)
            self.video_to_sound = TranslationNet(features, settings.translator)
            self.video_prediction_head = nn.Linear(features, settings.projection)
            self.sound_prediction_head = nn.Linear(features, settings.projection)

    def forward(
        self, pictures: Tensor, spectrograms: Tensor, directions: Tensor, *, by_view: bool = False
    ) -> Embeddings:
        """``(batch, views, 3, time, height, width)``, ``(batch, views, channels, time, mels)``, ``(batch, views, 3)``.

        ``by_view`` leaves out the max-pooling, to measure at the level of views what was trained at
        the level of videos.
        """
        batch, views = pictures.shape[:2]
        video = self.video(pictures.flatten(0, 1)).view(batch, views, -1)
        sound = self.sound(spectrograms.flatten(0, 1)).view(batch, views, -1)
        return self.heads(video, sound, directions, whole_video=self.whole_video and not by_view)

    def heads(self, video: Tensor, sound: Tensor, directions: Tensor, *, whole_video: bool = False) -> Embeddings:
        """What translators and heads make of the encoders' features ``(batch, views, features)``, of views that look
        in ``directions`` ``(batch, views, 3)``; max-pooled over the views with ``whole_video``.

        Heads compute in float32 whatever autocast says.
        """
        translated = self.translate(video, sound, directions)
        if translated is not None:
            video_prediction, sound_prediction = translated
        if whole_video:
            video, sound = max_over_views(video), max_over_views(sound)
            if translated is not None:
                video_prediction, sound_prediction = max_over_views(video_prediction), max_over_views(sound_prediction)
        video_target, sound_target = _project(self.video_head, video), _project(self.sound_head, sound)
        if translated is None:
            return Embeddings(sound_target, video_target, video_target, sound_target)
        return Embeddings(
            _project(self.video_prediction_head, video_prediction),
            video_target,
            _project(self.sound_prediction_head, sound_prediction),
            sound_target,
        )

    def translate(self, video: Tensor, sound: Tensor, directions: Tensor) -> tuple[Tensor, Tensor] | None:
        """Video features predicted from sound and sound features predicted from video, ``(batch, views, features)``
        each; ``None`` without translation networks.
        """
        if not self.translates:
            return None
        return self.sound_to_video(sound, directions), self.video_to_sound(video, directions)


def _project(head: nn.Linear, x: Tensor) -> Tensor:
    """Onto the unit sphere, in single precision whatever autocast says: similarities are divided by 0.07."""
    with torch.autocast(x.device.type, enabled=False):
        return functional.normalize(head(x.float()), dim=-1)
