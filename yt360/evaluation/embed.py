"""From frozen features to the model's own embeddings, as in training but without the encoders."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from yt360.models.audio_visual import AudioVisualModel, Embeddings
from yt360.models.translators import max_over_views


@torch.inference_mode()
def embed(
    model: AudioVisualModel, video: Tensor, sound: Tensor, directions: Tensor, *, whole_video: bool = False
) -> Embeddings:
    """Embeddings ``(n, k, projection)`` of features ``(n, k, features)``; k is 1 with ``whole_video`` (max-pooled).

    The same as the model's forward pass on what its encoders give.
    """
    heard, seen = sound, video
    if model.translates:
        seen, heard = model.video_to_sound(video, directions), model.sound_to_video(sound, directions)
    if whole_video:
        video, sound, seen, heard = (max_over_views(x) for x in (video, sound, seen, heard))
    video_target, sound_target = (
        functional.normalize(head(x), dim=-1) for head, x in ((model.video_head, video), (model.sound_head, sound))
    )
    if not model.translates:
        return Embeddings(sound_target, video_target, video_target, sound_target)
    return Embeddings(
        functional.normalize(model.video_prediction_head(heard), dim=-1),
        video_target,
        functional.normalize(model.sound_prediction_head(seen), dim=-1),
        sound_target,
    )
