"""From a request to a sample: :mod:`yt360.dataset.cutting` makes it, this hands it to the training loop.

A sample is what a worker hands over: pictures as bytes and the sound as it is, because what is
left (normalisation, rotation, spectrogram) is done for a whole batch on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from yt360.dataset.cutting import draw_sample, draw_uncut
from yt360.dataset.decoding import ClipDecoder
from yt360.dataset.manifest import ClipRow, ClipSplit
from yt360.dataset.members import MemberReader
from yt360.dataset.settings import SampleSettings
from yt360.errors import ItemError
from yt360.training.batch_plan import Request
from yt360.training.recipe import TrainingRecipe

_NOTHING = torch.empty(0)


@dataclass(frozen=True)
class Sample:
    """One video's views.

    ``pictures`` (views, frames, size, size, 3) uint8; ``sound`` (moments, 4, samples) float32, one
    moment for all views or one each; ``matrices`` (views, 4, 4) turns the sound to each view;
    ``directions`` (views, 3) unit vectors.
    """

    request: Request
    pictures: NDArray[np.uint8]
    sound: NDArray[np.float32]
    matrices: NDArray[np.float32]
    directions: NDArray[np.float32]


@dataclass(frozen=True)
class UncutSample:
    """One video's views that the device is still to cut: arrays of :class:`yt360.dataset.cutting.UncutViews`."""

    request: Request
    planes: NDArray[np.uint8]
    rays: NDArray[np.float32]
    flips: NDArray[np.bool_]
    colours: NDArray[np.float32]
    sound: NDArray[np.float32]
    matrices: NDArray[np.float32]
    directions: NDArray[np.float32]


@dataclass(frozen=True)
class BadSample:
    """A sample that could not be made: the clip's id, a stable word and what happened."""

    request: Request
    clip: str
    kind: str
    error: str


@dataclass(frozen=True)
class Batch:
    """Samples stacked: each tensor of :class:`Sample` with a leading dimension for the video, or of
    :class:`UncutSample` where the device cuts the views.

    Tensors that there are none of are empty; all are when every sample was bad. ``clips`` names the rows.
    """

    split: str
    phase: int
    step: int
    clips: tuple[str, ...]
    bad: tuple[BadSample, ...]
    pictures: Tensor = _NOTHING
    planes: Tensor = _NOTHING
    rays: Tensor = _NOTHING
    flips: Tensor = _NOTHING
    colours: Tensor = _NOTHING
    sound: Tensor = _NOTHING
    matrices: Tensor = _NOTHING
    directions: Tensor = _NOTHING

    def _tensors(self, change: Callable[[Tensor], Tensor]) -> Batch:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed: dict[str, Any] = {name: change(value) for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, **changed)

    def pin_memory(self) -> Batch:
        """In page-locked memory (called by the data loader)."""
        return self._tensors(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device) -> Batch:
        """On a device."""
        return self._tensors(lambda tensor: tensor.to(device, non_blocking=True))

    def first(self, count: int) -> Batch:
        """The first ``count`` videos only."""
        return replace(self._tensors(lambda tensor: tensor[:count]), clips=self.clips[:count])


def make_sample(request: Request, clip: ClipRow, settings: SampleSettings, reader: MemberReader) -> Sample:
    """Decode and crop what a request asks for. Raises :class:`ItemError` when the clip is not what it should be."""
    rng = np.random.default_rng(request.seed)
    made = draw_sample(rng, ClipDecoder(reader, clip), settings, augment=request.augment)
    return Sample(request, **made.arrays())


def make_uncut(request: Request, clip: ClipRow, settings: SampleSettings, reader: MemberReader) -> UncutSample:
    """Decode what a request asks for, and leave the views to the device. Raises as :func:`make_sample` does."""
    rng = np.random.default_rng(request.seed)
    made = draw_uncut(rng, ClipDecoder(reader, clip), settings, augment=request.augment)
    return UncutSample(request, **{field.name: getattr(made, field.name) for field in fields(made)})


class SampleDataset(Dataset[Any]):
    """Samples by :class:`Request`; a bad one is returned as :class:`BadSample`, never raised. With
    ``run.device_views`` they are not cut.

    Requests with ``augment`` are made as their phase trains, the others as the held-out evaluation measures.
    """

    def __init__(self, recipe: TrainingRecipe, root: str, splits: Sequence[ClipSplit]) -> None:
        self._training = [recipe.sample_settings(phase) for phase in range(len(recipe.phases))]
        self._held_out = recipe.held_out_settings()
        self._clips = {split.name: split.clips for split in splits}
        self._reader = MemberReader(root, verify=recipe.data.verify_digests)
        self._make = make_uncut if recipe.run.device_views else make_sample

    def __getitem__(self, request: Request) -> Sample | UncutSample | BadSample:
        clip = self._clips[request.split][request.clip]
        settings = self._training[request.phase] if request.augment else self._held_out
        try:
            return self._make(request, clip, settings, self._reader)
        except ItemError as error:
            return BadSample(request, clip.clip, error.kind, str(error))


class Collate:
    """Stacks samples; an object (not a closure) so that spawned workers can receive it."""

    def __init__(self, splits: Sequence[ClipSplit]) -> None:
        self._clips = {split.name: [clip.clip for clip in split.clips] for split in splits}

    def __call__(self, made: Sequence[Sample | UncutSample | BadSample]) -> Batch:
        good = [sample for sample in made if not isinstance(sample, BadSample)]
        request = made[0].request
        tensors: dict[str, Any] = {}
        for name in [field.name for field in fields(good[0]) if field.name != "request"] if good else ():
            tensors[name] = torch.from_numpy(np.stack([getattr(sample, name) for sample in good]))
        return Batch(
            split=request.split,
            phase=request.phase,
            step=request.step,
            clips=tuple(self._clips[sample.request.split][sample.request.clip] for sample in good),
            bad=tuple(sample for sample in made if isinstance(sample, BadSample)),
            **tensors,
        )
