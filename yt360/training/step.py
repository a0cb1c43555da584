"""One phase's model and what changes it: the optimiser step, the same on one process and on many."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from yt360.models.audio_visual import AudioVisualModel, Embeddings
from yt360.models.picture_input import PictureInput
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training import checkpoints
from yt360.training.device_views import DeviceViews
from yt360.training.losses import Alignment, align
from yt360.training.recipe import TrainingRecipe
from yt360.training.samples import Batch
from yt360.training.schedule import rate_share

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


class TrainStep:
    """A fresh model for phase ``number`` of ``recipe`` on ``device``, its optimiser and its gradient scaler.

    ``spectrogram`` is kept from phase to phase, because it holds the sound statistics. Weights are
    loaded between construction and :meth:`prepare`.
    """

    def __init__(
        self, recipe: TrainingRecipe, number: int, device: torch.device, spectrogram: SpatialSpectrogram
    ) -> None:
        phase = recipe.phases[number]
        self.recipe, self.device, self.number = recipe, device, number
        self.spectrogram = spectrogram
        self.channels_last = recipe.run.channels_last or device.type == "cpu"
        """On CPUs always: a step of networks of the paper's size takes 0.7 of the time."""

        self.pictures = PictureInput(recipe.model.picture_scale).to(device)
        self.views: DeviceViews | None = None
        if recipe.run.device_views:
            corners = recipe.behaviour.coverage == "coded"
            self.views = DeviceViews(recipe.views.size, corners=corners).to(device)
        torch.manual_seed(seed_of(recipe.seed, number))
        self.model = AudioVisualModel(
            recipe.model, recipe.sound.channels, translators=phase.translators, whole_video=phase.objective == "avc"
        )
        self.wrapped: nn.Module = self.model
        # On a CPU in float32: oneDNN's gradients of weights that span three of two frames are not numbers in bfloat16.
        half = recipe.run.precision != "fp32" and (device.type, recipe.run.precision) != ("cpu", "bf16")
        self.autocast = torch.autocast(device.type, dtype=_DTYPES[recipe.run.precision], enabled=half)
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.run.precision == "fp16")

    def take_encoders(self, earlier: AudioVisualModel) -> None:
        """What one phase hands to the next."""
        self.model.video.load_state_dict(earlier.video.state_dict())
        self.model.sound.load_state_dict(earlier.sound.state_dict())

    def prepare(
        self, *, steps: int = 1, rank: int = 0, world: int = 1, checkpoint: Path | None = None, scaler: Any = None
    ) -> None:
        """Move the model to the device, wrap it, and make the optimiser (its state from ``checkpoint`` if given).

        ``steps``: length of the phase, over which its schedule takes the learning rate.
        """
        run, settings, model = self.recipe.run, self.recipe.optimiser, self.model
        model.to(self.device)
        if self.channels_last:
            model.video.to(memory_format=torch.channels_last_3d)
            model.sound.to(memory_format=torch.channels_last)
        if run.sync_batchnorm and world > 1 and self.device.type == "cuda":
            model = self.model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        model.video.recompute = run.recompute
        if run.compile:
            model.video.compile()
            model.sound.compile()
        self.steps, self.rate = steps, self.recipe.phases[self.number].learning_rate or settings.learning_rate
        self.optimiser = torch.optim.Adam(
            model.parameters(), lr=self.rate, betas=settings.betas, weight_decay=settings.weight_decay, fused=True
        )
        if checkpoint is not None:
            checkpoints.read_optimiser(checkpoint, model, self.optimiser)
            if scaler:
                self.scaler.load_state_dict(scaler)
        self.rank, self.world, self.wrapped = rank, world, model
        if world > 1:
            devices = [self.device.index] if self.device.type == "cuda" else None
            self.wrapped = nn.parallel.DistributedDataParallel(model, device_ids=devices)

    def align(self, batch: Batch, *, by_view: bool = False) -> Alignment:
        """Loss and accuracies of a batch on the device, all in float32 whatever the precision of the networks."""
        pictures = self.pictures(batch.pictures if self.views is None else self.views(*_uncut(batch)))
        if not self.channels_last:
            pictures = pictures.contiguous()
        spectrograms = self.spectrogram(batch.sound, batch.matrices)
        # An evaluation must not wait for other processes' backward passes: it goes past the wrapper.
        model = self.wrapped if torch.is_grad_enabled() else self.model
        with self.autocast:
            embeddings: Embeddings = model(pictures, spectrograms, batch.directions, by_view=by_view)
        return align(embeddings, self.recipe.behaviour.pool, self.recipe.optimiser.temperature)

    def set_rate(self, number: int) -> None:
        """The learning rate of a step of the phase, as its schedule says."""
        share = rate_share(self.recipe.phases[self.number].schedule, number, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = share * self.rate

    def step(self, number: int, batches: Sequence[Batch]) -> Tensor:
        """One optimiser step over ``batches`` (gradients accumulate); mean (loss, avc, avsa), not synchronised.

        ``number`` of the step seeds what is random inside the model, so that a resumed run repeats it.
        """
        torch.manual_seed(seed_of(self.recipe.seed, self.number, number, self.rank))
        self.set_rate(number)
        self.optimiser.zero_grad(set_to_none=True)
        results = []
        for index, batch in enumerate(batches):
            last = index == len(batches) - 1
            with nullcontext() if last or self.world == 1 else self.wrapped.no_sync():  # type: ignore[operator]
                result = self.align(batch)
                self.scaler.scale(result.loss / len(batches)).backward()
            results.append(torch.stack([value.detach() for value in result]))
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return torch.stack(results).mean(dim=0)


def _uncut(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return batch.planes, batch.rays, batch.flips, batch.colours


def seed_of(*numbers: int) -> int:
    """One 64-bit seed out of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
