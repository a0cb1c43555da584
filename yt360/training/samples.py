"""From requests to batches: :mod:`yt360.dataset.cutting` makes samples, this hands them to the training loop.

A sample is what a worker hands over: pictures as bytes and the sound as it is, because what is
left (normalisation, rotation, spectrogram) is done for a whole batch on the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from yt360.dataset.cutting import (
    Drawn,
    cut_drawn,
    cut_numbers,
    draw,
    sound_samples,
    uncut_numbers,
    whole_frames,
)
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
    """One video's views that the device is still to cut: :func:`yt360.dataset.cutting.whole_frames` and
    :func:`yt360.dataset.cutting.uncut_numbers`.
    """

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
    decoder = ClipDecoder(reader, clip)
    return Sample(request, **cut_drawn(_drawn(request, decoder, settings), decoder, settings).arrays())


def make_uncut(request: Request, clip: ClipRow, settings: SampleSettings, reader: MemberReader) -> UncutSample:
    """Decode what a request asks for, and leave the views to the device. Raises as :func:`make_sample` does."""
    decoder = ClipDecoder(reader, clip)
    drawn = _drawn(request, decoder, settings)
    planes, sound = whole_frames(drawn, decoder, settings)
    return UncutSample(request, planes=planes, sound=sound, **uncut_numbers(drawn, settings))


def _drawn(request: Request, decoder: ClipDecoder, settings: SampleSettings) -> Drawn:
    return draw(np.random.default_rng(request.seed), decoder, settings, augment=request.augment)


class SampleDataset(Dataset[Any]):
    """Samples by :class:`Request`, and batches by lists of them; a bad sample is returned as :class:`BadSample`, never
    raised. With ``run.device_views`` they are not cut.

    Requests with ``augment`` are made as their phase trains, the others as the held-out evaluation measures.
    """

    def __init__(self, recipe: TrainingRecipe, root: str, splits: Sequence[ClipSplit]) -> None:
        self._training = [recipe.sample_settings(phase) for phase in range(len(recipe.phases))]
        self._held_out = recipe.held_out_settings()
        self._clips = {split.name: split.clips for split in splits}
        self._reader = MemberReader(root, verify=recipe.data.verify_digests)
        self._uncut = recipe.run.device_views

    def __getitem__(self, request: Request) -> Sample | UncutSample | BadSample:
        clip, settings = self._asked(request)
        make = make_uncut if self._uncut else make_sample
        try:
            return make(request, clip, settings, self._reader)
        except ItemError as error:
            return BadSample(request, clip.clip, error.kind, str(error))

    def __getitems__(self, requests: Sequence[Request]) -> Batch:
        """The samples of ``requests``, all of one phase, stacked.

        All are drawn before the first is decoded: what draws them stays in the cache, which frames would push it out
        of. Each is decoded into its place in the batch.
        """
        bad: list[BadSample] = []
        drawn = [found for request in requests if (found := self._draw(request, bad)) is not None]
        room: tuple[Tensor, Tensor] | None = None
        made: list[tuple[str, dict[str, NDArray[Any]]]] = []
        for request, decoder, sample, numbers in drawn:
            settings = self._asked(request)[1]
            room = room or _room(len(drawn), sample, decoder.clip, settings, uncut=self._uncut)
            place = room[0][len(made)].numpy(), room[1][len(made)].numpy()
            try:
                if self._uncut:
                    whole_frames(sample, decoder, settings, place)
                else:
                    cut_drawn(sample, decoder, settings, place)
            except ItemError as error:
                bad.append(BadSample(request, decoder.clip.clip, error.kind, str(error)))
            else:
                made.append((decoder.clip.clip, numbers))
        tensors = {}
        if room is not None and made:
            names = "planes" if self._uncut else "pictures", "sound"
            tensors = {name: tensor[: len(made)] for name, tensor in zip(names, room, strict=True)}
            for name in made[0][1]:
                tensors[name] = torch.from_numpy(np.stack([numbers[name] for _, numbers in made]))
        first = requests[0]
        clips = tuple(clip for clip, _ in made)
        return Batch(first.split, first.phase, first.step, clips, tuple(bad), **tensors)

    def _asked(self, request: Request) -> tuple[ClipRow, SampleSettings]:
        settings = self._training[request.phase] if request.augment else self._held_out
        return self._clips[request.split][request.clip], settings

    def _draw(
        self, request: Request, bad: list[BadSample]
    ) -> tuple[Request, ClipDecoder, Drawn, dict[str, NDArray[Any]]] | None:
        """What is drawn for a request, and its small arrays; a bad one is added to ``bad``."""
        clip, settings = self._asked(request)
        decoder = ClipDecoder(self._reader, clip)
        try:
            sample = _drawn(request, decoder, settings)
        except ItemError as error:  # views were to be drawn by the sound
            bad.append(BadSample(request, clip.clip, error.kind, str(error)))
            return None
        numbers = uncut_numbers if self._uncut else cut_numbers
        return request, decoder, sample, numbers(sample, settings)


def _room(count: int, sample: Drawn, clip: ClipRow, settings: SampleSettings, *, uncut: bool) -> tuple[Tensor, Tensor]:
    """Memory for ``planes`` or ``pictures``, and ``sound``, of ``count`` samples."""
    moments, frames, size = len(sample.moments), len(sample.moments[0].frames), settings.views.size
    pictures: tuple[int, ...] = (len(sample.views), frames, size, size, 3)
    if uncut:
        pictures = (moments, frames, clip.height * 3 // 2, clip.width)
    sound = (moments, 4, sound_samples(settings.data, clip.sample_rate_hz))
    return _empty((count, *pictures), torch.uint8), _empty((count, *sound), torch.float32)


def _empty(shape: tuple[int, ...], kind: torch.dtype) -> Tensor:
    """In a data worker in memory that the training process sees as well: a batch is not copied on its way there."""
    if get_worker_info() is None:
        return torch.empty(shape, dtype=kind)
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(math.prod(shape) * kind.itemsize)
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(kind).view(shape)


def as_it_is(batch: Any) -> Any:
    """What a data loader is to do with a batch that is one already."""
    return batch
