"""Sounds from the training split to measure the statistics of the network's input from."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from yt360.dataset.cutting import draw_moments, sound_samples
from yt360.dataset.decoding import ClipDecoder
from yt360.dataset.manifest import ClipSplit
from yt360.dataset.members import MemberReader
from yt360.dataset.views import draw_views, sound_matrix
from yt360.errors import ItemError, UsageError
from yt360.training.recipe import TrainingRecipe


def sound_examples(recipe: TrainingRecipe, root: str, split: ClipSplit) -> tuple[Tensor, Tensor]:
    """``(n, 1, 4, samples)`` sound and ``(n, 1, 4, 4)`` matrices of random windows and views, the same for a seed.

    Clips that cannot be read are passed over here and named when training meets them.
    """
    rng = np.random.default_rng((recipe.seed, 0))
    reader = MemberReader(root, verify=recipe.data.verify_digests)
    count = recipe.sound.statistics_samples
    samples = sound_samples(recipe.data, recipe.sound.sample_rate_hz)
    sounds, matrices = [], []
    for index in rng.choice(len(split.clips), count, replace=count > len(split.clips)):
        clip = split.clips[index]
        moment = draw_moments(rng, clip, recipe.data, 1)[0]
        view = draw_views(rng, 1, recipe.views, recipe.behaviour, augment=True)[0]
        try:
            sounds.append(ClipDecoder(reader, clip).sound([moment.sound_start], samples))
        except ItemError:
            continue
        matrices.append(sound_matrix(view, recipe.behaviour))
    reader.close()
    if not sounds:
        raise UsageError(f"{root}: none of {count} clips of {split.name!r} could be read; run yt360 verify")
    return torch.from_numpy(np.stack(sounds)), torch.from_numpy(np.stack(matrices))[:, None]
